"""The pictures that stand in for the explorables, their data, and the numbers that pages quote of them."""

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from reluguide.evidence.findings import Picture, data, figure, table
from reluguide.findings import _draw

BESIDE = 1e-13  # between 0 and the grid's next point: where the slope jumps


@figure
def door(curves: xr.Dataset) -> Picture:
    """What a unit lets through and what it passes back, for four slopes below zero"""
    fig, (through, back) = _draw.panels(2, height=3.4)
    inside = curves.sel(floor=0, z=slice(-3, 3))
    shown = {1.0: "1: open", 0.1: "0.1: leaky", 0.0: "0: shut, ReLU", -1.0: "−1: mirror"}
    for series, (below, label) in enumerate(shown.items()):
        one = inside.sel(below=below)
        _draw.pieces(through, one.z, one.door, series=series, label=label)
        _draw.pieces(back, one.z, one.door_slope, breaks=[BESIDE], series=series, label=label)
    through.set(title="what comes out", xlabel="number going in", ylim=(-3.1, 3.1), aspect="equal")
    back.set(title="what is passed back", xlabel="number going in", ylim=(-1.2, 1.2))
    through.legend(title="slope below zero", fontsize=9.5, title_fontsize=9.5, loc="lower right")
    chosen = inside.door.sel(below=list(shown))
    columns: dict[str, Any] = {"slope below zero": list(shown.values())}
    columns |= {f"{at:g} in".replace("-", "−"): _texts(chosen.sel(z=at)) for at in (-2.0, -1.0, 0.0, 2.0)}
    return Picture(fig, _draw.rows(columns))


@figure
def too_big_a_step(runs: xr.Dataset) -> Picture:
    """Units that are dead after training, by learning rate, for four starts"""
    fig, axes = _draw.panels(height=3.2)
    ends = runs.off.sel(leak=0).isel(step=-1)
    at = np.arange(ends.sizes["rate"])
    for series, end in enumerate(ends):
        axes.plot(at, end, marker=_draw.MARKERS[series], linestyle=_draw.DASHES[series], color=f"C{series}",
                  label=f"seed {int(end.seed)}")  # fmt: skip
        blown = at[end.isnull()]
        axes.plot(blown, [16.9] * len(blown), marker="x", linestyle="none", color=f"C{series}")
    rates = [f"{rate:g}" for rate in ends.rate.values]
    axes.set(xlabel="learning rate", ylabel="units dead on all 64 inputs", ylim=(-0.5, 17.5), xticks=at,
             xticklabels=rates, yticks=(0, 4, 8, 12, 16))  # fmt: skip
    axes.legend(title="start (× blew up)", fontsize=9.5, title_fontsize=9.5, loc="upper left")
    columns: dict[str, Any] = {"learning rate": rates}
    for end in ends:
        columns[f"seed {int(end.seed)}"] = ["blew up" if np.isnan(v) else f"{v:.0f}" for v in end.values]
    return Picture(fig, _draw.rows(columns))


@figure
def looks(looks: xr.Dataset) -> Picture:
    """What one, two, three and four units tell of the points around the origin"""
    fig, panels = _draw.panels(4, height=2.5)
    words = ("nothing", "one number", "both numbers")
    arrow = {"arrowstyle": "->", "color": plt.rcParams["text.color"]}
    shown = looks.tells.sel(units=[1, 2, 3, 4])
    for axes, tells in zip(panels, shown):
        n = int(tells.units)
        for k, (marker, colour) in enumerate((("x", "C1"), ("s", "C3"), ("o", "C0"))):
            chosen = looks.place[tells == k]
            axes.plot(chosen.sel(axis="x"), chosen.sel(axis="y"), marker=marker, color=colour, linestyle="none",
                      label=words[k], markersize=4)  # fmt: skip
        for k in range(n):
            turn = 2 * math.pi * k / n
            axes.annotate("", (math.cos(turn), math.sin(turn)), (0, 0), arrowprops=arrow)
        axes.axis("off")
        axes.set(title=f"{n} unit{'s' * (n > 1)}", aspect="equal", xticks=(), yticks=(), xlim=(-1.6, 1.6),
                 ylim=(-1.6, 1.6))  # fmt: skip
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title="known of the point", fontsize=9.5,
               title_fontsize=9.5)  # fmt: skip
    columns: dict[str, str | xr.DataArray] = {"units": "units"}
    for k, word in enumerate(words):
        columns[f"points of which {word} is known"] = (shown == k).mean("point").assign_attrs(units="share")
    return Picture(fig, table(columns, digits=0))


@figure
def folds(folds: xr.Dataset) -> Picture:
    """A wave met by 2, 4, 8 and 16 ReLU units"""
    fig, panels = _draw.panels(4, height=2.3, sharey=True)
    wave = folds.sel(target="wave")
    for axes, n in zip(panels, (2, 4, 8, 16)):
        axes.plot(wave.x, wave.curve, color="C1", linestyle="--", label="the wave")
        axes.plot(wave.x, wave.sums.sel(units=n), color="C0", linestyle="-", label="sum of units")
        axes.set(title=f"{n} units", xticks=(-2, 0, 2), ylim=(-1.3, 1.3))
    panels[0].legend(fontsize=8.5, loc="lower right")
    gaps = {f"largest gap, {name}": folds.gap.sel(target=name) for name in folds.target.values}
    return Picture(fig, table({"units": "units", **gaps}, digits=3))


@figure
def side_by_side(curves: xr.Dataset) -> Picture:
    """ReLU and GELU, and their slopes"""
    fig, (values, slopes) = _draw.panels(2, height=3.2)
    inside = curves.sel(z=slice(-4, 4))
    for series, (name, label) in enumerate((("relu", "ReLU"), ("gelu", "GELU"))):
        one, breaks = inside.sel(activation=name), [BESIDE] if name == "relu" else []
        _draw.pieces(values, one.z, one.value, series=series, label=label)
        _draw.pieces(slopes, one.z, one.slope, series=series, breaks=breaks)
    values.set(title="value", xlabel="preactivation z")
    slopes.set(title="slope", xlabel="preactivation z")
    values.legend()
    at = curves.sel(z=[-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3])
    columns: dict[str, Any] = {"z": [f"{z:g}".replace("-", "−") for z in at.z.values]}
    for name, label in (("relu", "ReLU"), ("gelu", "GELU")):
        one = at.sel(activation=name)
        columns |= {label: _texts(one.value), f"slope of {label}": _texts(one.slope)}
    return Picture(fig, _draw.rows(columns))


@figure
def through_one(crowd: xr.Dataset, curves: xr.Dataset) -> Picture:
    """Normal numbers before and after four activations"""
    fig, panels = _draw.panels(5, height=2.4, sharey=True)
    bins = np.linspace(-4, 4, 41)
    shown = {"identity": "before", "relu": "ReLU", "elu": "ELU", "gelu": "GELU", "tanh": "tanh"}
    for axes, (name, label) in zip(panels, shown.items()):
        after = np.interp(crowd.samples / 256, curves.z, curves.value.sel(activation=name))
        axes.hist(after, bins=bins, color="C0", linewidth=0)
        axes.set(title=label, xlabel="value", xlim=(-4, 4), ylim=(0, 350))
    panels[0].set_ylabel("how many (cut at 350)")
    moments = crowd.moments.sel(activation=list(shown))
    columns: dict[str, Any] = {"crowd": list(shown.values())}
    for moment, title in (("mean", "mean"), ("spread", "spread"), ("zeros", "share of exact zeros")):
        columns[title] = [f"{v:.3f}".replace("-", "−") for v in moments.sel(moment=moment).values]
    return Picture(fig, _draw.rows(columns))


@data
def training(runs: xr.Dataset) -> dict[str, Any]:
    """What the training in the page starts from."""
    starts = [
        {
            **{name: runs.start.sel(of=name, seed=seed) for name in runs.start.of.values},
            "b2": runs.b2.sel(seed=seed),
        }
        for seed in runs.seed.values
    ]
    return {
        "inputs": runs.inputs, "targets": runs.targets, "starts": starts, "rates": runs.rate,
        "steps": runs.attrs["steps"],
    }  # fmt: skip


@data
def samples(crowd: xr.Dataset) -> dict[str, Any]:
    """The crowd, and its spread and zeros layer by layer."""
    rounded = {
        key: {
            str(name): {
                str(init): [float(f"{v:.4g}") for v in crowd[key].sel(deep=name, init=init).values]
                for init in crowd.init.values
            }
            for name in crowd.deep.values
        }
        for key in ("spread", "zeros")
    }
    return {"samples": crowd.samples, **rounded}


def _texts(numbers: xr.DataArray) -> list[str]:
    """Three significant digits each, as a column of a table."""
    return [f"{v:.3g}".replace("-", "−") for v in numbers.values]
