"""What else was tried, and which should I use? Every activation of the table, measured in the same way."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, Activation
from reluguide.data import Data, digits
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.experiments._moments import normal_moments
from reluguide.sweep import grid, sweep

# The identity is in the table for comparisons only; nobody would choose it.
ROWS = {name: row for name, row in ACTIVATIONS.items() if name != "identity"}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
CONTEST = (
    "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "mish", "softplus", "relu_squared", "tanh",
    "sigmoid",
)  # fmt: skip


@experiment(cpu_only=True)
def curves(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Value and slope of every activation between -4 and 4, in double precision."""
    z = torch.linspace(-4, 4, 33, dtype=torch.float64)  # a quarter apart: every corner is a point
    corners = torch.tensor([-3.0, 0.0, 3.0], dtype=torch.float64)
    z = torch.cat([z, corners - 1e-6, corners + 1e-6]).sort().values
    slopes = [
        row.derivative(z).masked_fill(torch.isin(z, torch.tensor(row.kinks, dtype=z.dtype)), math.nan)
        for row in ROWS.values()
    ]
    return xr.Dataset({
        "label": labelled([row.label for row in ROWS.values()], "How prose writes it", activation=ROWS),
        "value": labelled(torch.stack([row.fn(z) for row in ROWS.values()]), "Value", activation=ROWS, z=z.tolist()),
        "slope": labelled(torch.stack(slopes), "Slope", missing="it jumps there", activation=ROWS, z=z.tolist()),
    })  # fmt: skip


@experiment(cpu_only=True)
def moments(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Moments of every activation's output where its input is standard normal."""
    found = [normal_moments(row) for row in ROWS.values()]
    return xr.Dataset({
        name: labelled(
            [one[name] for one in found], f"{name.capitalize().replace('_', ' ')} of the output where the "
            "preactivation is standard normal", activation=ROWS,
        )
        for name in found[0]
    })  # fmt: skip


@experiment(device_dependent=True)
def zero_gradient(*, seeds: Sequence[int], device: str, length: int = 4096) -> xr.Dataset:
    """Where autograd's gradient is exactly zero, bisected on this device for every activation and dtype."""
    rows = list(ROWS.values())
    below = [[zero_edge(row, dtype, length, device) for row in rows] for dtype in DTYPES.values()]
    alone = [zero_edge(row, torch.float32, 1, device) for row in rows]
    above = [zero_edge(row, torch.float32, length, device, side=1.0) for row in rows]
    what, never = "The preactivation at and {} which the gradient is exactly 0", "it is 0 nowhere"
    return xr.Dataset({
        "below": labelled(below, what.format("below"), missing=never, dtype=DTYPES, activation=ROWS),
        "alone": labelled(
            alone, f"{what.format('below')}, in float32 for a tensor that holds a single number", missing=never,
            activation=ROWS,
        ),
        "above": labelled(above, f"{what.format('above')}, in float32", missing=never, activation=ROWS),
    })  # fmt: skip


def zero_edge(row: Activation, dtype: torch.dtype, length: int, device: str, *, side: float = -1.0) -> float:
    """The z nearest 0, on one side, from which on outwards the gradient is exactly 0; NaN if there is none."""

    def is_zero(size: float) -> bool:
        z = torch.full((length,), side * size, dtype=dtype, device=device, requires_grad=True)
        (slope,) = torch.autograd.grad(row.fn(z).sum(), z)
        return bool((slope == 0).all())

    far, near = 128.0, 0.0
    if not is_zero(far):
        return math.nan
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


@experiment(cpu_only=True)
def shapes(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Extrema of every activation, its distance from ReLU, and corners at 0, in double precision."""
    z = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    values = torch.stack([row.fn(z) for row in ROWS.values()])
    gaps = (values - torch.relu(z)).abs()
    near = torch.tensor([-1e-9, 1e-9], dtype=torch.float64, requires_grad=True)

    def jump(out: Tensor) -> float:
        (slope,) = torch.autograd.grad(out.sum(), near)
        return float((slope[1] - slope[0]).abs())

    (slope,) = torch.autograd.grad(F.elu(near).sum(), near, create_graph=True)
    jumps = {"elu": jump(F.elu(near, alpha=2.0)), "celu": jump(F.celu(near, alpha=2.0)), "bend": jump(slope)}
    by = dict(zip(ROWS, values))
    found = {
        "lowest": (values.amin(1), "Lowest output between -8 and 8"),
        "lowest_at": (z[values.argmin(1)], "The preactivation with the lowest output"),
        "gap": (gaps.amax(1), "Largest distance from ReLU between -8 and 8"),
        "gap_at": (z[gaps.argmax(1)].abs(), "Size of the preactivation at which it is farthest from ReLU"),
    }
    return xr.Dataset({
        **{name: labelled(values, what, activation=ROWS) for name, (values, what) in found.items()},
        "jump": labelled(
            list(jumps.values()), "How far the slope jumps at 0 where alpha is 2; bend: ELU's slope's own slope, "
            "where alpha is 1", of=jumps,
        ),
        "elu_celu": labelled((by["elu"] - by["celu"]).abs().max(), "Largest difference of ELU and CELU, alpha 1"),
    })  # fmt: skip


@experiment(seeds=range(4))
def contest(
    *,
    seeds: Sequence[int],
    device: str,
    width: int = 32,
    steps: int = 150,
    rates: tuple[float, ...] = (0.01, 0.03),
) -> xr.Dataset:
    """Digits networks with each activation: same seeds and splits, same first weights, the better of two Adam rates."""
    data = splits()
    crossed = grid(activation=CONTEST, lr=rates, data=data, seeds=seeds)
    run = sweep(
        [64, width, width, 10], steps=steps, batch_size=64, optimizer="adam", device=device, **crossed
    )
    loss = np.nan_to_num(crossed.shaped(run.final_loss), nan=math.inf).mean((2, 3))
    best = loss.argmin(1)
    accuracy = crossed.shaped(run.test_accuracy)[range(len(CONTEST)), best]
    assert data[0].test_x is not None
    return xr.Dataset({
        "accuracy": labelled(
            accuracy, "Test accuracy on digits, at the better of two Adam rates", unit="share",
            activation=CONTEST, split=SPLITS, seed=seeds,
        ),
        "rate": labelled([rates[k] for k in best], "The rate with the lower training loss", activation=CONTEST),
        "images": labelled(len(data[0].test_x), "Images tested"),
        "diverged": labelled(run.diverged.sum(), "Networks that diverged, at either rate"),
    })  # fmt: skip


def split_of(seed: int) -> Data:
    """The split of the digits that belongs to a seed, where seeds and splits are drawn together."""
    return digits(train=1200, standardise=True, seed=seed)


# 8 networks of each, as ten times the steps cost ten times as much; every seed has a split of its own.
@experiment(seeds=range(8))
def longer(
    *, seeds: Sequence[int], device: str, width: int = 32, steps: int = 1500, lr: float = 0.01
) -> xr.DataArray:  # fmt: skip
    """The contest again with ten times the steps, for the activations that are named first."""
    names = ("relu", "gelu")
    crossed = grid(activation=names, seeds=seeds)
    run = sweep(
        [64, width, width, 10],
        data=split_of,
        lr=lr,
        steps=steps,
        batch_size=64,
        optimizer="adam",
        device=device,
        **crossed,
    )
    return labelled(
        crossed.shaped(run.test_accuracy), "Test accuracy on digits after ten times the steps", unit="share",
        activation=names, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(4))
def squared(
    *, seeds: Sequence[int], device: str, width: int = 32, steps: int = 150,
    scales: tuple[float, ...] = (1.0, 0.5), rates: tuple[float, ...] = (0.003, 0.01),
) -> xr.DataArray:  # fmt: skip
    """Squared ReLU with smaller first weights and a smaller Adam rate than the contest has."""
    crossed = grid(weight_scale=scales, lr=rates, data=splits(), seeds=seeds)
    run = sweep(
        [64, width, width, 10], activation="relu_squared", steps=steps, batch_size=64, optimizer="adam",
        device=device, **crossed,
    )  # fmt: skip
    return labelled(
        crossed.shaped(run.test_accuracy), "Test accuracy of squared ReLU on digits, by what its first weights "
        "are multiplied by and by the rate", unit="share", scale=scales, rate=rates, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(8))
def small_data(*, seeds: Sequence[int], device: str, images: int = 100) -> xr.DataArray:
    """ReLU and LeakyReLU trained on few images of digits, same seeds and splits."""
    names = ["relu", "leaky_relu"]
    crossed = grid(activation=names, data=splits(train=images), seeds=seeds)
    run = sweep([64, 32, 32, 10], lr=0.3, steps=200, batch_size=50, device=device, **crossed)
    return labelled(
        crossed.shaped(run.test_accuracy), "Test accuracy after learning from a hundred images of digits",
        unit="share", activation=names, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(4), device_dependent=True)
def frozen(*, seeds: Sequence[int], device: str, bias: float = -20.0, steps: int = 300) -> xr.DataArray:
    """Hidden units that begin at a very negative bias: which of them move at all under SGD."""
    names = ["relu", "leaky_relu", "elu", "gelu"]
    crossed = grid(activation=names, data=splits(), seeds=seeds)
    first, last = (
        sweep(
            [64, 32, 10], lr=0.1, steps=until, bias_init=bias, batch_size=64, record=["parameters"],
            device=device, **crossed,
        ).parameters
        for until in (0, steps)
    )  # fmt: skip
    assert first is not None and last is not None
    same = (first[0][0] == last[0][0]).all(axis=1) & (first[0][1] == last[0][1])
    return labelled(
        crossed.shaped(same).mean(axis=3),
        "Units with the same weights, bit for bit, after training that began at a very negative bias",
        unit="share", activation=names, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment()
def prelu(*, seeds: Sequence[int], device: str, channels: int = 16, side: int = 8) -> xr.DataArray:
    """How many slopes PReLU learns, of a feature map of so many channels and so many pixels on a side."""
    learned = [sum(p.numel() for p in module.parameters()) for module in (nn.PReLU(), nn.PReLU(channels))]
    return labelled(
        [*learned, channels * side**2],
        "Numbers that nn.PReLU() and nn.PReLU(channels) learn, and units in the feature maps",
        of=("default", "by_channel", "units"),
    )
