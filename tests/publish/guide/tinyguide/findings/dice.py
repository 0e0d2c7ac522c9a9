"""What does a die show on average?"""

from reluguide.evidence.declare import fact


@fact(digits=2)
def mean(rolls):
    """Mean of many rolls of a die."""
    return rolls.mean
