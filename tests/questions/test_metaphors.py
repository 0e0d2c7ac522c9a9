"""Noise gate, zip, dropout, transistor: what must hold of each comparison on other seeds too."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reluguide.experiments import metaphors

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("metaphors")


@given(threshold=st.floats(-1, 1), seed=st.integers(0, 2**31))
def test_no_other_gain_does_better_behind_the_gate(threshold: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    signal = torch.rand(50, generator=draw, dtype=torch.float64)
    x = signal + torch.randn(50, generator=draw, dtype=torch.float64)
    passed = torch.relu(x - threshold)
    if not passed.any():
        return
    best = metaphors.gated_error(x, signal, threshold)
    gain = torch.linalg.lstsq(passed[:, None], signal[:, None]).solution
    assert best == pytest.approx(float((signal[:, None] - passed[:, None] @ gain).square().mean()), rel=1e-9)


def test_the_gate_beats_the_line_and_moves_with_the_noise(results: dict[str, Any]) -> None:
    gate = results["noise_gate"]
    best = gate.gate.min(2)
    assert (best < gate.line).all()
    assert (gate.line < gate.untouched).all()
    at = gate.threshold[gate.gate.argmin(2)].mean(0)
    assert at[0] > 0
    assert (np.diff(at) > 0).all()


def test_training_finds_a_threshold_that_rises_with_the_noise(results: dict[str, Any]) -> None:
    learned, gate = results["learned_gate"], results["noise_gate"]
    means = learned.threshold.mean(1)
    assert means.min() > 0
    assert means[-1] > means[0]
    assert (learned.error.mean(1) < gate.line.mean(0)).all()


def test_correlation_is_pearsons() -> None:
    draw = torch.Generator().manual_seed(0)
    values = torch.randn(200, generator=draw, dtype=torch.float64)
    mask = torch.rand(200, generator=draw) < 0.3
    expected = np.corrcoef(mask.numpy(), values.numpy())[0, 1]
    assert metaphors.correlation(mask, values) == pytest.approx(expected)


def test_relu_decides_by_the_value_and_dropout_by_a_coin(results: dict[str, Any]) -> None:
    dropout = results["dropout"]
    theory = math.sqrt(2 / math.pi)  # of a standard normal number with its own sign
    assert np.abs(dropout.correlation_relu - theory).max() < 0.02
    assert np.abs(dropout.correlation_dropout).max() < 0.05
    assert np.abs(dropout.repeated_dropout - 0.5).max() < 0.05
    assert (dropout.evaluated == 0).all()


def test_it_matters_which_units_are_on(results: dict[str, Any]) -> None:
    masks = results["masks"]
    assert (masks.own > masks.borrowed + 0.1).all()
    assert (masks.own > masks.random + 0.1).all()
    assert masks.own.min() > 0.85


def test_the_pattern_says_much_and_the_values_more(results: dict[str, Any]) -> None:
    masks = results["masks"]
    assert masks.pattern.min() > 0.7
    assert masks.values.mean() > masks.pattern.mean()


def test_a_classifier_keeps_the_digit_and_loses_the_picture(results: dict[str, Any]) -> None:
    keeping = results["keeping"]
    assert (np.diff(keeping.picture, axis=1) < 0).all()
    assert keeping.label.mean(0).min() > keeping.label[:, 0].mean() - 0.02


def test_pixels_are_predicted_from_those_before_and_nothing_else() -> None:
    draw = torch.Generator().manual_seed(0)
    ink = torch.randint(0, metaphors.SHADES, (3, 64), generator=draw)
    data = metaphors.pixel_by_pixel(ink, ink)
    known, place = data.x.reshape(3, 64, 128).split(64, dim=2)
    assert torch.equal(data.y.reshape(3, 64), ink)
    assert torch.equal(place.argmax(2), torch.arange(64).expand(3, 64))
    for pixel in (0, 1, 40, 63):
        assert torch.equal((known[:, pixel, :pixel] * 16).round().long(), ink[:, :pixel])
        assert not known[:, pixel, pixel:].any()


def test_better_prediction_needs_fewer_bits(results: dict[str, Any]) -> None:
    coding = results["coding"]
    assert coding.plain == pytest.approx(64 * math.log2(17))
    assert coding.network.max() < coding.counted < coding.plain


def test_only_a_control_of_its_own_goes_against_the_sign(results: dict[str, Any]) -> None:
    gates = results["gates"]
    relu, switch = gates.negative_passed + gates.positive_stopped
    assert relu == 0
    assert abs(switch - 0.5) < 0.02


def test_half_is_discarded_at_the_start_only(results: dict[str, Any]) -> None:
    discarded = results["discarded"]
    assert abs(discarded.before[:, 0].mean() - 0.5) < 0.02
    assert (discarded.least < 0.3).all()
    assert (discarded.most > 0.6).all()
