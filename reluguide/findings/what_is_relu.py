"""What exactly does ReLU compute? What the measurements say of its value and slope, at 0 too."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import TUTORIAL

# Names for the spellings, in the order of the experiment.
_NAMES = ("relu", "clamp", "maximum", "max", "half", "mask", "where", "where_or_equal")


@fact(digits=1)
def slope_at_zero(spelled: Any) -> dict[str, float]:
    """Autograd's slope at exactly 0, by how ReLU is written."""
    return dict(zip(_NAMES, map(float, spelled.slope)))


@fact(digits=0)
def spellings(spelled: Any) -> int:
    """Ways of writing ReLU that were compared."""
    return len(spelled.spelling)


@fact(digits=0)
def points(spelled: Any) -> int:
    """Random numbers, none of them 0, at which the spellings were compared."""
    return int(spelled.points)


@fact(digits=0)
def largest_gap(spelled: Any) -> dict[str, float]:
    """Largest difference between any spelling and torch.relu at numbers that are not 0."""
    return {"value": float(np.max(spelled.value_gap)), "slope": float(np.max(spelled.slope_gap))}


@fact(digits=0)
def handmade_differs(handmade: Any) -> int:
    """Points, 0 included, at which the slope written by hand differs from autograd's."""
    return int(handmade.differing)


@fact(digits=0)
def handmade_points(handmade: Any) -> int:
    """Points at which the slope written by hand was compared with autograd's."""
    return int(handmade.points)


@fact(digits=0)
def lowest(handmade: Any) -> float:
    """Lowest value of ReLU over random numbers."""
    return float(handmade.lowest)


@fact(digits=0)
def same_bits(same_training: Any) -> dict[str, int]:
    """Networks on digits that end the same bit for bit with slope 0 and with slope 1 at 0, and all tried."""
    return {"same": int(np.sum(same_training.same)), "all": len(same_training.same)}


@fact(unit="%", digits=0)
def exactly_zero(blank_pixels: Any) -> dict[str, Any]:
    """Preactivations that are exactly 0, of a convolution with biases at 0 on pictures with blank areas."""
    return {"before": blank_pixels.before, "after": blank_pixels.after}


@fact(unit="%", digits=0)
def bias_gap(blank_pixels: Any) -> Any:
    """Difference between the biases' first gradient with slope 1 and with slope 0 at 0, relative to the latter."""
    return blank_pixels.bias_gap


@fact(digits=0)
def hides_nan(spelled: Any) -> int:
    """Spellings of ReLU that turn a NaN into a number."""
    return int(len(spelled.keeps_nan) - np.sum(spelled.keeps_nan))


@figure
def value_and_slope(curve: Any) -> Picture:
    """What ReLU gives, and its slope"""
    fig, (left, right) = _draw.panels(2, height=2.9)
    z, slope = np.asarray(curve.z), np.asarray(curve.slope)
    left.plot(z, curve.value, color="C0", linestyle="-")
    left.set(title="what comes out", xlabel="number that goes in, z", ylim=(-0.3, 3.2))
    for side, ends in ((z < 0, (-3, 0)), (z > 0, (0, 3))):
        right.plot(ends, [slope[side].min(), slope[side].max()], color="C1", linestyle="-")
    right.plot(z[z == 0], slope[z == 0], "o", color="C1")
    right.annotate("torch.relu at 0", (0, slope[z == 0][0]), (8, 8), textcoords="offset points")
    right.set(title="its slope", xlabel="number that goes in, z", ylim=(-0.1, 1.1), yticks=[0, 0.5, 1])
    rows = [
        tuple(f"{number:g}".replace("-", "−") for number in row) for row in zip(z, curve.value, curve.slope)
    ]
    return Picture(fig, Numbers(("z", "max(0, z)", "slope"), rows))


@figure
def slopes_at_zero(spelled: Any) -> Picture:
    """The slope that autograd reports at exactly 0, by how ReLU is written"""
    fig, axes = _draw.panels(height=3.2)
    order = np.argsort(spelled.slope, kind="stable")[::-1]
    names = [spelled.spelling[i] for i in order]
    axes.hlines(range(len(names)), 0, [spelled.slope[i] for i in order], color="C0")
    axes.plot([spelled.slope[i] for i in order], range(len(names)), "o", color="C0")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="slope at exactly 0", xlim=(-0.05, 1.1), xticks=[0, 0.5, 1])
    axes.grid(False, axis="y")
    rows = [
        (name, f"{value:g}", f"{slope:g}", "NaN" if keeps else "0")
        for name, value, slope, keeps in zip(
            spelled.spelling, spelled.value, spelled.slope, spelled.keeps_nan
        )
    ]
    return Picture(fig, Numbers(("spelling", "value at 0", "slope at 0", "value at NaN"), rows))


@claim(
    "C1",
    said="ReLU is max(0, z), and its output lies between 0 and infinity.",
    where=TUTORIAL,
    verdict="right",
    because="All {spellings} ways of writing it that were tried give the same value at {points} random numbers, and "
    "the lowest value is {lowest}. A NaN stays a NaN in most of them; {hides_nan} turn it into 0.",
)
def all_spellings_agree(spelled: Any, handmade: Any) -> Check:
    gap = float(np.max(spelled.value_gap))
    return Check(
        bool(gap == 0 and handmade.lowest == 0 and not np.any(spelled.value) and spelled.keeps_nan[0]),
        {"largest difference between spellings": gap, "lowest value": handmade.lowest},
    )


@claim(
    "C2",
    said="The gradient at 0 is 0 by convention.",
    where=TUTORIAL,
    verdict="right if",
    because="It is {slope_at_zero.relu} for `torch.relu`. The same function written `clamp(min=0)` has slope "
    "{slope_at_zero.clamp} at 0, as a maximum of two tensors {slope_at_zero.maximum}, as half of z plus its size "
    "{slope_at_zero.half}: it depends on the spelling, and may depend on the version.",
)
def only_relu_is_zero(spelled: Any) -> Check:
    # Of the built-in maxima only relu's slope at 0 is fixed: others are under discussion in PyTorch. The two
    # that prove the point are sums and choices of simpler functions and cannot change.
    slope = dict(zip(_NAMES, map(float, spelled.slope)))
    return Check(
        slope["relu"] == 0 and slope["half"] == 0.5 and slope["where_or_equal"] == 1,
        {"slope of torch.relu at 0": slope["relu"], "of (z + |z|) / 2": slope["half"]},
    )


@claim(
    "C3",
    said="The gradient of ReLU is 1 where z > 0 and 0 everywhere else.",
    where=TUTORIAL,
    verdict="right if",
    because="If ReLU is written `torch.relu`: then the table by hand, `(z > 0).float()`, differs from autograd at "
    "{handmade_differs} of {handmade_points} points, 0 included. For another spelling it is wrong at 0, and only "
    "autograd would notice.",
)
def handmade_agrees(handmade: Any, spelled: Any) -> Check:
    return Check(
        handmade.differing == 0 and float(np.max(spelled.slope)) > 0,
        {"points that differ": handmade.differing, "largest slope at 0": float(np.max(spelled.slope))},
    )
