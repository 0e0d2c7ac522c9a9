"""What both experiments import."""

import numpy as np


def draws(seed: int, count: int, sides: int) -> np.ndarray:
    """`count` throws of something with `sides` sides, from 1."""
    return np.random.default_rng(seed).integers(1, sides + 1, count)
