"""Noise gate, zip, dropout, transistor: what must hold of the tools of each comparison."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reluguide.data import digits
from reluguide.experiments import metaphors


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


def test_correlation_is_pearsons_and_that_of_a_normal_number_with_its_sign_is_known() -> None:
    draw = torch.Generator().manual_seed(0)
    values = torch.randn(100_000, generator=draw, dtype=torch.float64)
    mask = torch.rand(len(values), generator=draw) < 0.3
    expected = np.corrcoef(mask.numpy(), values.numpy())[0, 1]
    assert metaphors.correlation(mask, values) == pytest.approx(expected)
    assert metaphors.correlation(values > 0, values) == pytest.approx(math.sqrt(2 / math.pi), abs=0.01)


def test_switched_by_their_own_pattern_networks_answer_as_they_are() -> None:
    made, x = metaphors.trained(metaphors.SIZES, (0,), "cpu", steps=0), digits().x[:50]
    *hidden, outputs = metaphors.activations(made, x)
    ours = metaphors.switched(made, x, [h > 0 for h in hidden])
    torch.testing.assert_close(ours, outputs, atol=1e-5, rtol=1e-4)


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
