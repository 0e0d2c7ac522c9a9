"""Why zero, and not another number? What changes, and what does not, when the floor of max(z, c) moves."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.data import digits
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

Layer = tuple[Tensor, Tensor]  # weights (out, in) and biases

FLOORS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)


@dataclass
class SameFunction:
    """Largest difference between a network with floor c and the ReLU network with moved biases, by c.

    `outputs` is the largest output in absolute value, `lowest` the lowest of a ReLU network.
    """

    floor: list[float]
    difference: list[float]
    outputs: float
    lowest: float


@experiment(seeds=range(16), cpu_only=True)
def same_function(*, seeds: Sequence[int], device: str) -> SameFunction:
    """A two-layer network with max(z, c), rewritten with max(z, 0) and other biases, on random inputs."""
    floors = (-1.0, 1.0, 3.0)
    largest, size, lowest = dict.fromkeys(floors, 0.0), 0.0, 0.0
    for seed in seeds:
        draw = generator(seed)
        x, first, second = (
            torch.randn(*shape, generator=draw, dtype=torch.float64)
            for shape in ((500, 20), (50, 20), (10, 50))
        )
        b1, b2 = torch.randn(50, generator=draw).double(), torch.randn(10, generator=draw).double()
        for c in floors:
            out = with_floor(x, (first, b1), (second, b2), c)
            rewritten = as_relu(x, (first, b1), (second, b2), c)
            largest[c] = max(largest[c], float((out - rewritten).abs().max()))
            size, lowest = max(size, float(out.abs().max())), min(lowest, float(rewritten.min()))
    return SameFunction(list(floors), [largest[c] for c in floors], size, lowest)


def with_floor(x: Tensor, one: Layer, two: Layer, c: float) -> Tensor:
    """W2 max(W1 x + b1, c) + b2 for rows x; weights are (out, in)."""
    (w1, b1), (w2, b2) = one, two
    return (x @ w1.T + b1).clamp(min=c) @ w2.T + b2


# --8<-- [start:shift]
def as_relu(x: Tensor, one: Layer, two: Layer, c: float) -> Tensor:
    """The same with ReLU: max(z, c) = relu(z - c) + c, both c go into biases."""
    (w1, b1), (w2, b2) = one, two
    return torch.relu(x @ w1.T + (b1 - c)) @ w2.T + (b2 + c * w2.sum(dim=1))


# --8<-- [end:shift]


@dataclass
class Padding:
    """Mean absolute difference at each pixel, (height, width), of the convolution after a moved floor.

    `zeros` pads with 0 as everybody does; `moved` pads the rewritten network with -c instead. `border` and
    `interior` are the largest differences over pixels at the border and away from it, with zeros and moved.
    """

    floor: float
    zeros: list[list[float]]
    border_zeros: float
    interior_zeros: float
    border_moved: float


@experiment(seeds=range(8), cpu_only=True)
def padding(*, seeds: Sequence[int], device: str) -> Padding:
    """Two padded convolutions with max(z, 1), rewritten with ReLU: the difference at every pixel."""
    c, zeros, moved = 1.0, torch.zeros(12, 12).double(), torch.zeros(12, 12).double()
    worst = torch.zeros(12, 12).double()
    for seed in seeds:
        draw = generator(seed)
        x = torch.randn(8, 3, 12, 12, generator=draw, dtype=torch.float64)
        first = torch.randn(6, 3, 3, 3, generator=draw, dtype=torch.float64) / 5
        second = torch.randn(4, 6, 3, 3, generator=draw, dtype=torch.float64) / 7
        z = F.conv2d(x, first, padding=1)
        wanted = F.conv2d(z.clamp(min=c), second, padding=1)
        shift = (c * second.sum(dim=(1, 2, 3)))[:, None, None]
        hidden = torch.relu(z - c)
        plain = F.conv2d(hidden, second, padding=1) + shift
        repaired = F.conv2d(F.pad(hidden, (1, 1, 1, 1), value=-c), second) + shift
        zeros += (wanted - plain).abs().mean(dim=(0, 1)) / len(seeds)
        worst = torch.maximum(worst, (wanted - plain).abs().amax(dim=(0, 1)))
        moved = torch.maximum(moved, (wanted - repaired).abs().amax(dim=(0, 1)))
    inside = worst[1:-1, 1:-1]
    edge = worst.clone()
    edge[1:-1, 1:-1] = 0
    return Padding(c, zeros.tolist(), float(edge.max()), float(inside.max()), float(moved.max()))


@dataclass
class Floors:
    """Test accuracy on digits, (floors, seeds): biases begin at 0, or at the floor itself.

    `lost` counts networks whose loss became NaN or infinite.
    """

    floor: list[float]
    bias_zero: list[list[float]]
    bias_floor: list[list[float]]
    lost: int


@experiment(seeds=range(16))
def floors(*, seeds: Sequence[int], device: str) -> Floors:
    """Digits networks trained with max(z, c), with biases that begin at 0 and at c."""
    crossed = grid(threshold=FLOORS, seeds=seeds)
    runs = [
        sweep(
            [64, 32, 32, 10], data=digits(), lr=0.1, steps=300, batch_size=64, bias_init=bias,
            device=device, **crossed,
        )
        for bias in (0.0, crossed["threshold"])
    ]  # fmt: skip
    at_zero, at_floor = (crossed.shaped(run.test_accuracy).tolist() for run in runs)
    return Floors(list(FLOORS), at_zero, at_floor, sum(int(run.diverged.sum()) for run in runs))


@dataclass
class Open:
    """Share of first-layer units above the floor before training, (seeds, floors), and what theory says."""

    floor: list[float]
    share: list[list[float]]
    theory: list[float]


@experiment(seeds=range(16))
def open_at_start(*, seeds: Sequence[int], device: str) -> Open:
    """Preactivations of unit variance that lie above the floor before any training."""
    share = []
    for seed in seeds:
        draw = generator(seed)
        x, weight = torch.randn(500, 64, generator=draw), torch.randn(64, 256, generator=draw) / 8
        z = x.to(device) @ weight.to(device)
        share.append([float((z > c).double().mean()) for c in FLOORS])
    theory = [0.5 * math.erfc(c / math.sqrt(2)) for c in FLOORS]
    return Open(list(FLOORS), share, theory)


SHAPES: dict[str, Callable[[Tensor], Tensor] | str] = {
    "max(z, 0)": "relu",
    "min(z, 0)": lambda z: z.clamp(max=0),
    "|z|": torch.abs,
    "sin z": torch.sin,
}


@dataclass
class Shapes:
    """Best test accuracy on digits over three learning rates, chosen by mean training loss; (shapes, seeds)."""

    shape: list[str]
    lr: list[float]
    accuracy: list[list[float]]


@experiment(seeds=range(16))
def shapes(*, seeds: Sequence[int], device: str) -> Shapes:
    """Digits networks with other functions in the place of ReLU, each at the best of three learning rates."""
    rates = [0.03, 0.1, 0.3]
    crossed = grid(activation=list(SHAPES.values()), lr=rates, seeds=seeds)
    trained = sweep([64, 32, 32, 10], data=digits(), steps=300, batch_size=64, device=device, **crossed)
    loss = torch.from_numpy(crossed.shaped(trained.final_loss)).nan_to_num(nan=math.inf).mean(2)
    best = loss.argmin(dim=1)
    accuracy = torch.from_numpy(crossed.shaped(trained.test_accuracy))
    chosen = [accuracy[i, k].tolist() for i, k in enumerate(best)]
    return Shapes(list(SHAPES), [rates[k] for k in best], chosen)


@dataclass
class Tails:
    """The slope of each activation of the table far to the left (z = -20) and far to the right (z = 20)."""

    label: list[str]
    left: list[float]
    right: list[float]


@experiment(cpu_only=True)
def tails(*, seeds: Sequence[int], device: str) -> Tails:
    """Slopes of every activation of the table far from zero, in double precision."""
    ends = torch.tensor([-20.0, 20.0], dtype=torch.float64)
    slopes = [row.derivative(ends).tolist() for row in ACTIVATIONS.values()]
    labels = [row.label for row in ACTIVATIONS.values()]
    return Tails(labels, [left for left, _ in slopes], [right for _, right in slopes])


@dataclass
class Scaling:
    """Inputs for which max(λz, c) equals λ max(z, c) exactly, as a share; by floor, λ a power of two."""

    floor: list[float]
    share: list[float]


@experiment(seeds=range(8))
def scaling(*, seeds: Sequence[int], device: str) -> Scaling:
    """Whether scaling the input of max(z, c) by 2 or 8 scales its output by the same."""
    floors = (-1.0, 0.0, 1.0)
    z = torch.cat([torch.randn(10_000, generator=generator(seed)) for seed in seeds]).to(device)
    same = [
        torch.stack([(factor * z).clamp(min=c) == factor * z.clamp(min=c) for factor in (2.0, 8.0)])
        for c in floors
    ]
    return Scaling(list(floors), [float(one.double().mean()) for one in same])
