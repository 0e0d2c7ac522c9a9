"""What does a die show on average?"""

from reluguide.evidence.experiments import experiment, labelled
from tinyguide.chance import draws


@experiment(seeds=range(16))
def rolls(*, seeds, device, sides=6, count=400):
    """Dice rolled many times."""
    means = [float(draws(seed, count, sides).mean()) for seed in seeds]
    return labelled(means, "Mean of many rolls of a die.", seed=seeds)
