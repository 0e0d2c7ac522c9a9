"""Signals to be recovered from noise."""

import torch
from torch import Tensor

from reluguide.data.samples import Data, Seed, check, randomness


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
    check(samples, test_samples, noise)
    random = randomness(seed)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        on = torch.rand(count, features, generator=random) < density
        clean = on * (0.5 + torch.rand(count, features, generator=random))
        return clean + noise * torch.randn(count, features, generator=random), clean

    x, y = draw(samples)
    test_x, test_y = draw(test_samples) if test_samples else (None, None)
    return Data("sparse_signal", x, y, 0, test_x, test_y)
