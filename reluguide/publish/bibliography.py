"""The bibliography: BibTeX on disk (docs/reference/bibliography.bib), read and set by pybtex."""

import html
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One work: its key, how it is cited in running text, its full reference as HTML, and its address."""

    key: str
    cited: str
    reference: str
    url: str


def read(path: Path) -> dict[str, Entry]:
    """All entries by key, in the order of the file; empty where there is no file yet."""
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else {}


@cache
def _read(path: Path, changed: int) -> dict[str, Entry]:
    from pybtex.database import parse_string
    from pybtex.exceptions import PybtexError

    try:
        entries = parse_string(path.read_text(encoding="utf-8"), bib_format="bibtex").entries
    except UnicodeDecodeError as error:
        raise ValueError(f"docs/reference/{path.name} is not UTF-8 ({error}); save it as UTF-8.") from None
    except PybtexError as error:
        raise ValueError(f"docs/reference/{path.name}: {error}") from None
    return {key: _entry(key, entry) for key, entry in entries.items()}


def _entry(key: str, entry: Any) -> Entry:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    if not people:
        raise ValueError(
            f"bibliography.bib: the entry {key!r} has no author and no editor, by whom it would be cited; "
            "add author = {Last, First and Last, First}, or author = {{A Group}}."
        )
    last = [_plain(" ".join([*person.prelast_names, *person.last_names])) for person in people]
    last = [name if name != "others" else "et al." for name in last]  # BibTeX's "and others"
    named = (
        last[0]
        if len(last) == 1
        else " and ".join(last)
        if len(last) == 2 and last[1] != "et al."
        else f"{last[0]} et al."
    )
    fields = {name: _plain(value) for name, value in entry.fields.items()}
    for wanted in ("title", "year"):
        if wanted not in fields:
            raise ValueError(f"bibliography.bib: the entry {key!r} has no {wanted}.")
    url = (
        f"https://doi.org/{fields['doi']}" if "doi" in fields
        else f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields
        else fields.get("url", "")
    )  # fmt: skip
    names = ", ".join(_initials(person) for person in people).replace(", others", " et al.")
    venue = fields.get("journal") or fields.get("booktitle") or fields.get("publisher") or ""
    where = ", ".join(
        part for part in (
            venue, fields.get("volume", "") + (f"({fields['number']})" if "number" in fields else ""),
            fields.get("pages", "").replace("--", "–"),
        ) if part
    )  # fmt: skip
    link = f' <a href="{html.escape(url)}">{_address(fields)}</a>.' if url else ""
    parts = [f"{html.escape(names)} ({fields['year']}).", f"<cite>{html.escape(fields['title'])}</cite>."]
    if where:
        parts.append(f"{html.escape(where)}.")
    note = f" {html.escape(fields['note'])}." if "note" in fields else ""
    return Entry(key, f"{named} {fields['year']}", " ".join(parts) + link + note, url)


def listed(entries: dict[str, Entry]) -> str:
    """The bibliography page: every entry with its anchor, by first author and year."""
    ordered = sorted(entries.values(), key=lambda one: (one.cited.lower(), one.key))
    rows = "".join(f'<li id="{one.key}">{one.reference}</li>' for one in ordered)
    return f'<ul class="bibliography">{rows}</ul>'


def _address(fields: dict[str, str]) -> str:
    if "doi" in fields:
        return f"doi:{html.escape(fields['doi'])}"
    return f"arXiv:{fields['eprint']}" if "eprint" in fields else "online"


def _initials(person: Any) -> str:
    given = " ".join(f"{name[0]}." for name in [*person.first_names, *person.middle_names])
    return _plain(f"{given} {' '.join([*person.prelast_names, *person.last_names])}".strip())


def _plain(text: str) -> str:
    """LaTeX's accents as letters, and without the braces that keep its capitals."""
    from pybtex.richtext import Text

    return re.sub(r"\s+", " ", str(Text.from_latex(text))).strip()
