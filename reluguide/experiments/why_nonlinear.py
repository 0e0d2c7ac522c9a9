"""Why do we need anything between two linear layers? What a stack can do without and with ReLU."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from reluguide.data import Data, rings
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import grid, sweep

Layer = tuple[Tensor, Tensor]  # weights (out, in) and biases

MAP = 90  # pixels a side of the maps over the plane
SIDE = 3.0  # they show x and y from -SIDE to SIDE
BETWEEN = ("identity", "relu")  # what stands between the layers of networks that are trained


@experiment(seeds=range(16), cpu_only=True)
def collapse(*, seeds: Sequence[int], device: str, width: int = 32) -> xr.Dataset:
    """Ten linear layers, biases included, multiplied out into one; and a stack through a narrow layer."""
    kinds = {"single": torch.float32, "double": torch.float64}
    gap: dict[str, list[float]] = {name: [] for name in kinds}
    rank: dict[str, list[int]] = {"narrow": [], "direct": []}
    for seed in seeds:
        draw = generator(seed)
        layers = random_layers([width] * 11, draw)
        x = torch.randn(200, width, generator=draw, dtype=torch.float64)
        for name, kind in kinds.items():
            stack, points = [(weight.to(kind), bias.to(kind)) for weight, bias in layers], x.to(kind)
            out = points
            for weight, bias in stack:
                out = out @ weight.T + bias
            weight, bias = multiplied_out(stack)
            gap[name].append(float((points @ weight.T + bias - out).abs().max() / out.abs().max()))
        down, up, direct = (
            torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in ((2, 16), (16, 2), (16, 16))
        )
        for name, matrix in (("narrow", up @ down), ("direct", direct)):
            rank[name].append(int(torch.linalg.matrix_rank(matrix)))
    return xr.Dataset({
        "gap": labelled(
            list(gap.values()), "Largest difference, over the largest output, of ten linear layers and the one "
            "they amount to", precision=kinds, seed=seeds,
        ),
        "independent": labelled(
            list(rank.values()), "Independent numbers that come out of linear layers 16-2-16, and of one layer 16-16",
            through=rank, seed=seeds,
        ),
    })  # fmt: skip


def random_layers(sizes: Sequence[int], draw: torch.Generator, *, gain: float = 1.0) -> list[Layer]:
    """Normal weights of variance gain / (number of inputs) and normal biases, in double precision."""
    return [
        (
            torch.randn(after, before, generator=draw, dtype=torch.float64) / math.sqrt(before / gain),
            torch.randn(after, generator=draw, dtype=torch.float64),
        )
        for before, after in pairwise(sizes)
    ]


# --8<-- [start:multiplied_out]
def multiplied_out(layers: Sequence[Layer]) -> Layer:
    """The (weight, bias) that linear layers amount to; weights are (out, in)."""
    weight, bias = layers[0]
    for next_weight, next_bias in layers[1:]:
        weight, bias = next_weight @ weight, next_weight @ bias + next_bias
    return weight, bias


# --8<-- [end:multiplied_out]


@experiment(seeds=range(16))
def rings_learned(*, seeds: Sequence[int], device: str, width: int = 16, steps: int = 300) -> xr.Dataset:
    """Two-layer networks without and with ReLU on a disc inside a ring, which no straight line separates."""
    crossed = grid(activation=BETWEEN, seeds=seeds)
    trained = sweep(
        [2, width, width, 1],
        data=_ring_data,
        lr=0.3,
        steps=steps,
        device=device,
        record=["parameters"],
        **crossed,
    )
    side = torch.linspace(-SIDE, SIDE, MAP)
    plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), dim=-1).reshape(-1, 2)
    *hidden, output = trained.layers(plane)
    on = torch.cat([torch.from_numpy(crossed.shaped(z > 0)[1]) for z, _ in hidden], dim=2)
    # Points with the same number have the same units on.
    numbered = [torch.unique(both, dim=0, return_inverse=True)[1] for both in on]
    sample = _ring_data(seeds[0])
    points = range(100)
    across: dict[str, Any] = {"row": side.tolist(), "column": side.tolist()}  # the first row is at the bottom
    return xr.Dataset({
        "accuracy": labelled(
            crossed.shaped(trained.test_accuracy), "Test accuracy on a disc inside a ring, by what stands between "
            "the layers", unit="share", activation=BETWEEN, seed=seeds,
        ),
        "pieces": labelled(
            [int(one.max()) + 1 for one in numbered], "Different sets of units that are on over a grid of points in "
            "the plane, after training on rings", seed=seeds,
        ),
        "output": labelled(
            crossed.shaped(output[0])[:, 0, :, 0].reshape(2, MAP, MAP), "Output in the first seed, above 0 for "
            "the ring", activation=BETWEEN, **across,
        ),
        "piece": labelled(
            numbered[0].reshape(MAP, MAP), "The piece of the first seed's ReLU network that a point lies in", **across
        ),
        "x": labelled(sample.x[:100], "Samples of the first seed", point=points, axis=("x", "y")),
        "ring": labelled(sample.y[:100] == 1, "Whether a sample belongs to the ring", point=points),
    })  # fmt: skip


def _ring_data(seed: int) -> Data:
    return rings(256, test_samples=256, seed=seed)


@experiment(seeds=range(4))
def digits_learned(
    *,
    seeds: Sequence[int],
    device: str,
    width: int = 32,
    rate: float = 0.3,
    steps: Sequence[int] = (100, 1000),
) -> xr.Dataset:
    """The same comparison on small images of digits, which a linear network already tells apart well."""
    crossed = grid(activation=BETWEEN, data=splits(), seeds=seeds)
    runs = [
        sweep(
            [64, width, width, 10], lr=rate, steps=budget, batch_size=64, device=device, record=["parameters"],
            **crossed,
        )
        for budget in steps
    ]  # fmt: skip
    images = torch.stack([split.test_x for split in crossed["data"]])
    masks = [torch.from_numpy(crossed.shaped(z > 0)[1]) for z, _ in runs[-1].layers(images)[:-1]]
    patterns = [len(torch.unique(mask, dim=0)) for mask in torch.cat(masks, dim=3).flatten(0, 1)]
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "accuracy": labelled(
            [crossed.shaped(run.test_accuracy) for run in runs], "Test accuracy on digits after so many steps, by "
            "what stands between the layers", unit="share", steps=steps, activation=BETWEEN, **networks,
        ),
        "patterns": labelled(
            torch.tensor(patterns).reshape(len(SPLITS), -1), "Different sets of units that are on over the test "
            "images of digits", **networks,
        ),
        "images": labelled(images.shape[1], "Test images of digits"),
    })  # fmt: skip


@experiment(seeds=range(16), cpu_only=True)
def between_two(*, seeds: Sequence[int], device: str, samples: int = 16) -> xr.DataArray:
    """Which parts of networks are w times x plus b: those that keep the middle between two inputs the middle."""
    off = []
    for seed in seeds:
        draw = generator(seed)
        one, other = torch.randn(2, samples, 8, 6, 6, generator=draw, dtype=torch.float64)
        found = {}
        for name, part in other_parts(draw).items():
            middle = part((one + other) / 2)
            gap = middle - (part(one) + part(other)) / 2
            found[name] = float(gap.abs().max() / middle.abs().max())
        off.append(list(found.values()))
    return labelled(
        torch.tensor(off, dtype=torch.float64).T, "How far a part of a network is from w times x plus b: largest difference of its output "
        "in the middle between two inputs and the middle of the two outputs, over the largest output",
        part=found, seed=seeds,
    )  # fmt: skip


def other_parts(draw: torch.Generator) -> dict[str, Callable[[Tensor], Tensor]]:
    """What stands in networks beside activations, each a function of pictures (samples, 8, 6, 6)."""
    kernel = torch.randn(8, 8, 3, 3, generator=draw, dtype=torch.float64)
    mean, factor = torch.randn(2, 8, generator=draw, dtype=torch.float64)
    return {
        "linear": lambda x: F.linear(x, kernel[:6, :6, 0, 0], mean[:6]),
        "convolution": lambda x: F.conv2d(x, kernel, mean),
        "average pooling": lambda x: F.avg_pool2d(x, 2),
        "batch norm in use": lambda x: F.batch_norm(x, mean, factor**2, factor, mean),
        "batch norm in training": lambda x: F.batch_norm(x, None, None, training=True),
        "layer norm": lambda x: F.layer_norm(x, x.shape[1:]),
        "max pooling": lambda x: F.max_pool2d(x, 2),
        "softmax": lambda x: F.softmax(x, dim=1),
        "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    }


@experiment(seeds=range(8), cpu_only=True)
def frozen_mask(*, seeds: Sequence[int], device: str, inputs: int = 25) -> xr.DataArray:
    """With its on and off units held fixed, a ReLU network is one linear layer: how exactly?"""
    gaps = torch.zeros(2, len(seeds), inputs, dtype=torch.float64)
    for k, seed in enumerate(seeds):
        draw = generator(seed)
        layers = random_layers((12, 24, 24, 5), draw, gain=2)
        for i, x in enumerate(torch.randn(inputs, 12, generator=draw, dtype=torch.float64)):
            point = x.clone().requires_grad_()
            found = relu_network(layers, point)
            slope = torch.stack([torch.autograd.grad(one, point, retain_graph=True)[0] for one in found])
            out, (weight, bias) = found.detach(), with_mask_frozen(layers, x)
            gaps[0, k, i] = (weight @ x + bias - out).abs().max() / out.abs().max()
            gaps[1, k, i] = (weight - slope).abs().max() / slope.abs().max()
    return labelled(
        gaps, "Largest error, over the largest value, of a ReLU network rebuilt as one linear layer",
        of=("output", "derivative"), seed=seeds, input=range(inputs),
    )  # fmt: skip


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
IN_THE_LAYER: dict[str, Callable[[Tensor], Tensor]] = {
    "nothing": lambda z: z, "square": torch.square, "relu": torch.relu,
}  # fmt: skip


@experiment(seeds=range(16), cpu_only=True)
def more_units(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Whether more units help to draw a wave, with nothing, a square or a ReLU in the hidden layer."""
    x = torch.linspace(-math.pi, math.pi, 400, dtype=torch.float64)
    wave = torch.sin(2 * x + 1)[:, None]
    error = [
        [[_best_fit(between, x, wave, units, seed) for units in UNITS] for seed in seeds]
        for between in IN_THE_LAYER.values()
    ]
    return labelled(
        error, "Root mean square error of the best fit of a wave by one hidden layer with random weights",
        between=IN_THE_LAYER, seed=seeds, units=UNITS,
    )  # fmt: skip


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
