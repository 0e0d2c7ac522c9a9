"""Interval bounds hold every value that torch computes inside the box, and are met at its corners."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reluguide.doctor.bounds import Interval

SEEDS = st.integers(0, 2**32 - 1)


def intervals(draw: torch.Generator, features: int) -> tuple[Interval, torch.Tensor]:
    """A box, and points in it: its two ends and some between."""
    ends = torch.randn(2, features, generator=draw).mul(3).sort(0).values
    share = torch.rand(20, features, generator=draw)
    share[:2] = torch.tensor([[0.0], [1.0]])
    return Interval(*ends.double()), ends[0] + share * (ends[1] - ends[0])


@settings(deadline=None)
@given(seed=SEEDS, features=st.integers(1, 6))
def test_scaled(seed: int, features: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    box, x = intervals(draw, features)
    scale, shift = torch.randn(2, features, generator=draw)
    bounds = box.scaled(scale.double(), shift.double(), torch.float32)
    out = (x * scale + shift).double()
    assert (bounds.low <= out).all() and (out <= bounds.high).all()
    torch.testing.assert_close(
        bounds.low, out.amin(0), rtol=1e-4, atol=1e-4
    )  # and no wider than they must be
    torch.testing.assert_close(bounds.high, out.amax(0), rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(seed=SEEDS, features=st.integers(1, 6))
def test_affine(seed: int, features: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    box, x = intervals(draw, features)
    weight, bias = torch.randn(3, features, generator=draw), torch.randn(3, generator=draw)
    bounds = box.affine(weight, bias)
    out = nn.functional.linear(x, weight, bias).double()
    assert (bounds.low <= out).all() and (out <= bounds.high).all()
    highest = torch.where(weight > 0, box.high, box.low).float()  # for each output the corner that is worst
    lowest = torch.where(weight > 0, box.low, box.high).float()
    for bound, corner in ((bounds.high, highest), (bounds.low, lowest)):
        met = (weight * corner).sum(1) + bias
        torch.testing.assert_close(bound, met.double(), rtol=1e-4, atol=1e-4)
