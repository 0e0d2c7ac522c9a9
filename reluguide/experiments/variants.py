"""What else was tried, and which should I use? Every activation of the table, measured in the same way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, Activation
from reluguide.data import digits
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

# The identity is in the table for comparisons only; nobody would choose it.
ROWS = [row for row in ACTIVATIONS.values() if row.name != "identity"]
NAMES = [row.name for row in ROWS]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass
class Curves:
    """Values and slopes, (activations, points), and where each slope jumps."""

    name: list[str]
    label: list[str]
    z: list[float]
    value: list[list[float]]
    slope: list[list[float]]
    kinks: list[list[float]]


@experiment(cpu_only=True)
def curves(*, seeds: Sequence[int], device: str) -> Curves:
    """Value and slope of every activation between -4 and 4, in double precision."""
    z = torch.linspace(-4, 4, 33, dtype=torch.float64)  # a quarter apart: every corner is a point
    corners = torch.tensor([-3.0, 0.0, 3.0], dtype=torch.float64)
    z = torch.cat([z, corners - 1e-6, corners + 1e-6]).sort().values
    return Curves(
        NAMES,
        [row.label for row in ROWS],
        z.tolist(),
        [row.fn(z).tolist() for row in ROWS],
        [row.derivative(z).tolist() for row in ROWS],
        [list(row.kinks) for row in ROWS],
    )


@dataclass
class Moments:
    """Mean, variance and skewness of f(z) for z from a standard normal, and the mean of f(z) squared."""

    name: list[str]
    mean: list[float]
    variance: list[float]
    skew: list[float]
    square: list[float]


@experiment(cpu_only=True)
def moments(*, seeds: Sequence[int], device: str) -> Moments:
    """Moments of every activation's output on N(0, 1), by Gauss-Legendre quadrature in double precision."""
    rows = [normal_moments(row) for row in ROWS]
    return Moments(NAMES, *([row[k] for row in rows] for k in range(4)))


def normal_moments(row: Activation) -> tuple[float, float, float, float]:
    """(mean, variance, skewness, mean square) of row.fn(z), z standard normal; exact at the kinks."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    mean = square = cube = 0.0
    # Each piece between two corners is smooth, so that the quadrature is exact to rounding.
    edges = sorted({-12.0, -4.0, 0.0, 4.0, 12.0, *row.kinks})
    for low, high in pairwise(edges):
        z = torch.from_numpy(low + (high - low) * (nodes + 1) / 2)
        share = torch.from_numpy(weights) * (high - low) / 2 * torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        out = row.fn(z)
        mean, square, cube = (
            total + float((share * out**power).sum()) for total, power in ((mean, 1), (square, 2), (cube, 3))
        )
    variance = square - mean**2
    skew = (cube - 3 * mean * square + 2 * mean**3) / variance**1.5
    return mean, variance, skew, square


@dataclass
class ZeroGradient:
    """The z at and below which the gradient is exactly 0, by dtype and name; `never` where there is none.

    `alone` is the same in float32 for a tensor of one number, `above` the z from which it is 0 on the right.
    """

    below: dict[str, dict[str, float]]
    alone: dict[str, float]
    above: dict[str, float]
    never: list[str]
    length: int


@experiment(device_dependent=True)
def zero_gradient(*, seeds: Sequence[int], device: str) -> ZeroGradient:
    """Where autograd's gradient is exactly zero, bisected on this device for every activation and dtype."""
    length = 4096
    below: dict[str, dict[str, float]] = {kind: {} for kind in DTYPES}
    alone, above, never = {}, {}, []
    for row in ROWS:
        edges = {kind: zero_edge(row, dtype, length, device) for kind, dtype in DTYPES.items()}
        for kind, edge in edges.items():
            if edge is not None:
                below[kind][row.name] = edge
        if edges["float32"] is None:
            never.append(row.name)
        else:
            alone[row.name] = zero_edge(row, torch.float32, 1, device) or 0.0
        if (right := zero_edge(row, torch.float32, length, device, side=1.0)) is not None:
            above[row.name] = right
    return ZeroGradient(below, alone, above, never, length)


def zero_edge(
    row: Activation, dtype: torch.dtype, length: int, device: str, *, side: float = -1.0
) -> float | None:
    """The z nearest 0, on one side, from which on outwards the gradient is exactly 0; None if there is none."""

    def is_zero(size: float) -> bool:
        z = torch.full((length,), side * size, dtype=dtype, device=device, requires_grad=True)
        (slope,) = torch.autograd.grad(row.fn(z).sum(), z)
        return bool((slope == 0).all())

    far, near = 128.0, 0.0
    if not is_zero(far):
        return None
    # From far away inwards in steps of a half, then by bisection: a slope may also be 0 at its lowest point.
    while far > 0.5 and is_zero(far - 0.5):
        far -= 0.5
    near = max(0.0, far - 0.5)
    if is_zero(near):
        return side * near
    for _ in range(24):
        middle = float(torch.tensor((near + far) / 2).to(dtype))
        if middle in (near, far):
            break
        near, far = (near, middle) if is_zero(middle) else (middle, far)
    return side * far


@dataclass
class Shapes:
    """Lowest value and where; largest distance from ReLU and where; steepest slope: each by name.

    `elu_jump` and `celu_jump` are how far the slope jumps at 0 where alpha is 2, `elu_bend` how far the
    slope's own slope jumps at 0 where alpha is 1, `tanh_gelu` the largest difference of the two GELUs.
    """

    name: list[str]
    lowest: list[float]
    lowest_at: list[float]
    gap: list[float]
    gap_at: list[float]
    steepest: list[float]
    elu_jump: float
    celu_jump: float
    elu_bend: float
    tanh_gelu: float
    elu_celu: float


@experiment(cpu_only=True)
def shapes(*, seeds: Sequence[int], device: str) -> Shapes:
    """Extrema of every activation and its distance from ReLU, in double precision."""
    z = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    values = torch.stack([row.fn(z) for row in ROWS])
    slopes = torch.stack([row.derivative(z) for row in ROWS])
    gaps = (values - torch.relu(z)).abs()
    near = torch.tensor([-1e-9, 1e-9], dtype=torch.float64, requires_grad=True)

    def jump(out: Tensor) -> float:
        (slope,) = torch.autograd.grad(out.sum(), near)
        return float((slope[1] - slope[0]).abs())

    (bend,) = torch.autograd.grad(
        torch.autograd.grad(F.elu(near).sum(), near, create_graph=True)[0].sum(), near
    )
    by = dict(zip(NAMES, values))
    return Shapes(
        NAMES,
        values.amin(1).tolist(),
        z[values.argmin(1)].tolist(),
        gaps.amax(1).tolist(),
        z[gaps.argmax(1)].tolist(),
        slopes.amax(1).tolist(),
        jump(F.elu(near, alpha=2.0)),
        jump(F.celu(near, alpha=2.0)),
        float((bend[1] - bend[0]).abs()),
        float((by["gelu"] - by["gelu_tanh"]).abs().max()),
        float((by["elu"] - by["celu"]).abs().max()),
    )


CONTEST = [
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "softplus", "relu_squared", "tanh",
    "sigmoid",
]  # fmt: skip


@dataclass
class Contest:
    """Test accuracy on digits, (activations, seeds), at the rate with the lower mean training loss.

    `images` is how many images were tested, `lost` how many networks diverged.
    """

    name: list[str]
    lr: list[float]
    accuracy: list[list[float]]
    images: int
    lost: int


@experiment(seeds=range(16))
def contest(*, seeds: Sequence[int], device: str) -> Contest:
    """Digits networks with each activation: same seeds, same first weights, the better of two Adam rates."""
    rates = [0.01, 0.03]
    crossed = grid(activation=CONTEST, lr=rates, seeds=seeds)
    data = digits()
    run = sweep(
        [64, 32, 32, 10], data=data, steps=150, batch_size=64, optimizer="adam", device=device, **crossed
    )
    loss = np.nan_to_num(crossed.shaped(run.final_loss), nan=math.inf).mean(2)
    best = loss.argmin(1)
    accuracy = crossed.shaped(run.test_accuracy)
    chosen = [accuracy[i, k].tolist() for i, k in enumerate(best)]
    assert data.test_x is not None
    return Contest(CONTEST, [rates[k] for k in best], chosen, len(data.test_x), int(run.diverged.sum()))


@dataclass
class SmallData:
    """Test accuracy on digits after learning from 100 images, one a seed."""

    relu: list[float]
    leaky: list[float]


@experiment(seeds=range(16))
def small_data(*, seeds: Sequence[int], device: str) -> SmallData:
    """ReLU and LeakyReLU trained on a hundred images of digits, same seeds."""
    crossed = grid(activation=["relu", "leaky_relu"], seeds=seeds)
    run = sweep(
        [64, 32, 32, 10], data=digits(train=100), lr=0.3, steps=200, batch_size=50, device=device, **crossed
    )
    relu, leaky = crossed.shaped(run.test_accuracy)
    return SmallData(relu.tolist(), leaky.tolist())


@dataclass
class Frozen:
    """Share of units whose weights and bias are the same bits after training; (activations, biases, seeds)."""

    name: list[str]
    bias: list[float]
    share: list[list[list[float]]]


@experiment(seeds=range(8), device_dependent=True)
def frozen(*, seeds: Sequence[int], device: str) -> Frozen:
    """Hidden units that begin at a very negative bias: which of them move at all in 300 SGD steps."""
    names, biases = ["relu", "leaky_relu", "elu", "gelu"], [-20.0, -10.0]
    crossed = grid(activation=names, bias_init=biases, seeds=seeds)
    first, last = (
        sweep(
            [64, 32, 10], data=digits(), lr=0.1, steps=steps, batch_size=64, record=["parameters"],
            device=device, **crossed,
        ).parameters
        for steps in (0, 300)
    )  # fmt: skip
    assert first is not None and last is not None
    same = (first[0][0] == last[0][0]).all(axis=1) & (first[0][1] == last[0][1])
    return Frozen(names, biases, crossed.shaped(same).mean(axis=3).tolist())


@dataclass
class PReLU:
    """Learned numbers in `nn.PReLU()` and in `nn.PReLU(channels)`, and units in the map they act on."""

    default: int
    by_channel: int
    channels: int
    units: int
    start: float


@experiment()
def prelu(*, seeds: Sequence[int], device: str) -> PReLU:
    """How many slopes PReLU learns."""
    channels, default = 16, nn.PReLU()
    learned = [sum(p.numel() for p in module.parameters()) for module in (default, nn.PReLU(channels))]
    return PReLU(learned[0], learned[1], channels, channels * 8 * 8, float(default.weight.detach()))
