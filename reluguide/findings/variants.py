"""What else was tried, and which should I use? What the measurements say of every activation of the table."""

import math
from typing import TypeVar

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, below, equal
from reluguide.evidence.findings import Condition, Numbers, Picture, check, estimates, fact, figure, table
from reluguide.evidence.formats import shown
from reluguide.findings import _draw
from reluguide.recorded import Recording, quoted

T = TypeVar("T", xr.DataArray, xr.Dataset)

mean = fact("moments.mean", digits=2)
variance = fact("moments.variance", digits=2)
skewness = fact("moments.skewness", digits=2)
mean_square = fact("moments.mean_square", digits=2)
zero = fact("zero_gradient.below", digits=1)
zero_alone = fact("zero_gradient.alone", digits=1)
zero_above = fact("zero_gradient.above", digits=1)
accuracy = fact("contest.accuracy", digits=1)
longer_accuracy = fact("longer", digits=1, at_least=8)
squared_accuracy = fact("squared", digits=1)
images = fact("contest.images", digits=0)
small = fact("small_data", digits=1)
unmoved = fact("frozen", digits=0)
gap = fact("shapes.gap", digits=2)
gap_at = fact("shapes.gap_at", digits=2)
lowest = fact("shapes.lowest", digits=2)
lowest_at = fact("shapes.lowest_at", digits=2)
slope_jump = fact("shapes.jump", digits=0)
prelu_slopes = fact("prelu", digits=0)


@fact(unit="points", digits=2)
def ahead(contest: xr.Dataset) -> xr.DataArray:
    """Percentage points of accuracy on digits ahead of the ReLU network with the same seed and split."""
    return _ahead(contest.accuracy)


@fact(unit="points", digits=2)
def small_ahead(small_data: xr.DataArray) -> xr.DataArray:
    """Percentage points that LeakyReLU is ahead of ReLU with the same seed and split, on a hundred images."""
    return _ahead(small_data).sel(activation="leaky_relu")


@fact(unit="points", digits=2)
def one_image(contest: xr.Dataset) -> float:
    """Percentage points of accuracy that one image of those tested makes."""
    return 100 / float(contest.images)


@fact(unit="percentage points", digits=1)
def farthest(contest: xr.Dataset) -> float:
    """Largest difference of mean accuracy from ReLU's, without squared ReLU, rounded up to a tenth."""
    others = _ahead(contest.accuracy).drop_sel(activation="relu_squared")
    return math.ceil(10 * float(abs(others.mean(["split", "seed"])).max())) / 10


def _ahead(accuracy: xr.DataArray) -> xr.DataArray:
    return (accuracy - accuracy.sel(activation="relu", drop=True)) * 100


@figure
def shapes_of_all(curves: xr.Dataset) -> Picture:
    """Sixteen activations: value (solid) and slope (dashed)"""
    fig, grid = _draw.panels(4, rows=4, height=6.4, sharex=True, sharey=True)
    for i, axes in enumerate(grid.flat):
        one = curves.isel(activation=i)
        _draw.pieces(axes, one.z, one.value, series=0, label="value")
        # Where it jumps the slope is missing, so that the line is not joined there.
        _draw.pieces(axes, one.z, one.slope, series=1, linewidth=1.5, label="slope")
        axes.set(title=one.label.item(), ylim=(-1.9, 2.4), xticks=(-4, 0, 4), yticks=(0, 1))
    grid.flat[0].legend(loc="lower right", fontsize=9, handlelength=1.4)
    columns = {
        f"{what} at {at}".replace("-", "−"): _written(curves, curves)[what].sel(z=at)
        for what in ("value", "slope")
        for at in (-2, 2)
    }
    return Picture(fig, table({"activation": "activation", **columns}, digits=3))


@figure
def accuracy_dots(contest: xr.Dataset, curves: xr.Dataset) -> Picture:
    """Test accuracy on digits by activation, mean and 95 % interval over seeds and splits"""
    fig, axes = _draw.panels(height=3.8)
    best = _written(contest, curves)
    best = best.sortby(-best.accuracy.mean(["split", "seed"]))
    floor, places = 94.6, range(best.activation.size)[::-1]
    for y, one, found in zip(places, best.accuracy, estimates(best.accuracy, "activation")):
        middle, low, high = 100 * np.array([found.value, found.low, found.high], dtype=float)
        if middle < floor:  # one that begins badly must not squeeze the others into one point
            axes.text(floor + 0.05, y, f"← {middle:.0f} %", va="center")
            continue
        series = int(one.activation == "ReLU")
        axes.errorbar(
            middle, y, xerr=[[middle - low], [high - middle]], fmt=_draw.MARKERS[series], color=f"C{series}"
        )
        networks = 100 * one.values.ravel()
        axes.plot(networks, 0 * networks + y - 0.25, ".", color=f"C{series}", markersize=3, alpha=0.35)
    axes.set(xlabel="test accuracy (%)", xlim=(floor, 98), ylim=(-0.7, 11.6), yticks=places)
    axes.set_yticklabels(best.activation.values)
    rates = [f"{rate:g}" for rate in best.rate.values]
    told = {"learning rate": rates, "test accuracy (95 % interval)": best.accuracy}
    return Picture(fig, table({"activation": "activation", **told}, digits=1))


@figure
def zero_map(zero_gradient: xr.Dataset, curves: xr.Dataset) -> Picture:
    """Where the gradient is exactly zero: every preactivation at or left of the mark"""
    edges = _written(zero_gradient.below, curves)
    edges = edges.sortby(-edges.sel(dtype="float32"))
    some, kinds = edges.dropna("activation"), edges["dtype"].values
    places = range(some.activation.size)[::-1]
    fig, axes = _draw.panels(height=4.4)
    for series, kind in enumerate(kinds):
        axes.plot(
            some.sel(dtype=kind), places, linestyle="", marker=_draw.MARKERS[series], color=f"C{series}",
            label=kind, markersize=7 - series,
        )  # fmt: skip
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="preactivation z", xlim=(-200, 0.3), yticks=places)
    axes.set_xticks([-100, -30, -10, -3, -1, 0], ["−100", "−30", "−10", "−3", "−1", "0"])
    axes.set_yticklabels(some.activation.values)
    axes.legend(loc="upper left")
    rows = [
        (str(one.activation.item()), *("nowhere" if np.isnan(z) else shown(z, digits=1) for z in one.values))
        for one in edges.transpose("activation", "dtype")
    ]
    return Picture(fig, Numbers(("activation", *kinds), rows))


@figure
def cost(recorded: list[Recording], curves: xr.Dataset) -> Picture:
    """Time as a multiple of ReLU's: alone in the cache, alone in memory, and in a whole training step"""
    one, where = quoted(recorded), ("alone, in the cache", "alone, in memory", "in a training step")
    costs = one.ratios("forward_16k", "forward_16m", "step_256").rename(case="activation")
    costs = _written(costs.assign_coords(benchmark=list(where)).sel(activation=curves.activation), curves)
    costs = costs.sortby(costs.sel(benchmark=where[0]))
    places = range(costs.activation.size)[::-1]
    fig, axes = _draw.panels(height=4.6)
    for series, label in enumerate(where):
        axes.plot(
            costs.sel(benchmark=label), places, linestyle="", marker=_draw.MARKERS[series],
            color=f"C{series}", label=label,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes.minorticks_off()
    axes.set(xlabel=f"times ReLU's time ({one.device}, {one.date})", yticks=places)
    axes.set_yticklabels(costs.activation.values)
    axes.legend(loc="upper right")
    numbers = table(
        {"activation": "activation", **{label: costs.sel(benchmark=label) for label in where}}, digits=2
    )
    last = ("recorded on", one.device, one.date, f"torch {one.versions['torch']}")
    return Picture(fig, Numbers(numbers.columns, [*numbers.rows, last]))


def _written(result: T, curves: xr.Dataset) -> T:
    """A result whose activations are named as prose writes them."""
    return result.assign_coords(activation=curves.label.sel(activation=result.activation).values)


@check("C36")
def gradients_underflow(zero_gradient: xr.Dataset, frozen: xr.DataArray) -> list[Condition]:
    below_zero = zero_gradient.below
    elu = below_zero.sel(activation="elu")
    never = below_zero.isnull().all("dtype")
    return [
        below("z at which ELU's float32 gradient has become 0", elu.sel(dtype="float32"), -80),
        above("z at which ELU's float16 gradient becomes 0", elu.sel(dtype="float16"), -30),
        below("z at which ELU's float16 gradient has become 0", elu.sel(dtype="float16"), -10),
        above(
            "how much nearer to 0 GELU's becomes 0",
            (below_zero.sel(activation="gelu") - elu).sel(dtype="float32"),
            0,
        ),
        equal("activations whose gradient is 0 nowhere", never.sum(), 2),
        equal("LeakyReLU and PReLU among them", never.sel(activation=["leaky_relu", "prelu"]).sum(), 2),
        above("ELU units that never moved, on average", frozen.sel(activation="elu").mean(), 0),
        equal("LeakyReLU units that never moved, in any network", frozen.sel(activation="leaky_relu"), 0),
    ]


@check("C55")
def one_slope_by_default(prelu: xr.DataArray) -> list[Condition]:
    by_channel = prelu.sel(of="by_channel")
    return [
        equal("slopes that nn.PReLU() learns", prelu.sel(of="default"), 1),
        equal("slopes that nn.PReLU(channels) learns", by_channel, prelu.attrs["channels"]),
        above("units of the map for each of these", prelu.sel(of="units") / by_channel, 1),
    ]


@check("C56")
def gelu_keeps_a_distance(shapes: xr.Dataset) -> list[Condition]:
    gelu = shapes.sel(activation="gelu")
    return [
        below("how far GELU's lowest value is from -0.16997", abs(gelu.lowest + 0.16997), 1e-4),
        below("how far from z = -0.7518 it lies", abs(gelu.lowest_at + 0.7518), 1e-2),
        above("GELU's largest distance from ReLU", gelu.gap, 0.1),
        below("GELU's largest distance from ReLU, at most", gelu.gap, 0.2),
    ]


@check("C57")
def elu_has_a_corner(shapes: xr.Dataset) -> list[Condition]:
    return [
        above("jump of ELU's slope at alpha 2", shapes.jump.sel(of="elu"), 0.9),
        below("jump of CELU's slope at alpha 2", shapes.jump.sel(of="celu"), 1e-6),
        above("jump of the slope of ELU's slope at alpha 1", shapes.jump.sel(of="bend"), 0.9),
        equal("difference of ELU and CELU at alpha 1", shapes.elu_celu, 0),
    ]


@check("C58")
def no_difference_here(contest: xr.Dataset) -> list[Condition]:
    means = _ahead(contest.accuracy).mean(["split", "seed"])
    apart = abs(means.sel(activation=["gelu", "elu", "silu", "leaky_relu"]))
    return [below("points of accuracy between ReLU and GELU, ELU, SiLU or LeakyReLU", apart, 2)]


@check("C67")
def relu_is_no_worse(contest: xr.Dataset, longer: xr.DataArray) -> list[Condition]:
    means = contest.accuracy.mean(["split", "seed"])
    long = longer.mean("seed")
    return [
        below(
            "points by which the best is ahead of ReLU", 100 * (means.max() - means.sel(activation="relu")), 2
        ),
        below(
            "points by which the best is ahead after ten times the steps",
            100 * (long.max() - long.sel(activation="relu")),
            2,
        ),
        above("accuracy of ReLU's worst network", contest.accuracy.sel(activation="relu"), 0.9),
    ]


@check("C61")
def no_gain_with_little_data(small_data: xr.DataArray) -> list[Condition]:
    apart = abs(_ahead(small_data).sel(activation="leaky_relu").mean())
    return [below("points of accuracy between LeakyReLU and ReLU on a hundred images", apart, 2)]
