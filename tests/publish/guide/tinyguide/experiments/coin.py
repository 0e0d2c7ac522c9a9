"""How often does a coin show heads?"""

from dataclasses import dataclass

from reluguide.evidence.declare import experiment
from tinyguide.chance import draws


@dataclass
class Throws:
    """Share of heads after each throw, (seeds, throws)."""

    share: list[list[float]]


@experiment(seeds=range(16))
def throws(*, seeds, device) -> Throws:
    """Coins thrown many times."""
    return Throws([throw(seed) for seed in seeds])


# --8<-- [start:throw]
def throw(seed: int) -> list[float]:
    """Share of heads after each of 50 throws."""
    heads = (draws(seed, 50, 2) == 1).cumsum()
    return [float(count / (i + 1)) for i, count in enumerate(heads)]


# --8<-- [end:throw]
