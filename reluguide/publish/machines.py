"""For machines that read: structured data, llms.txt, and every page as Markdown with its facts filled in."""

import posixpath
import re
from collections.abc import Iterator, Set
from typing import Any

from reluguide.evidence.guide import Guide
from reluguide.evidence.lookup import Evidence
from reluguide.publish import ledger, pages, render
from reluguide.publish.pages import Fence, Page
from reluguide.publish.site import Question, plain_words, short_answer

# An attribute list, such as { .cite }; braces in code between backticks are code and stay.
_ATTRIBUTES = re.compile(r"(?P<code>(?P<ticks>(?<!`)`+)(?!`).*?(?<!`)(?P=ticks)(?!`))|\s*\{[^{}]*\}")


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


def as_markdown(guide: Guide, one: Question, questions: list[Question], evidence: Evidence) -> str:
    """A page as plain Markdown: facts and claims filled in, includes expanded, links absolute.

    A link to another question leads to its Markdown.
    """
    out: list[str] = []
    for part in parts(one, questions, evidence, twins=True):
        out += [part] if isinstance(part, str) else fenced(guide, one.page, part)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out).strip()) + "\n"


def parts(
    one: Question, questions: list[Question], evidence: Evidence, *, twins: bool = False
) -> Iterator[str | Fence]:
    """A page in order: lines of prose with everything filled in, links absolute, and its fences.

    With `twins`, a link to a question leads to its Markdown in place of its page.
    """
    page = one.page
    starts = {fence.line: fence for fence in page.fences}
    inside = {n for fence in page.fences for n in range(fence.line, fence.end + 1)}
    site = one.url[: one.url.index("questions/")]
    kept = {other.source for other in questions} if twins else set()

    judged = {number: one for one in page.claims for number in range(one.line, one.end + 1)}

    for number, line in enumerate(page.lines, 1):
        if number <= page.front_end:
            continue
        if number in judged:
            if number == judged[number].line:
                for shown in _claim(page, evidence.claims[judged[number].id], evidence):
                    yield absolute_links(shown, source=one.source, site=site, kept=kept)
            continue
        if fence := starts.get(number):
            yield fence
        elif number not in inside:
            for shown in _line(page, line, number, evidence):
                yield absolute_links(shown, source=one.source, site=site, kept=kept)


def absolute_links(text: str, *, source: str, site: str, kept: Set[str] = frozenset()) -> str:
    """Markdown with the links that stand in it as `absolute` has them; code, where `f[0](x)` is no link, stays."""

    def one(match: re.Match[str]) -> str:
        target = match["target"]
        return f"]({absolute(target, source=source, site=site, kept=kept)})" if target else match[0]

    return re.sub(r"```.*?```|`[^`]*`|\]\((?P<target>[^)\s]+)\)", one, text, flags=re.DOTALL)


def absolute(target: str, *, source: str, site: str, kept: Set[str] = frozenset()) -> str:
    """The address on the web of a link that stands in `source` (its path in docs/); `site` ends with a slash.

    Pages have the addresses that MkDocs gives them; those `kept` by their path stand there as files too.
    """
    if re.match(r"[a-z]+:|//", target):
        return target
    path, hash, anchor = target.partition("#")
    place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path)) if path else source
    if place not in kept and (place.endswith(".md") or place.startswith("labs/")):
        place = f"{place.rpartition('.')[0]}/".removesuffix("index/")
    return f"{site}{place}{hash}{anchor}"


def fenced(guide: Guide, page: Page, fence: Fence) -> list[str]:
    """A fence as lines of plain Markdown, its include expanded."""
    body = pages.included(guide, page, fence)[0] if fence.include else fence.body
    return [f"```{fence.language}", *body.rstrip("\n").split("\n"), "```"]


def _line(page: Page, line: str, number: int, evidence: Evidence) -> list[str]:
    if line.strip() == "<!-- claims -->":
        return [
            row.replace("](#", f"]({posixpath.basename(claim['page'])}#")  # to its own page, from this one
            for claim in ledger.ordered(evidence)
            for row in _claim(page, claim, evidence)
        ]
    if re.match(r"^/{3,}|^<!--", line.strip()):
        return []
    if line.startswith("!!! answer"):
        return ["**Short answer.**"]
    text = render.plain(page, line.removeprefix("    "), number, evidence, cite=True)
    return [_ATTRIBUTES.sub(lambda found: found["code"] or "", text)]


def _claim(page: Page, claim: Any, evidence: Evidence) -> list[str]:
    because = render.because(page, claim, evidence, plain=True)
    return [f"- {claim['id']}, **{claim['verdict']}**: “{claim['said']}” ({claim['where']}) {because}"]
