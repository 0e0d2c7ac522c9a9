"""Half the units are off: is that good, and is it faster? What must hold of zeros, on other seeds too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reluguide import recorded as recordings
from reluguide.evidence.guide import Guide
from reluguide.experiments import sparsity
from reluguide.findings import _recorded

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("sparsity")


@settings(deadline=None)
@given(share=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_skipping_zeros_changes_no_product(share: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(50, generator=draw, dtype=torch.float64)
    x[torch.rand(50, generator=draw) < share] = 0
    weights = torch.randn(50, 7, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(sparsity.skip(x, weights), x @ weights)


def test_half_is_the_start_of_the_first_layer(results: dict[str, Any]) -> None:
    start = results["zeros"].off[0]
    assert np.abs(start[:, 0] - 0.5).max() < 0.02


def test_training_leaves_fewer_zeros_in_the_second_layer(results: dict[str, Any]) -> None:
    start, sgd, adam = results["zeros"].off[:, :, 1].mean(axis=1)
    assert max(sgd, adam) < start - 0.03
    assert results["zeros"].never.mean(axis=1).max() < 0.02


def test_digits_of_a_class_share_their_units_and_more_so_after_training(results: dict[str, Any]) -> None:
    gap = results["teams"].same - results["teams"].different
    assert (gap > 0).all()
    assert gap[1].mean() > gap[0].mean()


def test_pay_buys_zeros_and_no_accuracy(results: dict[str, Any]) -> None:
    penalty = results["penalty"]
    assert penalty.lost == 0
    assert (np.diff(penalty.off.mean(1)) > 0).all()
    assert penalty.off[-2].mean() > penalty.off[0].mean() + 0.3
    assert abs(penalty.test[-2].mean() - penalty.test[0].mean()) < 0.02
    assert penalty.test[-1].mean() < penalty.test[0].mean() - 0.1


def test_skipping_in_the_experiment_is_exact_to_rounding(results: dict[str, Any]) -> None:
    assert results["skipping"].difference.max() < 1e-10 * results["skipping"].size


def test_prose_quotes_a_cpu_and_says_so_where_none_is_recorded(the_guide: Guide) -> None:
    recorded = recordings.load(the_guide.recorded)
    assert _recorded.quoted(recorded).kind == "cpu"
    with pytest.raises(ValueError, match="make measure"):
        _recorded.quoted([one for one in recorded if one.kind != "cpu"])


def test_times_are_printed_in_the_unit_that_fits() -> None:
    printed = [_recorded.times(one) for one in (2.5, 0.0671, 6.71e-5, 4e-8)]
    assert printed == ["2.5 s", "67.1 ms", "67.1 µs", "0.04 µs"]
