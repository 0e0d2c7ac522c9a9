"""A report as a picture; loads Matplotlib, so only `Report.plot` imports it."""

from matplotlib.figure import Figure

from reluguide.doctor.bands import BANDS, bands
from reluguide.doctor.report import Report


def draw(report: Report) -> Figure:
    """One bar for each activation call, split into the shares of its units that fire how often."""
    names = list(report.layers) or ["no activation call"]
    figure = Figure(figsize=(8, 1.6 + 0.34 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    left = [0.0] * len(names)
    shares = [bands(layer) for layer in report] or [(0.0,) * len(BANDS)]
    for k, (label, colour, hatch) in enumerate(BANDS):
        widths = [share[k] for share in shares]
        axes.barh(names, widths, left=left, label=label, color=colour, hatch=hatch, edgecolor="white")
        left = [start + width for start, width in zip(left, widths)]
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"share of units, on these {report.samples} samples ({report.mode})")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(BANDS), frameon=False)
    return figure
