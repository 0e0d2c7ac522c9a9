"""A report as Markdown, to be pasted into a forum or an issue: table, causes, versions, links."""

from typing import TYPE_CHECKING

from reluguide.doctor.explanation import Explanation, headline, ranges
from reluguide.doctor.links import documentation, page
from reluguide.doctor.table import SCREEN, foremost, notes, rows
from reluguide.doctor.table import headline as summary
from reluguide.doctor.words import counted

if TYPE_CHECKING:
    from reluguide.doctor.report import Report

FAULTS = 12  # kinds of trouble that a post can hold


def markdown(report: "Report") -> str:
    """The whole text; of many activation calls those with the most dead units."""
    parts = [f"**{summary(report)}**"]
    if len(report):
        shown = foremost(report, SCREEN)
        header, *cells = rows(report, shown)
        lines = [_row(header), _row(["---", "---", *["--:"] * (len(header) - 2)])]
        lines += [_row([_code(row[0]), *row[1:]]) for row in cells]
        parts.append("\n".join(lines))
        if hidden := len(report) - len(shown):
            parts.append(f"({counted(hidden, 'more activation call', 'more activation calls')} not shown.)")
        parts.append("\n".join(f"- {_text(note)}" for note in notes(report)))
        parts.append(_causes(report.explain()))
    if report.unseen:
        parts.append("\n".join(f"- {one.heading}: {_text(str(one))}" for one in report.unseen))
    versions = ", ".join(f"{name} {version}" for name, version in report.made_with.items())
    guide = f" [The guide]({documentation()})." if documentation() else ""
    parts.append(f"Made with {versions}.{guide}")
    return "\n\n".join(parts) + "\n"


def _causes(explanation: Explanation) -> str:
    faults = explanation.faults()
    if not faults:
        return "No unit of the calls that were seen is dead."
    lines = [
        f"- {_code(fault[0].layer)}: {_text(headline(fault))} ({ranges(fault)})" for fault in faults[:FAULTS]
    ]
    if len(faults) > FAULTS:
        lines.append(f"- and {len(faults) - FAULTS} more")
    helps = dict.fromkeys(_text(f"{fault[0].cause}: {fault[0].fix}") for fault in faults[:FAULTS])
    more = f"[What dead units are, and what helps]({page('dead-units')})"
    return "\n".join(["Why:", "", *lines, "", "What helps:", "", *(f"- {fix}" for fix in helps), "", more])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(name: str) -> str:
    starred = name.endswith(" *")  # the mark of an assumed axis stays outside
    return f"`{name.removesuffix(' *')}`" + (r" \*" if starred else "")


def _text(text: str) -> str:
    """Plain text, in which names may hold what Markdown would read as emphasis or as HTML."""
    text = text.replace(chr(92), chr(92) * 2).replace("<", "&lt;")
    return "".join(chr(92) + letter if letter in "*_`" else letter for letter in text)
