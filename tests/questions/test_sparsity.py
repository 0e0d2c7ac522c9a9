"""Half the units are off: is that good, and is it faster? What must hold of zeros, on other seeds too."""

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reluguide.experiments import sparsity
from reluguide.findings import _recorded


@settings(deadline=None)
@given(share=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_skipping_zeros_changes_no_product(share: float, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(50, generator=draw, dtype=torch.float64)
    x[torch.rand(50, generator=draw) < share] = 0
    weights = torch.randn(50, 7, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(sparsity.skip(x, weights), x @ weights)


def test_digits_of_a_class_share_their_units_and_more_so_after_training(
    second_block: Callable[[str], dict[str, Any]],
) -> None:
    same = second_block("sparsity")["teams"]
    gap = same.sel(classes="same") - same.sel(classes="different")
    assert (gap > 0).all()
    assert gap.sel(training="sgd").mean() > gap.sel(training="start").mean()


def test_times_are_printed_in_the_unit_that_fits() -> None:
    printed = [_recorded.times(one) for one in (2.5, 0.0671, 6.71e-5, 4e-8)]
    assert printed == ["2.5 s", "67.1 ms", "67.1 µs", "0.04 µs"]
