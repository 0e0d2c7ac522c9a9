"""The glossary: terms on disk (snippets/glossary.md), as tooltips on every page and as a list on one.

The file is in the syntax of Python-Markdown's `abbr`, `*[term]: meaning`, one a line, and is appended to
every page by `pymdownx.snippets`. That marks a term wherever it stands; `once` leaves its first place in
running text. A plural is a line of its own with the same meaning.
"""

import html
import re
from pathlib import Path

_LINE = re.compile(r"\*\[(?P<term>[^\]]+)\]: (?P<meaning>.+)")
# What must stay as it is: a tooltip in a link or a heading would be a second thing to point at.
_MARKED = re.compile(
    r'<(?P<tag>h[1-6]|a|summary|th|dt)\b.*?</(?P=tag)>|<abbr title="(?P<meaning>[^"]*)">(?P<word>.*?)</abbr>',
    re.S,
)


def read(path: Path) -> dict[str, list[str]]:
    """Terms by meaning, in the order of the file; ValueError names a line that is not a term."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{path.name}:{number}: {line!r} is not `*[term]: meaning`.")
        found.setdefault(match["meaning"], []).append(match["term"])
    return found


def listed(terms: dict[str, list[str]]) -> str:
    """The glossary page: every meaning under its first term, each with its anchor."""
    rows = "".join(
        f'<dt id="{names[0].replace(" ", "-")}"><strong>{html.escape(names[0])}</strong></dt><dd>{html.escape(meaning)}</dd>'
        for meaning, names in terms.items()
    )
    return f'<dl class="glossary">{rows}</dl>'


def once(content: str) -> str:
    """A page's HTML with each term marked at its first place only, and none in headings and links."""
    seen: set[str] = set()

    def one(match: re.Match[str]) -> str:
        if match["tag"]:
            return re.sub(r"</?abbr\b[^>]*>", "", match[0])
        first = match["meaning"] not in seen
        seen.add(match["meaning"])
        return match[0] if first else match["word"]

    return _MARKED.sub(one, content)
