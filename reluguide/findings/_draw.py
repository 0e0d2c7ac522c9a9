"""Small helpers that the figures share: what every picture of the guide must get right."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

from reluguide.evidence.declare import mean_interval

DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")


def panels(columns: int = 1, *, rows: int = 1, height: float = 3.4, **options: Any) -> tuple[Any, Any]:
    """A figure as wide as the text column (720 px), with `rows` × `columns` axes."""
    return plt.subplots(rows, columns, figsize=(7.2, height), **options)


def band(axes: Any, x: ArrayLike, samples: ArrayLike, *, label: str, series: int = 0, **options: Any) -> None:
    """A line through the means over seeds with its 95 % t-interval; `samples` is (seeds, points).

    Colour, dash and marker all follow from `series` (0 to 3), so that no picture relies on colour alone.
    """
    values = np.asarray(samples, dtype=float)
    mean, low, high = np.array([mean_interval(column) for column in values.T]).T
    look = {"color": f"C{series}", "linestyle": DASHES[series], "marker": MARKERS[series], **options}
    axes.plot(x, mean, label=label, **look)
    axes.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def pieces(
    axes: Any, x: ArrayLike, y: ArrayLike, *, breaks: Sequence[float] = (), series: int = 0, **options: Any
) -> None:
    """A curve that is not joined across its jumps: the line is interrupted at every x in `breaks`."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    for at in breaks:
        cut = np.searchsorted(xs, at)
        xs, ys = np.insert(xs, cut, at), np.insert(ys, cut, np.nan)
    axes.plot(xs, ys, **{"color": f"C{series}", "linestyle": DASHES[series], **options})


def mean_text(samples: ArrayLike, form: str = "{:.3f}") -> str:
    """Mean and 95 % t-interval as a cell of a numbers table: "0.953 (0.950 to 0.956)"."""
    mean, low, high = (form.format(number).replace("-", "−") for number in mean_interval(samples))
    return f"{mean} ({low} to {high})"
