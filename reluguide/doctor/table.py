"""A report as text: a table with one row for each activation call, and what it rests on."""

from typing import TYPE_CHECKING

from reluguide.doctor.layer import Layer
from reluguide.doctor.words import counted, percent, wrapped

if TYPE_CHECKING:
    from reluguide.doctor.report import Report

SCREEN = 20  # rows that a screen holds beside what stands around them


def table(report: "Report") -> str:
    """The report as `print` shows it."""
    parts = [headline(report)]
    if len(report):
        parts.append(grid(rows(report, list(report))))
        parts.append("\n".join(wrapped(line) for line in notes(report)))
    if report.unseen:
        parts.append("\n".join(wrapped(f"{one.heading}: {one}") for one in report.unseen))
    return "\n\n".join(parts)


def screenful(report: "Report") -> str:
    """The report as a prompt shows it: of many activation calls those with the most dead units."""
    if len(report) <= SCREEN:
        return table(report)
    shown = foremost(report, SCREEN)
    rest = (
        f"{len(report) - len(shown)} more activation calls: print(report) shows all, and what was not seen."
    )
    return "\n\n".join([headline(report), grid(rows(report, shown)), rest])


def foremost(report: "Report", most: int) -> list[Layer]:
    """All activation calls, or those with the most dead units where there are more; in the model's order."""
    worst = sorted(report, key=lambda layer: -len(layer.dead_units))[:most]
    chosen = {layer.name for layer in worst}
    return [layer for layer in report if layer.name in chosen]


def headline(report: "Report") -> str:
    """One sentence: how many units are dead, on what, in which mode."""
    basis = (
        f"on these {report.samples} samples ({counted(report.batches, 'batch', 'batches')}, {report.mode})"
    )
    if not len(report):
        return f"No activation call was seen {basis}: nothing can be said of dead units."
    dead = sum(len(layer.dead_units) for layer in report)
    calls = counted(len(report), "activation call", "activation calls")
    return f"{dead} of {report.units} units are dead {basis}, in {calls}."


def rows(report: "Report", layers: list[Layer]) -> list[list[str]]:
    """The table's cells for these layers, its header first."""
    extra = [name for name in ("saturated", "dormant") if any(name in layer.extras for layer in report)]
    header = ["activation call", "kind", "units", "dead", *extra, "always-on", "fires on"]
    return [header, *(_row(layer, extra) for layer in layers)]


def notes(report: "Report") -> list[str]:
    """What the columns mean here, and how far they carry."""
    bounds = sorted({(layer.samples, layer.rate_bound) for layer in report}, reverse=True)
    lines = [
        "dead: the gradient is zero on every sample. fires on: mean share of preactivations above 0.",
        f"A unit found dead may still be active on up to {percent(bounds[0][1])} of inputs drawn like these "
        f"{bounds[0][0]} (95 % bound).",
    ]
    if len(bounds) > 1:
        lines[-1] = (
            f"A unit found dead may still be active on up to {percent(bounds[0][1])} of inputs drawn like "
            f"these (95 % bound), or {percent(bounds[-1][1])} in calls that saw only {bounds[-1][0]} of them."
        )
    if any(not layer.axis_traced for layer in report):
        lines.append("* the layer behind this call was not seen: its axis of units is assumed.")
    return lines


def grid(cells: list[list[str]]) -> str:
    """Cells in columns, names to the left and numbers to the right, a line under the header."""
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(layer: Layer, extra: list[str]) -> list[str]:
    fires = f"{float(layer.active_fraction.mean()) * 100:.1f} %" if layer.units else "-"
    more = [str(int(layer.extras[name].sum())) if name in layer.extras else "-" for name in extra]
    on = str(int(layer.always_on.sum())) if layer.kind.linear else "-"
    name = layer.name if layer.axis_traced else f"{layer.name} *"
    return [name, layer.kind.name, str(layer.units), str(len(layer.dead_units)), *more, on, fires]
