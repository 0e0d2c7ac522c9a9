"""Why zero, and not another number? What must hold of the floor of max(z, c), on other seeds too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reluguide.experiments import why_zero

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("why_zero")


@given(c=st.floats(-5, 5), seed=st.integers(0, 2**31))
def test_any_floor_is_a_relu_with_other_biases(c: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x, w1, b1, w2, b2 = (
        torch.randn(*shape, generator=draw, dtype=torch.float64)
        for shape in ((4, 3), (6, 3), (6,), (2, 6), (2,))
    )
    with_floor = why_zero.with_floor(x, (w1, b1), (w2, b2), c)
    torch.testing.assert_close(why_zero.as_relu(x, (w1, b1), (w2, b2), c), with_floor, rtol=0, atol=1e-9)


def test_padding_with_zeros_is_wrong_at_the_border_only(results: dict[str, Any]) -> None:
    padding = results["padding"]
    assert padding.border_zeros > 1e-3
    assert padding.interior_zeros < 1e-10
    assert padding.border_moved < 1e-10


def test_what_hurts_is_where_the_biases_begin(results: dict[str, Any]) -> None:
    floors = results["floors"]
    assert floors.lost == 0
    assert np.ptp(floors.bias_floor.mean(1)) < np.ptp(floors.bias_zero.mean(1))
    assert (floors.bias_floor[-1] > floors.bias_zero[-1]).all()


def test_units_above_the_floor_at_the_start_follow_the_normal(results: dict[str, Any]) -> None:
    start = results["open_at_start"]
    assert np.abs(start.share - start.theory).max() < 0.03


def test_the_minimum_trains_as_well_as_the_maximum(results: dict[str, Any]) -> None:
    accuracy = dict(zip(results["shapes"].shape, results["shapes"].accuracy.mean(1)))
    assert abs(accuracy["max(z, 0)"] - accuracy["min(z, 0)"]) < 0.02


def test_only_the_floor_zero_scales(results: dict[str, Any]) -> None:
    share = dict(zip(results["scaling"].floor, results["scaling"].share))
    assert share[0.0] == 1
    assert max(share[-1.0], share[1.0]) < 1
