"""Do we not want symmetric activations? What happens to the shape of a crowd of numbers on its way through."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, Activation
from reluguide.data import digits
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

WIDTHS = (1, 4, 16, 64, 256)
RELU_MEAN = 1 / math.sqrt(2 * math.pi)  # of relu(z) for standard normal z
EDGES = tuple(0.2 * k for k in range(-20, 21))


@dataclass
class Moments:
    """Mean, variance and skewness of every activation's output for standard normal z; `at_zero` is its value
    at 0 and `odd` the largest |f(z) + f(-z) - 2 f(0)| for z up to 4, which is 0 for a symmetric function."""

    name: list[str]
    label: list[str]
    mean: list[float]
    variance: list[float]
    skewness: list[float]
    odd: list[float]


@experiment(cpu_only=True)
def moments(*, seeds: Sequence[int], device: str) -> Moments:
    """What comes out of every activation when a standard normal goes in, by numerical integration."""
    rows, z = list(ACTIVATIONS.values()), torch.linspace(0, 4, 401, dtype=torch.float64)
    mean, variance, skewness = zip(*(central_moments(row) for row in rows))
    odd = [float((row.fn(z) + row.fn(-z) - 2 * row.fn(0 * z)).abs().max()) for row in rows]
    names, labels = [row.name for row in rows], [row.label for row in rows]
    return Moments(names, labels, list(mean), list(variance), list(skewness), odd)


def central_moments(row: Activation) -> tuple[float, float, float]:
    """Mean, variance and skewness of f(z), z standard normal: Gauss-Legendre between the corners of f."""
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(200))
    ends = sorted({-12.0, 0.0, 12.0, *row.kinks})
    z = torch.cat([(b - a) / 2 * nodes + (a + b) / 2 for a, b in pairwise(ends)])
    mass = torch.cat([(b - a) / 2 * weights for a, b in pairwise(ends)])
    mass = mass * torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    out = row.fn(z)
    mean = (mass * out).sum()
    variance = (mass * (out - mean).square()).sum()
    skewness = (mass * (out - mean) ** 3).sum() / variance**1.5
    return float(mean), float(variance), float(skewness)


# --8<-- [start:distance]
def distance_from_normal(values: Tensor) -> Tensor:
    """How far samples are from a bell curve of their own mean and spread, 0 to 1.

    Kolmogorov and Smirnov's, for each column of `values` (samples, k): the
    largest difference between the share of samples below a point and the bell's.
    """
    values, count = values.double(), len(values)
    ordered = ((values - values.mean(0)) / values.std(0)).sort(dim=0).values
    bell = torch.special.ndtr(ordered)
    steps = torch.arange(count + 1).to(values)[:, None] / count
    below, upto = steps[:-1], steps[1:]
    gap: Tensor = torch.maximum((bell - below).amax(0), (upto - bell).amax(0))
    return gap


# --8<-- [end:distance]


def flip(z: Tensor) -> Tensor:
    """A function with jumps: z between -1 and 1, -z elsewhere."""
    return torch.where(z.abs() < 1, z, -z)


def fold(z: Tensor) -> Tensor:
    """An even function: the size of z, spread out again so that a bell curve comes out of a bell curve."""
    out: Tensor = torch.special.ndtri(2 * torch.special.ndtr(z.abs()) - 1)
    return out


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: ACTIVATIONS[name].fn for name in ("relu", "leaky_relu", "gelu", "silu", "elu", "selu", "tanh")},
    "flip": flip,
    "fold": fold,
}


@dataclass
class Distances:
    """Distance from a normal of what comes out when a standard normal goes in, (seeds, functions).

    `tie` (seeds, functions) is the correlation between input and output.
    """

    function: list[str]
    distance: list[list[float]]
    tie: list[list[float]]


@experiment(seeds=range(16), cpu_only=True)
def distances(*, seeds: Sequence[int], device: str) -> Distances:
    """How far from a bell curve a function leaves a bell curve, for activations and two counterexamples."""
    distance, tie = [], []
    for seed in seeds:
        z = torch.randn(50_000, generator=generator(seed), dtype=torch.float64)
        out = torch.stack([function(z) for function in FUNCTIONS.values()], dim=1)
        distance.append(distance_from_normal(out).tolist())
        tie.append(torch.corrcoef(torch.cat([z[None], out.T]))[0, 1:].tolist())
    return Distances(list(FUNCTIONS), distance, tie)


@dataclass
class Sums:
    """A next-layer preactivation by the width of the layer in front, (activations, seeds, widths), means over
    four units: distance from a normal, |skewness|, and |mean| over spread."""

    activation: list[str]
    width: list[int]
    distance: list[list[list[float]]]
    skewness: list[list[list[float]]]
    offset: list[list[list[float]]]


@experiment(seeds=range(16))
def sums(*, seeds: Sequence[int], device: str) -> Sums:
    """The shape of the next layer's preactivations, by how many units they sum up."""
    names = ["relu", "elu", "identity"]
    rows = [next_layer(seed, width, name, device) for name in names for seed in seeds for width in WIDTHS]
    measured = torch.stack(rows).reshape(len(names), len(seeds), len(WIDTHS), 3)
    return Sums(names, list(WIDTHS), *(part.tolist() for part in measured.unbind(-1)))


def next_layer(seed: int, width: int, activation: str, device: str, *, samples: int = 8000) -> Tensor:
    """The three numbers of `Sums`, for four random units behind a random layer of this width."""
    draw = generator(seed)
    x = torch.randn(samples, 64, generator=draw)
    first, second = torch.randn(64, width, generator=draw) / 8, torch.randn(width, 4, generator=draw)
    h = ACTIVATIONS[activation].fn(x.to(device) @ first.to(device))
    z = (h @ second.to(device)).double()
    spread = z.std(0)
    skewness = ((z - z.mean(0)) / spread).pow(3).mean(0).abs()
    rows = (distance_from_normal(z), skewness, z.mean(0).abs() / spread)
    return torch.stack([row.mean() for row in rows]).cpu()


@dataclass
class Crowd:
    """Shares of a crowd in bins of width 0.2 between -4 and 4: preactivations, ReLU's outputs above 0, and the
    next layer's preactivations (each of its units divided by its spread). `zeros` is the share at exactly 0,
    `skewness` that of the three, and `negatives` their shares below 0."""

    edges: list[float]
    before: list[float]
    after: list[float]
    behind: list[float]
    zeros: float
    skewness: list[float]
    negatives: list[float]


@experiment(seeds=range(16))
def crowd(*, seeds: Sequence[int], device: str) -> Crowd:
    """A crowd of numbers before ReLU, behind it, and summed up by the next layer of 64 units."""
    z = torch.cat([torch.randn(4000, 64, generator=generator(seed)) for seed in seeds]).to(device)
    weights = torch.randn(64, 64, generator=generator(seeds[0])).to(device)
    h = torch.relu(z)
    onward = h @ weights
    onward = onward / onward.std(0)
    stages, edges = (z, h, onward), torch.tensor(EDGES)
    before, after, behind = (
        (torch.histogram(stage[stage != 0].cpu().flatten(), edges).hist / stage.numel()).tolist()
        for stage in stages
    )
    return Crowd(
        list(EDGES),
        before,
        after,
        behind,
        float((h == 0).double().mean()),
        [float(((s - s.mean(0)) / s.std(0)).double().pow(3).mean()) for s in stages],
        [float((s < 0).double().mean()) for s in stages],
    )


@dataclass
class Trained:
    """Distance from a normal of second-layer preactivations on digits, mean over units, one entry a seed.

    `normal` is that of as many samples of a true normal.
    """

    before: list[float]
    after: list[float]
    normal: list[float]


@experiment(seeds=range(16))
def trained(*, seeds: Sequence[int], device: str) -> Trained:
    """The shape of a unit's preactivations over the digits, before and after training."""
    images, means = digits(), []
    for steps in (0, 300):
        made = sweep(
            [64, 64, 64, 10], data=images, seeds=seeds, lr=0.1, steps=steps, batch_size=64,
            record=["parameters"], device=device,
        )  # fmt: skip
        z = torch.from_numpy(made.layers(images.x)[1][0])
        means.append([float(distance_from_normal(units).mean()) for units in z])
    shape = (len(images.x), 64)
    normal = [float(distance_from_normal(torch.randn(shape, generator=generator(s))).mean()) for s in seeds]
    return Trained(means[0], means[1], normal)


@dataclass
class Mirror:
    """Largest |sigmoid(-x) - (1 - sigmoid(x))| and |tanh(x) - (2 sigmoid(2x) - 1)| on a grid from -20 to 20."""

    sigmoid: float
    tanh: float


@experiment(cpu_only=True)
def mirror(*, seeds: Sequence[int], device: str) -> Mirror:
    """Whether the sigmoid is symmetric about its middle, and whether tanh is the same curve moved."""
    x = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    return Mirror(
        float((torch.sigmoid(-x) - (1 - torch.sigmoid(x))).abs().max()),
        float((torch.tanh(x) - (2 * torch.sigmoid(2 * x) - 1)).abs().max()),
    )


def centred(z: Tensor) -> Tensor:
    """ReLU lowered so that its mean is 0 when a standard normal goes in."""
    return F.relu(z) - RELU_MEAN


@dataclass
class Centring:
    """Test accuracy on digits with ReLU, with ReLU lowered to mean 0, and with tanh.

    `shallow` (functions, seeds) has two hidden layers and learning rate 0.3; `deep` (functions, rates, seeds)
    has eight, without tanh. `lost` (functions,) counts deep networks whose loss became NaN or infinite.
    """

    function: list[str]
    lr: list[float]
    shallow: list[list[float]]
    deep: list[list[list[float]]]
    lost: list[int]


@experiment(seeds=range(16))
def centring(*, seeds: Sequence[int], device: str) -> Centring:
    """Whether it helps to move the mean of ReLU to 0, in two and in eight hidden layers."""
    functions, rates = {"relu": "relu", "centred": centred, "tanh": "tanh"}, [0.1, 0.3]
    two = grid(activation=list(functions.values()), seeds=seeds)
    eight = grid(activation=["relu", centred], lr=rates, seeds=seeds)
    images = digits()
    shallow = sweep([64, 32, 32, 10], data=images, lr=0.3, steps=300, batch_size=64, device=device, **two)
    deep = sweep([64, *[32] * 8, 10], data=images, steps=300, batch_size=64, device=device, **eight)
    return Centring(
        list(functions),
        rates,
        two.shaped(shallow.test_accuracy).tolist(),
        eight.shaped(deep.test_accuracy).tolist(),
        eight.shaped(deep.diverged).sum(axis=(1, 2)).tolist(),
    )
