"""What exactly does ReLU compute? Value and slope, at 0 too, for every way to write it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.data import digits
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

# Its slope at 0 is 1 in every version of PyTorch; what the built-in clamp and maximum say there may change.
SLOPE_ONE = "where(z >= 0, z, 0)"

# Ways in which people write max(0, z), shortest names first where two do the same.
SPELLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.relu(z)": torch.relu,
    "z.clamp(min=0)": lambda z: z.clamp(min=0),
    "torch.maximum(z, 0)": lambda z: torch.maximum(z, torch.zeros_like(z)),
    "z.max(tensor(0.))": lambda z: z.max(torch.tensor(0.0, device=z.device)),
    "(z + z.abs()) / 2": lambda z: (z + z.abs()) / 2,
    "z * (z > 0)": lambda z: z * (z > 0),
    "where(z > 0, z, 0)": lambda z: torch.where(z > 0, z, 0.0),
    SLOPE_ONE: lambda z: torch.where(z >= 0, z, 0.0),
}


@dataclass
class Spelled:
    """Every spelling of ReLU: its value and slope at exactly 0, and how it differs from `torch.relu` elsewhere.

    `value_gap` and `slope_gap` are the largest differences over random z, none of them 0. `keeps_nan` is 1
    where a NaN comes out as a NaN, `minus_infinity` 1 where minus infinity comes out as 0.
    """

    spelling: list[str]
    value: list[float]
    slope: list[float]
    value_gap: list[float]
    slope_gap: list[float]
    keeps_nan: list[int]
    minus_infinity: list[int]
    points: int


@experiment(seeds=range(8), device_dependent=True)
def spelled(*, seeds: Sequence[int], device: str) -> Spelled:
    """Value and autograd's slope of eight spellings of ReLU, at 0 and at random numbers."""
    z = torch.cat([torch.randn(10_000, generator=generator(seed)) for seed in seeds])
    z = z[z != 0].to(device)
    wanted, zero = value_and_slope(torch.relu, z), torch.zeros(1, device=device)
    odd = torch.tensor([math.nan, -math.inf], device=device)
    found = Spelled(list(SPELLINGS), [], [], [], [], [], [], len(z))
    for spelling in SPELLINGS.values():
        at_zero, elsewhere = value_and_slope(spelling, zero), value_and_slope(spelling, z)
        nan, minus_infinity = spelling(odd).tolist()
        found.value.append(float(at_zero[0]))
        found.slope.append(float(at_zero[1]))
        found.value_gap.append(float((elsewhere[0] - wanted[0]).abs().max()))
        found.slope_gap.append(float((elsewhere[1] - wanted[1]).abs().max()))
        found.keeps_nan.append(int(math.isnan(nan)))
        found.minus_infinity.append(int(minus_infinity == 0))
    return found


def value_and_slope(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """An elementwise function's values and slopes at every z, the slopes from autograd."""
    z = z.clone().requires_grad_()
    value = function(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope


@dataclass
class Curve:
    """ReLU's value and autograd's slope at chosen numbers, 0 among them."""

    z: list[float]
    value: list[float]
    slope: list[float]


@experiment()
def curve(*, seeds: Sequence[int], device: str) -> Curve:
    """Value and slope of `torch.relu` at a few numbers on both sides of 0."""
    z = torch.tensor([-3.0, -2.0, -0.5, 0.0, 0.5, 2.0, 3.0], device=device)
    value, slope = value_and_slope(torch.relu, z)
    return Curve(z.tolist(), value.tolist(), slope.tolist())


@dataclass
class Handmade:
    """ReLU's slope written by hand, `(z > 0).float()`, against autograd's: points that differ, and points tried."""

    differing: int
    points: int
    lowest: float


@experiment(seeds=range(8))
def handmade(*, seeds: Sequence[int], device: str) -> Handmade:
    """`(z > 0).float()` against autograd's slope of `torch.relu`, on random numbers and at exactly 0."""
    drawn = [torch.randn(10_000, generator=generator(seed)) for seed in seeds]
    z = torch.cat([*drawn, torch.tensor([0.0, -0.0])]).to(device)
    value, slope = value_and_slope(torch.relu, z)
    return Handmade(int(((z > 0).float() != slope).sum()), len(z), float(value.min()))


@dataclass
class SameTraining:
    """Digits networks trained twice, with `torch.relu` and with `where(z >= 0, z, 0)`, whose slope at 0 is 1.

    `same` is 1 for a seed whose two networks end with the same weights and biases, bit for bit.
    """

    same: list[int]
    accuracy: list[float]


@experiment(seeds=range(16), cpu_only=True)
def same_training(*, seeds: Sequence[int], device: str) -> SameTraining:
    """Whether a network on digits notices which spelling of ReLU it was trained with."""
    crossed = grid(activation=[torch.relu, SPELLINGS[SLOPE_ONE]], seeds=seeds)
    trained = sweep(
        [64, 32, 32, 10], data=digits(), lr=0.1, steps=300, batch_size=64, device=device,
        record=["parameters"], **crossed,
    )  # fmt: skip
    assert trained.parameters is not None
    tables = [crossed.shaped(table) for layer in trained.parameters for table in layer]
    same = [int(all((table[0, k] == table[1, k]).all() for table in tables)) for k in range(len(seeds))]
    return SameTraining(same, crossed.shaped(trained.test_accuracy)[0].tolist())


@dataclass
class BlankPixels:
    """A convolution with biases at 0 on pictures with blank areas; one entry a seed.

    `before` and `after` are the shares of its preactivations that are exactly 0, before training and after
    one step. `bias_gap` is by how much the gradient of its biases with slope 1 at 0 differs from that with
    `torch.relu`, relative to the latter.
    """

    before: list[float]
    after: list[float]
    bias_gap: list[float]


# On the CPU: fast convolutions of other devices may not give exact zeros where the sum has only zeros.
@experiment(seeds=range(16), cpu_only=True)
def blank_pixels(*, seeds: Sequence[int], device: str) -> BlankPixels:
    """Preactivations that are exactly 0 where a filter sees blank paper, and what they do to the gradient."""
    data = digits(standardise=False)
    x, y = data.x[:256].view(-1, 1, 8, 8).to(device), data.y[:256].to(device)
    found = BlankPixels([], [], [])
    for seed in seeds:
        draw = generator(seed)
        filters = (torch.randn(8, 1, 3, 3, generator=draw) * math.sqrt(2 / 9)).to(device)
        head = (torch.randn(10, 512, generator=draw) * math.sqrt(1 / 512)).to(device)
        gradients = []
        for relu in (torch.relu, SPELLINGS[SLOPE_ONE]):
            bias = torch.zeros(8, device=device, requires_grad=True)
            z = F.conv2d(x, filters, bias, padding=1)
            loss = F.cross_entropy(relu(z).flatten(1) @ head.T, y)
            gradients.append(torch.autograd.grad(loss, bias)[0])
        stepped = F.conv2d(x, filters, -0.1 * gradients[0], padding=1)
        found.before.append(float((z == 0).double().mean()))
        found.after.append(float((stepped == 0).double().mean()))
        found.bias_gap.append(float((gradients[1] - gradients[0]).norm() / gradients[0].norm()))
    return found
