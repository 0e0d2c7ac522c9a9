"""A report as text: a table with one row for each activation call, and what it rests on."""

import textwrap
from itertools import groupby

from reluguide.doctor.causes import Explanation, page, ranges
from reluguide.doctor.causes import headline as headline_of
from reluguide.doctor.layer import Layer
from reluguide.doctor.report import Report
from reluguide.doctor.words import percent

WIDTH = 100


def table(report: Report) -> str:
    """The report as `print` shows it."""
    parts = [headline(report)]
    if len(report):
        parts.append(_grid(rows(report)))
        parts.append("\n".join(notes(report)))
    if report.unseen:
        parts.append("\n".join(_wrapped(f"Not seen: {one}") for one in report.unseen))
    return "\n\n".join(parts)


def headline(report: Report) -> str:
    """One sentence: how many units are dead, on what, in which mode."""
    basis = (
        f"on these {report.samples} samples ({_plural(report.batches, 'batch', 'batches')}, {report.mode})"
    )
    if not len(report):
        return f"No activation call was seen {basis}: nothing can be said of dead units."
    dead = sum(len(layer.dead_units) for layer in report)
    calls = _plural(len(report), "activation call", "activation calls")
    return f"{dead} of {report.units} units are dead {basis}, in {calls}."


def rows(report: Report) -> list[list[str]]:
    """The table's cells, its header first."""
    extra = [name for name in ("saturated", "dormant") if any(name in layer.extras for layer in report)]
    header = ["activation call", "kind", "units", "dead", *extra, "always-on", "fires on"]
    return [header, *(_row(layer, extra) for layer in report)]


def notes(report: Report) -> list[str]:
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
    return [_wrapped(line) for line in lines]


def explained(explanation: Explanation) -> str:
    """The explanation as `print` shows it: by layer and cause."""
    if not len(explanation):
        return f"No unit of the calls that were seen is dead on these {explanation.samples} samples."
    parts, fixes = [], dict[str, None]()
    for layer, of_layer in groupby(explanation, key=lambda one: one.layer):
        group = list(of_layer)
        lines = [
            f"{layer}: {_plural(len(group), 'unit', 'units')} dead on these {explanation.samples} samples"
        ]
        for cause in dict.fromkeys(one.cause for one in group):
            same = [one for one in group if one.cause == cause]
            fixes |= dict.fromkeys(f"{one.cause}: {one.fix}" for one in same)
            lines += [_wrapped(f"  {headline_of(same)}", "  "), _wrapped(f"    {ranges(same)}", "    ")]
        parts.append("\n".join(lines))
    advice = [_wrapped(f"  {fix}", "    ") for fix in fixes]
    return "\n\n".join([*parts, "\n".join(["What helps", *advice, f"  More: {page()}"])])


def _row(layer: Layer, extra: list[str]) -> list[str]:
    fires = f"{float(layer.active_fraction.mean()) * 100:.1f} %" if layer.units else "-"
    more = [str(int(layer.extras[name].sum())) for name in extra]
    on = str(int(layer.always_on.sum())) if layer.kind.linear else "-"
    name = layer.name if layer.axis_traced else f"{layer.name} *"
    return [name, layer.kind.name, str(layer.units), str(len(layer.dead_units)), *more, on, fires]


def _grid(cells: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
