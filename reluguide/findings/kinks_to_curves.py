"""How can something with a cut-off half approximate any function? What folds added up to."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Claim, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import RELU_THREAD


@fact()
def gap(built: Any) -> dict[str, float]:
    """Largest gap between one period of a sine and the ReLU sum built fold by fold, by number of units."""
    return {f"at_{units}": float(built.wave[i]) for i, units in enumerate(built.units)}


@fact(digits=2)
def shrinks(built: Any) -> float:
    """Largest share of the gap that is left when the number of units is doubled, from 8 units on."""
    return float(_ratios(built).max())


@fact()
def jump_gap(built: Any) -> dict[str, float]:
    """Largest gap between a step from 0 to 1 and the ReLU sum built fold by fold, by number of units."""
    return {f"at_{units}": float(built.jump[i]) for i, units in enumerate(built.units)}


@fact()
def jump_least(built: Any) -> float:
    """Smallest of the largest gaps to a step, over all numbers of units."""
    return float(np.min(built.jump))


@fact()
def outside_gap(built: Any) -> dict[str, float]:
    """Largest gap to the wave in the period to the right of where the ReLU sum was built, by its units."""
    return {f"at_{units}": float(built.outside[i]) for i, units in enumerate(built.units)}


@fact()
def learned_gap(learned: Any) -> dict[str, Any]:
    """Largest gap between the wave and a trained network with one hidden layer, by its units."""
    return {f"at_{units}": learned.gap[i] for i, units in enumerate(learned.units)}


@fact(digits=0)
def learned_over_built(built: Any, learned: Any) -> Any:
    """How much larger the learned gap is than the built one, with 64 units."""
    at, by_hand = list(learned.units).index(64), built.wave[list(built.units).index(64)]
    return learned.gap[at] / by_hand


@fact(digits=2)
def break_gap(sharp_break: Any) -> dict[str, float]:
    """Largest gap to the absolute value, of the best straight line and of two ReLU units."""
    return {"line": float(sharp_break.line), "two_units": float(sharp_break.two_units)}


@fact(digits=0)
def tent_pieces(tents: Any) -> dict[str, int]:
    """Straight pieces of a tent function put into itself, by depth, with two units a layer."""
    return {f"depth_{depth}": int(tents.pieces[i]) for i, depth in enumerate(tents.depth)}


@fact(digits=0)
def typical_pieces(typical: Any) -> dict[str, Any]:
    """Straight pieces on a line through random networks with 128 units, by depth."""
    return {f"depth_{depth}": typical.pieces[i] for i, depth in enumerate(typical.depth)}


@figure
def adding_up(panels: Any) -> Picture:
    """A wave built from 2, 4, 8 and 16 ReLU units"""
    fig, axes = _draw.panels(2, rows=2, height=4.6, sharex=True, sharey=True)
    x, wave = np.asarray(panels.x), np.asarray(panels.wave)
    rows = []
    for i, (panel, units) in enumerate(zip(axes.flat, panels.units)):
        for part in np.asarray(panels.parts[i]):
            # Three points draw a unit exactly: where it begins, its fold, and its end.
            fold = max(np.flatnonzero(part)[0] - 1, 0)
            corners = [0, fold, len(x) - 1]
            panel.plot(x[corners], part[corners], color="C3", linestyle="-", linewidth=0.8, alpha=0.6)
        panel.plot(x, wave, color="C0", linestyle="--", linewidth=1.5, label="the wave")
        panel.plot(x, panels.sums[i], color="C1", linestyle="-", linewidth=1.5, label="sum of the units")
        panel.set(title=f"{units} units", ylim=(-2.9, 2.3), xticks=[-3, 0, 3])
        rows.append((str(units), float(np.abs(np.asarray(panels.sums[i]) - wave).max())))
    axes[0, 0].plot([], [], color="C3", linestyle="-", linewidth=0.8, label="what one unit adds")
    axes[0, 0].legend(loc="lower left", fontsize="small")
    return Picture(fig, Numbers(("units", "largest gap at the points drawn"), rows))


@figure
def gap_by_units(built: Any, learned: Any) -> Picture:
    """The largest gap to a wave by number of units, built by hand and learned"""
    fig, axes = _draw.panels(height=3.4)
    look = {"linestyle": _draw.DASHES[0], "marker": _draw.MARKERS[0], "color": "C0"}
    axes.plot(built.units, built.wave, label="built fold by fold", **look)
    _draw.band(axes, learned.units, learned.gap.T, label="learned by gradient descent", series=1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(built.units, [str(units) for units in built.units])
    axes.set(xlabel="hidden units", ylabel="largest gap")
    axes.legend(loc="lower left")
    by_training = {int(units): _draw.mean_text(learned.gap[i]) for i, units in enumerate(learned.units)}
    rows = [
        (str(units), float(built.wave[i]), by_training.get(int(units), "not tried"))
        for i, units in enumerate(built.units)
    ]
    return Picture(fig, Numbers(("units", "built fold by fold", "learned (95 % interval)"), rows))


@figure
def possible_and_typical(tents: Any, typical: Any) -> Picture:
    """Straight pieces by depth: chosen by hand with two units a layer, and random with 128 units in all"""
    fig, axes = _draw.panels(height=3.2)
    look = {"linestyle": _draw.DASHES[0], "marker": _draw.MARKERS[0], "color": "C0"}
    axes.plot(tents.depth, tents.pieces, label="by hand, 2 units a layer", **look)
    _draw.band(axes, typical.depth, typical.pieces.T, label="random weights, 128 units in all", series=1)
    axes.set_yscale("log", base=2)
    axes.set_yticks([2, 8, 32, 128], ["2", "8", "32", "128"])
    axes.set(xlabel="hidden layers", ylabel="straight pieces", xticks=tents.depth)
    axes.legend(loc="lower right")
    random = {
        int(depth): _draw.mean_text(typical.pieces[i], "{:.0f}") for i, depth in enumerate(typical.depth)
    }
    rows = [
        (str(depth), int(tents.pieces[i]), random.get(int(depth), "not tried"))
        for i, depth in enumerate(tents.depth)
    ]
    return Picture(fig, Numbers(("hidden layers", "by hand", "random (95 % interval)"), rows))


@claim(
    "C9",
    said="Many ReLUs together can approximate any complex function.",
    where=RELU_THREAD,
    verdict="right if",
    because="If the function is continuous, the range limited and the units are enough [@leshno1993]. A wave is met to "
    "{gap.at_16} with 16 units and to {gap.at_64} with 64. A jump is not: its largest gap never fell below "
    "{jump_least}; nor is the wave outside the range, where the gap is {outside_gap.at_128}.",
)
def doubling_quarters_the_gap(built: Any) -> Check:
    ratios = _ratios(built)
    return Check(
        bool(
            ((ratios > 0.2) & (ratios < 0.3)).all()
            and np.min(built.jump) > 0.4
            and built.outside[-1] > 1
            and np.all(built.wave <= np.asarray(built.bound) * (1 + 1e-9))
        ),
        {
            "largest share of the gap left after doubling": float(ratios.max()),
            "smallest gap to a jump": float(np.min(built.jump)),
            "gap outside, most units": float(built.outside[-1]),
        },
    )


@claim(
    "C10",
    said="A linear function cannot represent sharp breaks.",
    where=RELU_THREAD,
    verdict="right",
    because="The best straight line misses the absolute value by {break_gap.line} on −1 to 1. Two ReLU units are the "
    "absolute value: the gap is {break_gap.two_units}.",
)
def two_units_make_a_break(sharp_break: Any) -> Check:
    return Check(
        bool(sharp_break.line > 0.4 and sharp_break.two_units == 0),
        {"gap of the best line": sharp_break.line, "gap of two units": sharp_break.two_units},
    )


C11 = Claim(
    "C11",
    said="The non-linearity lets a network make complex hyperplanes.",
    where=RELU_THREAD,
    verdict="wrong",
    because="As a matter of words: a hyperplane is flat, and there is no complex one. The pieces of a ReLU network are "
    "flat; the surface that they form is folded. ReLU networks are exactly the continuous functions made of finitely "
    "many flat pieces [@arora2018].",
)


def _ratios(built: Any) -> Any:
    """What is left of the gap when the units are doubled, from 8 units on."""
    gaps = np.asarray(built.wave)[list(built.units).index(8) :]
    return gaps[1:] / gaps[:-1]
