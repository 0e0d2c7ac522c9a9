"""How often does a coin show heads?"""

from reluguide.evidence.experiments import experiment, labelled
from tinyguide.chance import draws


@experiment(seeds=range(16))
def throws(*, seeds, device):
    """Coins thrown many times."""
    shares = [throw(seed) for seed in seeds]
    return labelled(shares, "Share of heads.", unit="share", seed=seeds, throws=range(1, 51))


# --8<-- [start:throw]
def throw(seed: int) -> list[float]:
    """Share of heads after each of 50 throws."""
    heads = (draws(seed, 50, 2) == 1).cumsum()
    return [float(count / (i + 1)) for i, count in enumerate(heads)]


# --8<-- [end:throw]
