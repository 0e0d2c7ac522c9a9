"""Is it safe to throw the negatives away? What the measurements say of what a ReLU layer keeps."""

import xarray as xr

from reluguide.evidence.checks import above, at_least, at_most, below, equal
from reluguide.evidence.findings import Condition, Picture, check, fact, figure, table
from reluguide.findings import _draw

recovered = fact("recovery", digits=0)
chance = fact("chance", digits=1)
decoded_before = fact("decoding.before", digits=0)
decoded = fact("decoding.after", digits=0)
given_back = fact("mirror_pair.exact", digits=0)
numbers_tried = fact("mirror_pair.tried", digits=0)
moved = fact("silence")
on = fact("on_share.on", digits=0)


@figure
def recovery_curve(recovery: xr.DataArray, chance: xr.DataArray) -> Picture:
    """How many inputs can be computed back exactly, by the width of the layer"""
    fig, axes = _draw.panels(height=3.3)
    _draw.band(axes, recovery, "ratio", label="16 numbers, measured")
    others = chance.drop_sel(inputs=16)
    for series, exact in enumerate(others, 1):
        axes.plot(
            exact.ratio, 100 * exact, color=f"C{series}", linestyle=_draw.DASHES[series], linewidth=1.2,
            label=f"{int(exact.inputs)} numbers, computed",
        )  # fmt: skip
    axes.legend(loc="lower right")
    axes.set(
        xlabel="units for each input number", ylabel="inputs recovered (%)", ylim=(-3, 103), xlim=(0.9, 4.1)
    )
    columns: dict[str, xr.DataArray | str] = {"units for each input number": "ratio"}
    columns["16 numbers, recovered (95 % interval)"] = recovery
    columns |= {f"{int(exact.inputs)} numbers, computed": exact for exact in others}
    return Picture(fig, table(columns, digits=0))


@figure
def digit_gallery(decoding: xr.Dataset) -> Picture:
    """One unseen digit, decoded linearly from the output of a random ReLU layer"""
    images = decoding.picture
    fig, axes = _draw.panels(images.sizes["shown"], height=2.0)
    ink = {"vmin": float(images[0].min()), "vmax": float(images[0].max())}
    for panel, image in zip(axes, images):
        width = int(image.shown)
        panel.imshow(image, cmap="gray_r", interpolation="nearest", **ink)
        panel.set(title=f"from {width} units" if width else "the digit", xticks=[], yticks=[])
        panel.grid(False)
    columns = {"units in the layer": "width", "variance of the pixels explained": decoding.after}
    return Picture(fig, table(columns, digits=0))


@check("C12")
def one_unit_loses(mirror_pair: xr.Dataset) -> list[Condition]:
    share = mirror_pair.exact.sel(by="one")
    return [
        above("numbers given back by one unit", share, 0.45),
        below("numbers given back by one unit, at most about half", share, 0.55),
    ]


@check("C13")
def a_layer_need_not(
    recovery: xr.DataArray, chance: xr.DataArray, mirror_pair: xr.Dataset, decoding: xr.Dataset
) -> list[Condition]:
    measured = recovery.mean("seed")
    return [
        below("measured less computed, in size", abs(measured - chance.sel(inputs=16)), 0.03),
        below("computed at equal width, for any input", chance.sel(ratio=1), 0.1),
        above("computed at twice the width, for any input", chance.sel(ratio=2), 0.5),
        below(
            "change from fewer inputs to more, below twice the width",
            chance.sel(ratio=1.75).diff("inputs"),
            0,
        ),
        above("change from fewer inputs to more, above it", chance.sel(ratio=2.5).diff("inputs"), 0),
        at_most("recovered at equal width, in any seed", recovery.sel(ratio=1), 0.01),
        above("recovered at four times the width, on average", recovery.sel(ratio=4).mean(), 0.99),
        above(
            "gain in recovery from one width to the next, on average",
            recovery.mean("seed").diff("ratio"),
            -0.02,
        ),
        equal("numbers given back by a pair", mirror_pair.exact.sel(by="pair"), 1),
        above("gain in decoding from one width to the next, in any network", decoding.after.diff("width"), 0),
        at_least(
            "decoded before ReLU less after it, in any network",
            decoding.before - decoding.after.sel(width=64),
            0,
        ),
    ]


@check("C15")
def a_zero_stays_silent(silence: xr.DataArray) -> list[Condition]:
    return [
        equal("change through a unit that is off", silence.sel(state="off"), 0),
        above("change through a unit that is on", silence.sel(state="on"), 0),
    ]


@check("C16")
def units_take_turns(on_share: xr.Dataset) -> list[Condition]:
    on = on_share.on.mean(["split", "seed", "layer"])
    return [
        above("digits that a unit is on for, 5 % quantile of units", on.sel(quantile=0.05), 0.01),
        below("digits that a unit is on for, 95 % quantile of units", on.sel(quantile=0.95), 0.99),
        below("units that are on for no digit", on_share.never.mean(), 0.1),
    ]
