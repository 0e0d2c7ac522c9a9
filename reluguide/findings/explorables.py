"""The pictures that stand in for the explorables, their data, and the numbers that pages quote of them."""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from reluguide.evidence.declare import Numbers, Picture, data, fact, figure
from reluguide.findings import _draw

BESIDE = 1e-13  # between 0 and the grid's next point: where the slope jumps


@fact()
def wave_gap(folds: Any) -> dict[str, float]:
    """Largest gap between a wave and the sum of this many ReLU units that meets it at even spacing."""
    return {f"units_{n}": gap for n, gap in folds.gap["wave"].items()}


@figure
def door(curves: Any) -> Picture:
    """What a unit lets through and what it passes back, for four slopes below zero"""
    fig, (through, back) = _draw.panels(2, height=3.4)
    z = np.array(curves.grid)
    inside = np.abs(z) <= 3
    shown = {1.0: "1: open", 0.1: "0.1: leaky", 0.0: "0: shut, ReLU", -1.0: "−1: mirror"}
    doors = {door["slope"]: door for door in curves.door if door["floor"] == 0}
    for series, (slope, label) in enumerate(shown.items()):
        values, slopes = (np.array(doors[slope][what])[inside] for what in ("values", "slopes"))
        _draw.pieces(through, z[inside], values, series=series, label=label)
        _draw.pieces(back, z[inside], slopes, breaks=[BESIDE], series=series, label=label)
    through.set(title="what comes out", xlabel="number going in", ylim=(-3.1, 3.1), aspect="equal")
    back.set(title="what is passed back", xlabel="number going in", ylim=(-1.2, 1.2))
    through.legend(title="slope below zero", fontsize=9.5, title_fontsize=9.5, loc="lower right")
    rows = [(label, *(_at(curves.grid, doors[slope]["values"], at) for at in (-2.0, -1.0, 0.0, 2.0)))
            for slope, label in shown.items()]  # fmt: skip
    return Picture(fig, Numbers(("slope below zero", "−2 in", "−1 in", "0 in", "2 in"), rows))


@figure
def too_big_a_step(runs: Any) -> Picture:
    """Units that are dead after training, by learning rate, for four starts"""
    fig, axes = _draw.panels(height=3.2)
    rows = []
    for series in range(len(runs.starts)):
        off = [_end(runs, series, i) for i in range(len(runs.rates))]
        known = [(i, count) for i, count in enumerate(off) if count is not None]
        axes.plot(*zip(*known), marker=_draw.MARKERS[series], linestyle=_draw.DASHES[series],
                  color=f"C{series}", label=f"seed {series}")  # fmt: skip
        blown = [i for i, count in enumerate(off) if count is None]
        axes.plot(blown, [16.9] * len(blown), marker="x", linestyle="none", color=f"C{series}")
    for i, rate in enumerate(runs.rates):
        ends = [_end(runs, start, i) for start in range(len(runs.starts))]
        rows.append((f"{rate:g}", *("blew up" if end is None else end for end in ends)))
    axes.set(xlabel="learning rate", ylabel="units dead on all 64 inputs", ylim=(-0.5, 17.5),
             xticks=range(len(runs.rates)), xticklabels=[f"{rate:g}" for rate in runs.rates],
             yticks=(0, 4, 8, 12, 16))  # fmt: skip
    axes.legend(title="start (× blew up)", fontsize=9.5, title_fontsize=9.5, loc="upper left")
    columns = ("learning rate", *(f"seed {start}" for start in range(len(runs.starts))))
    return Picture(fig, Numbers(columns, rows))


@figure
def looks(looks: Any) -> Picture:
    """What one, two, three and four units tell of the points around the origin"""
    fig, panels = _draw.panels(4, height=2.5)
    points = np.array(looks.points)
    words = ("nothing", "one number", "both numbers")
    arrow = {"arrowstyle": "->", "color": plt.rcParams["text.color"]}
    rows = []
    for axes, n in zip(panels, (1, 2, 3, 4)):
        tells = np.array(looks.tells[str(n)])
        for k, (marker, colour) in enumerate((("x", "C1"), ("s", "C3"), ("o", "C0"))):
            chosen = points[tells == k]
            axes.plot(chosen[:, 0], chosen[:, 1], marker=marker, color=colour, linestyle="none", label=words[k],
                      markersize=4)  # fmt: skip
        for k in range(n):
            turn = 2 * math.pi * k / n
            axes.annotate("", (math.cos(turn), math.sin(turn)), (0, 0), arrowprops=arrow)
        axes.axis("off")
        axes.set(title=f"{n} unit{'s' * (n > 1)}", aspect="equal", xticks=(), yticks=(), xlim=(-1.6, 1.6),
                 ylim=(-1.6, 1.6))  # fmt: skip
        rows.append((n, *(f"{(tells == k).mean():.0%}".replace("%", " %") for k in range(3))))
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title="known of the point", fontsize=9.5,
               title_fontsize=9.5)  # fmt: skip
    return Picture(fig, Numbers(("units", *(f"points of which {word} is known" for word in words)), rows))


@figure
def folds(folds: Any) -> Picture:
    """A wave met by 2, 4, 8 and 16 ReLU units"""
    fig, panels = _draw.panels(4, height=2.3, sharey=True)
    for axes, n in zip(panels, (2, 4, 8, 16)):
        axes.plot(folds.points, folds.target["wave"], color="C1", linestyle="--", label="the wave")
        axes.plot(folds.points, folds.sums["wave"][str(n)], color="C0", linestyle="-", label="sum of units")
        axes.set(title=f"{n} units", xticks=(-2, 0, 2), ylim=(-1.3, 1.3))
    panels[0].legend(fontsize=8.5, loc="lower right")
    rows = [(n, *(f"{folds.gap[target][n]:.3f}" for target in folds.gap)) for n in folds.gap["wave"]]
    return Picture(fig, Numbers(("units", *(f"largest gap, {target}" for target in folds.gap)), rows))


@figure
def side_by_side(curves: Any) -> Picture:
    """ReLU and GELU, and their slopes"""
    fig, (values, slopes) = _draw.panels(2, height=3.2)
    z = np.array(curves.grid)
    inside = np.abs(z) <= 4
    for series, (name, label) in enumerate((("relu", "ReLU"), ("gelu", "GELU"))):
        breaks = [BESIDE] if name == "relu" else []
        _draw.pieces(values, z[inside], np.array(curves.values[name])[inside], series=series, label=label)
        _draw.pieces(slopes, z[inside], np.array(curves.slopes[name])[inside], series=series, breaks=breaks)
    values.set(title="value", xlabel="preactivation z")
    slopes.set(title="slope", xlabel="preactivation z")
    values.legend()
    rows = []
    for at in (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0):
        rows.append((f"{at:g}".replace("-", "−"), *(_at(curves.grid, table[name], at)
                     for name in ("relu", "gelu") for table in (curves.values, curves.slopes))))  # fmt: skip
    return Picture(fig, Numbers(("z", "ReLU", "slope of ReLU", "GELU", "slope of GELU"), rows))


@figure
def through_one(crowd: Any, curves: Any) -> Picture:
    """Normal numbers before and after four activations"""
    fig, panels = _draw.panels(5, height=2.4, sharey=True)
    samples = np.array(crowd.samples) / 256
    bins = np.linspace(-4, 4, 41)
    shown = {"identity": "before", "relu": "ReLU", "elu": "ELU", "gelu": "GELU", "tanh": "tanh"}
    for axes, (name, label) in zip(panels, shown.items()):
        after = np.interp(samples, curves.grid, curves.values[name])
        axes.hist(after, bins=bins, color="C0", linewidth=0)
        axes.set(title=label, xlabel="value", xlim=(-4, 4), ylim=(0, 350))
    panels[0].set_ylabel("how many (cut at 350)")
    rows = [(label, *(f"{value:.3f}".replace("-", "−") for value in crowd.moments[name]))
            for name, label in shown.items()]  # fmt: skip
    return Picture(fig, Numbers(("crowd", "mean", "spread", "share of exact zeros"), rows))


@data
def training(runs: Any) -> dict[str, Any]:
    """What the training in the page starts from."""
    return {key: getattr(runs, key) for key in ("inputs", "targets", "starts", "rates", "steps")}


@data
def samples(crowd: Any) -> dict[str, Any]:
    """The crowd, and its spread and zeros layer by layer."""
    rounded = {
        key: {name: {start: [float(f"{v:.4g}") for v in values] for start, values in kinds.items()}
              for name, kinds in getattr(crowd, key).items()}
        for key in ("spread", "zeros")
    }  # fmt: skip
    return {"samples": crowd.samples, **rounded}


@data
def golden(curves: Any, folds: Any, runs: Any, looks: Any, crowd: Any) -> dict[str, Any]:
    """What PyTorch says of everything that the page computes; read by tests alone."""
    results = {"curves": curves, "folds": folds, "runs": runs, "looks": looks, "crowd": crowd}
    return {name: vars(result) for name, result in results.items()}


def _at(grid: Any, values: Any, at: float) -> str:
    return f"{values[list(grid).index(at)]:.3g}".replace("-", "−")


def _end(runs: Any, start: int, rate: int) -> int | None:
    """Units off at the end of a run; None where it blew up."""
    counts = runs.off[start][rate][0]
    return int(counts[-1]) if len(counts) == runs.steps // runs.every + 1 else None
