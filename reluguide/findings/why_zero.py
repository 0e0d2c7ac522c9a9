"""Why zero, and not another number? What the measurements say of the floor of max(z, c)."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import SAFE_THREAD, WHY_THREAD

_NAMES = {
    -2.0: "minus_2",
    -1.0: "minus_1",
    -0.5: "minus_half",
    0.0: "zero",
    0.5: "half",
    1.0: "one",
    2.0: "two",
}


@fact()
def rewrite_error(same_function: Any) -> float:
    """Largest difference between networks with floor c and their rewriting with ReLU, c = -1, 1 and 3."""
    return float(same_function.difference.max())


@fact(digits=0)
def rewrite_outputs(same_function: Any) -> float:
    """Largest output of the networks that were rewritten."""
    return float(same_function.outputs)


@fact()
def padding_error(padding: Any) -> dict[str, float]:
    """Largest difference after two padded convolutions with floor 1, rewritten with ReLU."""
    return {
        "border": padding.border_zeros,
        "interior": padding.interior_zeros,
        "repaired": padding.border_moved,
    }


@fact(unit="%", digits=1)
def accuracy(floors: Any) -> dict[str, Any]:
    """Test accuracy on digits with floor c; biases begin at 0."""
    return {_NAMES[float(c)]: floors.bias_zero[i] for i, c in enumerate(floors.floor)}


@fact(unit="%", digits=1)
def accuracy_moved(floors: Any) -> dict[str, Any]:
    """Test accuracy on digits with floor c; biases begin at c."""
    return {_NAMES[float(c)]: floors.bias_floor[i] for i, c in enumerate(floors.floor)}


@fact(unit="%", digits=0)
def open_share(open_at_start: Any) -> dict[str, Any]:
    """Units above the floor c before training, for preactivations of mean 0 and variance 1."""
    return {_NAMES[float(c)]: open_at_start.share[:, i] for i, c in enumerate(open_at_start.floor)}


@fact(unit="%", digits=1)
def shape_accuracy(shapes: Any) -> dict[str, Any]:
    """Test accuracy on digits with another function in the place of ReLU, best of three learning rates."""
    names = ("max", "min", "abs", "sin")
    return {name: shapes.accuracy[i] for i, name in enumerate(names)}


@fact(unit="%", digits=0)
def scales(scaling: Any) -> dict[str, float]:
    """Inputs for which scaling the input of max(z, c) by 2 and by 8 scales the output by the same."""
    return {_NAMES[float(c)]: scaling.share[i] for i, c in enumerate(scaling.floor)}


@fact(digits=0)
def flat_left(tails: Any) -> dict[str, int]:
    """Activations of the guide's table whose slope is below a thousandth at z = -20, at z = 20, and all."""
    left, right = np.abs(tails.left) < 1e-3, np.abs(tails.right) < 1e-3
    return {"left": int(left.sum()), "right": int(right.sum()), "all": len(left)}


@figure
def accuracy_by_floor(floors: Any) -> Picture:
    """Accuracy on digits when max(z, c) replaces max(z, 0), by c"""
    fig, axes = _draw.panels(height=3.4)
    _draw.band(axes, floors.floor, (floors.bias_zero * 100).T, label="biases begin at 0", series=0)
    _draw.band(axes, floors.floor, (floors.bias_floor * 100).T, label="biases begin at c", series=1)
    axes.set(xlabel="the floor c", ylabel="test accuracy (%)")
    axes.legend(loc="lower left")
    rows = [
        (
            f"{c:g}".replace("-", "−"),
            _draw.mean_text(floors.bias_zero[i] * 100, "{:.1f} %"),
            _draw.mean_text(floors.bias_floor[i] * 100, "{:.1f} %"),
        )
        for i, c in enumerate(floors.floor)
    ]
    return Picture(fig, Numbers(("floor c", "biases begin at 0", "biases begin at c"), rows))


@figure
def padding_map(padding: Any) -> Picture:
    """Where a moved floor is not made up for by the biases: the border of a padded convolution"""
    fig, axes = _draw.panels(height=2.9)
    image = axes.imshow(padding.zeros, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    fig.colorbar(image, ax=axes, label="mean difference")
    side = np.asarray(padding.zeros)
    rows = [
        ("border pixel, padded with 0", padding.border_zeros),
        ("pixel away from the border, padded with 0", padding.interior_zeros),
        ("any pixel, padded with −c", padding.border_moved),
        ("mean over border pixels, padded with 0", float(np.r_[side[0], side[-1]].mean())),
    ]
    return Picture(fig, Numbers(("largest difference at a", "value"), rows))


@claim(
    "C18",
    said="Only the last layer has to produce valid predictions.",
    where=SAFE_THREAD,
    verdict="right",
    because="The loss sees only the last layer. Two networks whose hidden activations never agree, one with floor "
    "{floors_tried} and one with floor 0, give the same outputs to {rewrite_error}.",
)
def outputs_agree(same_function: Any) -> Check:
    worst = float(same_function.difference.max() / same_function.outputs)
    return Check(worst < 1e-12, {"largest difference over largest output": worst})


@fact(digits=0)
def floors_tried(same_function: Any) -> float:
    """The largest floor that was rewritten."""
    return float(max(same_function.floor))


@claim(
    "C19",
    said="Instead of max(x, 0) it could just as well be max(x, −1) or max(x, 1).",
    where=WHY_THREAD,
    verdict="right if",
    because="As functions they are the same, to {rewrite_error}: the difference goes into the biases. With biases "
    "that begin at 0 a floor of 2 trains to {accuracy.two}, with biases that begin at the floor to "
    "{accuracy_moved.two}; padding with zeros is not carried over.",
)
def the_constant_is_not_what_hurts(same_function: Any, floors: Any, padding: Any) -> Check:
    last = floors.bias_floor[-1] - floors.bias_zero[-1]
    spread_zero = float(np.ptp(floors.bias_zero.mean(1)))
    spread_floor = float(np.ptp(floors.bias_floor.mean(1)))
    return Check(
        bool(
            same_function.difference.max() < 1e-10
            and spread_floor < spread_zero
            and (last > 0).all()
            and padding.border_zeros > 1e-3
            and max(padding.interior_zeros, padding.border_moved) < 1e-10
        ),
        {
            "largest difference of the rewriting": float(same_function.difference.max()),
            "spread over c, biases at 0": spread_zero,
            "spread over c, biases at c": spread_floor,
            "smallest gain at c = 2": float(last.min()),
            "border error with zeros": padding.border_zeros,
        },
    )


@claim(
    "C20",
    said="It has to be the maximum.",
    where=WHY_THREAD,
    verdict="wrong",
    because="The minimum is its mirror image and trains the same: {shape_accuracy.min} against "
    "{shape_accuracy.max} on digits; the absolute value reaches {shape_accuracy.abs}, a sine {shape_accuracy.sin}.",
)
def the_mirror_trains_too(shapes: Any) -> Check:
    means = shapes.accuracy.mean(1)
    gap = float(abs(means[0] - means[1]))
    return Check(
        gap < 0.02 and means.min() > 0.85, {"max against min": gap, "worst shape": float(means.min())}
    )


@claim(
    "C21",
    said="The activation need not output negative numbers; the last layer does that.",
    where=WHY_THREAD,
    verdict="right",
    because="The last layer has no ReLU behind it and its weights may be negative: the outputs of the rewritten "
    "networks go down to {lowest_output}, though no hidden activation is below 0.",
)
def the_last_layer_goes_below(same_function: Any) -> Check:
    return Check(same_function.lowest < 0, {"lowest output of a ReLU network": same_function.lowest})


@fact(digits=0)
def lowest_output(same_function: Any) -> float:
    """Lowest output of the networks rewritten with ReLU."""
    return float(same_function.lowest)


@claim(
    "C22",
    said="Almost every activation saturates on the negative side.",
    where=WHY_THREAD,
    verdict="right if",
    because="Of the {flat_left.all} activations in this guide's table, {flat_left.left} are flat far to the left and "
    "{flat_left.right} far to the right; leaky ones are flat on neither. Which side is called negative is a matter "
    "of sign: the mirror image of ReLU trains the same.",
)
def most_are_flat_on_the_left(tails: Any, shapes: Any) -> Check:
    left = float((np.abs(tails.left) < 1e-3).mean())
    right = float((np.abs(tails.right) < 1e-3).mean())
    gap = float(abs(shapes.accuracy[0].mean() - shapes.accuracy[1].mean()))
    return Check(
        0.5 < left < 1 and right < left and gap < 0.02,
        {"flat on the left": left, "flat on the right": right, "max against min": gap},
    )
