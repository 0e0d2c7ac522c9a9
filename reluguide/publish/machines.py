"""For machines that read: structured data, llms.txt, and every page as Markdown with its facts filled in."""

import re
from collections.abc import Iterator
from typing import Any

from reluguide.publish import ledger, pages, render
from reluguide.publish.house import House
from reluguide.publish.pages import Fence, Page
from reluguide.publish.render import Evidence
from reluguide.publish.site import Question, plain_words, short_answer


def structured_data(questions: list[Question], evidence: Evidence) -> dict[str, Any]:
    """schema.org's FAQPage for the given questions; the answers are the visible short answers."""
    return {
        "@context": "https://schema.org",
        "@type": "FAQPage",
        "mainEntity": [
            {
                "@type": "Question",
                "name": one.page.title,
                "acceptedAnswer": {"@type": "Answer", "text": plain_words(short_answer(one.page, evidence))},
            }
            for one in questions
        ],
    }


def llms_txt(name: str, about: str, questions: list[Question], evidence: Evidence) -> str:
    """llms.txt: what the site is, and each question with its short answer and the address of its Markdown."""
    lines = [f"# {name}", "", f"> {about}", "", "## Questions", ""]
    for one in questions:
        answer = plain_words(short_answer(one.page, evidence))
        lines.append(f"- [{one.page.title}]({one.url.rstrip('/')}.md): {answer}")
    return "\n".join(lines) + "\n"


def as_markdown(house: House, one: Question, questions: list[Question], evidence: Evidence) -> str:
    """A page as plain Markdown: facts and claims filled in, includes expanded, links absolute."""
    out: list[str] = []
    for part in parts(house, one, questions, evidence):
        out += [part] if isinstance(part, str) else fenced(house, one.page, part)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out).strip()) + "\n"


def parts(
    house: House, one: Question, questions: list[Question], evidence: Evidence
) -> Iterator[str | Fence]:
    """A page in order: lines of prose with everything filled in, and its fences."""
    page = one.page
    starts = {fence.line: fence for fence in page.fences}
    inside = {n for fence in page.fences for n in range(fence.line, fence.end + 1)}
    urls = {other.source.rpartition("/")[2]: other.url for other in questions}
    for number, line in enumerate(page.lines, 1):
        if number <= page.front_end:
            continue
        if fence := starts.get(number):
            yield fence
        elif number not in inside:
            yield from _line(page, line, number, evidence, urls, one)


def fenced(house: House, page: Page, fence: Fence) -> list[str]:
    """A fence as lines of plain Markdown, its include expanded."""
    body = pages.included(house, page, fence)[0] if fence.include else fence.body
    return [f"```{fence.language}", *body.rstrip("\n").split("\n"), "```"]


def _line(
    page: Page, line: str, number: int, evidence: Evidence, urls: dict[str, str], one: Question
) -> list[str]:
    if line.strip() == "<!-- claims -->":
        return [row for claim in ledger.ordered(evidence) for row in _claim(page, claim, evidence)]
    if found := re.fullmatch(r"\{\{\s*claim\.([\w-]+)\s*\}\}", line.strip()):
        claim = evidence.claims().get(found[1])
        return _claim(page, claim, evidence) if claim else []
    if re.match(r"^/{3,}|^<!--", line.strip()):
        return []
    if line.startswith("!!! answer"):
        return ["**Short answer.**"]
    text = render.plain(page, line.removeprefix("    "), number, evidence, cite=True)
    text = re.sub(r"\s*\{[^{}]*\}", "", text)  # attribute lists
    base = one.url.rstrip("/").rpartition("/")[0]

    def link(match: re.Match[str]) -> str:
        target, hash, anchor = match[1].partition("#")
        if target in urls:
            return f"]({urls[target].rstrip('/')}.md{hash}{anchor})"
        return (
            f"]({base}/{target.removeprefix('../')}{hash}{anchor})" if target.startswith("../") else match[0]
        )

    return [
        re.sub(r"\]\(([^)\s]+)\)", link, text).replace(
            f"{base}/figures", f"{base.rpartition('/')[0]}/figures"
        )
    ]


def _claim(page: Page, claim: Any, evidence: Evidence) -> list[str]:
    because = render.because(page, claim, evidence, plain=True)
    return [f"- {claim['id']}, **{claim['verdict']}**: “{claim['said']}” ({claim['where']}) {because}"]
