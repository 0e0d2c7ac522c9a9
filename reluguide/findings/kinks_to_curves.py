"""How can something with a cut-off half approximate any function? What folds added up to."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, at_most, below, equal
from reluguide.evidence.findings import Condition, Picture, check, estimates, fact, figure, table
from reluguide.findings import _draw

_BY_HAND = {"linestyle": _draw.DASHES[0], "marker": _draw.MARKERS[0], "color": "C0"}

gap = fact("built")
learned_gap = fact("learned.gap")
break_gap = fact("sharp_break", digits=2)
tent_pieces = fact("tents", digits=0)
typical_pieces = fact("typical", digits=0)


@fact(digits=2)
def shrinks(built: xr.DataArray) -> float:
    """Largest share of the gap that is left when the number of units is doubled, from 8 units on."""
    return float(_ratios(built).max())


@fact()
def jump_least(built: xr.DataArray) -> float:
    """Smallest of the largest gaps to a jump, over all numbers of units."""
    return float(built.sel(target="jump").min())


@fact(digits=0)
def learned_over_built(built: xr.DataArray, learned: xr.Dataset) -> xr.DataArray:
    """How much larger the learned gap is than the built one, with 64 units."""
    return learned["gap"].sel(units=64) / built.sel(target="wave", units=64)


def _ratios(built: xr.DataArray) -> xr.DataArray:
    """What is left of the gap when the units are doubled, from 8 units on."""
    gaps = built.sel(target="wave", units=slice(8, None))
    ratios: xr.DataArray = gaps[1:] / gaps[:-1].values
    return ratios


@figure
def adding_up(panels: xr.Dataset) -> Picture:
    """A wave built from 2, 4, 8 and 16 ReLU units"""
    fig, axes = _draw.panels(2, rows=2, height=4.6, sharex=True, sharey=True)
    x = panels.x.values
    for panel, units in zip(axes.flat, panels.units.values):
        at = panels.sel(units=units)
        for fold, turn in zip(x, at.turn.values):
            if turn:  # three points draw a unit exactly: where it begins, its fold, and its end
                corners = [x[0], fold, x[-1]], [0, 0, turn * (x[-1] - fold)]
                panel.plot(*corners, color="C3", linestyle="-", linewidth=0.8, alpha=0.6)
        panel.plot(x, at.wave, color="C0", linestyle="--", linewidth=1.5, label="the wave")
        panel.plot(x, at.total, color="C1", linestyle="-", linewidth=1.5, label="sum of the units")
        panel.set(title=f"{units} units", ylim=(-2.9, 2.3), xticks=[-3, 0, 3])
    axes[0, 0].plot([], [], color="C3", linestyle="-", linewidth=0.8, label="what one unit adds")
    axes[0, 0].legend(loc="lower left", fontsize="small")
    off = abs(panels.total - panels.wave).max("x")
    return Picture(fig, table({"units": "units", "largest gap at the points drawn": off}))


@figure
def gap_by_units(built: xr.DataArray, learned: xr.Dataset) -> Picture:
    """The largest gap to a wave by number of units, built by hand and learned"""
    fig, axes = _draw.panels(height=3.4)
    by_hand = built.sel(target="wave")
    axes.plot(by_hand.units, by_hand, label="built fold by fold", **_BY_HAND)
    _draw.band(axes, learned.gap, "units", label="learned by gradient descent", series=1)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(built.units, [str(units) for units in built.units.values])
    axes.set(xlabel="hidden units", ylabel="largest gap")
    axes.legend(loc="lower left")
    by_training = _where_tried(learned.gap, "units", by_hand)
    return Picture(
        fig, table({"units": "units", "built fold by fold": by_hand, "learned (95 % interval)": by_training})
    )


@figure
def possible_and_typical(tents: xr.DataArray, typical: xr.DataArray) -> Picture:
    """Straight pieces by depth: chosen by hand with two units a layer, and random with 128 units in all"""
    fig, axes = _draw.panels(height=3.2)
    axes.plot(tents.depth, tents, label="by hand, 2 units a layer", **_BY_HAND)
    _draw.band(axes, typical, "depth", label="random weights, 128 units in all", series=1)
    axes.set_yscale("log", base=2)
    axes.set_yticks([2, 8, 32, 128], ["2", "8", "32", "128"])
    axes.set(xlabel="hidden layers", ylabel="straight pieces", xticks=tents.depth)
    axes.legend(loc="lower right")
    random = _where_tried(typical, "depth", tents)
    return Picture(
        fig, table({"hidden layers": "depth", "by hand": tents, "random (95 % interval)": random}, digits=0)
    )


def _where_tried(samples: xr.DataArray, dim: str, other: xr.DataArray) -> list[str]:
    """What was found at each of the other array's coordinates, for a table."""
    found = dict(zip(samples[dim].values, map(str, estimates(samples, dim))))
    return [found.get(at, "not tried") for at in other[dim].values]


@check("C9")
def doubling_quarters_the_gap(built: xr.DataArray) -> list[Condition]:
    wave = built.sel(target="wave")
    bound = (2 * np.pi / wave.units) ** 2 / 8  # h²/8 for straight pieces of width h
    return [
        above("share of the gap left when units double, from 8 on", _ratios(built), 0.2),
        below("share of the gap left when units double, from 8 on, at most a quarter or so", _ratios(built), 0.3),
        at_most("gap to the wave over what theory allows", wave / bound, 1 + 1e-9),
        above("gap to a jump, with any number of units", built.sel(target="jump"), 0.5),
        below("gap to a steep slope, with most units", built.sel(target="steep", units=128), 0.01),
        above("gap outside the range, with most units", built.sel(target="outside", units=128), 1),
    ]  # fmt: skip


@check("C10")
def two_units_make_a_break(sharp_break: xr.DataArray) -> list[Condition]:
    return [
        above("gap of the best line", sharp_break.sel(by="line"), 0.4),
        equal("gap of two units", sharp_break.sel(by="two_units"), 0),
    ]
