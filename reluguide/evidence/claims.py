"""Claims as they stand on pages: what is said, where, our verdict and the reason, in Markdown.

    /// claim | C13: right if

    > So a ReLU layer is lossy.
    > — [safe]

    It depends on the width and the weights, not on the zeros. Layers as wide as their input give
    {{ is_it_lossy.recovered[1] }} of inputs back exactly.
    ///

`[safe]` is a thread or text of `snippets/threads.md`; anything else behind the dash stands as it is. The
check of a claim is declared in the findings of the same name (`evidence.checks`); a claim that has none,
because the matter is one of wording or history, says so in its first line: `/// claim | C14: right if, by
inspection`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from reluguide.evidence.guide import Guide

Verdict = Literal["right", "right if", "wrong", "unproven"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_OPENING = re.compile(r"^/// claim\b(?P<rest>.*)$")
_HEAD = re.compile(r"^\s*\|\s*(?P<id>\w+):\s*(?P<verdict>[a-z ]+?)\s*(?P<inspected>,\s*by inspection)?\s*$")
_FORM = "write /// claim | C13: right if (or: /// claim | C13: wrong, by inspection)"


class ClaimError(ValueError):
    """A claim's block cannot be read: `line` of the page, and what is wrong."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


@dataclass(frozen=True)
class Claim:
    """One claim of a page: lines `line` to `end`; the reason's Markdown lines with their numbers."""

    id: str
    said: str
    where: str
    verdict: str
    inspected: bool
    reason: tuple[tuple[int, str], ...]
    line: int
    end: int

    @property
    def because(self) -> str:
        """The reason as one paragraph of Markdown."""
        return " ".join(text.strip() for _, text in self.reason if text.strip())


def read(lines: Iterable[tuple[int, str]]) -> list[Claim]:
    """Every claim among numbered lines of a page, in order; ClaimError names the line of one that is malformed."""
    found: list[Claim] = []
    head, start = "", 0
    body: list[tuple[int, str]] | None = None
    for number, line in lines:
        if body is None:
            if opening := _OPENING.match(line):
                head, start, body = opening["rest"], number, []
        elif line.strip() == "///":
            found.append(_one(head, body, start, number))
            body = None
        else:
            body.append((number, line))
    if body is not None:
        raise ClaimError(start, "this claim is never closed: end it with ///")
    return found


def threads(guide: Guide) -> dict[str, str]:
    """Titles of threads and texts by their short names: the lines `[name]: title` of snippets/threads.md."""
    file = guide.snippets / "threads.md"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return dict(re.findall(r"^\[([\w-]+)\]: *(.+?) *$", text, re.MULTILINE))


def named(where: str, threads: Mapping[str, str]) -> str:
    """Where a claim is said, with the name of a thread spelt out; KeyError for one that is not listed."""
    short = re.fullmatch(r"\[([\w-]+)\]", where)
    if not short:
        return where
    if short[1] not in threads:
        raise KeyError(f"{where} is no thread of snippets/threads.md; it has {', '.join(threads) or 'none'}.")
    return threads[short[1]]


def order(id: str) -> tuple[str, int, str]:
    """Ids sort by their number, then by what follows it: C9, C45, C45b, C46."""
    match = re.fullmatch(r"(\D*)(\d+)(.*)", id)
    return (match[1], int(match[2]), match[3]) if match else (id, 0, "")


def _one(rest: str, body: list[tuple[int, str]], start: int, end: int) -> Claim:
    head = _HEAD.match(rest)
    if not head:
        raise ClaimError(start, f"a claim needs its id and our verdict: {_FORM}")
    if head["verdict"] not in VERDICTS:
        raise ClaimError(start, f"the verdict {head['verdict']!r} is none of {', '.join(VERDICTS)}.")
    quoted = [(number, line.lstrip()[1:].strip()) for number, line in body if line.lstrip().startswith(">")]
    reason = tuple((number, line) for number, line in body if not line.lstrip().startswith(">"))
    if len(quoted) < 2 or not quoted[-1][1].startswith("— "):
        raise ClaimError(
            start, "a claim quotes what is said and, on the last quoted line, where: > — [safe], or a title."
        )
    if not any(line.strip() for _, line in reason):
        raise ClaimError(start, f"the claim {head['id']} gives no reason for its verdict.")
    where = quoted[-1][1].removeprefix("— ").strip()
    said = " ".join(text for _, text in quoted[:-1])
    return Claim(head["id"], said, where, head["verdict"], bool(head["inspected"]), reason, start, end)
