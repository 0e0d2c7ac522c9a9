"""Nets with units that are dead by construction, and an oracle that knows it without the doctor.

Every activation of these nets goes through `spy`, which in an oracle run keeps the preactivations; truth
is then what autograd says of them: a unit is dead if its slope is zero everywhere.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Callable[[Tensor], Tensor]
_slopes: list[tuple[int, Tensor]] | None = None


def spy(z: Tensor, fn: Activation, axis: int) -> Tensor:
    """`fn(z)`; in an oracle run, also keep the slopes at z and the axis of its units."""
    if _slopes is not None:
        leaf = z.detach().clone().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(fn(leaf.clone()).sum(), leaf)
        _slopes.append((axis, slope))
    return fn(z)


def truth(run: Callable[[Tensor], Any], batches: list[Tensor]) -> list[Tensor]:
    """For each activation call, in order, bool (units,): dead on all of these batches."""
    alive: list[Tensor] = []
    for batch in batches:
        with _listening() as slopes, torch.no_grad():
            run(batch)
        live = [
            (slope.movedim(axis, 0).flatten(1) != 0).any(dim=1) if slope.ndim > 1 else slope != 0
            for axis, slope in slopes
        ]
        alive = [old | new for old, new in zip(alive, live, strict=True)] if alive else live
    return [~one for one in alive]


@contextmanager
def _listening():
    global _slopes
    _slopes = []
    try:
        yield _slopes
    finally:
        _slopes = None


def plant(layer: Any, units: list[int], value: float = -1e3) -> None:
    """Make units of a layer (or of a norm) dead by their bias."""
    with torch.no_grad():
        layer.bias[units] = value


class Mlp(nn.Module):
    """Two hidden layers; `act` is any activation."""

    def __init__(self, act: Activation = F.relu, *, plant_at: float = -1e3) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Linear(6, 12), nn.Linear(12, 9), nn.Linear(9, 3)
        self.act = act
        plant(self.one, [2, 7], plant_at)
        plant(self.two, [0], plant_at)

    planted = ([2, 7], [0])

    def forward(self, x: Tensor) -> Tensor:
        x = spy(self.one(x), self.act, -1)
        return self.three(spy(self.two(x), self.act, -1))


class Tokens(nn.Module):
    """(batch, time, features): features are units, at every time."""

    planted = ([1, 4],)

    def __init__(self) -> None:
        super().__init__()
        self.up, self.norm, self.down = nn.Linear(6, 7), nn.LayerNorm(7), nn.Linear(7, 2)
        plant(self.norm, [1, 4])

    def forward(self, x: Tensor) -> Tensor:
        return self.down(spy(self.norm(self.up(x)), F.relu, -1))


class Series(nn.Module):
    """Conv1d on (batch, channels, time), whose time is as long as its channels are many."""

    planted = ([3], [0, 5])

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 8, 3, padding=1), nn.Conv1d(8, 8, 3, padding=1)
        plant(self.one, [3])
        plant(self.two, [0, 5])

    def forward(self, x: Tensor) -> Tensor:
        x = spy(self.one(x), torch.relu, 1)
        return spy(self.two(x), lambda z: z.clamp(min=0), 1).mean(2)


class Turned(nn.Module):
    """A convolution whose norm wants features last, so that axes are swapped and swapped back."""

    planted = ([2],)

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(4, 8, 3, padding=1), nn.LayerNorm(8)
        plant(self.norm, [2])

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x).transpose(1, 2)).transpose(1, 2)
        return spy(x, F.gelu, 1)


class Late(nn.Module):
    """The activation comes after pooling in one layer, and after flattening in the next."""

    planted = ([1], [0, 3])

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 3), nn.Linear(16, 2)
        plant(self.one, [1])
        plant(self.two, [0, 3])

    def forward(self, x: Tensor) -> Tensor:
        x = spy(F.max_pool2d(self.one(x), 2), F.relu, 1)
        x = F.max_pool2d(self.two(x), 2)
        if _slopes is not None:
            spy(x, F.relu, 1)  # the oracle counts channels; the net itself activates flat features
            return self.out(F.relu(x.flatten(1)))
        return self.out(F.relu(x.flatten(1)))


class Block(nn.Module):
    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.skip = nn.Conv2d(width, out, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = spy(self.bn1(self.conv1(x)), F.relu_, 1)
        y = self.bn2(self.conv2(y))
        y += self.skip(x)
        return spy(y, F.relu, 1)


class Residual(nn.Module):
    """A small ResNet: functional and in-place calls, residual sums, a module called once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.a, self.b, self.head = Block(6, 6, 1), Block(6, 10, 2), nn.Linear(10, 4)
        plant(self.bn, [1])
        plant(self.a.bn1, [0, 4])
        plant(self.b.bn2, [9])

    planted = ([1], [0, 4], [], [], [9])

    def forward(self, x: Tensor) -> Tensor:
        x = spy(self.bn(self.stem(x)), F.relu, 1)
        return self.head(self.b(self.a(x)).mean((2, 3)))


class Reused(nn.Module):
    """One nn.ReLU, called on 6 and then on 8 units."""

    planted = ([0, 1, 2, 3, 4, 5], [7])

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.act = nn.Linear(5, 6), nn.Linear(6, 8), nn.ReLU()
        plant(self.one, [0, 1, 2, 3, 4, 5])
        with torch.no_grad():
            self.two.bias.fill_(0.5)
        plant(self.two, [7])

    def forward(self, x: Tensor) -> Tensor:
        return spy(self.two(spy(self.one(x), self.act, -1)), self.act, -1)


class NormFirst(nn.Module):
    """BatchNorm before a linear layer, and after the next."""

    planted = ([3], [2])

    def __init__(self) -> None:
        super().__init__()
        self.bn0, self.one = nn.BatchNorm1d(5), nn.Linear(5, 6)
        self.two, self.bn1, self.act = nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True)
        plant(self.one, [3])
        plant(self.bn1, [2])

    def forward(self, x: Tensor) -> Tensor:
        x = spy(self.one(self.bn0(x)), self.act, -1)
        return spy(self.bn1(self.two(x)), self.act, -1)


def vgg() -> nn.Sequential:
    """A plain convolution net of modules, in-place; planted in `features` 0 and 3."""
    net = nn.Sequential()
    net.features = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
    )  # fmt: skip
    net.flat = nn.Flatten()
    net.classifier = nn.Sequential(nn.Linear(8 * 4, 10), nn.ReLU(True), nn.Dropout(), nn.Linear(10, 3))
    plant(net.features[0], [2])
    plant(net.features[4], [0, 7])
    plant(net.classifier[0], [5])
    return net


VGG_PLANTED = {"features.1.relu": [2], "features.5.relu": [0, 7], "classifier.1.relu": [5]}

# name: (net, shape of a batch)
ZOO: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "mlp": (Mlp, (32, 6)),
    "mlp relu6": (lambda: Mlp(F.relu6), (32, 6)),
    "mlp gelu": (lambda: Mlp(F.gelu), (32, 6)),
    "mlp tanh-gelu": (lambda: Mlp(lambda z: F.gelu(z, approximate="tanh")), (32, 6)),
    "mlp silu": (lambda: Mlp(F.silu), (32, 6)),
    "mlp hardswish": (lambda: Mlp(F.hardswish), (32, 6)),
    "mlp in-place": (lambda: Mlp(torch.relu_), (32, 6)),
    "tokens": (Tokens, (8, 9, 6)),
    "series": (Series, (8, 4, 8)),
    "turned": (Turned, (8, 4, 8)),
    "late": (Late, (8, 3, 14, 14)),
    "residual": (Residual, (6, 3, 10, 10)),
    "reused": (Reused, (16, 5)),
    "norm first": (NormFirst, (16, 5)),
}
