"""What does a die show on average?"""

from dataclasses import dataclass

from reluguide.evidence.declare import experiment
from tinyguide.chance import draws


@dataclass
class Rolls:
    """Mean of many rolls, one entry a seed."""

    mean: list[float]


@experiment(seeds=range(16))
def rolls(*, seeds, device) -> Rolls:
    """Dice rolled many times."""
    return Rolls([float(draws(seed, 400, 6).mean()) for seed in seeds])
