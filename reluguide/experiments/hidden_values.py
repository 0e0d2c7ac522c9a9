"""Do the values inside a network mean anything? What can be read off them, and who can read it."""

from collections.abc import Sequence
from functools import cache
from itertools import repeat
from typing import Any

import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from reluguide.data import Data
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import Grid, SweepResult, grid, sweep

WIDTHS = (64, 128, 256)
PLACES = ("pixels", "z1", "h1", "z2", "h2", "z3", "h3")
READ = ("pixels", "h1", "h2", "h3")  # where the second reader reads
STEPS = 300

Layers = list[tuple[Tensor, Tensor]]


@cache
def crossed(seeds: tuple[int, ...]) -> Grid:
    """Every seed on every split of the digits."""
    return grid(data=splits(), seeds=seeds)


@cache
def networks(seeds: tuple[int, ...], device: str, *, steps: int = STEPS, width: int = 64) -> SweepResult:
    """Digits networks with three hidden layers, after `steps` steps; made once for all experiments here."""
    return sweep(
        [64, width, width, width, 10], lr=0.1, steps=steps, batch_size=64, record=["parameters"], device=device,
        **crossed(seeds),
    )  # fmt: skip


def pictures(seeds: Sequence[int]) -> list[Tensor]:
    """Each network's own images and labels to learn from, and to test on: x, y, test_x, test_y."""
    data = crossed(tuple(seeds))["data"]
    return [torch.stack([getattr(one, part) for one in data]) for part in ("x", "y", "test_x", "test_y")]


def by_network(
    values: ArrayLike, what: str, seeds: Sequence[int], unit: str = "", **more: Any
) -> xr.DataArray:
    """A number (or a row of them, with its labels in `more`) for each network, in the order of the grid."""
    return labelled(crossed(tuple(seeds)).shaped(values), what, unit=unit, split=SPLITS, seed=seeds, **more)


@experiment(seeds=range(8))
def probes(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """A linear probe for the digit, at every place inside trained and untrained networks."""
    x, y, test_x, test_y = pictures(seeds)

    def read(steps: int, inside_of: str) -> xr.DataArray:
        made = networks(tuple(seeds), device, steps=steps)
        found = [probe(a, y, b, test_y) for a, b in zip(inside(made, x), inside(made, test_x))]
        return by_network(
            torch.stack(found, dim=1), f"Unseen digits that a linear probe names from inside {inside_of} network",
            seeds, "share", place=PLACES,
        )  # fmt: skip

    own = networks(tuple(seeds), device).test_accuracy
    return xr.Dataset({
        "trained": read(STEPS, "a trained"),
        "untrained": read(0, "an untrained"),
        "network": by_network(own, "Unseen digits that the trained networks name themselves", seeds, "share"),
    })  # fmt: skip


def inside(made: SweepResult, x: Tensor) -> list[Tensor]:
    """What stands at each of `PLACES` for images `x`, (networks, samples, width) each, in double precision."""
    behind = [torch.from_numpy(values) for layer in made.layers(x)[:-1] for values in layer]
    return [values.double() for values in (x, *behind)]


# --8<-- [start:probe]
def probe(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor) -> Tensor:
    """Accuracy on unseen samples of the best linear guess of their class.

    `train` and `test` are features (networks, samples, width), `labels` and
    `truth` the classes of the samples (networks, samples).
    """
    mean, spread = train.mean(1, keepdim=True), train.std(1, keepdim=True) + 1e-6
    a, b = (train - mean) / spread, (test - mean) / spread
    targets = torch.nn.functional.one_hot(labels).double()
    share = targets.mean(1, keepdim=True)
    ridge = 1e-2 * a.shape[1] * torch.eye(a.shape[2], dtype=a.dtype)
    weights = torch.linalg.solve(a.mT @ a + ridge, a.mT @ (targets - share))
    right: Tensor = (b @ weights + share).argmax(2) == truth
    return right.double().mean(1)


# --8<-- [end:probe]


@experiment(seeds=range(4))
def by_width(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """The same linear probe behind each ReLU of untrained networks, by their width: random features."""
    x, y, test_x, test_y = pictures(seeds)
    rows = []
    for width in WIDTHS:
        made = networks(tuple(seeds), device, steps=0, width=width)
        behind = [inside(made, images)[2::2] for images in (x, test_x)]
        rows.append(torch.stack([probe(a, y, b, test_y) for a, b in zip(*behind)], dim=1))
    return labelled(
        [crossed(tuple(seeds)).shaped(row) for row in rows],
        "Unseen digits that a linear probe names from inside an untrained network, by its width", unit="share",
        width=WIDTHS, split=SPLITS, seed=seeds, place=("h1", "h2", "h3"),
    )  # fmt: skip


@experiment(seeds=range(4))
def second_reader(
    *, seeds: Sequence[int], device: str, rate: float = 0.003, steps: int = 600
) -> xr.DataArray:
    """Logistic regression in place of least squares, on the same values: a network of one layer, with Adam."""
    (x, y, test_x, test_y), made = pictures(seeds), []
    for training, until in (("before", 0), ("after", STEPS)):
        one = networks(tuple(seeds), device, steps=until)
        places = zip(PLACES, inside(one, x), inside(one, test_x))
        made += [(training, place, a, b) for place, a, b in places if place in READ]
    data = []
    for _, _, a, b in made:
        mean, spread = a.mean(1, keepdim=True), a.std(1, keepdim=True) + 1e-6
        train, test = (((values - mean) / spread).float() for values in (a, b))
        data += [Data("read", *of) for of in zip(train, y, repeat(10), test, test_y)]
    ours = crossed(tuple(seeds))["seeds"] * len(made)
    read = sweep(
        [64, 10], data=data, seeds=ours, optimizer="adam", lr=rate, steps=steps, batch_size=64, device=device
    )
    return labelled(
        read.test_accuracy.reshape(2, len(READ), len(SPLITS), len(seeds)),
        "Unseen digits that logistic regression names from inside a network, before and after its training",
        unit="share", training=("before", "after"), place=READ, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(8), cpu_only=True)
def rescaling(
    *, seeds: Sequence[int], device: str, smallest: float = 0.001, largest: float = 1000.0
) -> xr.Dataset:
    """Every hidden unit of a trained network moved to another place and another scale."""
    made, images = networks(tuple(seeds), device), pictures(seeds)[2].double()
    rows = []
    for k, (seed, x) in enumerate(zip(crossed(tuple(seeds))["seeds"], images)):
        layers = weights_of(made, k)
        other, factors = disguised(layers, seed, smallest=smallest, largest=largest)
        before, after = forward(layers, x), forward(other, x)
        change = (after - before).abs().max() / before.abs().max()
        same = (after.argmax(1) == before.argmax(1)).double().mean()
        rows.append(torch.stack([torch.cat(factors).log().abs().max().exp(), change, same]))
    what = {
        "hidden": ("Largest factor by which an activation changed when units were given other scales", ""),
        "outputs": ("Largest change of an output, relative to the network's largest output", ""),
        "same": ("Unseen digits named as before when hidden units are moved and rescaled", "share"),
    }
    return xr.Dataset({
        name: by_network(values, said, seeds, unit)
        for (name, (said, unit)), values in zip(what.items(), torch.stack(rows, dim=1))
    })  # fmt: skip


def weights_of(made: SweepResult, k: int) -> Layers:
    """Network k as weights (in, out) and biases (out), in double precision."""
    assert made.parameters is not None
    return [(torch.from_numpy(w[k]).double(), torch.from_numpy(b[k]).double()) for w, b in made.parameters]


def forward(layers: Layers, x: Tensor, *, start: int = 0, stop: int | None = None) -> Tensor:
    """Layers `start` to `stop` on rows x, with ReLU after each but the network's last."""
    for i in range(start, len(layers) if stop is None else stop):
        weight, bias = layers[i]
        x = x @ weight + bias
        x = torch.relu(x) if i < len(layers) - 1 else x
    return x


def disguised(layers: Layers, seed: int, *, smallest: float, largest: float) -> tuple[Layers, list[Tensor]]:
    """The same function with every hidden unit at another place and scale, and the scales of each layer.

    A unit's incoming weights and bias are multiplied by s > 0 and its outgoing weights divided by s.
    """
    draw = generator(seed)
    other, factors = [(w.clone(), b.clone()) for w, b in layers], []
    for i in range(len(layers) - 1):
        (weight, bias), (onward, next_bias) = other[i], other[i + 1]
        order = torch.randperm(len(bias), generator=draw)
        s = smallest * (largest / smallest) ** torch.rand(len(bias), generator=draw, dtype=torch.float64)
        other[i] = (weight[:, order] * s, bias[order] * s)
        other[i + 1] = (onward[order] / s[:, None], next_bias)
        factors.append(s)
    return other, factors


@experiment(seeds=range(8))
def stitching(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """The first station of one trained network in front of the rest of another, of the next seed."""
    made, (x, _, test_x, test_y) = networks(tuple(seeds), device), pictures(seeds)
    rows = []
    for k in range(len(made)):
        split, seed = divmod(k, len(seeds))
        front, back = (weights_of(made, split * len(seeds) + i % len(seeds)) for i in (seed, seed + 1))
        train, test = (forward(front, images[k].double(), stop=1) for images in (x, test_x))
        wanted = forward(back, x[k].double(), stop=1)
        # Fitted without labels: the one network's values are to resemble the other's.
        translate = torch.linalg.lstsq(_with_one(train), wanted, driver="gelsd").solution
        guesses = [forward(back, h, start=1).argmax(1) for h in (test, _with_one(test) @ translate)]
        rows.append([float((guess == test_y[k]).double().mean()) for guess in guesses])
    return by_network(
        rows, "Accuracy on unseen digits of one network's first layer with another's rest, straight, and with a "
        "linear map in between", seeds, "share", between=("straight", "mapped"),
    )  # fmt: skip


def _with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], dim=1)


@experiment(seeds=range(8))
def detectors(*, seeds: Sequence[int], device: str, shown: int = 8) -> xr.Dataset:
    """For which digits each second-layer unit of a trained network is on."""
    made, (x, y, *_) = networks(tuple(seeds), device), pictures(seeds)
    on = torch.from_numpy(made.layers(x)[1][0] > 0).double()
    digit = torch.nn.functional.one_hot(y).double()
    share = on.mT @ digit / digit.sum(1, keepdim=True)  # networks, units, digits
    favoured = (share > 0.5).sum(2)
    return xr.Dataset({
        "share": labelled(
            share[0, :shown], "Images of a digit that a unit is on for, first units of the first network",
            unit="share", unit_number=range(1, shown + 1), digit=range(10),
        ),
        "favoured": by_network(
            favoured.double().mean(1),
            "For how many of the ten digits a second-layer unit is on in more than half of the images", seeds,
        ),
        "only_one": by_network(
            (favoured == 1).double().mean(1),
            "Second-layer units that are on in more than half of the images for exactly one digit", seeds,
            "share",
        ),
    })  # fmt: skip
