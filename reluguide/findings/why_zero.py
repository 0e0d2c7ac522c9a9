"""Why zero, and not another number? What the measurements say of the floor of max(z, c)."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, below, equal
from reluguide.evidence.findings import Condition, Numbers, Picture, check, fact, figure, table
from reluguide.findings import _draw

_RIM = np.pad(np.zeros((10, 10), dtype=bool), 1, constant_values=True)  # border pixels of 12 x 12

rewrite_outputs = fact("same_function.largest", digits=0)
lowest_output = fact("same_function.lowest", digits=0)
accuracy = fact("floors.accuracy", digits=1)
later = fact("longer.accuracy", digits=1)
by_recipe = fact("recipes", digits=1)
open_share = fact("open_at_start", digits=0)
shape_accuracy = fact("shapes", digits=1)


@fact()
def rewrite_error(same_function: xr.Dataset) -> float:
    """Largest difference between networks with floor c and their rewriting with ReLU, over all floors tried."""
    return float(same_function.difference.max())


@fact()
def padding_error(padding: xr.Dataset) -> xr.DataArray:
    """Largest difference after two padded convolutions with a moved floor, rewritten with ReLU."""
    return _padding_error(padding)


def _padding_error(padding: xr.Dataset) -> xr.DataArray:
    zeros, moved = padding.largest.values
    found = [zeros[_RIM].max(), zeros[~_RIM].max(), moved.max()]
    return xr.DataArray(found, {"pixel": ["border", "interior", "repaired"]})


@fact(digits=0)
def flat(tails: xr.DataArray) -> xr.DataArray:
    """Activations of the guide's table whose slope is below a thousandth, far to the left and far to the right."""
    return _flat(tails).sum("activation")


@fact(digits=0)
def in_the_table(tails: xr.DataArray) -> float:
    """Activations of the guide's table."""
    return tails.sizes["activation"]


def _flat(tails: xr.DataArray) -> xr.DataArray:
    return abs(tails) < 1e-3


@fact()
def behind(longer: xr.Dataset) -> xr.DataArray:
    """Points by which a floor of 2 trails a floor of 0 after the longer training, same seed and split."""
    return _behind(longer)


def _behind(longer: xr.Dataset) -> xr.DataArray:
    by_floor = longer.accuracy * 100
    points: xr.DataArray = by_floor.sel(floor=0, drop=True) - by_floor.sel(floor=2, drop=True)
    return points.assign_attrs(units="points")


@figure
def learning_curves(longer: xr.Dataset) -> Picture:
    """A floor of 2 begins more slowly and comes after: accuracy during training, biases beginning at 0"""
    fig, axes = _draw.panels(height=3.4)
    shown = longer.curve.sel(step=longer.step % 200 == 0)
    columns = {f"floor of {floor:.0f}": one for floor, one in zip(longer.floor.values, shown)}
    for series, (label, one) in enumerate(columns.items()):
        _draw.band(axes, one, "step", label=label, series=series)
    axes.set(xlabel="steps of training", ylabel="accuracy on seen digits (%)", ylim=(0, 102))
    axes.legend(loc="lower right")
    return Picture(fig, table({"steps": "step", **columns}, digits=1))


@figure
def padding_map(padding: xr.Dataset) -> Picture:
    """Where a moved floor is not made up for by the biases: the border of a padded convolution"""
    fig, axes = _draw.panels(height=2.9)
    mean = padding.average.sel(padding="zeros").values
    image = axes.imshow(mean, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    fig.colorbar(image, ax=axes, label="mean difference")
    where = (
        "border pixel, padded with 0", "pixel away from the border, padded with 0", "any pixel, padded with −c",
    )  # fmt: skip
    rows = [*zip(where, _padding_error(padding).values, strict=True)]
    rows.append(("mean over border pixels, padded with 0", float(mean[_RIM].mean())))
    return Picture(fig, Numbers(("largest difference at a", "value"), rows))


@check("C18")
def outputs_agree(same_function: xr.Dataset) -> list[Condition]:
    off = same_function.difference / same_function.largest
    return [below("difference of the rewriting over the largest output", off, 1e-12)]


@check("C19")
def the_constant_is_not_what_hurts(
    same_function: xr.Dataset,
    floors: xr.Dataset,
    longer: xr.Dataset,
    recipes: xr.DataArray,
    padding: xr.Dataset,
) -> list[Condition]:
    at_zero, at_floor = floors.accuracy
    adam, fast = recipes.mean(["split", "seed"]).sel(floor=2)
    border, *others = _padding_error(padding)
    return [
        below("difference of the rewriting", same_function.difference, 1e-10),
        above("accuracy gained at a floor of 2 by biases at the floor, in any network",
              (at_floor - at_zero).sel(floor=2), 0),
        below("points that a floor of 2 trails after the longer training, on average", _behind(longer).mean(), 5),
        above("accuracy at a floor of 2 with Adam, on average", adam, 0.93),
        below("accuracy at a floor of 2 with larger steps of SGD, on average", fast, 0.2),
        equal("networks that diverged", floors.diverged.sum(), 0),
        above("difference at the border, padded with 0", border, 1e-3),
        below("difference away from the border, or padded with −c", others, 1e-10),
    ]  # fmt: skip


@check("C20")
def the_mirror_trains_too(shapes: xr.DataArray) -> list[Condition]:
    return [
        below("accuracy of max less that of min, in size", _mirror_gap(shapes), 0.02),
        above("accuracy of each shape", shapes.mean(["split", "seed"]), 0.85),
    ]


@check("C21")
def the_last_layer_goes_below(same_function: xr.Dataset) -> list[Condition]:
    return [below("lowest output of a ReLU network", same_function.lowest, 0)]


@check("C22")
def most_are_flat_on_the_left(tails: xr.DataArray, shapes: xr.DataArray) -> list[Condition]:
    left, right = _flat(tails).mean("activation").sel(z=[-20, 20])
    return [
        above("share of activations flat on the left", left, 0.5),
        below("share of activations flat on the left, not all", left, 1),
        below("share of activations flat on the right, less than on the left", right, left),
        below("accuracy of max less that of min, in size", _mirror_gap(shapes), 0.02),
    ]


def _mirror_gap(shapes: xr.DataArray) -> float:
    return abs(float(shapes.sel(activation="max").mean() - shapes.sel(activation="min").mean()))
