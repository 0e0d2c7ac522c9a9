"""How can something with a cut-off half approximate any function? What must hold of folds, on other seeds too."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reluguide.experiments import kinks_to_curves

Blocks = Callable[[str], dict[str, Any]]


@settings(deadline=None)
@given(
    steps=st.lists(st.floats(0.1, 2), min_size=1, max_size=12), values=st.lists(st.floats(-3, 3), min_size=13)
)
def test_the_sum_is_the_straight_line_through_every_knot(steps: list[float], values: list[float]) -> None:
    knots = torch.cumsum(torch.tensor([-2.0, *steps], dtype=torch.float64), 0)
    heights = torch.tensor(values[: len(knots)], dtype=torch.float64)
    folds, weights = kinks_to_curves.fold_by_fold(lambda _: heights, knots)
    x = torch.linspace(float(knots[0]), float(knots[-1]), 101, dtype=torch.float64)
    ours = kinks_to_curves.relu_sum(x, heights[:1], folds, weights)
    oracle = torch.from_numpy(np.interp(x, knots, heights))
    torch.testing.assert_close(ours, oracle, rtol=0, atol=1e-9)
    assert len(folds) == len(knots) - 1


def test_the_sum_is_a_network_with_one_hidden_layer() -> None:
    knots = torch.linspace(-3, 3, 9, dtype=torch.float64)
    folds, weights = kinks_to_curves.fold_by_fold(kinks_to_curves.wave, knots)
    network = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1)).double()
    with torch.no_grad():
        network[0].weight.fill_(1)
        network[0].bias.copy_(-folds)
        network[2].weight.copy_(weights[None])
        network[2].bias.copy_(kinks_to_curves.wave(knots[:1]))
    x = torch.linspace(-3, 3, 50, dtype=torch.float64)
    ours = kinks_to_curves.relu_sum(x, kinks_to_curves.wave(knots[:1]), folds, weights)
    torch.testing.assert_close(ours, network(x[:, None])[:, 0])


def test_training_helps_and_does_not_reach_what_can_be_built(second_block: Blocks) -> None:
    results = second_block("kinks_to_curves")
    learned, built = results["learned"], results["built"].sel(target="wave")
    few, most = learned.gap.mean("seed").sel(units=[8, 64])
    assert not learned.diverged.any()
    assert most < few < 0.5
    assert learned.gap.sel(units=64).min() > built.sel(units=64)


def test_tents_double_and_random_networks_do_not(second_block: Blocks) -> None:
    results = second_block("kinks_to_curves")
    tents, means = results["tents"], results["typical"].mean("seed")
    assert (tents == 2**tents.depth).all()
    assert means.max() / means.min() < 1.5
    assert means.max() < results["typical"].attrs["hidden"] + 1


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_breaks_are_where_units_switch(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    layers = [
        (
            torch.randn(b, a, generator=draw, dtype=torch.float64),
            torch.randn(b, generator=draw, dtype=torch.float64),
        )
        for a, b in pairwise((3, 5, 5))
    ]
    start, end = torch.randn(2, 3, generator=draw, dtype=torch.float64) * 3
    breaks = kinks_to_curves.breaks_between(layers, start, end)
    edges = torch.tensor([0.0, *breaks.tolist(), 1.0], dtype=torch.float64)

    def on(share: torch.Tensor) -> torch.Tensor:
        x, masks = start + share[:, None] * (end - start), []
        for weight, bias in layers:
            x = x @ weight.T + bias
            masks.append(x > 0)
            x = torch.relu(x)
        return torch.cat(masks, dim=1)

    # Within a piece nothing switches; from one piece to the next, exactly one unit does.
    wide = edges.diff() > 1e-7
    low, high = (on(edges[:-1] + edges.diff() * part) for part in (0.01, 0.99))
    assert torch.equal(low[wide], high[wide])
    if wide.all():
        assert ((low[1:] != low[:-1]).sum(1) == 1).all()
