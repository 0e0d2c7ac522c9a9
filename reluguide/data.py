"""The small data sets of the guide: made from a seed in a moment, or bundled with scikit-learn.

Every function returns a `Data`: float32 tensors on the CPU, samples in rows. The same seed gives the
same data on every machine with the same torch. Classes come in equal shares and in random order.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reluguide.device import generator

Seed = int | torch.Generator


class MissingExtraError(ImportError):
    """Something outside the core is needed and not installed; the message says what to install."""


@dataclass(frozen=True)
class Data:
    """Samples in rows, and what is to be learned from them.

    `x` is (N, features) float32. `y` is (N,) int64 for `classes` classes, or (N, outputs) float32 and
    `classes` 0 where a value is to be fitted. `test_x` and `test_y` are further samples of the same kind,
    or None.
    """

    name: str
    x: Tensor
    y: Tensor
    classes: int
    test_x: Tensor | None = None
    test_y: Tensor | None = None

    @property
    def features(self) -> int:
        """How many numbers describe one sample."""
        return self.x.shape[1]

    def __repr__(self) -> str:
        test = "" if self.test_x is None else f", {len(self.test_x)} to test"
        task = f"{self.classes} classes" if self.classes else "regression"
        return f"Data({self.name!r}: {len(self.x)} samples{test}, {self.features} features, {task})"


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


def sparse_signal(
    samples: int = 256,
    *,
    test_samples: int = 0,
    features: int = 16,
    density: float = 0.1,
    noise: float = 0.3,
    seed: Seed = 0,
) -> Data:
    """Signals that are mostly zero, seen through noise: `x` is `y` plus noise, `y` is to be recovered.

    Each of the `features` is 0 except in a share `density` of the samples, where it is uniform between
    0.5 and 1.5. `noise` is the standard deviation of what is added.
    """
    if features < 1:
        raise ValueError(f"features is {features}; it must be at least 1.")
    if not 0 <= density <= 1:
        raise ValueError(f"density is {density}; it is a share, between 0 and 1.")
    _check(samples, test_samples, noise)
    random = _random(seed)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        on = torch.rand(count, features, generator=random) < density
        clean = on * (0.5 + torch.rand(count, features, generator=random))
        return clean + noise * torch.randn(count, features, generator=random), clean

    x, y = draw(samples)
    test_x, test_y = draw(test_samples) if test_samples else (None, None)
    return Data("sparse_signal", x, y, 0, test_x, test_y)


def digits(*, train: int = 1200, standardise: bool = True, seed: Seed = 0) -> Data:
    """The 1797 bundled 8x8 images of handwritten digits: `train` to learn from, the rest to test.

    `seed` decides which are which. Pixels are centred and scaled by the mean and standard deviation that
    each has over the training images; a pixel that never varies becomes 0. With `standardise=False` they
    stay ink, from 0 to 1. Nothing is downloaded.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository (1998).
    Raises MissingExtraError where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError(
            "The digits come with scikit-learn, which is not installed here. "
            "Install the extra that has it: pip install 'reluguide[site]'"
        ) from error
    images, labels = load_digits(return_X_y=True)
    if not 1 <= train < len(images):
        raise ValueError(
            f"train is {train}; there are {len(images)} images, so it can be 1 to {len(images) - 1}."
        )
    order = torch.randperm(len(images), generator=_random(seed))
    x = torch.from_numpy(images).float()[order]
    y = torch.from_numpy(labels).long()[order]
    if standardise:
        mean, spread = x[:train].mean(0), x[:train].std(0, correction=0)
        x = (x - mean) / torch.where(spread > 0, spread, torch.ones_like(spread)) * (spread > 0)
    else:
        x = x / 16
    return Data("digits", x[:train], y[:train], 10, x[train:], y[train:])


def _two_classes(
    name: str,
    points: Callable[[Tensor, torch.Generator], Tensor],
    samples: int,
    test_samples: int,
    noise: float,
    seed: Seed,
) -> Data:
    _check(samples, test_samples, noise)
    random = _random(seed)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        labels = (torch.arange(count) % 2)[torch.randperm(count, generator=random)]
        x = points(labels, random)
        return x + noise * torch.randn(x.shape, generator=random), labels

    x, y = draw(samples)
    test_x, test_y = draw(test_samples) if test_samples else (None, None)
    return Data(name, x, y, 2, test_x, test_y)


def _check(samples: int, test_samples: int, noise: float) -> None:
    if samples < 2:
        raise ValueError(f"samples is {samples}; it must be at least 2.")
    if test_samples < 0:
        raise ValueError(f"test_samples is {test_samples}; it must be 0 (none) or more.")
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"noise is {noise}; a standard deviation is finite and not negative.")


def _random(seed: Seed) -> torch.Generator:
    return seed if isinstance(seed, torch.Generator) else generator(seed)


def _uniform(count: int, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random)


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
