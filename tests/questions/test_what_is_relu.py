"""What exactly does ReLU compute? What must hold of its value and slope, on other seeds too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.data import digits
from reluguide.experiments import what_is_relu

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("what_is_relu")


@settings(deadline=None)
@given(z=st.floats(-1e6, 1e6, width=32).filter(bool), name=st.sampled_from(list(what_is_relu.SPELLINGS)))
def test_spellings_agree_away_from_zero(z: float, name: str) -> None:
    point = torch.tensor([z])
    value, slope = what_is_relu.value_and_slope(what_is_relu.SPELLINGS[name], point)
    assert value.item() == max(0.0, z)
    assert slope.item() == float(z > 0)


def test_every_spelling_is_zero_at_zero_and_relu_has_slope_zero_there(results: dict[str, Any]) -> None:
    spelled = results["spelled"]
    assert not any(spelled.value)
    assert spelled.slope[0] == 0
    assert all(0 <= slope <= 1 for slope in spelled.slope)


def test_the_table_of_activations_agrees_with_relu_at_zero() -> None:
    zero = torch.zeros(1)
    _, slope = what_is_relu.value_and_slope(torch.relu, zero)
    assert torch.equal(ACTIVATIONS["relu"].derivative(zero), slope)


def test_a_network_on_digits_does_not_notice_the_spelling(results: dict[str, Any]) -> None:
    same = results["same_training"]
    assert all(same.same)
    assert min(same.accuracy) > 0.8


def test_blank_paper_makes_exact_zeros_until_the_first_step(results: dict[str, Any]) -> None:
    blank = results["blank_pixels"]
    pictures = digits(standardise=False).x[:256].view(-1, 1, 8, 8)
    unseen = F.unfold(pictures, 3, padding=1).abs().sum(1) == 0
    assert np.abs(blank.before - float(unseen.double().mean())).max() < 1e-3
    # A filter that is off on every picture gets no gradient: its bias may stay at 0.
    assert blank.after.mean() < 0.01
    assert blank.bias_gap.min() > 0.01


def test_slopes_come_from_autograd() -> None:
    z = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    value, slope = what_is_relu.value_and_slope(torch.square, z)
    assert value.tolist() == [1.0, 4.0]
    assert slope.tolist() == [-2.0, 4.0]
    assert not z.requires_grad
