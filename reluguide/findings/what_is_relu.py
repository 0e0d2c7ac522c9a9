"""What exactly does ReLU compute? What the measurements say of its value and slope, at 0 too."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, equal, is_true
from reluguide.evidence.findings import Condition, Picture, check, fact, figure, table
from reluguide.findings import _draw

slope_at_zero = fact("spelled.slope", digits=1)
points = fact("spelled.points", digits=0)
handmade_differs = fact("handmade.differing", digits=0)
handmade_points = fact("handmade.points", digits=0)
lowest = fact("handmade.lowest", digits=0)
same_bits = fact("same_training.same")
exactly_zero = fact("blank_pixels.zero", digits=0)
bias_gap = fact("blank_pixels.bias_gap", digits=0)


@fact(digits=0)
def spellings(spelled: xr.Dataset) -> float:
    """Ways of writing ReLU that were compared."""
    return spelled.sizes["spelling"]


@fact(digits=0)
def largest_gap(spelled: xr.Dataset) -> xr.DataArray:
    """Largest difference between any spelling and torch.relu at numbers that are not 0."""
    return spelled["gap"].max("spelling")


@fact(digits=0)
def hides_nan(spelled: xr.Dataset) -> xr.DataArray:
    """Spellings of ReLU that turn a NaN into a number."""
    return (~spelled["keeps_nan"]).sum()


@figure
def value_and_slope(curve: xr.Dataset) -> Picture:
    """What ReLU gives, and its slope"""
    fig, (left, right) = _draw.panels(2, height=2.9)
    z, slope = curve.z, curve.slope
    left.plot(z, curve.value, color="C0", linestyle="-")
    left.set(title="what comes out", xlabel="number that goes in, z", ylim=(-0.3, 3.2))
    for side, ends in ((z < 0, (-3, 0)), (z > 0, (0, 3))):
        right.plot(ends, [slope[side].min(), slope[side].max()], color="C1", linestyle="-")
    right.plot(0, slope.sel(z=0), "o", color="C1")
    right.annotate("torch.relu at 0", (0, slope.sel(z=0)), (8, 8), textcoords="offset points")
    right.set(title="its slope", xlabel="number that goes in, z", ylim=(-0.1, 1.1), yticks=[0, 0.5, 1])
    return Picture(fig, table({"z": "z", "max(0, z)": curve.value, "slope": slope}, digits=1))


@figure
def slopes_at_zero(spelled: xr.Dataset) -> Picture:
    """The slope that autograd reports at exactly 0, by how ReLU is written"""
    fig, axes = _draw.panels(height=3.2)
    spelled = spelled.assign_coords(spelling=spelled.written.values)
    order = spelled.slope[np.argsort(spelled.slope.values, kind="stable")[::-1]]
    axes.hlines(range(order.size), 0, order, color="C0")
    axes.plot(order, range(order.size), "o", color="C0")
    axes.set_yticks(range(order.size), order.spelling.values)
    axes.set(xlabel="slope at exactly 0", xlim=(-0.05, 1.1), xticks=[0, 0.5, 1])
    axes.grid(False, axis="y")
    nan = ["NaN" if keeps else "0" for keeps in spelled.keeps_nan]
    columns = {"spelling": "spelling", "value at 0": spelled.value, "slope at 0": spelled.slope}
    return Picture(fig, table({**columns, "value at NaN": nan}, digits=1))


@check("C1")
def all_spellings_agree(spelled: xr.Dataset, handmade: xr.Dataset) -> list[Condition]:
    return [
        equal("largest difference between spellings, in value", spelled.gap.sel(of="value"), 0),
        equal("value at 0, in any spelling", spelled.value, 0),
        equal("lowest value", handmade.lowest, 0),
        is_true("torch.relu keeps a NaN", spelled.keeps_nan.sel(spelling="relu")),
    ]


@check("C2")
def only_relu_is_zero(spelled: xr.Dataset) -> list[Condition]:
    # Of the built-in maxima only relu's slope at 0 is fixed: others are under discussion in PyTorch. The two
    # that prove the point are sums and choices of simpler functions and cannot change.
    return [
        equal("slope at 0 of torch.relu", spelled.slope.sel(spelling="relu"), 0),
        equal("slope at 0 of (z + |z|) / 2", spelled.slope.sel(spelling="half"), 0.5),
        equal("slope at 0 of where(z >= 0, z, 0)", spelled.slope.sel(spelling="where_or_equal"), 1),
    ]


@check("C3")
def handmade_agrees(handmade: xr.Dataset, spelled: xr.Dataset) -> list[Condition]:
    return [
        equal("points at which the slope by hand is not that of torch.relu", handmade.differing, 0),
        above("largest slope at 0 of any spelling", spelled.slope.max(), 0),
    ]
