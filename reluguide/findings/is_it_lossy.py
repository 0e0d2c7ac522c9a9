"""Is it safe to throw the negatives away? What the measurements say of what a ReLU layer keeps."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Claim, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import SAFE_THREAD


@fact(unit="%", digits=0)
def recovered_equal(recovery: Any) -> Any:
    """Inputs recovered exactly from a random ReLU layer as wide as its input."""
    return _share(recovery, 1.0)


@fact(unit="%", digits=0)
def recovered_one_and_a_half(recovery: Any) -> Any:
    """Inputs recovered exactly from a random ReLU layer one and a half times as wide as its input."""
    return _share(recovery, 1.5)


@fact(unit="%", digits=0)
def recovered_at_2n(recovery: Any) -> Any:
    """Inputs recovered exactly from a random ReLU layer twice as wide as its input."""
    return _share(recovery, 2.0)


@fact(unit="%", digits=0)
def recovered_at_3n(recovery: Any) -> Any:
    """Inputs recovered exactly from a random ReLU layer three times as wide as its input."""
    return _share(recovery, 3.0)


@fact(unit="%", digits=0)
def recovered_at_4n(recovery: Any) -> Any:
    """Inputs recovered exactly from a random ReLU layer four times as wide as its input."""
    return _share(recovery, 4.0)


@fact(unit="%", digits=0)
def decoded_before(decoding: Any) -> Any:
    """Variance of the pixels that a linear map explains from a random linear layer of 64, before ReLU."""
    return decoding.before


@fact(unit="%", digits=0)
def decoded(decoding: Any) -> dict[str, Any]:
    """Variance of the pixels that a linear map explains from a random ReLU layer, by its width."""
    return {f"at_{width}": decoding.after[:, i] for i, width in enumerate(decoding.width)}


@fact(digits=0)
def numbers_tried(mirror_pair: Any) -> int:
    """Random numbers sent through a ReLU unit and its mirror."""
    return int(mirror_pair.tried)


@fact(unit="%", digits=0)
def pair_exact(mirror_pair: Any) -> float:
    """Numbers given back bit for bit by a ReLU unit and its mirror."""
    return float(mirror_pair.exact_pair / mirror_pair.tried)


@fact(unit="%", digits=0)
def one_exact(mirror_pair: Any) -> float:
    """Numbers given back by one ReLU unit alone."""
    return float(mirror_pair.exact_one / mirror_pair.tried)


@fact(unit="%", digits=0)
def on_share_first(on_share: Any) -> dict[str, Any]:
    """Share of digits a first-layer unit is on for, after training: the middle nine tenths of units."""
    return {"low": on_share.low[:, 0], "high": on_share.high[:, 0]}


@fact(unit="%", digits=0)
def on_share_second(on_share: Any) -> dict[str, Any]:
    """Share of digits a second-layer unit is on for, after training: the middle nine tenths of units."""
    return {"low": on_share.low[:, 1], "high": on_share.high[:, 1]}


@figure
def recovery_curve(recovery: Any) -> Picture:
    """How many inputs can be computed back exactly, by the width of the layer"""
    fig, axes = _draw.panels(height=3.3)
    _draw.band(axes, recovery.ratio, recovery.share * 100, label="inputs recovered exactly")
    axes.set(
        xlabel="units for each input number", ylabel="inputs recovered (%)", ylim=(-3, 103), xlim=(0.9, 4.1)
    )
    rows = [
        (f"{ratio:g}", _draw.mean_text(recovery.share[:, i] * 100, "{:.0f} %"))
        for i, ratio in enumerate(recovery.ratio)
    ]
    return Picture(fig, Numbers(("units for each input number", "recovered (95 % interval)"), rows))


@figure
def digit_gallery(decoding: Any) -> Picture:
    """One unseen digit, decoded linearly from the output of a random ReLU layer"""
    shown = [("the digit", np.asarray(decoding.picture))] + [
        (f"from {width} units", np.asarray(image)) for width, image in zip(decoding.width, decoding.decoded)
    ]
    fig, axes = _draw.panels(len(shown), height=2.0)
    low, high = shown[0][1].min(), shown[0][1].max()
    for panel, (title, image) in zip(axes, shown):
        panel.imshow(image, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
        panel.set(title=title, xticks=[], yticks=[])
        panel.grid(False)
    rows = [
        (str(width), _draw.mean_text(decoding.after[:, i] * 100, "{:.0f} %"))
        for i, width in enumerate(decoding.width)
    ]
    return Picture(fig, Numbers(("units in the layer", "variance of the pixels explained"), rows))


@claim(
    "C12",
    said="A ReLU unit throws information away.",
    where=SAFE_THREAD,
    verdict="right",
    because="One unit alone gives back {one_exact} of {numbers_tried} random numbers: every negative "
    "one has become the same zero.",
)
def one_unit_loses(mirror_pair: Any) -> Check:
    share = mirror_pair.exact_one / mirror_pair.tried
    return Check(0.45 < share < 0.55, {"given back by one unit": share})


@claim(
    "C13",
    said="So a ReLU layer is lossy.",
    where=SAFE_THREAD,
    verdict="right if",
    because="It depends on the width and the weights, not on the zeros. Random layers as wide as their "
    "input give {recovered_equal} of inputs back exactly, twice as wide {recovered_at_2n}, four times as "
    "wide {recovered_at_4n}; a unit with its mirror gives back {pair_exact}.",
)
def a_layer_need_not(recovery: Any, mirror_pair: Any, decoding: Any) -> Check:
    equal, wide = _share(recovery, 1.0), _share(recovery, 4.0)
    rising = np.diff(decoding.after, axis=1).min()
    return Check(
        bool(
            equal.max() <= 0.01
            and wide.mean() > 0.99
            and np.diff(recovery.share.mean(0)).min() > -0.02
            and mirror_pair.exact_pair == mirror_pair.tried
            and rising > 0
            and (decoding.before >= decoding.after[:, 0]).all()
        ),
        {
            "recovered at equal width, largest": equal.max(),
            "recovered at four times the width": wide.mean(),
            "numbers given back by a pair": mirror_pair.exact_pair / mirror_pair.tried,
            "smallest gain in decoding from one width to the next": rising,
        },
    )


C14 = Claim(
    "C14",
    said="We do not focus on the values of activations but on the parameters.",
    where=SAFE_THREAD,
    verdict="right if",
    because="It is a way of speaking. Training changes parameters only, but it judges them by the activations "
    "that they produce: the loss is computed from nothing else.",
)


@claim(
    "C15",
    said="The parameters of the next layer might make a zeroed value positive again.",
    where=SAFE_THREAD,
    verdict="right if",
    because="Not from that zero: whatever weight meets it, the product is zero (largest change measured: "
    "{moved_by_zero}). The next unit's bias and the other units can, and do.",
)
def a_zero_stays_silent(silence: Any) -> Check:
    return Check(
        bool(silence.zero == 0 and silence.on > 0),
        {"change through a unit that is off": silence.zero, "through one that is on": silence.on},
    )


@fact()
def moved_by_zero(silence: Any) -> float:
    """Largest change of a next-layer preactivation when the weight of a unit at zero is replaced."""
    return float(silence.zero)


@claim(
    "C16",
    said="A given activation will be zero for some samples and not for others.",
    where=SAFE_THREAD,
    verdict="right",
    because="In trained digit networks nine of ten first-layer units are on for {on_share_first.low} to "
    "{on_share_first.high} of the images, second-layer units for {on_share_second.low} to "
    "{on_share_second.high}.",
)
def units_take_turns(on_share: Any) -> Check:
    return Check(
        bool(on_share.low.mean() > 0.01 and on_share.high.mean() < 0.99 and on_share.never.mean() < 0.1),
        {
            "5 % quantile of on-shares": on_share.low.mean(),
            "95 % quantile": on_share.high.mean(),
            "units never on": on_share.never.mean(),
        },
    )


def _share(recovery: Any, ratio: float) -> Any:
    """Recovered share at one width, one entry a seed."""
    return recovery.share[:, list(recovery.ratio).index(ratio)]
