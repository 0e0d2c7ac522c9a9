"""From a page as written to Markdown that any Python-Markdown site can show.

Facts become `<data>` with their provenance (plain text in alt texts, headings and front matter), figures
get their size and, below, "Show the numbers"; a claim becomes a card, `[@key]` a citation, and
the foot of the page says where each number comes from. Works without MkDocs: text in, text out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reluguide.evidence.lookup import Evidence, UnknownNameError
from reluguide.publish.markup import filled
from reluguide.publish.pages import Page, PageError

EXPRESSION = re.compile(r"\{\{\s*(?P<name>[\w.]+(?:\[[^\[\]{}]*\])?)\s*(?:\|\s*(?P<filter>\w+)\s*)?\}\}")
_ALT = re.compile(r"!\[((?:\{\{.*?\}\}|[^\]])*)\]")
_CITATION = re.compile(r"\[@(?P<keys>[\w-]+(?:;\s*@[\w-]+)*)\]")
_FIGURE = re.compile(
    r"(?P<image>!\[(?P<alt>[^\]]*)\]\((?P<up>(?:\.\./)*)figures/(?P<module>\w+)/(?P<name>\w+)\.svg\))"
)
_WAITING = "…"
UNCLOSED = (
    "a {{ is not closed on its line, or is not `{{ module.fact[coordinate] }}`, `{{ module.fact | interval }}` or "
    "`{{ module.experiment.setting }}`."
)


@dataclass
class Rendered:
    """The Markdown of a page, and what it used: facts by name and modules whose figures it shows."""

    markdown: str
    facts: list[str]
    modules: list[str]


def render(page: Page, evidence: Evidence, *, root: str = "../", foot: str = "") -> Rendered:
    """The page with everything filled in. `root` leads from the page to docs/ in links that are written here.

    `foot` is Markdown that ends the page, before the table of where its numbers come from.
    """
    return _Renderer(page, evidence, root).render(foot)


def plain(page: Page, text: str, line: int, evidence: Evidence, *, cite: bool = False) -> str:
    """A piece of a page's Markdown with its facts, and on request its citations, as plain text."""
    renderer = _Renderer(page, evidence, "")
    filled = renderer.filled(text, line, plain=True)
    return renderer.cited(filled, line, plain=True) if cite else filled


class _Renderer:
    def __init__(self, page: Page, evidence: Evidence, root: str) -> None:
        self.page, self.evidence, self.root = page, evidence, root
        self.facts: list[str] = []
        self.modules: list[str] = []

    def render(self, foot: str) -> Rendered:
        prose = {number for number, _ in self.page.prose}
        judged = {number: one for one in self.page.claims for number in range(one.line, one.end + 1)}
        out = []
        for number, line in enumerate(self.page.lines, 1):
            if number in judged:
                if number == judged[number].line:
                    out.append(self.claim(judged[number].id, number))
            elif number <= self.page.front_end:
                out.append(self.filled(line, number, plain=True))
            elif number in prose:
                out.append(self.line(line, number))
            else:
                out.append(line)
        body = "\n".join(out)
        sources = provenance(self.evidence, self.facts, self.modules)
        whole = "\n\n".join(part for part in (body, foot, sources) if part)
        return Rendered(f"{whole}\n", self.facts, self.modules)

    def line(self, line: str, number: int) -> str:
        if line.lstrip().startswith("#"):
            return self.filled(line, number, plain=True)
        # Alt texts first, as plain text: a tag inside an attribute would break it.
        line = _ALT.sub(lambda m: f"![{self.filled(m[1], number, plain=True)}]", line)
        line = self.prose(line, number)
        return _FIGURE.sub(lambda m: self.figure(m, number, line), line)

    def outside_code(self, line: str, change: Callable[[str], str]) -> str:
        parts = re.split(r"(`[^`]*`)", line)
        return "".join(part if i % 2 else change(part) for i, part in enumerate(parts))

    def filled(self, text: str, number: int, *, plain: bool = False) -> str:
        """`text` with its facts and settings."""
        done = EXPRESSION.sub(lambda match: self.quoted(match, number, plain=plain), text)
        if "{{" in done:
            raise PageError(self.page.name, number, UNCLOSED)
        return done

    def quoted(self, match: re.Match[str], number: int, *, plain: bool) -> str:
        """What stands in the place of one expression."""
        try:
            setting = self.evidence.setting(match["name"])
            name, fact = ("", None) if setting is not None else self.evidence.fact(match["name"])
        except UnknownNameError as error:
            if self.evidence.waiting:
                return _WAITING
            raise PageError(self.page.name, number, str(error)) from None
        if fact is None:
            return str(setting)
        self.facts.append(name)
        text, how = str(fact["text"]), match["filter"]
        if how == "interval":
            text = fact["interval"] or text
        elif how:
            raise PageError(self.page.name, number, f"the filter {how!r} is not known; there is `interval`.")
        return text if plain else marked(fact, text)

    def cited(self, text: str, number: int, *, plain: bool = False) -> str:
        def one(match: re.Match[str]) -> str:
            links = []
            for key in re.findall(r"[\w-]+", match["keys"]):
                found = self.evidence.cite(key)
                if found is None:
                    raise PageError(
                        self.page.name, number,
                        f"the citation key {key!r} is not in docs/reference/bibliography.bib; add its entry there.",
                    )  # fmt: skip
                links.append(
                    found[0]
                    if plain
                    else f"[{found[0]}]({self.root}reference/bibliography.md#{found[1]}){{ .cite }}"
                )
            return "(" + "; ".join(links) + ")"

        return _CITATION.sub(one, text)

    def figure(self, match: re.Match[str], number: int, line: str) -> str:
        module, name = match["module"], match["name"]
        record = self.evidence.findings.get(module, {}).get("figures", {})
        drawn = record.get(name)
        if drawn is None:
            if self.evidence.waiting:
                return match[0]
            raise PageError(
                self.page.name, number,
                f"there is no figure {module}/{name}; findings/{module}.py draws {', '.join(record) or 'none'}.",
            )  # fmt: skip
        self.modules.append(module)
        indent = line[: len(line) - len(line.lstrip())]
        lazy = ' loading="lazy"' if any(image.line < number for image in self.page.images) else ""
        size = f'{{ width="{drawn["width"]}" height="{drawn["height"]}"{lazy} }}'
        return f"{match['image']}{size}\n\n{indent}{numbers(drawn)}\n"

    def claim(self, id: str, number: int) -> str:
        claim = self.evidence.claims[id]
        if claim["needs"]:
            self.modules.append(claim["module"])
        return card(claim, self.because(claim))

    def because(self, claim: Mapping[str, Any], *, plain: bool = False) -> str:
        """A claim's reason as Markdown, one paragraph."""
        lines = [(number, text.strip()) for number, text in claim["reason"] if text.strip()]
        if plain:
            return " ".join(self.cited(self.filled(t, n, plain=True), n, plain=True) for n, t in lines)
        return " ".join(self.prose(text, number) for number, text in lines)

    def prose(self, text: str, number: int) -> str:
        """A line of prose with its facts, settings and citations; what stands between backticks stays."""
        return self.outside_code(text, lambda part: self.cited(self.filled(part, number), number))


def marked(fact: Mapping[str, Any], text: str) -> str:
    """A fact in the prose: its exact value for machines, where it comes from on hover."""
    told = fact["what"].rstrip(".")
    if fact["networks"]:
        told += f": {fact['networks']}, 95 % interval {fact['interval']}"
    return filled("fact.html", value=f"{fact['value']:.4g}", told=told, text=text)


def numbers(drawn: Mapping[str, Any]) -> str:
    """ "Show the numbers": the table under a picture, out of the way of search."""
    return _one_line(filled("numbers.html", title=drawn["title"], numbers=drawn["numbers"]))


def card(claim: Mapping[str, Any], because: str, *, settled: str = "") -> str:
    """A claim as a block: what is said, where, our verdict and why. Its id is the claim's permanent link."""
    name = badge(claim["verdict"])
    return filled("claim.md", claim=claim, badge=name, because=because, settled=settled) + "\n"


def _one_line(markup: str) -> str:
    """HTML within Markdown ends at an empty line and may be taken for code where it is indented."""
    return re.sub(r"\s*\n\s*", "", markup)


def badge(verdict: str) -> str:
    """The class of a verdict's badge: "right if" as `right-if`."""
    return verdict.replace(" ", "-")


def because(
    page: Page, claim: Mapping[str, Any], evidence: Evidence, *, root: str = "", plain: bool = False
) -> str:
    """A claim's reason with its facts, as Markdown with citations linked, or as plain text."""
    return _Renderer(Page(claim["page"], page.text), evidence, root).because(claim, plain=plain)


def provenance(evidence: Evidence, facts: list[str], modules: list[str]) -> str:
    """The table at the foot of a page: each number, what it is, and the run that it comes from."""
    if not facts and not modules:
        return ""
    runs: dict[str, Any] = {}
    families: dict[
        tuple[str, str, str], list[str]
    ] = {}  # one row for numbers that are alike in all but themselves
    for name in dict.fromkeys(facts):
        _, fact = evidence.fact(name)
        module = name.partition(".")[0]
        for one in fact["experiments"]:
            runs[f"{module}.{one}"] = evidence.findings[module]["provenance"].get(one)
        about = fact["what"], ", ".join(f"{module}.{e}" for e in fact["experiments"]), fact["networks"]
        text = f"{fact['text']} ({fact['interval']})" if fact["interval"] else fact["text"]
        families.setdefault(about, []).append(text)
    rows = [("; ".join(texts), *about) for about, texts in families.items()]
    for module in dict.fromkeys(modules):
        for figure in evidence.findings[module]["figures"].values():
            for one in figure["needs"]:
                runs.setdefault(f"{module}.{one}", evidence.findings[module]["provenance"].get(one))
    told = [
        (name, run["summary"], _seeds(run["seeds"]), run["device"])
        for name, run in sorted(runs.items())
        if run
    ]
    versions: dict[str, str] = {}
    for run in runs.values():
        versions |= run["versions"] if run else {}
    made_with = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return _one_line(filled("provenance.html", rows=rows, runs=told, made_with=made_with))


def _seeds(seeds: list[int]) -> str:
    if not seeds:
        return "nothing random"
    together = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if together and len(seeds) > 1 else ", ".join(map(str, seeds))
