"""What the site is made of, without MkDocs: evidence from the store, generated files, lists of pages."""

import functools
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reluguide.evidence import claims, store
from reluguide.evidence.guide import Guide
from reluguide.evidence.lookup import Evidence
from reluguide.evidence.record import EvidenceError
from reluguide.publish import bibliography, pages, render
from reluguide.publish.markup import filled
from reluguide.publish.pages import Page, PageError


@dataclass(frozen=True)
class Question:
    """A question page: its module, its source (`questions/why-zero.md`), its address on the web, its text."""

    module: str
    source: str
    url: str
    page: Page


def gather(guide: Guide, *, device: str | None) -> Evidence:
    """Everything in the store for `device`; with None, whatever is there, and placeholders for the rest.

    A findings record that is missing for a named device is an error: refresh the store first.
    """
    found: dict[str, Any] = {}
    for module in guide.modules():
        record = (
            _latest(guide, module) if device is None else _cached(store.findings_path(guide, module, device))
        )
        if record is not None:
            found[module] = record
        elif device is not None:
            raise EvidenceError(f"the store has no findings of {module}; run: python -m reluguide evidence")
    entries = bibliography.read(guide.docs / "reference" / "bibliography.bib")

    def cite(key: str) -> tuple[str, str] | None:
        return (entries[key].cited, key) if key in entries else None

    evidence = Evidence(found, cite=cite, waiting=device is None)
    evidence.claims = judged(guide, found)
    return evidence


def judged(guide: Guide, findings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every claim of the question pages by id: its text, where it stands, and the outcome of its check."""
    threads = claims.threads(guide)
    found: dict[str, dict[str, Any]] = {}
    for page in pages.question_pages(guide):
        module = guide.module(Path(page.name))
        checks = findings.get(module, {}).get("checks", {})
        for one in page.claims:
            if one.id in found:
                first = found[one.id]
                raise PageError(
                    page.name,
                    one.line,
                    f"claim {one.id} is already judged on {first['page']}:{first['line']}.",
                )
            try:
                where = claims.named(one.where, threads)
            except KeyError as error:
                raise PageError(page.name, one.line, str(error.args[0])) from None
            check = checks.get(one.id)
            found[one.id] = {
                "id": one.id, "said": one.said, "where": where, "verdict": one.verdict,
                "inspected": one.inspected, "reason": one.reason, "page": page.name, "line": one.line,
                "module": module, "checked": check is not None, "needs": check["needs"] if check else [],
                "conditions": check["conditions"] if check else [],
            }  # fmt: skip
    return found


def generated(evidence: Evidence) -> dict[str, str]:
    """Files of the site that come out of the store, by their address: figures and data."""
    files = {}
    for module, record in evidence.findings.items():
        for name, figure in record["figures"].items():
            files[f"figures/{module}/{name}.svg"] = figure["svg"]
        for name, data in record["data"].items():
            files[f"assets/data/{module}/{name}.json"] = json.dumps(data, separators=(",", ":"))
    return files


def waiting_figures(written: list[Page]) -> dict[str, str]:
    """For every figure that the pages show, what stands there until it has been drawn."""
    waiting = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="720" height="120" viewBox="0 0 720 120" role="img">'
        '<title>Not drawn yet</title><rect width="720" height="120" fill="none" stroke="#767676"/>'
        '<text x="360" y="65" text-anchor="middle" font-family="sans-serif" fill="#767676">'
        "This figure is drawn when the experiments have run (make serve)</text></svg>"
    )
    addresses = {image.src.lstrip("./") for page in written for image in page.images}
    return {address: waiting for address in addresses if address.startswith("figures/")}


def question_list(questions: list[Question], evidence: Evidence, *, coming: list[str]) -> str:
    """The index: every question with its short answer, in order; `coming` are titles of pages still to come."""
    rows = [
        {"source": one.source, "title": one.page.title, "answer": short_answer(one.page, evidence)}
        for one in questions
    ]
    # The answers are found on their own pages, so the search leaves the list out.
    return filled("questions.md", questions=rows, coming=coming)


def search_index(text: str) -> str:
    """The theme's search index, tuned: a page itself counts twice its sections, and it alone has its keywords."""
    index = json.loads(text)
    for entry in index["docs"]:
        if "#" in entry["location"]:
            entry.pop("tags", None)
        else:
            entry["boost"] = 2 * entry.get("boost", 1)
    return json.dumps(index, separators=(",", ":"), ensure_ascii=False)


def unsearched(content: str) -> str:
    """A page's HTML with what programs print marked, so that the search finds what people write."""
    output = '<div class="language-text highlight"><span class="filename">Output</span>'
    return content.replace(output, output.replace("<div ", "<div data-search-exclude "))


def short_answer(page: Page, evidence: Evidence) -> str:
    """A page's short answer with its facts as plain text: for the index, structured data and llms.txt."""
    answer = page.short_answer
    if answer is None:
        return ""
    number, text = answer
    return render.plain(page, text, number, evidence)


def plain_words(markdown: str) -> str:
    """Markdown of one paragraph without its marks, for descriptions and structured data."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)(\{[^}]*\})?", r"\1", markdown)
    return re.sub(r"[`*]", "", re.sub(r"<[^>]+>", "", text)).strip()


def first_paragraph(content: str) -> str:
    """The words of the first paragraph of a page's HTML."""
    found = re.search(r"<p>(.*?)</p>", content, re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found[1]))).strip() if found else ""


@functools.lru_cache(maxsize=256)
def _cached(path: Path) -> Mapping[str, Any] | None:
    """A record by its content-addressed path; what does not exist yet is asked for again next time."""
    record = store.read(path)
    if record is None:
        _cached.cache_clear()
    return record


def _latest(guide: Guide, module: str) -> Mapping[str, Any] | None:
    paths = sorted(
        (guide.cache / "findings").glob(f"{module}-*.json"), key=lambda path: -path.stat().st_mtime_ns
    )
    return next((record for record in map(store.read, paths) if record), None)
