"""What is a dead unit, do I have any, and can it come back? What the measurements say of dying and returning."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, at_most, below, equal
from reluguide.evidence.findings import Condition, Picture, check, estimates, fact, figure, table
from reluguide.findings import _draw

dead = fact("rates.dead", digits=0)
accuracy = fact("rates.accuracy", digits=0)
diverged = fact("rates.diverged")
fix_dead = fact("fixes.dead", digits=0)
fix_accuracy = fact("fixes.accuracy", digits=0)
low = fact("low_start.accuracy", digits=0)
back = fact("comes_back.back", digits=0)
same = fact("comes_back.same", digits=0)
still_dead = fact("comes_back.still_dead", digits=0)
returns = fact("mechanism")
born = fact("start.dead", sel={"layer": 10}, digits=0)
off = fact("start.off", digits=0)
counted = fact("sampling", digits=0)
counts = fact("counting", digits=0)
looks_dead = fact("deep_bias.dead")
outputs = fact("deep_bias.outputs", digits=0)
cut = fact("removed.cut", digits=0)
rescue = fact("removed.accuracy", digits=0)


@fact()
def cut_change(removed: xr.Dataset) -> xr.DataArray:
    """Largest change of the output on the diagnosed samples, over the largest output, by cutting dead units."""
    return removed["change"].sel(by="cut").max()


@fact(unit="%", digits=0)
def cut_change_far(removed: xr.Dataset) -> xr.DataArray:
    """Largest change of the output on inputs three times as large, over the largest output."""
    return 100 * removed["change"].sel(by="cut_far")


@figure
def by_rate(rates: xr.Dataset) -> Picture:
    """Dead units and accuracy after training, by learning rate"""
    fig, (left, right) = _draw.panels(2, height=3.3)
    _draw.band(left, rates.dead, "rate", label="ReLU")
    left.set(ylabel="dead units (%)", ylim=(-3, 103), title="units that ReLU lost")
    curves = dict(zip(("ReLU", "LeakyReLU", "GELU"), rates.accuracy))
    for series, (label, curve) in enumerate(curves.items()):
        _draw.band(right, curve, "rate", label=label, series=series)
    right.set(ylabel="accuracy (%)", ylim=(45, 103), title="and what all of them lost")
    right.legend(loc="lower left")
    for axes in (left, right):
        axes.set(xlabel="learning rate", xscale="log")
        axes.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        axes.minorticks_off()
    columns = {"dead units, ReLU": rates.dead, "accuracy, ReLU": curves.pop("ReLU"), **curves}
    return Picture(fig, table({"learning rate": "rate", **columns}, digits=0))


@figure
def who_returns(comes_back: xr.Dataset) -> Picture:
    """Killed units that are on again after 600 steps of training, by layer"""
    fig, axes = _draw.panels(height=2.8)
    back = comes_back.back.assign_coords(
        way=["SGD", "Adam", "SGD, all decayed", "SGD, biases decayed"], layer=["first layer", "second layer"]
    )
    rows = -np.arange(back.sizes["way"])
    for k, label in enumerate(back.layer.values):
        share, at = back.sel(layer=label), rows + 0.12 - 0.24 * k
        found = estimates(share, "way")
        mean = 100 * np.array([one.value for one in found])
        ends = 100 * np.array(
            [(one.value, one.value) if one.low is None else (one.low, one.high) for one in found]
        )
        axes.errorbar(mean, at, xerr=abs(ends.T - mean), fmt=_draw.MARKERS[k], color=f"C{k}", label=label)
        axes.plot(100 * share, at, ".", markersize=3, color=f"C{k}", alpha=0.35)
    axes.set(xlabel="killed units that came back (%)", xlim=(-4, 104))
    axes.set_yticks(rows, back.way.values)
    axes.legend(loc="center right")
    return Picture(fig, table({"training": "way", "killed in": "layer", "came back": back}, digits=0))


@figure
def counted_by_samples(sampling: xr.DataArray) -> Picture:
    """Units counted dead, by the number of samples looked at"""
    fig, axes = _draw.panels(height=2.8)
    _draw.band(axes, sampling, "samples", label="counted dead")
    units, sizes = sampling.attrs["width"], [f"{size:,}" for size in sampling.samples.values]
    axes.set(xlabel="samples", xscale="log", ylabel=f"units counted dead, of {units}", ylim=(-15, units))
    axes.set_xticks(sampling.samples, sizes)
    axes.minorticks_off()
    named = sampling.assign_coords(samples=sizes)
    return Picture(fig, table({"samples": "samples", f"counted dead, of {units}": named}, digits=0))


@figure
def born_dead(start: xr.Dataset) -> Picture:
    """Dead units before any training, by layer and by how the weights begin"""
    fig, axes = _draw.panels(height=2.8)
    curves = {
        "PyTorch's default": start.dead.sel(init="default"),
        "Kaiming, biases 0": start.dead.sel(init="kaiming"),
    }
    for series, (label, curve) in enumerate(curves.items()):
        _draw.band(axes, curve, "layer", label=label, series=series)
    axes.set(xlabel="layer", ylabel="dead units (%)", xticks=start.layer)
    axes.legend(loc="upper left")
    return Picture(fig, table({"layer": "layer", **curves}, digits=0))


@check("C17")
def cutting_changes_nothing_on_the_data(removed: xr.Dataset) -> list[Condition]:
    return [
        above("dead units, in any network", removed.cut, 0),
        below("change on the data by cutting them, in any network", removed.change.sel(by="cut"), 1e-4),
        above("change far away, in some network", removed.change.sel(by="cut_far").max(), 0.01),
    ]


@check("C31")
def the_usual_count_is_wrong(counting: xr.DataArray, sampling: xr.DataArray) -> list[Condition]:
    truly, usual = counting.sel(by="truly"), counting.sel(by="usual")
    missed = abs(usual - truly).max("of")
    return [
        equal("what the doctor counts less the truth", counting.sel(by="doctor") - truly, 0),
        equal("the usual count's error, fully connected", missed.sel(model="fully"), 0),
        above("the usual count's error, in each other model", missed.drop_sel(model="fully"), 0),
        at_most("units counted more on more samples, in any seed", sampling.diff("samples"), 0),
        above("units counted dead on 10 samples, in any seed", sampling.sel(samples=10), 100),
        below("units counted dead on 30,000 samples, in any seed", sampling.sel(samples=30_000), 100),
    ]


@check("C32")
def the_whole_layer_dies(deep_bias: xr.Dataset) -> list[Condition]:
    dead, outputs = deep_bias.dead, deep_bias.outputs
    behind, healthy = dead.sel(bias=-5, layer=2), dead.sel(bias=0, layer=2)
    return [
        equal("dead in the first layer, in any seed", dead.sel(bias=-5, layer=1), deep_bias.attrs["first"]),
        equal("outputs left, in any seed", outputs.sel(bias=-5), 1),
        above("look dead behind it, on average", behind.mean(), 5),
        below("dead behind it with biases of 0, on average", healthy.mean(), 1),
        above("look dead behind it, in any seed, more than with biases of 0", behind.min(), healthy.max()),
    ]


@check("C33")
def first_layers_stay_dead(comes_back: xr.Dataset, mechanism: xr.DataArray) -> list[Condition]:
    first, second = comes_back.back.sel(layer=1), comes_back.back.sel(layer=2)
    same = comes_back.same.sel(layer=1)
    events, still = mechanism.sum("seed"), comes_back.still_dead
    return [
        equal("first layer, back without decay of biases alone", first.sel(way=["sgd", "adam", "decay"]), 0),
        equal("first layer, same bits under SGD and Adam", same.sel(way=["sgd", "adam"]), 1),
        above("first layer, back with biases decayed, on average", first.sel(way="bias_decay").mean(), 0.5),
        equal("first layer, still dead on the same data", still.sel(scale=1), 1),
        below(
            "first layer, change from one scale of the data to the next", still.mean("seed").diff("scale"), 0
        ),
        above("second layer, back under SGD, on average", second.sel(way="sgd").mean(), 0.05),
        equal("returns to the first layer under SGD", events.sel(way="free", layer=1), 0),
        above("returns to the second layer under SGD", events.sel(way="free", layer=2), 0),
        equal("returns with the first layer held", events.sel(way="held"), 0),
        above("returns to the first layer under Adam", events.sel(way="adam", layer=1), 0),
    ]


@check("C34")
def rate_and_start_decide(rates: xr.Dataset, start: xr.Dataset) -> list[Condition]:
    dead, born = rates.dead.mean("seed"), start.dead.sel(layer=10)
    relu = rates.accuracy.sel(activation="relu").mean("seed")
    return [
        above("dead at the largest rate, more than at the smallest", dead[-1] - dead[0], 0.3),
        below("dead up to a rate of 1", dead.sel(rate=slice(1)), 0.2),
        below("ReLU's accuracy at the largest rate, less that at 1", relu[-1] - relu.sel(rate=1), -0.1),
        above(
            "born dead by default, more than with Kaiming's start, in any network",
            born.sel(init="default") - born.sel(init="kaiming"),
            0,
        ),
    ]


@check("C35")
def leaky_helps_the_start_not_the_rate(low_start: xr.Dataset, rates: xr.Dataset) -> list[Condition]:
    reached = low_start.accuracy.mean("seed")
    gain, lost = reached - reached.sel(activation="relu"), rates.diverged.sum("seed")
    leaky = rates.accuracy.sel(activation="leaky_relu", rate=3).mean()
    return [
        equal("ReLU's loss moved from low biases, in any network", low_start.loss.diff("step"), 0),
        equal("ReLU's accuracy from low biases", low_start.accuracy.sel(activation="relu"), 0.5),
        above("gain of ELU, GELU and SiLU there", gain.sel(activation=["elu", "gelu", "silu"]), 0.2),
        above("gain of LeakyReLU there", gain.sel(activation="leaky_relu"), 0),
        below("LeakyReLU at too large a rate", leaky, 0.95),
        above(
            "LeakyReLU networks that diverge at the largest rate", lost.sel(activation="leaky_relu")[-1], 0
        ),
        equal("ReLU networks that diverge", lost.sel(activation="relu"), 0),
    ]


@check("C37")
def off_is_not_dead(start: xr.Dataset) -> list[Condition]:
    return [
        above("off, on average", start.off.mean(), 0.4),
        below("off, on average", start.off.mean(), 0.6),
        equal("dead in the first layer, in any network", start.dead.sel(init="kaiming", layer=1), 0),
    ]
