"""Noise gate, zip, dropout, transistor: what is left of each comparison after its test."""

import xarray as xr

from reluguide.evidence.checks import above, below, equal
from reluguide.evidence.findings import Condition, Picture, check, estimates, fact, figure, table
from reluguide.findings import _draw

SHOWN = 0.3  # the spread of the noise in the picture
NETWORKS = ("split", "seed")

gate_at_zero = fact("noise_gate.gate", digits=3, sel={"threshold": 0})
line_error = fact("noise_gate.line", digits=3)
noisy_error = fact("noise_gate.untouched", digits=3)
learned_threshold = fact("learned_gate.threshold", digits=2)
learned_error = fact("learned_gate.error", digits=3)
picture_left = fact("keeping.picture", digits=1)
label_left = fact("keeping.label", digits=1)
bits_plain = fact("coding.plain", digits=0)
bits_counted = fact("coding.counted", digits=0, at_least=4)  # random is the split alone, and there are four
bits_network = fact("coding.network", digits=0)
mask_correlation = fact("dropout.correlation", digits=2)
off = fact("dropout.off", digits=0)
dropout_evaluated = fact("dropout.evaluated", digits=0)
switched = fact("masks.accuracy", digits=1)
read = fact("masks.read", digits=1)
coins = fact("coins", digits=1)
against_sign = fact("gates", digits=0)
zeroed = fact("discarded.zeroed", digits=0)
zeroed_units = fact("discarded.units", digits=0)


@fact(digits=1)
def noise(noise_gate: xr.Dataset) -> float:
    """Standard deviation of the noise in the picture."""
    return float(noise_gate.noise.sel(noise=SHOWN))


@fact(digits=3)
def gate_error(noise_gate: xr.Dataset) -> xr.DataArray:
    """Mean squared error of one ReLU at its best threshold on a rare signal, by spread of the noise."""
    return noise_gate["gate"].min("threshold")


@fact(digits=2)
def gate_threshold(noise_gate: xr.Dataset) -> xr.DataArray:
    """The threshold that is best for one ReLU on a rare signal, by spread of the noise."""
    return noise_gate["gate"].idxmin("threshold")


@figure
def noise_by_threshold(noise_gate: xr.Dataset) -> Picture:
    """What is left of the noise behind one ReLU, by its threshold"""
    fig, axes = _draw.panels(height=3.5)
    shown = noise_gate.sel(noise=SHOWN)
    _draw.band(axes, shown.gate, "threshold", label="one ReLU with this threshold", marker="")
    best = shown.gate.mean("seed")
    lowest = (float(best.idxmin()), float(best.min()))
    axes.plot(*lowest, "o", color="C0")
    axes.annotate("best", lowest, (0, -13), textcoords="offset points", ha="center")
    ends = shown.threshold.values[[0, -1]]
    for series, (label, error) in enumerate(
        {"best straight line": shown.line, "the noisy signal itself": shown.untouched}.items(), 1
    ):
        level = error.expand_dims(threshold=ends)
        _draw.band(axes, level, "threshold", label=label, series=series, marker="")
    axes.set(xlabel="threshold", ylabel="mean squared error", ylim=(0, 0.1), xlim=(0, 1.2))
    axes.legend(loc="center left", bbox_to_anchor=(0, 0.68))
    columns = {
        "spread of the noise": "noise", "noisy signal": noise_gate.untouched, "best line": noise_gate.line,
        "one ReLU at its best": noise_gate.gate.min("threshold"),
        "best threshold": [str(one) for one in estimates(noise_gate.gate.idxmin("threshold"), "noise", digits=2)],
    }  # fmt: skip
    return Picture(fig, table(columns, digits=3))


@figure
def what_is_kept(keeping: xr.Dataset) -> Picture:
    """What a trained classifier keeps of a picture, layer by layer"""
    fig, axes = _draw.panels(height=3.3)
    first, *hidden, last = keeping.width.values
    names = [f"{first} pixels", *(f"{width} units" for width in hidden), f"{last} outputs"]
    at = keeping.assign_coords(width=range(len(names)))
    _draw.band(axes, at.label, "width", label="digits that can be named", series=0)
    _draw.band(axes, at.picture, "width", label="picture that can be redrawn (variance)", series=1)
    axes.set_xticks(at.width, names)
    axes.set(ylabel="share (%)", ylim=(0, 104))
    axes.legend(loc="lower left")
    told = keeping.assign_coords(width=names)
    columns = {
        "read from": "width",
        "digits named": told.label,
        "variance of the pixels explained": told.picture,
    }
    return Picture(fig, table(columns, digits=1))


@check("C25")
def a_threshold_removes_noise(noise_gate: xr.Dataset, learned_gate: xr.Dataset) -> list[Condition]:
    best, line = noise_gate.gate.min("threshold"), noise_gate.line
    at = noise_gate.gate.idxmin("threshold").mean("seed")
    learned, error = learned_gate.threshold.mean("seed"), learned_gate.error.mean("seed")
    return [
        below("error at the best threshold, in the best line's, in any seed", best / line, 1),
        below(
            "error at the best threshold, in that without one, in any seed",
            best / noise_gate.gate.sel(threshold=0),
            1,
        ),
        below(
            "error of the best line, in the noisy signal's own, in any seed", line / noise_gate.untouched, 1
        ),
        above("best threshold at the least noise, on average", at[0], 0),
        above("rise of the best threshold from one noise to the next, on average", at.diff("noise"), 0),
        above("learned threshold, on average", learned, 0),
        above("rise of the learned threshold from the least noise to the most", learned[-1] - learned[0], 0),
        below("error of a trained unit, in the best line's, on average", error / line.mean("seed"), 1),
    ]


@check("C26")
def half_at_the_start_only(discarded: xr.Dataset) -> list[Condition]:
    zeroed, units = discarded.zeroed.mean(NETWORKS), discarded.units
    start, after = zeroed.sel(state="before"), zeroed.sel(state="after")
    return [
        below("first layer at the start, distance from a half", abs(start.sel(layer=1) - 0.5), 0.02),
        above("second layer, fewer zeros after training", (start - after).sel(layer=2), 0.02),
        below("digits that a unit is off for, 5 % quantile, in any network", units.sel(quantile=0.05), 0.3),
        above("digits that a unit is off for, 95 % quantile, in any network", units.sel(quantile=0.95), 0.6),
    ]


@check("C27")
def a_classifier_cannot_unzip(keeping: xr.Dataset, coding: xr.Dataset) -> list[Condition]:
    named = keeping.label.mean(NETWORKS)
    return [
        below("change of the picture from a layer to the next, in any network", keeping.picture.diff("width"), 0),
        above("digits named from any layer, less from the pixels, on average", named - named[0], -0.02),
        below("picture left at the outputs, in any network", keeping.picture.sel(width=10), 0.6),
        below("bits with a network less bits by counting, in any network", coding.network - coding.counted, 0),
        below("bits by counting less bits of equally likely shades", coding.counted - coding.plain, 0),
    ]  # fmt: skip


@check("C29")
def relu_tosses_no_coin(dropout: xr.Dataset, masks: xr.Dataset, coins: xr.DataArray) -> list[Condition]:
    bend = coins.sel(trained="relu") - coins.sel(trained="coins")
    relu, coin = dropout.sel(by="relu"), dropout.sel(by="dropout")
    own, others = masks.accuracy.sel(by="own"), masks.accuracy.sel(by=["borrowed", "coins"])
    return [
        above("correlation of ReLU's choice with the number, in any seed", relu.correlation, 0.7),
        below("correlation of dropout's, in size, in any seed", abs(coin.correlation), 0.05),
        equal("entries that ReLU repeats", relu.repeated, 1),
        below("entries that dropout repeats, in any seed", coin.repeated, 0.6),
        equal("entries that dropout changes at test time", dropout.evaluated, 0),
        above("accuracy lost with another pattern, in any network", own - others, 0.1),
        above("digits right when trained with coins", coins.sel(task="digits", trained="coins").mean(), 0.9),
        above("spirals: ReLU less coins, in any network", bend.sel(task="spirals"), 0.1),
        below("digits: ReLU less coins, on average", bend.sel(task="digits").mean(), 0.05),
    ]


@check("C30")
def the_signal_is_its_own_gate(gates: xr.DataArray, masks: xr.Dataset) -> list[Condition]:
    pattern, values = masks.read.sel(of="pattern"), masks.read.sel(of="values")
    return [
        equal("signals that ReLU treats against their sign", gates.sel(by="relu"), 0),
        above("signals of either sign that a switch treats so", gates.sel(by="switch"), 0.4),
        above("digits read from the pattern, in any network", pattern, 0.7),
        above("more digits read from the values, on average", (values - pattern).mean(), 0),
    ]
