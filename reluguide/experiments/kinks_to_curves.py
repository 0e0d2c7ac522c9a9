"""How can something with a cut-off half approximate any function? Folds, built, learned, and counted."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from reluguide.data import Data
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import sweep

UNITS = (2, 4, 8, 16, 32, 64, 128)
LEARNED = (8, 16, 32, 64)
DEPTHS = (1, 2, 4, 8)
Curve = Callable[[Tensor], Tensor]
BUDGET = 128  # hidden units of every random network, however deep


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


@dataclass
class Built:
    """Largest gap between a target and the ReLU sum built fold by fold, by number of units.

    `wave` is one period of a sine, `bound` what theory allows for it, `jump` a step from 0 to 1. `outside`
    is the gap of the wave within one more period to the right of where it was built.
    """

    units: list[int]
    wave: list[float]
    bound: list[float]
    jump: list[float]
    outside: list[float]


@experiment(cpu_only=True)
def built(*, seeds: Sequence[int], device: str) -> Built:
    """A wave and a jump, built from 2 to 128 ReLU units, fold by fold."""
    found = Built(list(UNITS), [], [], [], [])
    inside = torch.linspace(-math.pi, math.pi, 20_001, dtype=torch.float64)
    for units in UNITS:
        knots = torch.linspace(-math.pi, math.pi, units + 1, dtype=torch.float64)
        for target, gaps in ((wave, found.wave), (_jump, found.jump)):
            gaps.append(_gap(target, knots, inside))
        found.outside.append(_gap(wave, knots, inside + 2 * math.pi))
        found.bound.append((2 * math.pi / units) ** 2 / 8)
    return found


def wave(x: Tensor) -> Tensor:
    """One period of a sine, moved so that no knot happens to hit only zeros."""
    return torch.sin(x + 1)


def _jump(x: Tensor) -> Tensor:
    # Not at a round number, where a knot would stand.
    return (x > 1).to(x.dtype)


def _gap(target: Curve, knots: Tensor, x: Tensor) -> float:
    folds, weights = fold_by_fold(target, knots)
    return float((relu_sum(x, target(knots[:1]), folds, weights) - target(x)).abs().max())


@dataclass
class Panels:
    """The wave, the sums and their units at a few x: (x,), (sums, x), and per sum (units, x)."""

    x: list[float]
    wave: list[float]
    units: list[int]
    sums: list[list[float]]
    parts: list[list[list[float]]]


@experiment(cpu_only=True)
def panels(*, seeds: Sequence[int], device: str) -> Panels:
    """What 2, 4, 8 and 16 units add up to, and what each of them adds."""
    # 97 points have every fold of 2, 4, 8 and 16 units among them: the corners are exact.
    x = torch.linspace(-math.pi, math.pi, 97, dtype=torch.float64)
    found = Panels(x.tolist(), wave(x).tolist(), [2, 4, 8, 16], [], [])
    for units in found.units:
        knots = x[:: 96 // units]
        folds, weights = fold_by_fold(wave, knots)
        found.sums.append(relu_sum(x, wave(knots[:1]), folds, weights).tolist())
        found.parts.append((torch.relu(x[:, None] - folds) * weights).T.tolist())
    return found


@dataclass
class Learned:
    """Largest gap to the same wave after training, (widths, seeds); `lost` counts diverged networks."""

    units: list[int]
    gap: list[list[float]]
    lost: int


@experiment(seeds=range(16))
def learned(*, seeds: Sequence[int], device: str) -> Learned:
    """Networks with one hidden layer, trained on points of the wave: how close do they get?"""
    x = torch.linspace(-math.pi, math.pi, 128)[:, None]
    data, dense = Data("wave", x, wave(x), 0), torch.linspace(-math.pi, math.pi, 2001)[:, None]
    found = Learned(list(LEARNED), [], 0)
    for units in LEARNED:
        trained = sweep(
            [1, units, 1], data=data, seeds=seeds, lr=0.01, steps=1000, optimizer="adam", weight_init="default",
            record=["parameters"], device=device,
        )  # fmt: skip
        (_, out) = trained.layers(dense)[-1]
        found.gap.append([float((torch.from_numpy(one) - wave(dense)).abs().max()) for one in out])
        found.lost += int(trained.diverged.sum())
    return found


@dataclass
class Break:
    """Largest gap to |x| on -1 to 1: of the best straight line, and of two ReLU units."""

    line: float
    two_units: float


@experiment(cpu_only=True)
def sharp_break(*, seeds: Sequence[int], device: str) -> Break:
    """A function with one sharp break, as a straight line and as the sum of two ReLU units."""
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    # The line that leaves the smallest largest gap to |x| is flat, half way between 0 and 1.
    line = (x.abs() - (x.abs().max() + x.abs().min()) / 2).abs().max()
    return Break(float(line), float((torch.relu(x) + torch.relu(-x) - x.abs()).abs().max()))


@dataclass
class Tents:
    """Straight pieces of a tent function put into itself, by depth; two units a layer."""

    depth: list[int]
    pieces: list[int]


@experiment(cpu_only=True)
def tents(*, seeds: Sequence[int], device: str) -> Tents:
    """How many pieces a network of two units a layer can have when its weights are chosen by hand."""
    depths = list(range(1, 9))
    # Multiples of 2^-10: every value below is exact, and no fold falls between two points.
    x = torch.arange(1025, dtype=torch.float64) / 1024
    pieces = []
    for depth in depths:
        y = x
        for _ in range(depth):
            y = 2 * torch.relu(y) - 4 * torch.relu(y - 0.5)
        pieces.append(1 + int((y.diff().diff() != 0).sum()))
    return Tents(depths, pieces)


@dataclass
class Typical:
    """Straight pieces on a line through random networks with the same number of units, (depths, seeds)."""

    depth: list[int]
    pieces: list[list[int]]


@experiment(seeds=range(16), cpu_only=True)
def typical(*, seeds: Sequence[int], device: str) -> Typical:
    """How many pieces random networks have: the same number of units in 1, 2, 4 and 8 layers."""
    pieces: list[list[int]] = []
    for depth in DEPTHS:
        pieces.append([])
        for seed in seeds:
            draw, sizes = generator(seed), [16, *[BUDGET // depth] * depth]
            layers = [
                (
                    torch.randn(b, a, generator=draw, dtype=torch.float64) * math.sqrt(2 / a),
                    torch.randn(b, generator=draw, dtype=torch.float64),
                )
                for a, b in pairwise(sizes)
            ]
            middle, way = torch.randn(2, 16, generator=draw, dtype=torch.float64)
            way = way / way.norm()
            pieces[-1].append(len(breaks_between(layers, middle - 20 * way, middle + 20 * way)) + 1)
    return Typical(list(DEPTHS), pieces)


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
