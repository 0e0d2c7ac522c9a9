"""A report as a picture; loads Matplotlib, so only `Report.plot` imports it."""

import io
from collections.abc import Iterable
from typing import Any

from matplotlib.figure import Figure

from reluguide.doctor.bands import BANDS, bands
from reluguide.doctor.layer import Layer


class Picture(Figure):
    """A figure that shows in every notebook, also where `%matplotlib inline` was not run."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=144)
        return file.getvalue()


def draw(layers: Iterable[Layer], basis: str) -> Figure:
    """One bar for each activation call, split into the shares of its units that fire how often."""
    layers = list(layers)
    names = [layer.name for layer in layers] or ["no activation call"]
    options: dict[str, Any] = {"figsize": (8, 1.6 + 0.34 * len(names)), "layout": "constrained"}
    figure = Picture(**options)
    axes = figure.add_subplot()
    left = [0.0] * len(names)
    shares = [bands(layer) for layer in layers] or [(0.0,) * len(BANDS)]
    for k, (label, colour, hatch) in enumerate(BANDS):
        widths = [share[k] for share in shares]
        axes.barh(names, widths, left=left, label=label, color=colour, hatch=hatch, edgecolor="white")
        left = [start + width for start, width in zip(left, widths)]
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"share of units, {basis}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(BANDS), frameon=False)
    return figure


def draw_rates(layers: Iterable[Layer], basis: str) -> Figure:
    """For each activation call a histogram of how often its units fire, on a logarithmic scale."""
    layers = list(layers)
    count = max(1, len(layers))
    options: dict[str, Any] = {"figsize": (8, 1.2 + 1.1 * count), "layout": "constrained"}
    figure = Picture(**options)
    grid = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    never, edges = -8.0, [-7 + k / 4 for k in range(29)]  # decades from 0.00001 % to 100 %, in quarters
    for axes, layer in zip(grid, layers):
        shares = layer.active_fraction.double()
        fires = shares[shares > 0].clamp(min=1e-7).log10().tolist()
        axes.hist(fires, bins=edges, color=BANDS[1][1])
        axes.bar(
            [never],
            [int((shares == 0).sum())],
            width=0.5,
            color=BANDS[0][1],
            hatch=BANDS[0][2],
            edgecolor="white",
        )
        axes.set_title(layer.name, loc="left", fontsize="medium")
        axes.set_ylabel("units")
        axes.spines[["top", "right"]].set_visible(False)
    grid[-1].set_xticks([never, -6, -4, -2, 0], ["never", "0.0001 %", "0.01 %", "1 %", "100 %"])
    grid[-1].set_xlabel(f"share of values above 0, {basis}")
    return figure


DRAWINGS = {"bands": draw, "rates": draw_rates}
