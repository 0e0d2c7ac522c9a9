"""Do the values inside a network mean anything? What probes, new scales and swapped layers say."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import SAFE_THREAD

_PLACES = {
    "pixels": "the pixels",
    "z1": "layer 1, before ReLU",
    "h1": "layer 1, after ReLU",
    "z2": "layer 2, before ReLU",
    "h2": "layer 2, after ReLU",
    "z3": "layer 3, before ReLU",
    "h3": "layer 3, after ReLU",
}


@fact(unit="%", digits=1)
def read_from_pixels(probes: Any) -> float:
    """Unseen digits that a linear probe names from the pixels."""
    return float(probes.pixels)


@fact(unit="%", digits=1)
def trained(probes: Any) -> dict[str, Any]:
    """Unseen digits that a linear probe names from inside a trained network, by place."""
    return {place: probes.trained[:, i] for i, place in enumerate(probes.places)}


@fact(unit="%", digits=1)
def untrained(probes: Any) -> dict[str, Any]:
    """Unseen digits that a linear probe names from inside an untrained network, by place."""
    return {place: probes.untrained[:, i] for i, place in enumerate(probes.places)}


@fact(unit="%", digits=1)
def own_accuracy(probes: Any) -> Any:
    """Unseen digits that the trained networks name themselves."""
    return probes.network


@fact(digits=0)
def largest_factor(rescaling: Any) -> float:
    """Largest factor by which an activation changed when units were given other scales."""
    return float(rescaling.hidden.max())


@fact()
def output_change(rescaling: Any) -> float:
    """Largest change of an output when hidden units are moved and rescaled, relative to the largest output."""
    return float(rescaling.outputs.max())


@fact(unit="%", digits=0)
def same_answers(rescaling: Any) -> Any:
    """Unseen digits named as before when hidden units are moved and rescaled."""
    return rescaling.same_answers


@fact(unit="%", digits=1)
def stitched(stitching: Any) -> dict[str, Any]:
    """Accuracy on unseen digits of one network's first layer with its own rest, another's, and another's with
    a linear map in between."""
    return {"own": stitching.own, "straight": stitching.straight, "mapped": stitching.mapped}


@fact(digits=1)
def favoured(detectors: Any) -> Any:
    """For how many of the ten digits a second-layer unit is on in more than half of the images."""
    return detectors.favoured


@fact(unit="%", digits=0)
def only_one(detectors: Any) -> Any:
    """Second-layer units that are on in more than half of the images for exactly one digit."""
    return detectors.only_one


@figure
def probe_by_layer(probes: Any) -> Picture:
    """How well the digit can be read at each place inside a network"""
    fig, axes = _draw.panels(height=3.6)
    at = np.arange(len(probes.places))
    _draw.band(axes, at, probes.trained * 100, label="trained network", series=0)
    _draw.band(axes, at, probes.untrained * 100, label="before training", series=1)
    ends = ("before ReLU", "after ReLU")
    axes.set_xticks(at, ["pixels", *(f"layer {i}\n{end}" for i in (1, 2, 3) for end in ends)], fontsize=9)
    axes.set(ylabel="digits read rightly (%)", ylim=(75, 97))
    axes.legend(loc="lower left")
    rows = [
        (
            _PLACES[str(place)],
            _draw.mean_text(probes.trained[:, i] * 100, "{:.1f} %"),
            _draw.mean_text(probes.untrained[:, i] * 100, "{:.1f} %"),
        )
        for i, place in enumerate(probes.places)
    ]
    return Picture(fig, Numbers(("read from", "trained", "before training"), rows))


@figure
def who_is_on(detectors: Any) -> Picture:
    """For which digits eight units of one trained network are on"""
    fig, axes = _draw.panels(height=3.4)
    share = np.asarray(detectors.share) * 100
    image = axes.imshow(share, vmin=0, vmax=100, cmap="Blues", aspect="auto", interpolation="nearest")
    for (row, column), value in np.ndenumerate(share):
        axes.text(
            column, row, f"{value:.0f}", ha="center", va="center", fontsize=9.5,
            color="white" if value > 55 else "black",
        )  # fmt: skip
    axes.set_xticks(range(10))
    axes.set_yticks(range(len(share)), [f"unit {i + 1}" for i in range(len(share))])
    axes.set(xlabel="digit in the image")
    axes.grid(False)
    fig.colorbar(image, ax=axes, label="images that turn it on (%)")
    rows = [(f"unit {i + 1}", *(f"{value:.0f} %" for value in row)) for i, row in enumerate(share)]
    return Picture(fig, Numbers(("on for images of", *map(str, range(10))), rows))


@claim(
    "C23",
    said="Values in the middle of a network have no meaning that can be interpreted, unlike those of the last layer.",
    where=SAFE_THREAD,
    verdict="right if",
    because="Right of a single raw number: rescaled by a factor of up to {largest_factor} and put in another order, the units "
    "give the same outputs to {output_change}. Wrong of all numbers of a layer together: a linear probe reads "
    "the digit from the last hidden layer in {trained.h3} of cases, from the pixels in {read_from_pixels}, and "
    "from the same layer before training in {untrained.h3}.",
)
def numbers_mean_nothing_layers_do(probes: Any, rescaling: Any) -> Check:
    gain = probes.trained[:, -1] - probes.untrained[:, -1]
    over_pixels = probes.trained[:, -1].mean() - probes.pixels
    return Check(
        bool(
            rescaling.outputs.max() < 1e-12
            and rescaling.hidden.min() > 100
            and gain.min() > 0
            and over_pixels > 0
        ),
        {
            "largest change of an output": rescaling.outputs.max(),
            "largest change of an activation": rescaling.hidden.max(),
            "smallest gain by training": gain.min(),
            "gain over the pixels": over_pixels,
        },
    )


@claim(
    "C24",
    said="A network is like a car assembly line: what stands at a station half-way is no car yet, and that is fine.",
    where=SAFE_THREAD,
    verdict="right if",
    because="Parameters as settings of the machines is right, and nobody inspects a half-built car. But the "
    "stations fit only their own line: the first layer of one network in front of the rest of another names "
    "{stitched.straight} of digits, with a linear map between them {stitched.mapped}.",
)
def stations_fit_their_own_line(stitching: Any) -> Check:
    lost = stitching.own - stitching.straight
    regained = stitching.mapped - stitching.straight
    return Check(
        bool(stitching.straight.max() < 0.4 and regained.min() > 0.4 and stitching.own.min() > 0.8),
        {
            "best swap as it is": stitching.straight.max(),
            "smallest loss by swapping": lost.min(),
            "smallest gain by a map": regained.min(),
        },
    )
