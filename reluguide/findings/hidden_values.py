"""Do the values inside a network mean anything? What probes, new scales and swapped layers say."""

import xarray as xr

from reluguide.evidence.checks import above, below, equal
from reluguide.evidence.findings import Condition, Picture, check, fact, figure, table
from reluguide.findings import _draw

# Before and after ReLU, by place, as the axis and the table name them.
PLACES = ["the pixels", *(f"layer {i}, {end} ReLU" for i in (1, 2, 3) for end in ("before", "after"))]

trained = fact("probes.trained", digits=1)
untrained = fact("probes.untrained", digits=1)
by_width = fact("by_width", digits=1)
logistic = fact("second_reader", digits=1)
own_accuracy = fact("probes.network", digits=1)
same_answers = fact("rescaling.same", digits=0)
stitched = fact("stitching", digits=1)
favoured = fact("detectors.favoured", digits=1)
only_one = fact("detectors.only_one", digits=0)


@fact(unit="points", digits=1)
def gained(probes: xr.Dataset) -> xr.DataArray:
    """Points by which a probe names more unseen digits from the last hidden layer than from the pixels."""
    return _gained(probes)


@fact(digits=0)
def largest_factor(rescaling: xr.Dataset) -> float:
    """Largest factor by which an activation changed when units were given other scales."""
    return float(rescaling.hidden.max())


@fact()
def output_change(rescaling: xr.Dataset) -> float:
    """Largest change of an output when hidden units are moved and rescaled, relative to the largest output."""
    return float(rescaling.outputs.max())


@figure
def probe_by_layer(probes: xr.Dataset) -> Picture:
    """How well the digit can be read at each place inside a network"""
    fig, axes = _draw.panels(height=3.6)
    places = range(probes.place.size)
    for series, (samples, label) in enumerate(
        ((probes.trained, "trained network"), (probes.untrained, "before training"))
    ):
        _draw.band(axes, samples.assign_coords(place=places), "place", label=label, series=series)
    axes.set_xticks(places, [place.removeprefix("the ").replace(", ", "\n") for place in PLACES], fontsize=9)
    axes.set(ylabel="digits read rightly (%)", ylim=(75, 99))
    axes.legend(loc="lower left")
    told = probes.assign_coords(place=PLACES)
    columns = {"read from": "place", "trained": told.trained, "before training": told.untrained}
    return Picture(fig, table(columns, digits=1))


@figure
def who_is_on(detectors: xr.Dataset) -> Picture:
    """For which digits eight units of one trained network are on"""
    fig, axes = _draw.panels(height=3.4)
    share = detectors.share.assign_coords(unit_number=[f"unit {i}" for i in detectors.unit_number.values])
    percent = share.values * 100
    image = axes.imshow(percent, vmin=0, vmax=100, cmap="Blues", aspect="auto", interpolation="nearest")
    for row, values in enumerate(percent):
        for column, value in enumerate(values):
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize=9.5,
                color="white" if value > 55 else "black",
            )  # fmt: skip
    axes.set_xticks(range(10))
    axes.set_yticks(range(len(percent)), share.unit_number.values)
    axes.set(xlabel="digit in the image")
    axes.grid(False)
    fig.colorbar(image, ax=axes, label="images that turn it on (%)")
    by_digit = {str(digit): share.sel(digit=digit) for digit in range(10)}
    return Picture(fig, table({"on for images of": "unit_number", **by_digit}, digits=0))


def _gained(probes: xr.Dataset) -> xr.DataArray:
    last, pixels = (probes.trained.sel(place=place, drop=True) for place in ("h3", "pixels"))
    points: xr.DataArray = (last - pixels) * 100
    return points


@check("C23")
def numbers_mean_nothing_layers_do(
    probes: xr.Dataset,
    by_width: xr.DataArray,
    second_reader: xr.DataArray,
    rescaling: xr.Dataset,
    detectors: xr.Dataset,
) -> list[Condition]:
    wide = by_width.mean(["split", "seed"]).sel(width=256)
    logistic = second_reader.mean(["split", "seed"])
    means = probes.mean(["split", "seed"])
    behind, before = ["h1", "h2", "h3"], ["z1", "z2", "z3"]
    by_relu = means.sel(place=behind).drop_vars("place") - means.sel(place=before).drop_vars("place")
    gain = (probes.trained - probes.untrained).sel(place=behind)
    return [
        below("largest change of an output, in any network", rescaling.outputs, 1e-12),
        above("largest factor of an activation, in any network", rescaling.hidden, 100),
        equal("digits named as before, in any network", rescaling.same, 1),
        above("gain by training behind each ReLU, in any network", gain, 0),
        above("gain by training behind the second and third ReLU, logistic regression, on average",
              (logistic.sel(training="after") - logistic.sel(training="before")).sel(place=["h2", "h3"]), 0.02),
        above("read from the first layer of 256 random units less from the pixels, on average",
              wide.sel(place="h1") - means.trained.sel(place="pixels"), 0.01),
        below("read from any trained layer less from the pixels, logistic regression, on average, in size",
              abs(logistic.sel(training="after") - logistic.sel(training="after", place="pixels")), 0.02),
        above("points gained over the pixels in the last layer, on average", _gained(probes).mean(), 0),
        above("gain by the first ReLU in trained networks, on average", by_relu.trained[0], 0),
        below("gain by each ReLU in untrained networks, on average", by_relu.untrained, 0),
        above("digits for which a unit is on in most images, on average", detectors.favoured.mean(), 2),
        below("units that are so for exactly one digit", detectors.only_one.mean(), 0.5),
    ]  # fmt: skip


@check("C24")
def stations_fit_their_own_line(probes: xr.Dataset, stitching: xr.DataArray) -> list[Condition]:
    straight, mapped = (stitching.sel(between=how, drop=True) for how in ("straight", "mapped"))
    return [
        above("named by an unmixed network, the worst", probes.network, 0.8),
        below("named by a mixed one as it is, the best", straight, 0.4),
        above("gain by a linear map, in any network", mapped - straight, 0.4),
        above("named with a map less unmixed, on average", (mapped - probes.network).mean(), -0.06),
    ]
