"""A report as one HTML file that needs nothing else: the table, the causes, and what was not seen."""

from collections.abc import Iterable
from html import escape

from reluguide.doctor.bands import BANDS, bands
from reluguide.doctor.report import Report
from reluguide.doctor.table import headline, notes, rows

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .2rem .6rem; text-align: right; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
tr + tr { border-top: 1px solid #8884; } .scroll { overflow-x: auto; } pre { overflow-x: auto; }
.bar { display: flex; width: 14rem; height: 1rem; } .bar span { display: block; }
"""


def webpage(report: Report) -> str:
    """The whole page as text."""
    header, *cells = rows(report)
    body = [f"<h1>Dead units</h1><p>{escape(headline(report))}</p>"]
    if cells:
        head = _cells("th", [*header, "how often its units fire"])
        lines = [
            f"<tr>{_cells('td', row)}<td>{_bar(bands(layer))}</td></tr>" for row, layer in zip(cells, report)
        ]
        body.append(f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>')
        body += [f"<p>{escape(' '.join(note.split()))}</p>" for note in notes(report)]
        body.append(f"<h2>Causes</h2><pre>{escape(str(report.explain()))}</pre>")
    if report.unseen:
        items = "".join(f"<li>{escape(str(one))}</li>" for one in report.unseen)
        body.append(f"<h2>Not seen</h2><ul>{items}</ul>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Dead units</title><style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _bar(shares: tuple[float, ...]) -> str:
    words = ", ".join(f"{label} {share:.0%}" for (label, _, _), share in zip(BANDS, shares))
    parts = "".join(
        f'<span style="width:{share:.2%};background:{colour}"></span>'
        for (_, colour, _), share in zip(BANDS, shares)
    )
    return f'<div class="bar" role="img" aria-label="{escape(words)}" title="{escape(words)}">{parts}</div>'
