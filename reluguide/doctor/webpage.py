"""A report as HTML that needs nothing else: a page of its own, or a part of a notebook."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from reluguide.doctor.bands import BANDS, bands
from reluguide.doctor.layer import Layer
from reluguide.doctor.table import foremost, headline, notes, rows

if TYPE_CHECKING:
    from reluguide.doctor.report import Report

ROWS = 40  # of a report in a notebook
STYLE = """
.reluguide table { border-collapse: collapse; }
.reluguide th, .reluguide td { padding: .2rem .6rem; text-align: right; }
.reluguide :is(th, td):nth-child(-n+2) { text-align: left; }
.reluguide tr + tr { border-top: 1px solid #8884; }
.reluguide .scroll, .reluguide pre { overflow-x: auto; }
.reluguide .bar { display: flex; width: 14rem; height: 1rem; } .reluguide .bar span { display: block; }
.reluguide .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; }
.reluguide .legend span { display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem; }
"""
PAGE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
"""


def webpage(report: "Report") -> str:
    """A whole page as text."""
    body = [f"<h1>Dead units</h1><p>{escape(headline(report))}</p>", *_table(report, list(report))]
    if len(report):
        body.append(f"<h2>Causes</h2><pre>{escape(str(report.explain()))}</pre>")
    body += [f"<h2>{escape(heading)}</h2>{items}" for heading, items in _unseen(report).items()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Dead units</title><style>{PAGE}{STYLE}</style></head>"
        f'<body class="reluguide">{"".join(body)}</body></html>\n'
    )


def fragment(report: "Report") -> str:
    """What a notebook shows: of many activation calls those with the most dead units, the rest on demand."""
    shown = foremost(report, ROWS)
    body = [f"<p><strong>{escape(headline(report))}</strong></p>", *_table(report, shown)]
    if hidden := len(report) - len(shown):
        body.append(f"<p>{hidden} more activation calls; print(report) shows all.</p>")
    if any(layer.dead_units for layer in shown):
        text = str(report.explain())
        text = text if len(text) < 8000 else text[:8000].rpartition("\n")[0] + "\n... print(report.explain())"
        body.append(f"<details><summary>Causes</summary><pre>{escape(text)}</pre></details>")
    body += [
        f"<details><summary>{escape(heading)}</summary>{items}</details>"
        for heading, items in _unseen(report).items()
    ]
    return f'<div class="reluguide"><style>{STYLE}</style>{"".join(body)}</div>'


def _table(report: "Report", layers: list[Layer]) -> list[str]:
    if not layers:
        return []
    header, *cells = rows(report, layers)
    head = _cells("th", [*header, "how often its units fire"])
    lines = [
        f"<tr>{_cells('td', row)}<td>{_bar(bands(layer))}</td></tr>" for row, layer in zip(cells, layers)
    ]
    return [
        f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>',
        _legend(),
        *(f"<p>{escape(note)}</p>" for note in notes(report)),
    ]


def _legend() -> str:
    items = "".join(
        f'<li><span style="background:{colour}"></span>{escape(label)}</li>' for label, colour, _ in BANDS
    )
    return f'<ul class="legend" aria-label="What the bars show: shares of the units that are">{items}</ul>'


def _unseen(report: "Report") -> dict[str, str]:
    """What the report cannot vouch for, as lists by heading."""
    items: dict[str, str] = {}
    for one in report.unseen:
        items[one.heading] = items.get(one.heading, "") + f"<li>{escape(str(one))}</li>"
    return {heading: f"<ul>{text}</ul>" for heading, text in items.items()}


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _bar(shares: tuple[float, ...]) -> str:
    words = ", ".join(f"{label} {share:.0%}" for (label, _, _), share in zip(BANDS, shares))
    parts = "".join(
        f'<span style="width:{share:.2%};background:{colour}"></span>'
        for (_, colour, _), share in zip(BANDS, shares)
    )
    return f'<div class="bar" role="img" aria-label="{escape(words)}" title="{escape(words)}">{parts}</div>'
