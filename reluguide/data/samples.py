"""What a data set is: samples in rows and what is to be learned from them, and what all kinds share."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reluguide.device import generator

Seed = int | torch.Generator


class MissingExtraError(ImportError):
    """Something outside the core is needed and not installed; the message says what to install."""


class MissingFilesError(RuntimeError):
    """The files of a data set are not where they should be; the message says where and how to get them."""


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


def check(samples: int, test_samples: int, noise: float) -> None:
    """What every generated set is asked for: how many samples, how many more to test on, how much noise."""
    if samples < 2:
        raise ValueError(f"samples is {samples}; it must be at least 2.")
    if test_samples < 0:
        raise ValueError(f"test_samples is {test_samples}; it must be 0 (none) or more.")
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"noise is {noise}; a standard deviation is finite and not negative.")


def randomness(seed: Seed) -> torch.Generator:
    """The generator that a seed names, or the one given."""
    return seed if isinstance(seed, torch.Generator) else generator(seed)


def scaled(pixels: Tensor, test_pixels: Tensor | None, standardise: bool) -> tuple[Tensor, Tensor | None]:
    """Bytes as float32: from 0 to 1, or less the mean and by the standard deviation of all of `pixels`.

    Sums of whole numbers are exact, so that the result is the same however they are added up.
    """
    level = torch.arange(256, dtype=torch.float64)
    if standardise:
        counts = torch.bincount(pixels.flatten(), minlength=256).tolist()
        total = sum(counts)
        first = sum(value * count for value, count in enumerate(counts))
        second = sum(value * value * count for value, count in enumerate(counts))
        spread = math.sqrt((total * second - first * first) / total**2)
        level = (level - first / total) / (spread or 1)
    else:
        level = level / 255
    table = level.float()
    x = table[pixels.int()]
    return x, None if test_pixels is None else table[test_pixels.int()]
