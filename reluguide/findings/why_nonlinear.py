"""Why do we need anything between two linear layers? What stacks did without ReLU, and with it."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, below, equal
from reluguide.evidence.findings import Condition, Numbers, Picture, check, fact, figure, table
from reluguide.findings import _draw

_TITLES = {"identity": "nothing between the layers", "relu": "ReLU between the layers"}
_BETWEEN = {"nothing": "nothing (a linear layer)", "square": "a square", "relu": "a ReLU"}


@fact()
def collapse_error(collapse: xr.Dataset) -> xr.DataArray:
    """Largest difference, relative to the largest output, of ten linear layers and the one they amount to."""
    return collapse["gap"].max("seed")


rank = fact("collapse.independent", digits=0)
ring_accuracy = fact("rings_learned.accuracy", digits=1)
pieces = fact("rings_learned.pieces", digits=0)
digit_accuracy = fact("digits_learned.accuracy", digits=1)


@fact(unit="points", digits=1)
def digits_gained(digits_learned: xr.Dataset) -> xr.DataArray:
    """Percentage points of test accuracy on digits that ReLU adds, same split and seed, after so many steps."""
    return 100 * digits_learned["accuracy"].diff("activation").isel(activation=0, drop=True)


@fact(unit="share", digits=0)
def fewer_errors(digits_learned: xr.Dataset) -> float:
    """Share of the linear network's mistakes on new digits that the ReLU network does not make, longer run."""
    linear, relu = 1 - digits_learned.accuracy.isel(steps=-1).mean(["split", "seed"])
    return float(1 - relu / linear)


bend = fact("between_two")
images = fact("digits_learned.images", digits=0)


@fact(digits=0)
def patterns(digits_learned: xr.Dataset) -> float:
    """Different sets of units that are on over the test images of digits: the fewest of any network."""
    return float(digits_learned.patterns.min())


@fact()
def mask_error(frozen_mask: xr.DataArray) -> xr.DataArray:
    """Largest relative error of a ReLU network rebuilt as one linear layer, in outputs and derivatives."""
    return frozen_mask.max(["seed", "input"])


@fact(digits=0)
def mask_inputs(frozen_mask: xr.DataArray) -> float:
    """Inputs for which a ReLU network was rebuilt as one linear layer."""
    return frozen_mask.sel(of="output").size


wave_error = fact("more_units", sel={"units": [2, 64]})


@figure
def ring_maps(rings_learned: xr.Dataset) -> Picture:
    """A disc inside a ring: what a network says at every point of the plane, without and with ReLU"""
    fig, axes = _draw.panels(2, height=3.7)
    for panel, (name, title) in zip(axes, _TITLES.items()):
        output = rings_learned.output.sel(activation=name)
        across = output.column, output.row, output
        panel.contourf(*across, levels=[-np.inf, 0, np.inf], colors=["C0", "C1"], alpha=0.2)
        panel.contour(*across, levels=[0], colors="C2", linewidths=1.5)
        for ring, label in enumerate(("disc", "ring")):
            look = {
                "linestyle": "none",
                "marker": _draw.MARKERS[ring],
                "color": f"C{ring}",
                "markersize": 3.5,
            }
            panel.plot(*rings_learned.x[rings_learned.ring == ring].T, label=label, **look)
        panel.set(title=title, xticks=[], yticks=[], aspect="equal")
        panel.grid(False)
    axes[0].legend(loc="lower left", markerscale=1.4)
    accuracy = rings_learned.accuracy.assign_coords(activation=list(_TITLES.values()))
    return Picture(fig, table({"network": "activation", "test accuracy (95 % interval)": accuracy}, digits=1))


@figure
def ring_pieces(rings_learned: xr.Dataset) -> Picture:
    """The pieces that a trained ReLU network cuts the plane into: in each it is one linear layer"""
    fig, axes = _draw.panels(height=3.7)
    # Neighbouring numbers say nothing: spread them over the shades so that neighbours differ.
    shade = rings_learned.piece * 7 % 17
    axes.imshow(
        shade, origin="lower", extent=(-3, 3, -3, 3), interpolation="nearest", cmap="Blues", vmin=-4, vmax=24
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    seen = rings_learned.pieces
    rows = [("smallest", float(seen.min())), ("mean", float(seen.mean())), ("largest", float(seen.max()))]
    return Picture(fig, Numbers(("over the seeds", "pieces seen"), rows))


@figure
def more_units_help(more_units: xr.DataArray) -> Picture:
    """How well one hidden layer can draw a wave, by its width and by what stands in it"""
    fig, axes = _draw.panels(height=3.3)
    columns = {label: more_units.sel(between=name) for name, label in _BETWEEN.items()}
    for series, (label, error) in enumerate(columns.items()):
        _draw.band(axes, error, "units", label=label, series=series)
    axes.set_xscale("log", base=2)
    axes.set_xticks(more_units.units, more_units.units.values.astype(str))
    axes.set(xlabel="hidden units", ylabel="error of the best fit", ylim=(0, None))
    axes.legend(loc="lower left")
    return Picture(fig, table({"hidden units": "units", **columns}, digits=2))


@check("C4")
def ten_are_one(collapse: xr.Dataset) -> list[Condition]:
    return [
        below(
            "ten layers less the one, over the largest output", collapse.gap.sel(precision="double"), 1e-12
        ),
        equal("independent numbers through two units", collapse.independent.sel(through="narrow"), 2),
        equal("independent numbers through one layer", collapse.independent.sel(through="direct"), 16),
    ]


@check("C5")
def rings_need_relu(rings_learned: xr.Dataset, digits_learned: xr.Dataset) -> list[Condition]:
    linear, relu = (rings_learned.accuracy.sel(activation=name) for name in _TITLES)
    # A plane over the plane has no second differences, beside rounding; where there are corners, it has.
    straight, bent = (
        abs(rings_learned.output.sel(activation=name).diff("row", n=2)).max() for name in _TITLES
    )
    on_digits = digits_learned.accuracy.mean("seed").isel(steps=-1)
    return [
        above(
            "accuracy on rings with ReLU, in any network, over the best without",
            relu.min(),
            linear.max() + 0.2,
        ),
        below("bend of the output without ReLU", straight, 1e-4),
        above("bend of the output with ReLU", bent, 1e-2),
        above(
            "accuracy that ReLU adds on digits after the longer run, in any split",
            on_digits.diff("activation"),
            0,
        ),
        below("accuracy that it adds, at most", on_digits.diff("activation"), 0.03),
    ]


@check("C6")
def more_units_must_help(more_units: xr.DataArray) -> list[Condition]:
    straight, relu = more_units.sel(between=["nothing", "square"]), more_units.sel(between="relu")
    return [
        below("spread of the error over widths and seeds, with nothing or a square",
              straight.max(["seed", "units"]) - straight.min(["seed", "units"]), 1e-6),
        above("times that ReLU's error falls from 2 to 64 units, in any seed", relu.sel(units=2) / relu.sel(units=64), 5),
    ]  # fmt: skip


@check("C7")
def not_everything_else(between_two: xr.DataArray) -> list[Condition]:
    straight = ["linear", "convolution", "average pooling", "batch norm in use"]
    return [
        below("how far the middle is off, what is w times x plus b", between_two.sel(part=straight), 1e-12),
        above("how far the middle is off, every other part, in any seed", between_two.drop_sel(part=straight), 0.05),
    ]  # fmt: skip


@check("C8")
def frozen_is_linear(
    frozen_mask: xr.DataArray, rings_learned: xr.Dataset, digits_learned: xr.Dataset
) -> list[Condition]:
    return [
        below("error of the rebuilding, in outputs and derivatives", frozen_mask, 1e-10),
        above("sets of units that are on over the plane, in any network", rings_learned.pieces, 10),
        above("sets of units that are on over the digits, in any network, more than one for two images",
              digits_learned.patterns, digits_learned.images / 2),
    ]  # fmt: skip
