"""Is ReLU really cheaper? What is timed, and how much other work stands around it; no time is measured here.

The networks and the spelled-out activations of this module are what `reluguide measure` times.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from reluguide.activations import ACTIVATIONS
from reluguide.device import generator
from reluguide.evidence.declare import experiment

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


@dataclass
class Work:
    """Multiplications (with their additions) and activations that one sample takes, by network."""

    network: list[str]
    multiplications: list[int]
    activations: list[int]


@experiment(cpu_only=True)
def work(*, seeds: Sequence[int], device: str) -> Work:
    """How many multiplications stand beside each activation, in the networks that are timed."""
    networks = {f"step_{width}": (fully_connected(width, "relu"), torch.zeros(1, width)) for width in WIDTHS}
    networks["step_conv"] = (convolutional("relu"), torch.zeros(1, 3, 32, 32))
    multiplications, activations = [], []
    for network, x in networks.values():
        products, units = count(network, x)
        multiplications.append(products)
        activations.append(units)
    return Work(list(networks), multiplications, activations)


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


@dataclass
class Agreement:
    """Largest difference between the spelled-out activation and PyTorch's, of value and of gradient, by name."""

    activation: list[str]
    value: list[float]
    gradient: list[float]


@experiment(seeds=range(8), cpu_only=True)
def agreement(*, seeds: Sequence[int], device: str) -> Agreement:
    """Whether activations written out by hand give the value and gradient of PyTorch's, in double precision."""
    z = torch.cat([3 * torch.randn(1000, generator=generator(seed), dtype=torch.float64) for seed in seeds])
    z.requires_grad_()
    values, gradients = [], []
    for name, fn in BY_HAND.items():
        by_hand, theirs = fn(z), ACTIVATIONS[name].fn(z)
        slopes = [torch.autograd.grad(one.sum(), z)[0] for one in (by_hand, theirs)]
        values.append(float((by_hand - theirs).detach().abs().max()))
        gradients.append(float((slopes[0] - slopes[1]).abs().max()))
    return Agreement(list(BY_HAND), values, gradients)
