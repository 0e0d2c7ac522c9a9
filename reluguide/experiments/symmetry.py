"""Do we not want symmetric activations? What happens to the shape of a crowd of numbers on its way through."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.experiments._moments import normal_moments
from reluguide.sweep import grid, sweep

WIDTHS = (1, 4, 16, 64, 256)
RELU_MEAN = 1 / math.sqrt(2 * math.pi)  # of relu(z) for standard normal z


@experiment(cpu_only=True)
def curves(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """How lopsided the curve of every activation is, and what it makes of a standard normal."""
    rows, z = list(ACTIVATIONS.values()), torch.linspace(0, 4, 401, dtype=torch.float64)
    odd = torch.stack([(row.fn(z) + row.fn(-z) - 2 * row.fn(0 * z)).abs().max() for row in rows])
    found = [normal_moments(row) for row in rows]
    return xr.Dataset({
        "odd": labelled(
            odd, "Largest |f(z) + f(-z) - 2 f(0)| for z up to 4: 0 for a symmetric curve", activation=ACTIVATIONS
        ),
        **{
            name: labelled(
                [one[moment] for one in found], f"{moment.capitalize()} of the output where z is standard normal",
                activation=ACTIVATIONS,
            )
            for name, moment in (("centre", "mean"), ("skewness", "skewness"))
        },
    })  # fmt: skip


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
    "flip": flip, "fold": fold,
    **{name: ACTIVATIONS[name].fn for name in ("relu", "gelu", "elu", "tanh", "selu", "leaky_relu", "silu")},
}  # fmt: skip


@experiment(seeds=range(16), cpu_only=True)
def distances(*, seeds: Sequence[int], device: str, numbers: int = 50_000) -> xr.Dataset:
    """How far from a bell curve a function leaves a bell curve, for activations and two counterexamples."""
    distance, tie = [], []
    for seed in seeds:
        z = torch.randn(numbers, generator=generator(seed), dtype=torch.float64)
        out = torch.stack([function(z) for function in FUNCTIONS.values()], dim=1)
        distance.append(distance_from_normal(out))
        tie.append(torch.corrcoef(torch.cat([z[None], out.T]))[0, 1:])
    what = {
        "distance": (
            distance,
            "Distance from a normal (0 to 1) of a function's output for standard normal z",
        ),
        "tie": (tie, "Correlation between standard normal z and a function's output"),
    }
    return xr.Dataset({
        name: labelled(torch.stack(rows), said, seed=seeds, function=FUNCTIONS)
        for name, (rows, said) in what.items()
    })  # fmt: skip


@experiment(seeds=range(16))
def sums(*, seeds: Sequence[int], device: str, samples: int = 8000, onward: int = 4) -> xr.Dataset:
    """The shape of the next layer's preactivations, by how many units they sum up."""
    names = ["relu", "elu", "identity"]
    rows = [
        next_layer(seed, width, name, device, samples=samples, onward=onward)
        for name in names
        for seed in seeds
        for width in WIDTHS
    ]
    measured = torch.stack(rows).reshape(len(names), len(seeds), len(WIDTHS), 2)
    what = {
        "distance": "Distance from a normal (0 to 1) of a preactivation after a random layer, by the layer's width",
        "offset": "How far from 0 a preactivation's mean is, in units of its spread, after a random layer, by its width",
    }
    return xr.Dataset({
        name: labelled(measured[..., i], said, activation=names, seed=seeds, width=WIDTHS)
        for i, (name, said) in enumerate(what.items())
    })  # fmt: skip


def next_layer(seed: int, width: int, activation: str, device: str, *, samples: int, onward: int) -> Tensor:
    """Distance from a normal and |mean| over spread: means over random units behind a random layer."""
    draw = generator(seed)
    x = torch.randn(samples, 64, generator=draw)
    first, second = torch.randn(64, width, generator=draw) / 8, torch.randn(width, onward, generator=draw)
    h = ACTIVATIONS[activation].fn(x.to(device) @ first.to(device))
    z = (h @ second.to(device)).double()
    return torch.stack([distance_from_normal(z).mean(), (z.mean(0).abs() / z.std(0)).mean()]).cpu()


@experiment(seeds=range(16))
def crowd(*, seeds: Sequence[int], device: str, bins: int = 40) -> xr.Dataset:
    """A crowd of numbers before ReLU, behind it, and summed up by the next layer of 64 units."""
    z = torch.cat([torch.randn(4000, 64, generator=generator(seed)) for seed in seeds]).to(device)
    weights = torch.randn(64, 64, generator=generator(seeds[0])).to(device)
    h = torch.relu(z)
    onward = h @ weights
    stages = {"before": z, "after": h, "behind": onward / onward.std(0)}
    share = [
        torch.histogram(s[s != 0].cpu().flatten(), bins, range=(-4, 4)).hist / s.numel()
        for s in stages.values()
    ]
    apart = [(s - s.mean(0)) / s.std(0) for s in stages.values()]

    def mean(values: Iterable[Tensor], what: str, unit: str) -> xr.DataArray:
        return labelled([float(one.double().mean()) for one in values], what, unit=unit, stage=stages)

    return xr.Dataset({
        "share": labelled(
            torch.stack(share), "Share of the crowd in bins from -4 to 4, by their middle, without those at 0",
            unit="share", stage=stages, value=(torch.arange(bins).double() * 8 / bins - 4 + 4 / bins).tolist(),
        ),
        "zeros": mean((s == 0 for s in stages.values()), "Share of the crowd at exactly 0", "share"),
        "negatives": mean((s < 0 for s in stages.values()), "Share of the crowd below 0", "share"),
        "skewness": mean((s**3 for s in apart), "Skewness of the crowd", ""),
    })  # fmt: skip


@experiment(seeds=range(8))
def trained(*, seeds: Sequence[int], device: str, steps: int = 300) -> xr.Dataset:
    """The shape of a unit's preactivations over the digits, before and after training."""
    crossed = grid(data=splits(), seeds=seeds)
    images, means = torch.stack([data.x for data in crossed["data"]]), []
    for until in (0, steps):
        made = sweep(
            [64, 64, 64, 10],
            lr=0.1,
            steps=until,
            batch_size=64,
            record=["parameters"],
            device=device,
            **crossed,
        )
        z = torch.from_numpy(made.layers(images)[1][0])
        means.append(crossed.shaped([float(distance_from_normal(units).mean()) for units in z]))
    shape = images.shape[1:]
    normal = [float(distance_from_normal(torch.randn(shape, generator=generator(s))).mean()) for s in seeds]
    what = "Distance from a normal (0 to 1) of"
    return xr.Dataset({
        "on_digits": labelled(
            means, f"{what} second-layer preactivations on digits, before and after training",
            training=("before", "after"), split=SPLITS, seed=seeds,
        ),
        "normal": labelled(normal, f"{what} as many samples of a true normal", seed=seeds),
    })  # fmt: skip


@experiment(cpu_only=True)
def mirror(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Whether the sigmoid is symmetric about its middle, and whether tanh is the same curve moved."""
    x = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    errors = {
        "sigmoid": torch.sigmoid(-x) - (1 - torch.sigmoid(x)),
        "tanh": torch.tanh(x) - (2 * torch.sigmoid(2 * x) - 1),
    }
    return labelled(
        [float(error.abs().max()) for error in errors.values()],
        "Largest error of sigmoid(-x) = 1 - sigmoid(x), and of tanh(x) = 2 sigmoid(2x) - 1", curve=errors,
    )  # fmt: skip


def centred(z: Tensor) -> Tensor:
    """ReLU lowered so that its mean is 0 when a standard normal goes in."""
    return F.relu(z) - RELU_MEAN


@experiment(seeds=range(4))
def centring(
    *, seeds: Sequence[int], device: str, slow: float = 0.1, fast: float = 0.3, steps: int = 300
) -> xr.Dataset:
    """Whether it helps to move the mean of ReLU to 0, in two and in eight hidden layers."""
    both, data = {"relu": "relu", "centred": centred}, splits()
    two = grid(activation=[*both.values(), "tanh"], data=data, seeds=seeds)
    eight = grid(activation=both.values(), lr=[slow, fast], data=data, seeds=seeds)
    train = partial(sweep, steps=steps, batch_size=64, device=device)
    shallow = two.shaped(train([64, *[32] * 2, 10], lr=fast, **two).test_accuracy)
    deep = eight.shaped(train([64, *[32] * 8, 10], **eight).test_accuracy)
    what = "Test accuracy on digits with {} hidden layers"
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "shallow": labelled(
            shallow[:2], what.format("two") + ", by function", unit="share", function=both, **networks
        ),
        "with_tanh": labelled(shallow[2], what.format("two") + " and tanh", unit="share", **networks),
        "deep": labelled(
            deep, what.format("eight") + ", by function and learning rate", unit="share", function=both,
            rate=(slow, fast), **networks,
        ),
    })  # fmt: skip
