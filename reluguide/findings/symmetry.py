"""Do we not want symmetric activations? Which shapes go in, come out, and come back in the next layer."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, below
from reluguide.evidence.findings import Condition, Picture, check, estimates, fact, figure, table
from reluguide.evidence.formats import shown
from reluguide.findings import _draw

distance = fact("distances.distance", digits=3)
tie = fact("distances.tie", digits=2)
next_distance = fact("sums.distance", digits=3)
offset = fact("sums.offset", digits=2)
at_zero = fact("crowd.zeros", sel={"stage": "after"}, digits=0)
stage_skewness = fact("crowd.skewness", digits=2)
on_digits = fact("trained.on_digits", digits=3)
# Eight seeds are enough here: the distances of 64 columns each, which differ in the third digit only.
normal = fact("trained.normal", digits=3, at_least=8)
shallow = fact("centring.shallow", digits=1)
with_tanh = fact("centring.with_tanh", digits=1)
deep = fact("centring.deep", digits=1)
mirror_error = fact("mirror")


@fact(digits=0)
def symmetric(curves: xr.Dataset) -> int:
    """Activations of the guide's table whose curve is symmetric about its middle."""
    count = (curves.odd < 1e-12).sum()
    return int(count)


@fact(digits=0)
def activations(curves: xr.Dataset) -> int:
    """Activations in the guide's table."""
    return int(curves.sizes["activation"])


@fact()
def held_back(centring: xr.Dataset) -> xr.DataArray:
    """Networks with eight hidden layers that name fewer than half of the digits, by learning rate."""
    accuracy: xr.DataArray = centring.deep
    return accuracy < 0.5


@figure
def through_a_layer(crowd: xr.Dataset) -> Picture:
    """A crowd of numbers before ReLU, after it, and in the next layer"""
    fig, axes = _draw.panels(3, height=2.9, sharey=True)
    titles = ("before ReLU", "after ReLU", "summed by the next layer")
    edges = np.linspace(-4, 4, crowd.value.size + 1)
    for panel, title, share, series in zip(axes, titles, crowd.share, (0, 1, 0)):
        panel.stairs(share * 100, edges, fill=True, color=f"C{series}", alpha=0.75)
        panel.set(title=title, xlim=(-4, 4), ylim=(0, 10), xlabel="value")
    axes[0].set_ylabel("share of the crowd (%)")
    axes[1].plot([0, 0], [0, 10], color="C1", linestyle="-", linewidth=4, solid_capstyle="butt")
    zeros = shown(float(crowd.zeros.sel(stage="after")), unit="share", digits=0)
    axes[1].annotate(f"{zeros} are\nexactly 0", (-0.3, 8.6), ha="right", fontsize=10)
    told = crowd.assign_coords(stage=[*titles[:2], "in the next layer"])
    skewness = [one.text for one in estimates(crowd.skewness, "stage", digits=2)]
    columns = {"the crowd": "stage", "below 0": told.negatives, "exactly 0": told.zeros, "skewness": skewness}
    return Picture(fig, table(columns, digits=0))


@figure
def back_to_a_bell(sums: xr.Dataset) -> Picture:
    """How far the next layer's preactivations are from a bell curve, by the width of the layer in front"""
    fig, axes = _draw.panels(height=3.4)
    labels = ("after ReLU", "after ELU", "no activation: what samples of a bell give")
    for series, (one, label) in enumerate(zip(sums.distance, labels)):
        _draw.band(axes, one, "width", label=label, series=series)
    axes.set_xscale("log", base=4)
    axes.set_xticks(sums.width, [str(width) for width in sums.width.values])
    axes.minorticks_off()
    axes.set(xlabel="units that are summed up", ylabel="distance from a bell curve", ylim=(0, None))
    axes.legend()
    names = ("ReLU", "ELU", "no activation")
    return Picture(
        fig, table({"units summed up": "width", **dict(zip(names, sums.distance, strict=True))}, digits=3)
    )


@figure
def two_that_keep_it(distances: xr.Dataset) -> Picture:
    """Two functions, neither of them a straight line, that turn a bell curve into a bell curve"""
    from scipy.special import ndtr, ndtri

    fig, axes = _draw.panels(2, height=3.0)
    beside = 1e-9  # the jumps are at -1 and 1: a point on either side of each
    z = np.array([-3, -1 - beside, -1 + beside, 1 - beside, 1 + beside, 3])
    _draw.pieces(axes[0], z, np.where(np.abs(z) < 1, z, -z), breaks=(-1, 1))
    right = np.geomspace(1e-3, 3, 90)
    folded = ndtri(2 * ndtr(right) - 1)
    # Joined neither across 0, where it falls without end, nor to the mirrored half.
    _draw.pieces(axes[1], np.r_[-right[::-1], right], np.r_[folded[::-1], folded], breaks=(0,), linestyle="-")
    titles = ("flip: sign changed outside −1 to 1", "fold: the size of z, spread out again")
    for panel, title in zip(axes, titles):
        panel.set(title=title, xlabel="z", xlim=(-3, 3), ylim=(-3.2, 3.2))
    axes[0].set_ylabel("output")
    some = distances.sel(function=["flip", "fold", "relu", "gelu", "elu", "tanh", "selu"])
    columns = {
        "function": "function",
        "distance from a bell curve": some.distance,
        "correlation with z": [one.text for one in estimates(some.tie, "function", digits=2)],
    }
    return Picture(fig, table(columns, digits=3))


@check("C38")
def none_of_them_is_symmetric(
    curves: xr.Dataset, distances: xr.Dataset, crowd: xr.Dataset
) -> list[Condition]:
    skewness, names = curves.skewness, ["relu", "elu", "selu"]
    apart = abs(skewness.sel(activation="elu") - skewness.sel(activation="celu"))
    return [
        above("skewness after ReLU, ELU, CELU and SELU", skewness.sel(activation=[*names, "celu"]), 0.3),
        above(
            "distance from a normal after ReLU, ELU and SELU, in any seed",
            distances.distance.sel(function=names),
            0.05,
        ),
        below("difference of the skewness of ELU and CELU", apart, 1e-12),
        above("skewness of a crowd after ReLU", crowd.skewness.sel(stage="after"), 1.5),
    ]


@check("C39")
def two_counterexamples(distances: xr.Dataset) -> list[Condition]:
    both = ["flip", "fold"]
    return [
        below("distance from a normal of flip and fold, in any seed", distances.distance.sel(function=both), 0.012),
        above("distance of an activation, in any seed", distances.distance.drop_sel(function=both), 0.05),
        below("correlation of z and what fold makes of it", abs(distances.tie.sel(function="fold")), 0.03),
    ]  # fmt: skip


@check("C40")
def sums_bring_the_bell_back(sums: xr.Dataset, crowd: xr.Dataset, trained: xr.Dataset) -> list[Condition]:
    relu = sums.distance.sel(activation="relu")
    times = relu.mean("seed") / sums.distance.sel(activation="identity").mean("seed")
    offset = sums.offset.sel(width=256).mean("seed")
    return [
        above("how much nearer to a normal with each width, on average", -relu.mean("seed").diff("width"), 0),
        above(
            "how much nearer with 4 units than with one, with 64 than with 4, in any seed",
            -relu.sel(width=[1, 4, 64]).diff("width"),
            0,
        ),
        below("distance behind 256 units, as a multiple of a true normal's", times.sel(width=256), 2),
        below("skewness of the sums, without its sign", abs(crowd.skewness.sel(stage="behind")), 0.1),
        above("offset behind ReLU", offset.sel(activation="relu"), 0.3),
        above(
            "how much less it is behind ELU, and behind no activation", -offset.diff("activation"), 0
        ),
        above("distance on digits less a true normal's, in any network", trained.on_digits - trained.normal, 0),
    ]  # fmt: skip


@check("C41")
def the_sigmoid_is_a_moved_tanh(mirror: xr.DataArray) -> list[Condition]:
    return [below("error of the sigmoid's symmetry, and of tanh as a moved sigmoid", mirror, 1e-14)]


@check("C42")
def no_difference_that_matters(centring: xr.Dataset) -> list[Condition]:
    means = centring[["shallow", "with_tanh"]].mean(["split", "seed"])
    apart = means - means.shallow.sel(function="relu", drop=True)
    return [
        below("difference of accuracy of ReLU and ReLU lowered to mean 0", abs(apart.shallow), 0.02),
        below("difference of accuracy of ReLU and tanh", abs(apart.with_tanh), 0.02),
    ]


@check("C43")
def centring_matters_when_deep(curves: xr.Dataset, centring: xr.Dataset) -> list[Condition]:
    relu, elu, selu = (float(curves.centre.sel(activation=name)) for name in ("relu", "elu", "selu"))
    means = centring.mean(["split", "seed"])
    gain = (means.sel(function="centred") - means.sel(function="relu")) * 100
    slow, fast = gain.deep
    return [
        above("mean of ReLU's output less ELU's", relu - elu, 0),
        above("mean of ELU's output", elu, 0.1),
        below("mean of SELU's output, without its sign", abs(selu), 1e-3),
        above("points gained by lowering ReLU, eight layers and the larger rate", fast, 2),
        above("points gained by lowering ReLU, eight layers, each at its better rate",
              (means.deep.sel(function="centred").max() - means.deep.sel(function="relu").max()) * 100, 0.5),
        below("points gained by lowering ReLU, eight layers and the smaller rate", slow, 0),
        below("points gained or lost by lowering ReLU, two layers", abs(gain.shallow), 1),
    ]  # fmt: skip
