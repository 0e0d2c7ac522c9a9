"""What exactly does ReLU compute? Value and slope, at 0 too, for every way to write it."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import grid, sweep

# Ways in which people write max(0, z), by a short name: as it is written, and the function.
SPELLINGS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "relu": ("torch.relu(z)", torch.relu),
    "clamp": ("z.clamp(min=0)", lambda z: z.clamp(min=0)),
    "maximum": ("torch.maximum(z, 0)", lambda z: torch.maximum(z, torch.zeros_like(z))),
    "max": ("z.max(tensor(0.))", lambda z: z.max(torch.tensor(0.0, device=z.device))),
    "half": ("(z + z.abs()) / 2", lambda z: (z + z.abs()) / 2),
    "mask": ("z * (z > 0)", lambda z: z * (z > 0)),
    "where": ("where(z > 0, z, 0)", lambda z: torch.where(z > 0, z, 0.0)),
    "where_or_equal": ("where(z >= 0, z, 0)", lambda z: torch.where(z >= 0, z, 0.0)),
}
# Slope 0 and slope 1 at 0 in every version of PyTorch; what clamp and the maxima say there may change.
FIXED = [SPELLINGS["relu"][1], SPELLINGS["where_or_equal"][1]]


@experiment(seeds=range(8), device_dependent=True)
def spelled(*, seeds: Sequence[int], device: str, draws: int = 10_000) -> xr.Dataset:
    """Value and autograd's slope of eight spellings of ReLU, at 0 and at random numbers."""
    z = torch.cat([torch.randn(draws, generator=generator(seed)) for seed in seeds])
    z = z[z != 0].to(device)
    wanted, zero = torch.stack(value_and_slope(torch.relu, z)), torch.zeros(1, device=device)
    written, functions = zip(*SPELLINGS.values())
    at_zero = torch.stack([torch.cat(value_and_slope(spelling, zero)) for spelling in functions])
    gaps = [
        (torch.stack(value_and_slope(spelling, z)) - wanted).abs().amax(1).tolist() for spelling in functions
    ]
    keeps_nan = [bool(spelling(zero + math.nan).isnan()) for spelling in functions]
    names: dict[str, Any] = {"spelling": list(SPELLINGS)}
    gap = "Largest difference of a spelling from torch.relu at numbers that are not 0"
    return xr.Dataset({
        "written": labelled(written, "The spelling in full", **names),
        "value": labelled(at_zero[:, 0], "Value at exactly 0, by how ReLU is written", **names),
        "slope": labelled(at_zero[:, 1], "Autograd's slope at exactly 0, by how ReLU is written", **names),
        "gap": labelled(gaps, gap, **names, of=("value", "slope")),
        "keeps_nan": labelled(keeps_nan, "Whether a NaN comes out as a NaN", **names),
        "points": labelled(len(z), "Random numbers, none of them 0, at which the spellings were compared"),
    })  # fmt: skip


def value_and_slope(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """An elementwise function's values and slopes at every z, the slopes from autograd."""
    z = z.clone().requires_grad_()
    value = function(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope


@experiment()
def curve(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Value and slope of `torch.relu` at a few numbers on both sides of 0."""
    z = (-3.0, -2.0, -0.5, 0.0, 0.5, 2.0, 3.0)
    value, slope = value_and_slope(torch.relu, torch.tensor(z, device=device))
    return xr.Dataset({
        "value": labelled(value, "What torch.relu makes of z", z=z),
        "slope": labelled(slope, "Autograd's slope of torch.relu at z", z=z),
    })  # fmt: skip


@experiment(seeds=range(8))
def handmade(*, seeds: Sequence[int], device: str, draws: int = 10_000) -> xr.Dataset:
    """`(z > 0).float()` against autograd's slope of `torch.relu`, on random numbers and at exactly 0."""
    drawn = [torch.randn(draws, generator=generator(seed)) for seed in seeds]
    z = torch.cat([*drawn, torch.tensor([0.0, -0.0])]).to(device)
    value, slope = value_and_slope(torch.relu, z)
    differing = int(((z > 0).float() != slope).sum())
    return xr.Dataset({
        "differing": labelled(differing, "Points, 0 included, at which the slope by hand is not autograd's"),
        "points": labelled(len(z), "Points at which the slope by hand was compared with autograd's"),
        "lowest": labelled(value.min(), "Lowest value of ReLU over random numbers"),
    })  # fmt: skip


@experiment(seeds=range(8), cpu_only=True)
def same_training(*, seeds: Sequence[int], device: str, width: int = 32, steps: int = 300) -> xr.Dataset:
    """Whether a network on digits notices which spelling of ReLU it was trained with: slope 0 or 1 at 0."""
    crossed = grid(activation=FIXED, data=splits(), seeds=seeds)
    trained = sweep(
        [64, width, width, 10], lr=0.1, steps=steps, batch_size=64, device=device, record=["parameters"],
        **crossed,
    )  # fmt: skip
    assert trained.parameters is not None
    tables = [torch.from_numpy(crossed.shaped(table)) for layer in trained.parameters for table in layer]
    same = torch.stack([(table[0] == table[1]).flatten(2).all(-1) for table in tables]).all(0)
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "same": labelled(
            same, "Networks that end the same, bit for bit, with slope 0 and with slope 1 at 0", **networks
        ),
        "accuracy": labelled(
            crossed.shaped(trained.test_accuracy)[0], "Unseen digits told right", unit="share", **networks
        ),
    })  # fmt: skip


# On the CPU: fast convolutions of other devices may not give exact zeros where the sum has only zeros.
@experiment(seeds=range(8), cpu_only=True)
def blank_pixels(
    *, seeds: Sequence[int], device: str, filters: int = 8, side: int = 3, pictures: int = 256
) -> xr.Dataset:
    """Preactivations that are exactly 0 where a filter sees blank paper, and what they do to the gradient."""
    found = torch.tensor([
        [
            exact_zeros(data.x[:pictures].view(-1, 1, 8, 8), data.y[:pictures], seed, filters, side)
            for seed in seeds
        ]
        for data in splits(standardise=False)
    ])  # fmt: skip
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "zero": labelled(
            found[..., :2], "Preactivations of a convolution with biases of 0 that are exactly 0, on pictures "
            "with blank areas: before training, and after one step", unit="share",
            **networks, when=("before", "after"),
        ),
        "bias_gap": labelled(
            100 * found[..., 2], "Difference of the biases' first gradient with slope 1 at 0 from that with "
            "slope 0, relative to the latter", unit="%", **networks,
        ),
    })  # fmt: skip


def exact_zeros(x: Tensor, y: Tensor, seed: int, filters: int, side: int) -> tuple[float, float, float]:
    """Shares of preactivations at 0 before and after a step, and the relative gap of the biases' gradients."""
    draw = generator(seed)
    weight = torch.randn(filters, 1, side, side, generator=draw) * math.sqrt(2 / side**2)
    hidden = filters * x[0].numel()
    head = torch.randn(10, hidden, generator=draw) * math.sqrt(1 / hidden)
    gradients = []
    for relu in FIXED:
        bias = torch.zeros(filters, requires_grad=True)
        z = F.conv2d(x, weight, bias, padding="same")
        loss = F.cross_entropy(relu(z).flatten(1) @ head.T, y)
        gradients.append(torch.autograd.grad(loss, bias)[0])
    stepped = F.conv2d(x, weight, -0.1 * gradients[0], padding="same")
    before, after = (float((one == 0).double().mean()) for one in (z, stepped))
    return before, after, float((gradients[1] - gradients[0]).norm() / gradients[0].norm())
