"""What is a dead unit, do I have any, and can it come back? What the measurements say of dying and returning."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, at_most, below, equal
from reluguide.evidence.findings import Condition, Picture, check, estimates, fact, figure, table
from reluguide.findings import _draw

dead = fact("rates.dead", digits=0)
accuracy = fact("rates.accuracy", digits=0)
diverged = fact("rates.diverged")
died = fact("rates.died", digits=0)
born_first = fact("rates.born", digits=0)
learned = fact("bears.learned", at_least=8)
bears_diverged = fact("bears.diverged", at_least=8)
dead_elsewhere = fact("elsewhere.dead", digits=0, at_least=8)
accuracy_elsewhere = fact("elsewhere.accuracy", digits=0, at_least=8)
learned_elsewhere = fact("elsewhere.learned", at_least=8)
norm_born = fact("normalised.born", digits=0)
norm_dead = fact("normalised.dead", digits=0)
norm_learned = fact("normalised.learned")
norm_accuracy = fact("normalised.accuracy", digits=0)
back_decayed = fact("decayed", digits=0, at_least=8)
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
    fig, axes = _draw.panels(height=3.4)
    back = comes_back.back.assign_coords(
        way=[
            "SGD",
            "Adam",
            "SGD, all decayed",
            "SGD, weights decayed",
            "SGD, biases decayed",
            "Adam, all decayed",
        ],
        layer=["first layer", "second layer"],
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
        above("dead behind it, on average", behind.mean(), 5),
        below("dead behind it with biases of 0, on average", healthy.mean(), 1),
        above("dead behind it, in any seed, more than with biases of 0", behind.min(), healthy.max()),
    ]


@check("C33")
def most_stay_dead(comes_back: xr.Dataset, decayed: xr.DataArray) -> list[Condition]:
    back = comes_back.back.mean("seed")
    first, second = back.sel(layer=1), back.sel(layer=2)
    return [
        equal("first layer, back where biases do not decay or all does under SGD",
              comes_back.back.sel(layer=1, way=["sgd", "adam", "decay", "weight_decay"]), 0),
        below("second layer, back there", second.sel(way=["sgd", "adam", "decay", "weight_decay"]), 0.5),
        above("back with biases decayed, in either layer", back.sel(way="bias_decay"), 0.5),
        above("first layer, back under Adam with decay", first.sel(way="adam_decay"), 0),
        below("first layer, back under Adam with decay", first.sel(way="adam_decay"), 0.5),
        above("first layer, back after ten times the steps", decayed.sel(step=6000).mean(), 0.5),
    ]  # fmt: skip


@check("C64")
def not_for_ever(comes_back: xr.Dataset, mechanism: xr.DataArray) -> list[Condition]:
    back, same = comes_back.back, comes_back.same.sel(layer=1)
    events, still = mechanism.sum("seed"), comes_back.still_dead
    return [
        equal("first layer, same bits under SGD and Adam", same.sel(way=["sgd", "adam"]), 1),
        equal("first layer, still dead on the same data", still.sel(scale=1), 1),
        below(
            "first layer, change from one scale of the data to the next", still.mean("seed").diff("scale"), 0
        ),
        above("second layer, back under SGD, on average", back.sel(way="sgd", layer=2).mean(), 0.05),
        equal("returns to the first layer under SGD", events.sel(way="free", layer=1), 0),
        above("returns to the second layer under SGD", events.sel(way="free", layer=2), 0),
        equal("returns with the first layer held", events.sel(way="held"), 0),
        above("returns to the first layer under Adam", events.sel(way="adam", layer=1), 0),
    ]


@check("C34")
def rate_and_start_decide(rates: xr.Dataset, start: xr.Dataset, elsewhere: xr.Dataset) -> list[Condition]:
    died, born = rates.died.mean("seed"), start.dead.sel(layer=10)
    relu = rates.accuracy.sel(activation="relu").mean("seed")
    cells = elsewhere.mean("seed")
    return [
        below("died up to a rate of 1", died.sel(rate=slice(1)), 0.1),
        above("died at three times that", died.sel(rate=3), 0.4),
        below("ReLU's accuracy at the largest rate, less that at 1", relu[-1] - relu.sel(rate=1), -0.1),
        below("dead at a rate of 1 after ten times the steps", cells.dead.sel(cell="good_long"), 0.15),
        above("dead at a rate of 3 after ten times the steps", cells.dead.sel(cell="fast_long"), 0.4),
        above("dead at a rate of 1 in wide networks", cells.dead.sel(cell="good_wide"), 0.15),
        above("accuracy of these", cells.accuracy.sel(cell="good_wide"), 0.9),
        above(
            "born dead by default, more than with Kaiming's start, in any network",
            born.sel(init="default") - born.sel(init="kaiming"),
            0,
        ),
    ]


@check("C35")
def a_slope_helps_the_start_and_under_adam(
    low_start: xr.Dataset, bears: xr.Dataset, elsewhere: xr.Dataset
) -> list[Condition]:
    reached = low_start.accuracy.mean("seed")
    gain = reached - reached.sel(activation="relu")
    share = bears.learned.mean("seed")
    sgd, adam = share.sel(optimizer="sgd"), share.sel(optimizer="adam")
    long = elsewhere.learned.mean("seed")
    return [
        equal("ReLU's loss moved from low biases, in any network", low_start.loss.diff("step"), 0),
        equal("ReLU's accuracy from low biases", low_start.accuracy.sel(activation="relu"), 0.5),
        above("gain of ELU, GELU and SiLU there", gain.sel(activation=["elu", "gelu", "silu"]), 0.2),
        above("gain of LeakyReLU there", gain.sel(activation="leaky_relu"), 0),
        below("share that learn with ReLU, LeakyReLU or ELU by SGD with too large steps",
              sgd.sel(activation=["relu", "leaky_relu", "elu"]), 0.6),
        above("share that learn there with GELU, SiLU or tanh", sgd.sel(activation=["gelu", "silu", "tanh"]), 0.7),
        above("ELU networks that diverge there",
              bears.diverged.sel(optimizer="sgd", activation="elu").sum(), 0),
        below("share that learn with ReLU by Adam with too large steps", adam.sel(activation="relu"), 0.8),
        above("share that learn there with LeakyReLU or GELU", adam.sel(activation=["leaky_relu", "gelu"]), 0.8),
        above("LeakyReLU's lead there after ten times the steps",
              long.sel(cell="leaky_fast_long") - long.sel(cell="adam_fast_long"), 0.5),
    ]  # fmt: skip


@check("C65")
def forty_per_cent_can_be_dead(rates: xr.Dataset) -> list[Condition]:
    return [above("dead at rates of 3 and 5", rates.dead.sel(rate=[3, 5]).mean("seed"), 0.4)]


@check("C66")
def no_level_parts_them(rates: xr.Dataset, elsewhere: xr.Dataset) -> list[Condition]:
    wide = elsewhere.sel(cell="adam_wide")
    relu = rates.sel(rate=2, activation="relu")
    return [
        above("dead in wide networks under Adam, on average", wide.dead.mean(), 0.4),
        above("share of these that learn", wide.learned.mean(), 0.8),
        above("dead at a rate of 2, on average", relu.dead.mean(), 0.1),
        above("accuracy of these", relu.accuracy.mean(), 0.9),
    ]


@check("C37")
def off_is_not_dead(start: xr.Dataset) -> list[Condition]:
    return [
        above("off, on average", start.off.mean(), 0.4),
        below("off, on average", start.off.mean(), 0.6),
        equal("dead in the first layer, in any network", start.dead.sel(init="kaiming", layer=1), 0),
    ]
