"""Half the units are off: is that good, and is it faster? What the measurements say of zeros."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, below, equal
from reluguide.evidence.findings import Condition, Numbers, Picture, check, estimates, fact, figure, table
from reluguide.findings import _draw, _recorded
from reluguide.recorded import Recording, quoted

NETWORKS = ("split", "seed")
PERCENTS = (50, 90, 99)  # of zeros
# How a product is timed: name -> benchmark and words.
WAYS = {
    "dense": ("zeros", "dense, zeros and all"),
    "gather": ("one_row", "one row, gathered"),
    "ready": ("one_row", "one row, gathered before"),
}

off = fact("zeros.off", digits=0)
same_team = fact("teams", digits=0)
off_paid = fact("penalty.off", digits=0)
test_paid = fact("penalty.test", digits=1)
skip_error = fact("skipping.difference")
products = fact("skipping.products", digits=0)


@fact(unit="share")
def never(zeros: xr.Dataset) -> xr.DataArray:
    """Units that are off for every training digit: the layer and training that have most."""
    return zeros["never"].mean(NETWORKS).max()


@fact(unit="points", digits=2)
def gain(penalty: xr.Dataset) -> xr.DataArray:
    """Test accuracy that a penalty on the mean activation gains over none, network by network."""
    test = penalty["test"]
    return 100 * (test - test.sel(strength=0))


@fact(unit="points", digits=2)
def gain_adam(penalty_adam: xr.DataArray) -> xr.DataArray:
    """Test accuracy that the strong penalty gains over none with Adam, network by network."""
    return 100 * (penalty_adam.sel(strength=3) - penalty_adam.sel(strength=0))


@fact(digits=2)
def time(recorded: list[Recording]) -> xr.DataArray:
    """Time of a product with a percentage of zeros, over that of the dense one without, on the quoted CPU."""
    return _times(quoted(recorded))


def _times(one: Recording) -> xr.DataArray:
    """Ratios to the time of the dense product, by way and percentage of zeros."""
    ratios = [[one.ratio(WAYS[way][0], f"{way}_{percent}") for percent in PERCENTS] for way in WAYS]
    return xr.DataArray(ratios, {"way": list(WAYS), "percent": list(PERCENTS)}, ("way", "percent"))


@figure
def zeros_by_layer(zeros: xr.Dataset) -> Picture:
    """Share of zeros in two hidden layers, before training and after it"""
    fig, axes = _draw.panels(height=2.7)
    off = zeros.off.assign_coords(training=["before training", "after SGD", "after Adam"])
    for series, shares in enumerate(off):
        values = 100 * shares.stack(network=NETWORKS).values  # (layers, networks)
        spots = np.arange(2)[:, None] + (series - 1) * 0.2 + np.linspace(-0.05, 0.05, values.shape[1])
        axes.plot(
            values.ravel(), spots.ravel(), linestyle="none", alpha=0.7, markersize=5, color=f"C{series}",
            marker=_draw.MARKERS[series], label=shares.training.item(),
        )  # fmt: skip
    axes.axvline(50, color="C3", linestyle=":", linewidth=1.2)
    axes.set(xlabel="zeros among the activations (%)", yticks=[0, 1], ylim=(1.45, -0.45))
    axes.set_yticklabels(["layer 1", "layer 2"])
    axes.legend(loc="upper left")
    columns = {"network": "training", "layer 1": off.sel(layer=1), "layer 2": off.sel(layer=2)}
    return Picture(fig, table(columns, digits=1))


@figure
def paid_for_zeros(penalty: xr.Dataset) -> Picture:
    """Test accuracy of networks that were paid for zeros, by the share of zeros that they ended with"""
    fig, axes = _draw.panels(height=3.0)
    by_zeros = penalty.assign_coords(strength=100 * penalty.off.mean(NETWORKS).values)
    _draw.band(axes, by_zeros.train, "strength", label="training digits", series=0)
    _draw.band(axes, by_zeros.test, "strength", label="test digits", series=1)
    axes.set(xlabel="zeros among the activations (%)", ylabel="accuracy (%)", ylim=(0, 103))
    axes.legend(loc="lower left")
    columns = {
        "strength of the penalty": "strength",
        "zeros": [str(one) for one in estimates(penalty.off, "strength", digits=0)],
        "test accuracy": penalty.test,
    }
    return Picture(fig, table(columns, digits=1))


@figure
def skipping_time(recorded: list[Recording]) -> Picture:
    """Time of a product with zeros, divided by the time of the dense one, by device"""
    fig, axes = _recorded.panels(recorded, height=2.9)
    for panel, one in zip(axes, recorded):
        for series, ratios in enumerate(_times(one)):
            panel.plot(
                range(len(PERCENTS)), ratios, label=WAYS[ratios.way.item()][1], color=f"C{series}",
                linestyle=_draw.DASHES[series], marker=_draw.MARKERS[series],
            )  # fmt: skip
        panel.set(
            yscale="log", ylabel="time / time of dense", xlabel="zeros among the activations",
            xticks=range(len(PERCENTS)),
        )  # fmt: skip
        panel.set_xticklabels([f"{percent} %" for percent in PERCENTS])
        _recorded.plain_ticks(panel.yaxis)
        panel.legend(loc="lower left")
    rows = [
        (
            f"{one.device}, {percent} % zeros",
            *(_recorded.around(one, benchmark, f"{way}_{percent}") for way, (benchmark, _) in WAYS.items()),
        )
        for one in recorded
        for percent in PERCENTS
    ]
    return Picture(fig, Numbers(("device", "dense", "one row, gathered", "one row, gathered before"), rows))


@check("C44")
def half_is_the_start(zeros: xr.Dataset) -> list[Condition]:
    second = zeros.off.sel(layer=2).mean(NETWORKS)
    fewer = second.sel(training="start") - second.sel(training=["sgd", "adam"])
    distance = abs(zeros.off.sel(training="start", layer=1) - 0.5)
    return [
        below("first layer at the start, distance from a half, in any network", distance, 0.02),
        above("second layer, fewer zeros after training, on average", fewer, 0.03),
        below("units that are off for every digit, on average", zeros.never.mean(NETWORKS), 0.02),
    ]


@check("C45")
def no_gain_here(penalty: xr.Dataset, penalty_adam: xr.DataArray) -> list[Condition]:
    adam = penalty_adam.mean(NETWORKS)
    off, test = penalty.off.mean(NETWORKS), penalty.test.mean(NETWORKS)
    change = test - test.sel(strength=0)
    return [
        equal("networks that diverged", penalty.diverged.sum(), 0),
        above("more zeros from one strength to the next", off.diff("strength"), 0),
        above("more zeros with strong pay", off.sel(strength=3) - off.sel(strength=0), 0.3),
        above("test accuracy gained with strong pay", change.sel(strength=3), -0.03),
        below("test accuracy gained with strong pay, at most", change.sel(strength=3), 0.01),
        below(
            "test accuracy gained with strong pay and Adam", adam.sel(strength=3) - adam.sel(strength=0), 0.01
        ),
        below("test accuracy gained with the strongest pay", change.sel(strength=10), -0.1),
    ]


@check("C45b")
def zeros_are_multiplied(recorded: list[Recording], skipping: xr.Dataset) -> list[Condition]:
    dense, gather, ready = _times(quoted(recorded))
    return [
        above("dense, with 99 % zeros, in the time with none", dense.sel(percent=99), 0.7),
        below("dense, with 99 % zeros, in the time with none, at most", dense.sel(percent=99), 1.4),
        above("one row gathered, half zeros, in the dense time", gather.sel(percent=50), 1.2),
        below("rows at hand, 90 % zeros, in the dense time", ready.sel(percent=90), 0.5),
        above("gathered, 90 % zeros, in the time with rows at hand", (gather / ready).sel(percent=90), 2),
        below("change by skipping, in the largest number", skipping.difference / skipping.largest, 1e-10),
    ]
