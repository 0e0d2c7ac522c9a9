"""How often does a coin show heads?"""

import matplotlib.pyplot as plt

from reluguide.evidence.checks import above, below
from reluguide.evidence.findings import Picture, check, fact, figure, table

heads = fact("throws", "Share of heads by the number of throws.", digits=0, sel={"throws": [10, 50]})


@figure
def settling(throws) -> Picture:
    """Share of heads, throw by throw"""
    fig, axes = plt.subplots()
    axes.plot(throws.throws, throws[0])
    return Picture(fig, table({"throws": "throws", "share": throws.sel(throws=[50])}))


@check("T1")
def fair(throws):
    share = throws.sel(throws=50).mean()
    return [above("share of heads", share, 0.4), below("share of heads, from above", share, 0.6)]
