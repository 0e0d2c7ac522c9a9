"""Why zero, and not another number? What must hold of the floor of max(z, c), for any floor and any seed."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from reluguide.experiments import why_zero

SEEDS = st.integers(0, 2**31)


@given(c=st.floats(-5, 5), seed=SEEDS)
def test_any_floor_is_a_relu_with_other_biases(c: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x, w1, b1, w2, b2 = (
        torch.randn(*shape, generator=draw, dtype=torch.float64)
        for shape in ((4, 3), (6, 3), (6,), (2, 6), (2,))
    )
    with_floor = why_zero.with_floor(x, (w1, b1), (w2, b2), c)
    torch.testing.assert_close(why_zero.as_relu(x, (w1, b1), (w2, b2), c), with_floor, rtol=0, atol=1e-9)


def test_units_above_the_floor_at_the_start_follow_the_normal() -> None:
    share = why_zero.open_at_start(seeds=range(50, 54))
    normal = [0.5 * math.erfc(float(c) / math.sqrt(2)) for c in share.floor]
    assert abs(share - normal).max() < 0.03


@given(c=st.floats(0.1, 5), seed=SEEDS)
def test_only_the_floor_zero_scales(c: float, seed: int) -> None:
    z = torch.randn(10_000, generator=torch.Generator().manual_seed(seed))
    for factor in (2.0, 8.0):  # powers of two, which are exact
        scales = [torch.equal((factor * z).clamp(min=at), factor * z.clamp(min=at)) for at in (-c, 0.0, c)]
        assert scales == [False, True, False]
