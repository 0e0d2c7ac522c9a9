"""The words in which `findings/<page>.py` says what the results of `experiments/<page>.py` mean.

    fact      a number of a result, or a family of them, with unit, rounding and interval
    figure    a result as a Matplotlib figure, with its numbers as a table
    check     what must hold for the verdict on a claim of the page to stand
    data      numbers that a page's script reads

A function of findings names the experiments that it needs as its parameters, and gets their results as the
labelled arrays that they returned. Nothing registers itself: what a module declares is what stands in it.
"""

from reluguide.evidence.checks import Condition, check
from reluguide.evidence.facts import Estimate, estimate, estimates, fact
from reluguide.evidence.figures import Numbers, Picture, data, figure, table

__all__ = [
    "Condition", "Estimate", "Numbers", "Picture", "check", "data", "estimate", "estimates", "fact", "figure",
    "table",
]  # fmt: skip
