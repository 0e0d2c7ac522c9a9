"""Is ReLU really cheaper? What is timed, and how much other work stands around it; no time is measured here.

The networks and the spelled-out activations of this module are what `reluguide measure` times.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from reluguide.activations import ACTIVATIONS
from reluguide.data import Data, digits
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.sweep import grid, sweep

WIDTHS = (64, 256, 1024)
HIDDEN = 4

# Activations as people write them out, in steps that PyTorch runs one by one.
# --8<-- [start:by_hand]
ROOT = math.sqrt(2 / math.pi)

BY_HAND: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda z: z * (z > 0),
    "silu": lambda z: z * torch.sigmoid(z),
    "gelu_tanh": lambda z: z / 2 * (1 + torch.tanh(ROOT * (z + 0.044715 * z**3))),
    "mish": lambda z: z * torch.tanh(F.softplus(z)),
}
# --8<-- [end:by_hand]


class Elementwise(nn.Module):
    """An activation of the table as a layer."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.fn = ACTIVATIONS[name].fn

    def forward(self, z: Tensor) -> Tensor:
        return self.fn(z)


def between(name: str) -> nn.Module:
    """What stands between two layers: PReLU with its learned slope, nothing at all for the identity."""
    if name == "prelu":
        return nn.PReLU()
    return nn.Identity() if name == "identity" else Elementwise(name)


def fully_connected(width: int, activation: str) -> nn.Sequential:
    """Four hidden layers of `width` units between `width` inputs and 10 outputs."""
    hidden = [part for _ in range(HIDDEN) for part in (nn.Linear(width, width), between(activation))]
    return nn.Sequential(*hidden, nn.Linear(width, 10))


def convolutional(activation: str) -> nn.Sequential:
    """Three convolutions of 32, 64 and 64 channels on 32 × 32 images of 3, then 10 outputs."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), between(activation),
        nn.Conv2d(32, 64, 3, padding=1, stride=2), between(activation),
        nn.Conv2d(64, 64, 3, padding=1, stride=2), between(activation),
        nn.Flatten(), nn.Linear(64 * 8 * 8, 10),
    )  # fmt: skip


@experiment(cpu_only=True)
def work(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """How many multiplications stand beside each activation, in the networks that are timed."""
    networks = {str(width): (fully_connected(width, "relu"), torch.zeros(1, width)) for width in WIDTHS}
    networks["conv"] = (convolutional("relu"), torch.zeros(1, 3, 32, 32))
    products, units = zip(*(count(network, x) for network, x in networks.values()))
    return xr.Dataset({
        "multiplications": labelled(products, "Multiplications of one sample's forward pass", network=networks),
        "activations": labelled(units, "Activations of one sample's forward pass", network=networks),
    })  # fmt: skip


def count(network: nn.Module, x: Tensor) -> tuple[int, int]:
    """Multiplications and activations of one forward pass of x, by PyTorch's own counter and by hooks."""
    units: list[int] = []
    hooks = [
        part.register_forward_hook(lambda module, inputs, out: units.append(out.numel()))
        for part in network.modules()
        if isinstance(part, Elementwise)
    ]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops() // 2, sum(units)


def split_of(seed: int) -> Data:
    """The split of the digits that belongs to a seed, where seeds and splits are drawn together."""
    return digits(train=1200, standardise=True, seed=seed)


# 8 networks of each: which is faster shows in each of them. Every seed has a split of its own.
@experiment(seeds=range(8))
def progress(
    *, seeds: Sequence[int], device: str, width: int = 32, batch: int = 64, limit: int = 160,
    target: float = 0.95, rates: tuple[float, ...] = (0.3, 1.0),
) -> xr.DataArray:  # fmt: skip
    """Steps of SGD until digits are learned with three activations, each at the better of its rates."""
    names = ("relu", "tanh", "sigmoid")
    crossed = grid(activation=names, lr=rates, seeds=seeds)
    run = sweep(
        [64, width, width, 10], data=split_of, steps=limit, batch_size=batch, record=["curves"],
        record_every=5, device=device, **crossed,
    )  # fmt: skip
    assert run.curves is not None
    there = crossed.shaped(run.curves["accuracy"]) >= target
    first = np.where(there.any(-1), run.curves["step"][there.argmax(-1)], math.inf)
    best = np.median(first, axis=2).argmin(axis=1)
    steps = first[range(len(names)), best]
    return labelled(
        np.where(np.isinf(steps), math.nan, steps), "Steps until 95 % of the digits learned from are told right, "
        "at the better of two rates", missing="it did not get there", activation=names, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(8), cpu_only=True)
def agreement(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Whether activations written out by hand give the value and gradient of PyTorch's, in double precision."""
    z = torch.cat([3 * torch.randn(1000, generator=generator(seed), dtype=torch.float64) for seed in seeds])
    z.requires_grad_()
    errors = []
    for name, fn in BY_HAND.items():
        by_hand, theirs = fn(z), ACTIVATIONS[name].fn(z)
        slopes = [torch.autograd.grad(one.sum(), z)[0] for one in (by_hand, theirs)]
        errors.append([float((a - b).detach().abs().max()) for a, b in ((by_hand, theirs), slopes)])
    return labelled(
        errors, "Largest difference between an activation by hand and PyTorch's, in double precision",
        activation=BY_HAND, of=("value", "gradient"),
    )  # fmt: skip
