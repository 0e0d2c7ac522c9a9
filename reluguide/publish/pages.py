"""Reading a page: fences, headings, pictures, short answer, prose. The build and the tests share this reading.

Lines are counted from 1, as editors show them, in the file as it stands on disk (front matter included).
"""

import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from reluguide.evidence import claims
from reluguide.evidence.claims import Claim
from reluguide.evidence.guide import Guide

_FENCE = re.compile(r"^(?P<indent>[ \t>]*)(?P<ticks>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_INFO = re.compile(r"^\{?\s*\.?(?P<language>[\w+-]*)(?P<rest>.*?)\}?$")
_INCLUDE = re.compile(r'^[ \t]*--8<--[ \t]+"(?P<path>[^":]+)(?::(?P<section>[^"]+))?"[ \t]*$')
_SKIP = re.compile(r"^\s*<!--\s*skip:\s*(?P<reason>.*?)\s*-->\s*$")
_HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<text>.*?)\s*(?:\{[^}]*#(?P<id>[\w-]+)[^}]*\})?\s*$")
_IMAGE = re.compile(r"!\[(?P<alt>(?:\{\{.*?\}\}|[^\]])*)\]\((?P<src>[^)\s]+)\)(?P<attrs>\{[^}]*\})?")
_ANSWER = re.compile(r"^!!! answer\b.*$")


class PageError(Exception):
    """Something on a page is wrong: names page and line, what was found, and what to do or rerun."""

    def __init__(self, page: str, line: int, message: str) -> None:
        # Who edits text only (`make prose`) has no tests to rerun: saving the page checks it again.
        rerun = page.endswith(".md") and not os.environ.get("RELUGUIDE_PROSE")
        again = f"\nRerun only this page: python -m pytest {page}" if rerun else ""
        super().__init__(f"{page}:{line}: {message}{again}")
        self.page, self.line, self.message = page, line, message


@dataclass(frozen=True)
class Fence:
    """A fenced block: `line` of its opening, `end` of its closing, `body` without the page's indentation."""

    line: int
    end: int
    language: str
    title: str
    body: str
    indent: str
    skip: str | None

    @property
    def is_output(self) -> bool:
        return self.language == "text" and self.title == "Output"

    @property
    def is_python(self) -> bool:
        return self.language in ("python", "py", "pycon", "python3")

    @cached_property
    def include(self) -> tuple[str, str | None] | None:
        """(path, section) where the block is one include and nothing else; None otherwise."""
        lines = [line for line in self.body.splitlines() if line.strip()]
        found = _INCLUDE.match(lines[0]) if len(lines) == 1 else None
        return (found["path"], found["section"]) if found else None


@dataclass(frozen=True)
class Heading:
    line: int
    level: int
    text: str
    id: str | None


@dataclass(frozen=True)
class Image:
    line: int
    alt: str
    src: str


@dataclass(frozen=True)
class Page:
    """One Markdown file of the guide; `name` is its path as messages give it (`docs/questions/x.md`)."""

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def front_end(self) -> int:
        """The number of lines that the front matter takes, its two rules included; 0 where there is none."""
        if self.lines[:1] != ["---"]:
            return 0
        for number, line in enumerate(self.lines[1:], 2):
            if line == "---":
                return number
        raise PageError(self.name, 1, "the front matter that opens with --- is not closed.")

    @cached_property
    def front(self) -> dict[str, Any]:
        return yaml.safe_load("\n".join(self.lines[1 : self.front_end - 1])) or {} if self.front_end else {}

    @cached_property
    def fences(self) -> list[Fence]:
        return list(_fences(self))

    @cached_property
    def prose(self) -> list[tuple[int, str]]:
        """Every line outside front matter and fences, with its number."""
        inside = {number for fence in self.fences for number in range(fence.line, fence.end + 1)}
        return [
            (number, line)
            for number, line in enumerate(self.lines, 1)
            if number > self.front_end and number not in inside
        ]

    @cached_property
    def headings(self) -> list[Heading]:
        found = ((number, _HEADING.match(line)) for number, line in self.prose)
        return [Heading(number, len(m["marks"]), m["text"], m["id"]) for number, m in found if m]

    @cached_property
    def images(self) -> list[Image]:
        return [
            Image(number, found["alt"], found["src"])
            for number, line in self.prose
            for found in _IMAGE.finditer(line)
        ]

    @cached_property
    def claims(self) -> list[Claim]:
        """The claims that the page judges, in order; PageError where one is malformed."""
        try:
            return claims.read(self.prose)
        except claims.ClaimError as error:
            raise PageError(self.name, error.line, error.message) from None

    @cached_property
    def title(self) -> str:
        first = next((heading for heading in self.headings if heading.level == 1), None)
        if first is None:
            raise PageError(self.name, 1, "the page has no title: begin it with '# ' and the question.")
        return first.text

    @cached_property
    def short_answer(self) -> tuple[int, str] | None:
        """Line and Markdown of the answer under `!!! answer "Short answer"`, joined to one paragraph."""
        for number, line in self.prose:
            if _ANSWER.match(line):
                body: list[str] = []
                for following in self.lines[number:]:
                    if following.strip() and not following.startswith("    "):
                        break
                    if not following.strip() and body:
                        break
                    body.append(following.strip())
                return number, " ".join(part for part in body if part)
        return None


def read(guide: Guide, path: Path) -> Page:
    """A page of Markdown, or the prose of a lab (percent format) on the lines where it stands."""
    return _read(guide, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)  # every guard, link and list of a build asks for the same pages
def _read(guide: Guide, path: Path, changed: int) -> Page:
    text = text_of(guide, path)
    return Page(guide.relative(path), _prose_of_lab(text) if path.suffix == ".py" else text)


def text_of(guide: Guide, path: Path) -> str:
    """What a file holds; PageError where that is not UTF-8, or begins with a byte order mark."""
    name, data = guide.relative(path), path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PageError(
            name,
            line,
            f"the byte {data[error.start]:#04x} is not UTF-8; save the file in the encoding UTF-8.",
        ) from None
    if text.startswith("\ufeff"):
        raise PageError(
            name, 1, "a byte order mark hides what the file begins with; save it as UTF-8 without BOM."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def question_pages(guide: Guide) -> list[Page]:
    return [read(guide, path) for path in sorted(guide.questions.glob("*.md"))]


def included(guide: Guide, page: Page, fence: Fence) -> tuple[str, str, int]:
    """What a block's include stands for: (its text as shown, the file's name, the line it starts on).

    The same rules as pymdownx.snippets, which expands it in the build: sections between
    `--8<-- [start:name]` and `[end:name]`, markers of other sections dropped, the section dedented.
    """
    assert fence.include is not None
    path, section = fence.include
    file = guide.root / path
    if not file.is_file():
        raise PageError(page.name, fence.line + 1, f"the included file {path} does not exist.")
    lines = text_of(guide, file).splitlines()
    first = 1
    if section:
        start, end = (_marker(lines, kind, section) for kind in ("start", "end"))
        if start is None:
            known = sorted(set(re.findall(r"\[start:([\w-]+)\]", "\n".join(lines))))
            raise PageError(
                page.name, fence.line + 1,
                f"{path} has no section {section!r}; it has {', '.join(known) or 'none'}.",
            )  # fmt: skip
        if end is None:
            raise PageError(
                path, start + 1, f"section {section!r} has no end: add '# --8<-- [end:{section}]'."
            )
        first, lines = start + 2, lines[start + 1 : end]
    kept = [line for line in lines if "--8<-- [" not in line]
    return textwrap.dedent("\n".join(kept)).strip("\n") + "\n", path, first


def slug(heading: str) -> str:
    """The id that Python-Markdown's toc gives a heading; facts and markup in it count as their text."""
    from markdown.extensions.toc import slugify

    name: str = slugify(re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading), "-")
    return name


def _prose_of_lab(text: str) -> str:
    shown, lines = False, []
    for line in text.splitlines():
        if line.startswith("# %%"):
            shown, line = "[markdown]" in line, ""
        lines.append(re.sub("^# ?", "", line) if shown else "")
    return "\n".join(lines)


def _marker(lines: list[str], kind: str, section: str) -> int | None:
    wanted = f"--8<-- [{kind}:{section}]"
    return next((at for at, line in enumerate(lines) if wanted in line), None)


def _fences(page: Page) -> Iterator[Fence]:
    lines, number = page.lines, page.front_end
    skip: str | None = None
    while number < len(lines):
        line = lines[number]
        number += 1
        reason = _SKIP.match(line)
        opening = _FENCE.match(line)
        if not opening:
            skip = reason["reason"] if reason else skip if not line.strip() else None
            continue
        ticks, indent, start = opening["ticks"], opening["indent"], number
        body: list[str] = []
        while True:
            if number >= len(lines):
                raise PageError(page.name, start, "this fenced block is never closed.")
            line = lines[number]
            number += 1
            closing = _FENCE.match(line)
            if closing and closing["ticks"].startswith(ticks) and not closing["info"].strip():
                break
            body.append(line[len(indent) :] if line.startswith(indent) else line.lstrip())
        info = _INFO.match(opening["info"].strip())
        language, rest = (info["language"].lower(), info["rest"]) if info else ("", "")
        title = re.search(r'title="([^"]*)"', rest)
        text = "".join(f"{part}\n" for part in body)
        yield Fence(start, number, language, title[1] if title else "", text, indent, skip)
        skip = None
