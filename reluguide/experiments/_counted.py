"""Models whose dead units are known, and the way of counting them that is passed around."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


# --8<-- [start:usual]
def usual_count(model: nn.Module, batch: Tensor) -> dict[str, tuple[int, int]]:
    """What is passed around, as {module: (dead, units)}. Wrong in five cases."""
    found: dict[str, tuple[int, int]] = {}

    def keep(name: str, out: Tensor) -> None:
        found[name] = (int((out == 0).all(dim=0).sum()), out.shape[1])

    hooks = [
        module.register_forward_hook(lambda *io, name=name: keep(name, io[-1]))
        for name, module in model.named_modules()
        if isinstance(module, nn.ReLU)
    ]
    with torch.no_grad():
        model(batch)
    for hook in hooks:
        hook.remove()
    return found


# --8<-- [end:usual]


class Functional(nn.Module):
    """A layer whose ReLU is a function, not a module."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(16, 64)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.one(x))


class Reused(nn.Module):
    """Two layers that share one ReLU module."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.act = nn.Linear(16, 64), nn.Linear(64, 32), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.act(self.one(x))
        out: Tensor = self.act(self.two(hidden))
        return out


@dataclass
class Planted:
    """A model, a batch, how many of its units are dead there, and how many it has."""

    name: str
    model: nn.Module
    batch: Tensor
    dead: int
    units: int


def planted(draw: torch.Generator) -> Iterator[Planted]:
    """Five models; the first `dead` units of the first layer are off on any input, by their bias."""

    def case(name: str, model: nn.Module, layer: Any, dead: int, units: int, *shape: int) -> Planted:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=draw))
            if isinstance(model, Reused):
                model.two.bias.fill_(1.0)  # on, though all inputs of the second layer are 0
            layer.bias[:dead] = -1e3
        return Planted(name, model, torch.randn(shape, generator=draw), dead, units)

    linear, tokens = (nn.Sequential(nn.Linear(16, 64), nn.ReLU()) for _ in range(2))
    images = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    functional, reused = Functional(), Reused()
    yield case("fully connected", linear, linear[0], 8, 64, 200, 16)
    yield case("convolution, one image", images, images[0], 0, 8, 1, 3, 14, 14)
    yield case("sequences", tokens, tokens[0], 64, 64, 32, 10, 16)
    yield case("F.relu", functional, functional.one, 8, 64, 200, 16)
    yield case("one nn.ReLU, used twice", reused, reused.one, 64, 96, 200, 16)
