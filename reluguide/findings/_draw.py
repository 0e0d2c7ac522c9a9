"""Small helpers that the figures share: what every picture of the guide must get right."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from reluguide.evidence.facts import SAMPLING
from reluguide.evidence.findings import Numbers, estimates

DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
CROWD = 400  # more dots of one line than this are a smear, and weigh more than the page
DOTS = 32  # up to so many networks are shown one by one, so that two heaps are seen as two


def panels(columns: int = 1, *, rows: int = 1, height: float = 3.4, **options: Any) -> tuple[Any, Any]:
    """A figure as wide as the text column (720 px), with `rows` × `columns` axes."""
    return plt.subplots(rows, columns, figsize=(7.2, height), **options)


def band(axes: Any, samples: xr.DataArray, x: str, *, label: str, series: int = 0, **options: Any) -> None:
    """A line through the means over networks, by the dimension `x`, with its 95 % interval.

    Up to 32 networks are shown as dots too. Shares are drawn as percentages. Colour, dash and marker all
    follow from `series` (0 to 3), so that no picture relies on colour alone.
    """
    at, found = samples.coords[x].values, estimates(samples, x)
    scale = scale_of(samples)
    look = {"color": f"C{series}", "linestyle": DASHES[series], "marker": MARKERS[series], **options}
    axes.plot(at, [one.value * scale for one in found], label=label, **look)
    ends = np.array([(one.low, one.high) if one.low is not None else (one.value, one.value) for one in found])
    axes.fill_between(at, *(ends.T * scale), color=look["color"], alpha=0.2, linewidth=0)
    dots(axes, samples, x, color=look["color"])


def dots(axes: Any, samples: xr.DataArray, x: str, *, color: str) -> None:
    """Every network as a small dot, where there are few enough to be told apart."""
    networks = [dim for dim in samples.dims if dim in SAMPLING]
    count = int(np.prod([samples.sizes[dim] for dim in networks]))
    if not networks or count > DOTS or count * samples.sizes[x] > CROWD:
        return
    values = samples.stack(network=networks).transpose(x, "network") * scale_of(samples)
    for at, row in zip(samples.coords[x].values, values.values):
        axes.plot([at] * len(row), row, linestyle="", marker=".", markersize=3, color=color, alpha=0.35)


def scale_of(samples: xr.DataArray) -> float:
    """What an array's numbers are multiplied by in a picture: shares are shown as percentages."""
    return 100.0 if samples.attrs.get("units") == "share" or samples.dtype.kind == "b" else 1.0


def pieces(
    axes: Any, x: ArrayLike, y: ArrayLike, *, breaks: Sequence[float] = (), series: int = 0, **options: Any
) -> None:
    """A curve that is not joined across its jumps: the line is interrupted at every x in `breaks`."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    for at in breaks:
        cut = np.searchsorted(xs, at)
        xs, ys = np.insert(xs, cut, at), np.insert(ys, cut, np.nan)
    axes.plot(xs, ys, **{"color": f"C{series}", "linestyle": DASHES[series], **options})


def rows(columns: dict[str, Any]) -> Numbers:
    """A table behind a picture from columns of ready texts."""
    return Numbers(tuple(columns), list(zip(*columns.values(), strict=True)))
