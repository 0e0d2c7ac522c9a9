"""How can something with a cut-off half approximate any function? Folds, built, learned, and counted."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import xarray as xr
from torch import Tensor

from reluguide.data import Data
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.sweep import sweep

UNITS = (2, 4, 8, 16, 32, 64, 128)
LEARNED = (8, 16, 32, 64)
DEPTHS = (1, 2, 4, 8)
TENTS = range(1, 9)
Curve = Callable[[Tensor], Tensor]


# --8<-- [start:fold_by_fold]
def fold_by_fold(target: Curve, knots: Tensor) -> tuple[Tensor, Tensor]:
    """Folds and weights (units,) of the ReLU sum that meets the target at knots.

    The sum is target(knots[0]) + Σ weights · relu(x - folds): one unit a piece,
    which turns the line by the difference between the slope before and after.
    """
    slopes = target(knots).diff() / knots.diff()
    before = torch.zeros(1, dtype=slopes.dtype)
    return knots[:-1], torch.diff(slopes, prepend=before)


# --8<-- [end:fold_by_fold]


def relu_sum(x: Tensor, start: Tensor, folds: Tensor, weights: Tensor) -> Tensor:
    """start + Σ weights · relu(x - folds), for every x: a network with one hidden layer."""
    return start + torch.relu(x[:, None] - folds) @ weights


@experiment(cpu_only=True)
def built(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """A wave, a jump and a steep slope, built from 2 to 128 ReLU units, fold by fold."""
    inside, short = (torch.linspace(-end, end, 20_001, dtype=torch.float64) for end in (math.pi, 2))
    # Each target with where its folds stand, and where the gap is looked for.
    cases = {
        "wave": (wave, inside, inside), "jump": (_jump, inside, inside), "steep": (_steep, short, short),
        "outside": (wave, inside, inside + 2 * math.pi),
    }  # fmt: skip
    gaps = [
        [
            _gap(target, torch.linspace(float(of[0]), float(of[-1]), units + 1, dtype=torch.float64), x)
            for units in UNITS
        ]
        for target, of, x in cases.values()
    ]
    return labelled(
        gaps, "Largest gap between a ReLU sum built fold by fold and one period of a sine, a jump from 0 to 1, "
        "the steep slope tanh(6x), and the sine's next period, where nothing was built", target=cases, units=UNITS,
    )  # fmt: skip


def wave(x: Tensor) -> Tensor:
    """One period of a sine, moved so that no knot happens to hit only zeros."""
    return torch.sin(x + 1)


def _jump(x: Tensor) -> Tensor:
    # Not at a round number, where a knot would stand.
    return (x > 1).to(x.dtype)


def _steep(x: Tensor) -> Tensor:
    """The steep slope of the page's explorable."""
    return torch.tanh(6 * x)


def _gap(target: Curve, knots: Tensor, x: Tensor) -> float:
    folds, weights = fold_by_fold(target, knots)
    return float((relu_sum(x, target(knots[:1]), folds, weights) - target(x)).abs().max())


@experiment(cpu_only=True)
def panels(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """What 2, 4, 8 and 16 units add up to, and what each of them adds."""
    # 97 points have every fold of 2, 4, 8 and 16 units among them: the corners are exact.
    x, few = torch.linspace(-math.pi, math.pi, 97, dtype=torch.float64), UNITS[:4]
    sums, turns = torch.zeros(2, len(few), len(x), dtype=torch.float64)
    for i, units in enumerate(few):
        knots = x[:: 96 // units]
        folds, weights = fold_by_fold(wave, knots)
        sums[i] = relu_sum(x, wave(knots[:1]), folds, weights)
        turns[i, : -1 : 96 // units] = weights
    return xr.Dataset(
        {
            "wave": labelled(wave(x), "One period of a sine", x=x.tolist()),
            "total": labelled(sums, "What some ReLU units add up to", units=few, x=x.tolist()),
            "turn": labelled(
                turns, "Weight of the unit whose fold is at x; 0 for none", units=few, x=x.tolist()
            ),
        }
    )


@experiment(seeds=range(16))
def learned(*, seeds: Sequence[int], device: str, points: int = 128, steps: int = 1000) -> xr.Dataset:
    """Networks with one hidden layer, trained on points of the wave: how close do they get?"""
    x, dense = (torch.linspace(-math.pi, math.pi, count)[:, None] for count in (points, 2001))
    runs = [
        sweep(
            [1, units, 1], data=Data("wave", x, wave(x), 0), seeds=seeds, lr=0.01, steps=steps, optimizer="adam",
            weight_init="default", record=["parameters"], device=device,
        )
        for units in LEARNED
    ]  # fmt: skip
    gaps = [abs(run.layers(dense)[-1][1] - wave(dense).numpy()).max(axis=(1, 2)) for run in runs]
    return xr.Dataset({
        "gap": labelled(
            gaps, "Largest gap between the wave and a trained network with one hidden layer",
            units=LEARNED, seed=seeds,
        ),
        "diverged": labelled(
            [run.diverged for run in runs], "Networks whose loss became infinite", units=LEARNED, seed=seeds
        ),
    })  # fmt: skip


@experiment(cpu_only=True)
def sharp_break(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """A function with one sharp break, as a straight line and as the sum of two ReLU units."""
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    # The line that leaves the smallest largest gap to |x| is flat, half way between 0 and 1.
    sums = {"line": (x.abs().max() + x.abs().min()) / 2, "two_units": torch.relu(x) + torch.relu(-x)}
    gaps = [float((one - x.abs()).abs().max()) for one in sums.values()]
    return labelled(
        gaps, "Largest gap to the absolute value, of the best straight line and of two ReLU units", by=sums
    )


@experiment(cpu_only=True)
def tents(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """How many pieces a network of two units a layer can have when its weights are chosen by hand."""
    # Multiples of 2^-10: every value below is exact, and no fold falls between two points.
    y, pieces = torch.arange(1025, dtype=torch.float64) / 1024, []
    for _ in TENTS:
        y = 2 * torch.relu(y) - 4 * torch.relu(y - 0.5)
        pieces.append(1 + int((y.diff().diff() != 0).sum()))
    return labelled(
        pieces, "Straight pieces of a tent function put into itself, with two units a layer", depth=TENTS
    )


@experiment(seeds=range(16), cpu_only=True)
def typical(*, seeds: Sequence[int], device: str, hidden: int = 128) -> xr.DataArray:
    """How many pieces random networks have: the same number of units in 1, 2, 4 and 8 layers."""
    return labelled(
        [[random_pieces(seed, depth=depth, hidden=hidden) for seed in seeds] for depth in DEPTHS],
        "Straight pieces on a line through random networks with 128 units", depth=DEPTHS, seed=seeds,
    )  # fmt: skip


def random_pieces(seed: int, *, depth: int, hidden: int) -> int:
    """Straight pieces on a line through a random network whose `hidden` units stand in `depth` layers."""
    draw, sizes = generator(seed), [16, *[hidden // depth] * depth]
    layers = [
        (
            torch.randn(b, a, generator=draw, dtype=torch.float64) * math.sqrt(2 / a),
            torch.randn(b, generator=draw, dtype=torch.float64),
        )
        for a, b in pairwise(sizes)
    ]
    middle, way = torch.randn(2, 16, generator=draw, dtype=torch.float64)
    way = way / way.norm()
    return len(breaks_between(layers, middle - 20 * way, middle + 20 * way)) + 1


def breaks_between(layers: Sequence[tuple[Tensor, Tensor]], start: Tensor, end: Tensor) -> Tensor:
    """Where, from 0 (start) to 1 (end), the hidden units of a ReLU network switch on or off; sorted.

    Exact but for rounding: between two breaks of the layers before, a preactivation is a straight line,
    whose crossing with 0 is computed, not searched for.
    """
    at = torch.tensor([0.0, 1.0], dtype=start.dtype)
    h = torch.stack([start, end])
    for weight, bias in layers:
        z = h @ weight.T + bias
        before, after = z[:-1], z[1:]
        piece, _ = torch.nonzero((before > 0) != (after > 0), as_tuple=True)
        share = (before / (before - after))[(before > 0) != (after > 0)]
        crossings = at[piece] + share * (at[piece + 1] - at[piece])
        # Values at the new breaks follow from the straight lines between the old ones.
        z_there = before[piece] + share[:, None] * (after - before)[piece]
        at, order = torch.cat([at, crossings]).sort()
        h = torch.relu(torch.cat([z, z_there])[order])
    return at[1:-1]
