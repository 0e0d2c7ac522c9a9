"""Two classes in the plane: made from a seed in a moment, and seen in one picture."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reluguide.data.samples import Data, Seed, check, randomness


def rings(samples: int = 256, *, test_samples: int = 0, noise: float = 0.1, seed: Seed = 0) -> Data:
    """A disc inside a ring: class 0 at radius 0 to 1, class 1 at radius 1.5 to 2.5, in the plane.

    No straight line separates the two. `noise` is the standard deviation added to both coordinates.
    """

    def points(labels: Tensor, random: torch.Generator) -> Tensor:
        share = _uniform(len(labels), random)
        # The square root spreads the disc's points evenly over its area.
        radius = torch.where(labels == 0, share.sqrt(), 1.5 + share)
        return _polar(radius, 2 * math.pi * _uniform(len(labels), random))

    return _two_classes("rings", points, samples, test_samples, noise, seed)


def spirals(
    samples: int = 256, *, test_samples: int = 0, noise: float = 0.05, turns: float = 1.5, seed: Seed = 0
) -> Data:
    """Two interleaved spiral arms in the plane, each winding `turns` times around the origin."""

    def points(labels: Tensor, random: torch.Generator) -> Tensor:
        along = _uniform(len(labels), random).sqrt()
        angle = 2 * math.pi * turns * along + math.pi * labels
        return _polar(2 * along, angle)

    if not turns > 0:
        raise ValueError(f"turns is {turns}; a spiral winds more than 0 times.")
    return _two_classes("spirals", points, samples, test_samples, noise, seed)


def moons(samples: int = 256, *, test_samples: int = 0, noise: float = 0.1, seed: Seed = 0) -> Data:
    """Two half circles of radius 1 in the plane, each reaching into the other."""

    def points(labels: Tensor, random: torch.Generator) -> Tensor:
        angle = math.pi * _uniform(len(labels), random)
        upper = _polar(torch.ones_like(angle), angle)
        lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
        return torch.where((labels == 0)[:, None], upper, lower) - torch.tensor([0.5, 0.25])

    return _two_classes("moons", points, samples, test_samples, noise, seed)


def _two_classes(
    name: str,
    points: Callable[[Tensor, torch.Generator], Tensor],
    samples: int,
    test_samples: int,
    noise: float,
    seed: Seed,
) -> Data:
    check(samples, test_samples, noise)
    random = randomness(seed)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        labels = (torch.arange(count) % 2)[torch.randperm(count, generator=random)]
        x = points(labels, random)
        return x + noise * torch.randn(x.shape, generator=random), labels

    x, y = draw(samples)
    test_x, test_y = draw(test_samples) if test_samples else (None, None)
    return Data(name, x, y, 2, test_x, test_y)


def _uniform(count: int, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random)


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
