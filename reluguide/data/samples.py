"""What a data set is: samples in rows and what is to be learned from them, and what all kinds share."""

import math
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
