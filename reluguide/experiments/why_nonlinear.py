"""Why do we need anything between two linear layers? What a stack can do without and with ReLU."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from reluguide.data import Data, digits, rings
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

Layer = tuple[Tensor, Tensor]  # weights (out, in) and biases

MAP = 90  # pixels a side of the maps over the plane
SIDE = 3.0  # they show x and y from -SIDE to SIDE


@dataclass
class Collapse:
    """A stack of linear layers and the one layer that it amounts to; one entry a seed.

    `single`, `double`: largest difference of their outputs over the largest output, in 32 and in 64 bits.
    `rank`: of two layers that go from 16 numbers through 2 to 16; of one layer from 16 to 16: `rank_direct`.
    """

    single: list[float]
    double: list[float]
    rank: list[int]
    rank_direct: list[int]


@experiment(seeds=range(16), cpu_only=True)
def collapse(*, seeds: Sequence[int], device: str) -> Collapse:
    """Ten linear layers, biases included, multiplied out into one; and a stack through a narrow layer."""
    found = Collapse([], [], [], [])
    for seed in seeds:
        draw = generator(seed)
        layers = [
            (
                torch.randn(32, 32, generator=draw, dtype=torch.float64) / math.sqrt(32),
                torch.randn(32, generator=draw, dtype=torch.float64),
            )
            for _ in range(10)
        ]
        x = torch.randn(200, 32, generator=draw, dtype=torch.float64)
        for kind, gaps in ((torch.float32, found.single), (torch.float64, found.double)):
            stack, points = [(weight.to(kind), bias.to(kind)) for weight, bias in layers], x.to(kind)
            out = points
            for weight, bias in stack:
                out = out @ weight.T + bias
            weight, bias = multiplied_out(stack)
            gaps.append(float((points @ weight.T + bias - out).abs().max() / out.abs().max()))
        down, up, direct = (
            torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in ((2, 16), (16, 2), (16, 16))
        )
        found.rank.append(int(torch.linalg.matrix_rank(up @ down)))
        found.rank_direct.append(int(torch.linalg.matrix_rank(direct)))
    return found


# --8<-- [start:multiplied_out]
def multiplied_out(layers: Sequence[Layer]) -> Layer:
    """The (weight, bias) that linear layers amount to; weights are (out, in)."""
    weight, bias = layers[0]
    for next_weight, next_bias in layers[1:]:
        weight, bias = next_weight @ weight, next_weight @ bias + next_bias
    return weight, bias


# --8<-- [end:multiplied_out]


@dataclass
class Rings:
    """Test accuracy on a disc inside a ring, without and with ReLU, (seeds,); and maps of the first seed.

    Maps are (rows, columns), the first row at the bottom: each network's output, above 0 for "ring", and the
    `piece` of the ReLU network that a point lies in: points with the same number have the same units on.
    """

    linear: list[float]
    relu: list[float]
    pieces: list[int]
    output_linear: list[list[float]]
    output_relu: list[list[float]]
    piece: list[list[int]]
    points: list[list[float]]
    labels: list[int]


@experiment(seeds=range(16))
def rings_learned(*, seeds: Sequence[int], device: str) -> Rings:
    """Two-layer networks without and with ReLU on a disc inside a ring, which no straight line separates."""
    crossed = grid(activation=["identity", "relu"], seeds=seeds)
    trained = sweep(
        [2, 16, 16, 1], data=_ring_data, lr=0.3, steps=300, device=device, record=["parameters"], **crossed
    )
    accuracy = crossed.shaped(trained.test_accuracy).tolist()
    steps = torch.linspace(-SIDE, SIDE, MAP)
    plane = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).reshape(-1, 2)
    first, second, output = trained.layers(plane)
    on = [torch.from_numpy(crossed.shaped(z > 0)[1]) for z, _ in (first, second)]
    outputs = crossed.shaped(output[0])[:, 0, :, 0].reshape(2, MAP, MAP)
    patterns = [torch.unique(both, dim=0, return_inverse=True) for both in torch.cat(on, dim=2)]
    sample = _ring_data(seeds[0])
    return Rings(
        linear=accuracy[0],
        relu=accuracy[1],
        pieces=[len(found) for found, _ in patterns],
        output_linear=outputs[0].tolist(),
        output_relu=outputs[1].tolist(),
        piece=patterns[0][1].reshape(MAP, MAP).tolist(),
        points=sample.x[:100].tolist(),
        labels=sample.y[:100].tolist(),
    )


def _ring_data(seed: int) -> Data:
    return rings(256, test_samples=256, seed=seed)


@dataclass
class Digits:
    """Networks on digits, one entry a seed: accuracy without and with ReLU, and how inputs share their masks.

    `patterns` counts the different sets of units that are on over the test images, of which there are
    `images`.
    """

    linear: list[float]
    relu: list[float]
    patterns: list[int]
    images: int


@experiment(seeds=range(16))
def digits_learned(*, seeds: Sequence[int], device: str) -> Digits:
    """The same comparison on small images of digits, which a linear network already tells apart well."""
    data, crossed = digits(), grid(activation=["identity", "relu"], seeds=seeds)
    trained = sweep(
        [64, 32, 32, 10], data=data, lr=0.1, steps=300, batch_size=64, device=device,
        record=["parameters"], **crossed,
    )  # fmt: skip
    assert data.test_x is not None
    hidden = trained.layers(data.test_x)[:-1]
    masks = torch.cat([torch.from_numpy(crossed.shaped(z > 0)[1]) for z, _ in hidden], dim=2)
    patterns = [len(torch.unique(mask, dim=0)) for mask in masks]
    linear, relu = crossed.shaped(trained.test_accuracy).tolist()
    return Digits(linear, relu, patterns, len(data.test_x))


@dataclass
class FrozenMask:
    """A ReLU network, rebuilt for each input as one linear layer: largest errors, relative to the largest value.

    `output` of the outputs, `jacobian` of the derivatives of outputs by inputs that autograd finds.
    """

    output: float
    jacobian: float
    inputs: int


@experiment(seeds=range(8), cpu_only=True)
def frozen_mask(*, seeds: Sequence[int], device: str) -> FrozenMask:
    """With its on and off units held fixed, a ReLU network is one linear layer: how exactly?"""
    output = jacobian = 0.0
    for seed in seeds:
        draw, sizes = generator(seed), (12, 24, 24, 5)
        layers = [
            (
                torch.randn(b, a, generator=draw, dtype=torch.float64) * math.sqrt(2 / a),
                torch.randn(b, generator=draw, dtype=torch.float64),
            )
            for a, b in pairwise(sizes)
        ]
        for x in torch.randn(25, 12, generator=draw, dtype=torch.float64):
            point = x.clone().requires_grad_()
            out = relu_network(layers, point)
            slope = torch.stack([torch.autograd.grad(one, point, retain_graph=True)[0] for one in out])
            out = out.detach()
            weight, bias = with_mask_frozen(layers, x)
            output = max(output, float((weight @ x + bias - out).abs().max() / out.abs().max()))
            jacobian = max(jacobian, float((weight - slope).abs().max() / slope.abs().max()))
    return FrozenMask(output, jacobian, 25 * len(seeds))


def relu_network(layers: Sequence[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    """A network with ReLU between its layers, for one input x (in,)."""
    for weight, bias in layers[:-1]:
        x = torch.relu(weight @ x + bias)
    weight, bias = layers[-1]
    return weight @ x + bias


def with_mask_frozen(layers: Sequence[tuple[Tensor, Tensor]], x: Tensor) -> tuple[Tensor, Tensor]:
    """The one linear layer that a ReLU network is at x: units that are off there have their rows set to 0."""
    chosen = []
    for weight, bias in layers[:-1]:
        z = weight @ x + bias
        on = (z > 0).to(z.dtype)
        chosen.append((on[:, None] * weight, on * bias))
        x = torch.relu(z)
    return multiplied_out([*chosen, layers[-1]])


UNITS = (2, 4, 8, 16, 32, 64)
BETWEEN: dict[str, Callable[[Tensor], Tensor]] = {
    "nothing": lambda z: z,
    "square": torch.square,
    "relu": torch.relu,
}


@dataclass
class MoreUnits:
    """Root mean square error of the best fit of a wave by one hidden layer, (kinds, seeds, widths).

    Hidden weights are random, output weights the best possible. `nothing` is the error of always
    answering 0.
    """

    between: list[str]
    units: list[int]
    error: list[list[list[float]]]
    zero: float


@experiment(seeds=range(16), cpu_only=True)
def more_units(*, seeds: Sequence[int], device: str) -> MoreUnits:
    """Whether more units help to draw a wave, with nothing, a square or a ReLU in the hidden layer."""
    x = torch.linspace(-math.pi, math.pi, 400, dtype=torch.float64)
    wave = torch.sin(2 * x + 1)[:, None]
    error = [
        [[_best_fit(between, x, wave, units, seed) for units in UNITS] for seed in seeds]
        for between in BETWEEN.values()
    ]
    return MoreUnits(list(BETWEEN), list(UNITS), error, float(wave.square().mean().sqrt()))


def _best_fit(between: Callable[[Tensor], Tensor], x: Tensor, target: Tensor, units: int, seed: int) -> float:
    draw = generator(seed)
    sign = torch.randint(0, 2, (units,), generator=draw).double() * 2 - 1
    # Folds spread over the interval, so that no unit is always on or always off.
    at = math.pi * (torch.rand(units, generator=draw, dtype=torch.float64) * 2 - 1)
    hidden = between(sign * (x[:, None] - at))
    features = torch.cat([hidden, torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    # gelsd copes with columns that depend on each other, as those of "nothing" and "square" do.
    weights = torch.linalg.lstsq(features, target, driver="gelsd").solution
    return float((features @ weights - target).square().mean().sqrt())
