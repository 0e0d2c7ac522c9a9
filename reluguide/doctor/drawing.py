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
