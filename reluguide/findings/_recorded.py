"""What the pages on speed share: how a recording of times is named, drawn and printed."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from reluguide.findings import _draw
from reluguide.recorded import Recording, quoted

__all__ = ["around", "named", "panels", "plain_ticks", "quoted", "times"]


def panels(recorded: Sequence[Recording], *, height: float) -> tuple[Figure, list[Axes]]:
    """One panel a recording, under a title that says on what and when it was made."""
    fig, axes = _draw.panels(rows=len(recorded), height=height * len(recorded), squeeze=False)
    for panel, one in zip(axes[:, 0], recorded):
        panel.set_title(named(one), fontsize="medium")
    return fig, list(axes[:, 0])


def named(one: Recording) -> str:
    """Where and when a recording was made: "CPU (AMD EPYC), 1 thread, torch 2.13.0, 2026-11-20"."""
    threads = "" if one.kind != "cpu" else f", {one.threads} thread{'s' * (one.threads != 1)}"
    return f"{one.device}{threads}, torch {one.versions['torch']}, {one.date}"


def times(seconds: float) -> str:
    """A time as a table prints it, in the unit that fits: "67 µs"."""
    unit, size = next(one for one in (("s", 1.0), ("ms", 1e-3), ("µs", 0.0)) if seconds >= one[1])
    return f"{seconds / (size or 1e-6):.3g} {unit}"


def around(one: Recording, benchmark: str, case: str) -> str:
    """A ratio with its quartiles as a cell: "1.10 (1.08 to 1.15)"."""
    low, high = one.spread(benchmark, case)
    return f"{one.ratio(benchmark, case):.2f} ({low:.2f} to {high:.2f})"


def plain_ticks(axis: Axis) -> None:
    """Numbers a reader can say at a logarithmic axis of ratios, in place of powers of ten."""
    low, high = axis.get_view_interval()
    ticks = [one for one in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= one <= high]
    axis.set_ticks(ticks, labels=[f"{one:g}" for one in ticks])
    axis.set_ticks([], minor=True)
