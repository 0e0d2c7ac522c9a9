"""How often does a coin show heads?"""

import matplotlib.pyplot as plt

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure


@fact(unit="%", digits=0)
def heads(throws):
    """Share of heads after all throws."""
    return throws.share[:, -1]


@figure
def settling(throws) -> Picture:
    """Share of heads, throw by throw"""
    fig, axes = plt.subplots()
    axes.plot(throws.share[0])
    return Picture(fig, Numbers(("throws", "share"), [(50, float(throws.share[0, -1]))]))


@claim(
    "T1",
    said="A coin is fair.",
    where="A tavern",
    verdict="right",
    because="It showed heads {heads} of the time.",
)
def fair(throws) -> Check:
    share = throws.share[:, -1].mean()
    return Check(0.4 < share < 0.6, {"share": share})
