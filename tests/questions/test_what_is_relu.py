"""What exactly does ReLU compute? What must hold of its value and slope, on other seeds too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.experiments import what_is_relu
from reluguide.experiments._digits import splits

Blocks = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("name", what_is_relu.SPELLINGS)
@settings(deadline=None)
@example(z=0.0)
@given(z=st.floats(-1e6, 1e6, width=32))
def test_spellings_agree_but_for_the_slope_at_zero(name: str, z: float) -> None:
    value, slope = what_is_relu.value_and_slope(what_is_relu.SPELLINGS[name][1], torch.tensor([z]))
    assert value.item() == max(0.0, z)
    assert slope.item() == (z > 0) if z else 0 <= slope.item() <= 1


def test_the_table_of_activations_agrees_with_relu_at_zero() -> None:
    zero = torch.zeros(1)
    _, slope = what_is_relu.value_and_slope(torch.relu, zero)
    assert torch.equal(ACTIVATIONS["relu"].derivative(zero), slope)


def test_a_network_on_digits_does_not_notice_the_spelling(second_block: Blocks) -> None:
    found = second_block("what_is_relu")["same_training"]
    assert found.same.all()
    assert found.accuracy.min() > 0.8


def test_blank_paper_makes_exact_zeros_until_the_first_step(second_block: Blocks) -> None:
    found = second_block("what_is_relu")["blank_pixels"]
    for split, data in enumerate(splits(standardise=False)):
        unseen = F.unfold(data.x[:256].view(-1, 1, 8, 8), 3, padding=1).abs().sum(1) == 0
        before = found.zero.sel(when="before", split=split)
        assert np.abs(before - float(unseen.double().mean())).max() < 1e-3
    # A filter that is off on every picture gets no gradient: its bias may stay at 0.
    assert found.zero.sel(when="after").mean() < 0.01
    assert found.bias_gap.min() > 1


def test_slopes_come_from_autograd() -> None:
    z = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    value, slope = what_is_relu.value_and_slope(torch.square, z)
    assert value.tolist() == [1.0, 4.0]
    assert slope.tolist() == [-2.0, 4.0]
    assert not z.requires_grad
