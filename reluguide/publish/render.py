"""From a page as written to Markdown that any Python-Markdown site can show.

Facts become `<data>` with their provenance (plain text in alt texts, headings and front matter), figures
get their size and, below, "Show the numbers"; `{{ claim.C13 }}` becomes a card, `[@key]` a citation, and
the foot of the page says where each number comes from. Works without MkDocs: text in, text out.
"""

import difflib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reluguide.publish.pages import Page, PageError

_EXPRESSION = re.compile(r"\{\{\s*(?P<name>[\w.-]+)\s*(?:\|\s*(?P<filter>\w+)\s*)?\}\}")
_CITATION = re.compile(r"\[@(?P<keys>[\w-]+(?:;\s*@[\w-]+)*)\]")
_FIGURE = re.compile(
    r"(?P<image>!\[(?P<alt>[^\]]*)\]\((?P<up>(?:\.\./)*)figures/(?P<module>\w+)/(?P<name>\w+)\.svg\))"
)
_WAITING = "…"

Citer = Callable[[str], tuple[str, str] | None]
"""A bibliography key to (text as cited: "He et al. 2015", anchor); None for an unknown key."""


@dataclass
class Evidence:
    """All that the store holds for the pages: findings by module. `waiting` shows placeholders for the rest.

    `cite` looks a key up in the bibliography; `pages` are the question pages by module, for the index.
    """

    findings: Mapping[str, Mapping[str, Any]]
    cite: Citer = field(default=lambda key: (key, key))
    waiting: bool = False

    def fact(self, name: str) -> dict[str, Any] | None:
        module, _, rest = name.partition(".")
        fact: dict[str, Any] | None = self.findings.get(module, {}).get("facts", {}).get(rest)
        return fact

    def fact_names(self) -> list[str]:
        return [f"{m}.{name}" for m, found in self.findings.items() for name in found["facts"]]

    def claims(self) -> dict[str, dict[str, Any]]:
        """Every claim by id, with the module that declares it; an id that two modules claim is an error."""
        found: dict[str, dict[str, Any]] = {}
        for module, record in self.findings.items():
            for claim in record["claims"]:
                if claim["id"] in found:
                    raise ValueError(
                        f"claim {claim['id']} is declared in both findings/{found[claim['id']]['module']}.py "
                        f"and findings/{module}.py; give one of them an id of its own."
                    )
                found[claim["id"]] = {**claim, "module": module}
        return found


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
        out = []
        for number, line in enumerate(self.page.lines, 1):
            if number <= self.page.front_end:
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
        whole = _EXPRESSION.fullmatch(line.strip())
        if whole and whole["name"].startswith("claim."):
            return self.claim(whole["name"].removeprefix("claim."), number)
        if line.lstrip().startswith("#"):
            return self.filled(line, number, plain=True)
        # Alt texts first, as plain text: a tag inside an attribute would break it.
        line = re.sub(r"!\[([^\]]*)\]", lambda m: f"![{self.filled(m[1], number, plain=True)}]", line)
        line = self.outside_code(line, lambda part: self.cited(self.filled(part, number), number))
        return _FIGURE.sub(lambda m: self.figure(m, number, line), line)

    def outside_code(self, line: str, change: Callable[[str], str]) -> str:
        parts = re.split(r"(`[^`]*`)", line)
        return "".join(part if i % 2 else change(part) for i, part in enumerate(parts))

    def filled(self, text: str, number: int, *, plain: bool = False, module: str = "") -> str:
        """`text` with its facts; inside a claim's `because`, bare names are facts of its module."""

        def one(match: re.Match[str]) -> str:
            name, how = match["name"], match["filter"]
            fact = self.evidence.fact(name)
            if fact is None:
                if self.evidence.waiting:
                    return _WAITING
                raise PageError(self.page.name, number, self.unknown(name))
            self.facts.append(name)
            text = str(fact["text"])
            if how == "interval":
                text = fact["interval"] or text
            elif how:
                raise PageError(
                    self.page.name, number, f"the filter {how!r} is not known; there is `interval`."
                )
            return text if plain else marked(fact, text)

        done = _EXPRESSION.sub(one, text)
        if "{{" in done:
            raise PageError(
                self.page.name, number,
                "a {{ is not closed on its line, or is not `{{ module.fact }}` or `{{ module.fact | interval }}`.",
            )  # fmt: skip
        return done

    def unknown(self, name: str) -> str:
        names = self.evidence.fact_names()
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        module = name.partition(".")[0]
        hint = (
            f"did you mean {' or '.join(near)}?" if near
            else f"findings/{module}.py is not there." if module not in self.evidence.findings
            else f"findings/{module}.py has {', '.join(n for n in names if n.startswith(module + '.'))}."
        )  # fmt: skip
        return f"there is no fact {name!r}; {hint}"

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
        claims = self.evidence.claims()
        if id not in claims:
            if self.evidence.waiting:
                return f"<p>{_WAITING}</p>"
            raise PageError(
                self.page.name,
                number,
                f"no findings module declares the claim {id}; known: {', '.join(claims)}.",
            )
        claim = claims[id]
        self.modules.append(claim["module"])
        return card(claim, self.because(claim, number))

    def because(self, claim: Mapping[str, Any], number: int, *, plain: bool = False) -> str:
        """A claim's reason as Markdown: `{fact}` is one of its own module's, `{module.fact}` another's."""
        facts = self.evidence.findings[claim["module"]]["facts"]
        text = re.sub(
            r"\{([\w.]+)(\s*\|\s*\w+)?\}",
            lambda m: "{{ " + (f"{claim['module']}.{m[1]}" if m[1] in facts else m[1]) + (m[2] or "") + " }}",
            claim["because"],
        )
        filled = self.filled(text, number, plain=plain)
        return self.cited(filled, number, plain=plain)


def marked(fact: Mapping[str, Any], text: str) -> str:
    """A fact in the prose: its exact value for machines, where it comes from on hover."""
    told = fact["what"].rstrip(".")
    if fact["seeds"]:
        told += f": mean of {fact['seeds']} seeds, 95 % interval {fact['interval']}"
    value = f"{fact['value']:.6g}"
    return f'<data value="{value}" title="{html.escape(told)}">{text}</data>'


def numbers(drawn: Mapping[str, Any]) -> str:
    """ "Show the numbers": the table under a picture, out of the way of search."""
    head = "".join(f'<th scope="col">{html.escape(one)}</th>' for one in drawn["numbers"]["columns"])
    rows = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{html.escape(cell)}</th>' if i == 0 else f"<td>{html.escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in drawn["numbers"]["rows"]
    )
    title = html.escape(drawn["title"])
    return (
        f'<details class="numbers" data-search-exclude><summary>Show the numbers</summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Numbers: {title}"><table>'
        f"<caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def card(claim: Mapping[str, Any], because: str, *, settled: str = "") -> str:
    """A claim as a block: what is said, where, our verdict and why. Its id is the claim's permanent link."""
    id, name = claim["id"].lower(), badge(claim["verdict"])
    return (
        f'<section class="claim" id="{id}" data-verdict="{name}" data-page="{claim["module"]}" '
        f'aria-label="Claim {claim["id"]}" markdown="1">\n'
        f'<p class="said">{html.escape(claim["said"])}</p>\n'
        f'<p class="where"><a class="claim-id" href="#{id}">{claim["id"]}</a> {html.escape(claim["where"])}</p>\n\n'
        f'<span class="badge {name}">{claim["verdict"]}</span> {because}\n{{ .verdict }}\n\n'
        + (f"{settled}\n{{ .settled }}\n\n" if settled else "")
        + "</section>\n"
    )


def badge(verdict: str) -> str:
    """The class of a verdict's badge: "right if" as `right-if`."""
    return verdict.replace(" ", "-")


def because(
    page: Page, claim: Mapping[str, Any], evidence: Evidence, *, root: str = "", plain: bool = False
) -> str:
    """A claim's reason with its facts, as Markdown with citations linked, or as plain text."""
    return _Renderer(page, evidence, root).because(claim, 1, plain=plain)


def provenance(evidence: Evidence, facts: list[str], modules: list[str]) -> str:
    """The table at the foot of a page: each number, what it is, and the run that it comes from."""
    if not facts and not modules:
        return ""
    rows, runs = [], {}
    for name in dict.fromkeys(facts):
        fact = evidence.fact(name)
        assert fact is not None
        module = name.partition(".")[0]
        spread = f"{fact['seeds']} seeds: {fact['interval']}" if fact["seeds"] else ""
        for one in fact["experiments"]:
            runs[f"{module}.{one}"] = evidence.findings[module]["provenance"].get(one)
        rows.append(
            (fact["text"], fact["what"], ", ".join(f"{module}.{e}" for e in fact["experiments"]), spread)
        )
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
    return (
        '<details class="provenance" data-search-exclude><summary>Where each number comes from</summary>'
        + (
            _table("Numbers of this page", ("number", "what it is", "experiment", "interval"), rows)
            if rows
            else ""
        )
        + _table("Experiments", ("experiment", "what is measured", "seeds", "device"), told)
        + f"<p>Made with {html.escape(made_with)}.</p></details>"
    )


def _seeds(seeds: list[int]) -> str:
    if not seeds:
        return "nothing random"
    together = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if together and len(seeds) > 1 else ", ".join(map(str, seeds))


def _table(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{one}</th>' for one in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
