"""Do the values inside a network mean anything? What can be read off them, and who can read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from reluguide.data import digits
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import SweepResult, sweep

SIZES = [64, 64, 64, 64, 10]
PLACES = ("pixels", "z1", "h1", "z2", "h2", "z3", "h3")
DETECTORS = 8


@cache
def networks(seeds: tuple[int, ...], device: str, *, steps: int) -> SweepResult:
    """Digits networks with three hidden layers, after `steps` steps; made once for all experiments here."""
    return sweep(
        SIZES, data=digits(), seeds=seeds, lr=0.1, steps=steps, batch_size=64, record=["parameters"],
        device=device,
    )  # fmt: skip


@dataclass
class Probes:
    """Share of unseen digits that a linear probe names, reading at each of `places`; (seeds, places).

    Places are the pixels, then the preactivations (z) and activations (h) of each hidden layer. `network` is
    the trained networks' own accuracy, `pixels` that of the probe that reads the pixels.
    """

    places: list[str]
    pixels: float
    trained: list[list[float]]
    untrained: list[list[float]]
    network: list[float]


@experiment(seeds=range(16))
def probes(*, seeds: Sequence[int], device: str) -> Probes:
    """A linear probe for the digit, at every place inside trained and untrained networks."""
    images = digits()
    assert images.test_x is not None and images.test_y is not None
    rows, own = {}, []
    for name, steps in (("trained", 300), ("untrained", 0)):
        made = networks(tuple(seeds), device, steps=steps)
        train, test = (inside(made, x) for x in (images.x, images.test_x))
        rows[name] = torch.stack(
            [probe(a, images.y, b, images.test_y) for a, b in zip(train, test)], dim=1
        ).tolist()
        own.append(made.test_accuracy.tolist())
    return Probes(list(PLACES), rows["trained"][0][0], rows["trained"], rows["untrained"], own[0])


def inside(made: SweepResult, x: Tensor) -> list[Tensor]:
    """What stands at each of `PLACES` for images `x`, (networks, samples, width) each, in double precision."""
    places = [x.double().expand(len(made), *x.shape)]
    for z, h in made.layers(x)[:-1]:
        places += [torch.from_numpy(z).double(), torch.from_numpy(h).double()]
    return places


# --8<-- [start:probe]
def probe(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor) -> Tensor:
    """Accuracy on unseen samples of the best linear guess of their class.

    `train` and `test` are features (networks, samples, width).
    """
    mean, spread = train.mean(1, keepdim=True), train.std(1, keepdim=True) + 1e-6
    a, b = (train - mean) / spread, (test - mean) / spread
    targets = torch.nn.functional.one_hot(labels).double()
    share = targets.mean(0)
    ridge = 1e-2 * a.shape[1] * torch.eye(a.shape[2], dtype=a.dtype)
    weights = torch.linalg.solve(a.mT @ a + ridge, a.mT @ (targets - share))
    right: Tensor = (b @ weights + share).argmax(2) == truth
    return right.double().mean(1)


# --8<-- [end:probe]


@dataclass
class Rescaling:
    """Trained networks whose units were put in another order and given other scales; one entry a seed.

    `hidden` is the largest factor by which an activation changed, `outputs` the largest change of an output
    relative to the network's largest output, `same_answers` the share of digits named as before.
    """

    hidden: list[float]
    outputs: list[float]
    same_answers: list[float]


@experiment(seeds=range(16), cpu_only=True)
def rescaling(*, seeds: Sequence[int], device: str) -> Rescaling:
    """Every hidden unit of a trained network moved to another place and another scale, 0.001 to 1000."""
    made, images = networks(tuple(seeds), device, steps=300), digits()
    assert images.test_x is not None
    x, found = images.test_x.double(), Rescaling([], [], [])
    for k, seed in enumerate(seeds):
        layers = weights_of(made, k)
        other, factors = disguised(layers, seed)
        before, after = forward(layers, x), forward(other, x)
        found.hidden.append(float(torch.cat(factors).log().abs().max().exp()))
        found.outputs.append(float((after - before).abs().max() / before.abs().max()))
        found.same_answers.append(float((after.argmax(1) == before.argmax(1)).double().mean()))
    return found


Layers = list[tuple[Tensor, Tensor]]


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


def disguised(layers: Layers, seed: int) -> tuple[Layers, list[Tensor]]:
    """The same function with every hidden unit at another place and scale, and the scales of each layer.

    A unit's incoming weights and bias are multiplied by s > 0 and its outgoing weights divided by s.
    """
    draw = generator(seed)
    other, factors = [(w.clone(), b.clone()) for w, b in layers], []
    for i in range(len(layers) - 1):
        (weight, bias), (onward, next_bias) = other[i], other[i + 1]
        order = torch.randperm(len(bias), generator=draw)
        s = 10 ** (6 * torch.rand(len(bias), generator=draw, dtype=torch.float64) - 3)
        other[i] = (weight[:, order] * s, bias[order] * s)
        other[i + 1] = (onward[order] / s[:, None], next_bias)
        factors.append(s)
    return other, factors


@dataclass
class Stitching:
    """Test accuracy, one entry a seed: a network's first layer followed by another network's rest.

    `own` is the network with its own rest, `straight` with the rest of the network of the next seed as it
    is, `mapped` the same with one linear map in between, fitted on the training images without labels.
    """

    own: list[float]
    straight: list[float]
    mapped: list[float]


@experiment(seeds=range(16))
def stitching(*, seeds: Sequence[int], device: str) -> Stitching:
    """The first station of one trained network in front of the rest of another."""
    made, images = networks(tuple(seeds), device, steps=300), digits()
    assert images.test_x is not None and images.test_y is not None
    found = Stitching([], [], [])
    for k in range(len(made)):
        front, back = weights_of(made, k), weights_of(made, (k + 1) % len(made))
        train, test = (forward(front, x.double(), stop=1) for x in (images.x, images.test_x))
        wanted = forward(back, images.x.double(), stop=1)
        translate = torch.linalg.lstsq(_with_one(train), wanted, driver="gelsd").solution
        for h, layers, into in (
            (test, front, found.own),
            (test, back, found.straight),
            (_with_one(test) @ translate, back, found.mapped),
        ):
            guess = forward(layers, h, start=1).argmax(1)
            into.append(float((guess == images.test_y).double().mean()))
    return found


def _with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1, dtype=features.dtype)], dim=1)


@dataclass
class Detectors:
    """How often second-layer units are on, by digit: `share` (units, 10) for the first network's first units.

    `favoured` (seeds,) is for how many of the ten digits a unit is on in more than half of the images: the
    mean over units. `only_one` (seeds,) is the share of units for which that is exactly one digit.
    """

    share: list[list[float]]
    favoured: list[float]
    only_one: list[float]


@experiment(seeds=range(16))
def detectors(*, seeds: Sequence[int], device: str) -> Detectors:
    """For which digits each second-layer unit of a trained network is on."""
    made, images = networks(tuple(seeds), device, steps=300), digits()
    z = torch.from_numpy(made.layers(images.x)[1][0])
    share = torch.stack([(z[:, images.y == digit] > 0).double().mean(1) for digit in range(10)], dim=2)
    favoured = (share > 0.5).sum(2)
    return Detectors(
        share[0, :DETECTORS].tolist(),
        favoured.double().mean(1).tolist(),
        (favoured == 1).double().mean(1).tolist(),
    )
