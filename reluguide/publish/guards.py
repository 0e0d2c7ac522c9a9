"""What no page may do: each guard reads a page (or the guide) and yields what is wrong, with its line.

The build raises the first; the tests show them all, one test a page.
"""

import re
from collections.abc import Iterator

from reluguide.evidence.guide import Guide
from reluguide.evidence.lookup import Evidence, UnknownNameError
from reluguide.publish import pages
from reluguide.publish.pages import Page, PageError
from reluguide.publish.render import EXPRESSION, UNCLOSED

WIDTH = 82  # characters of code that a page shows; what is longer has to be scrolled

# What may stand in prose with a digit: it is blanked before typed measurements are looked for.
_ALLOWED = re.compile(
    r"`[^`]*`"  # code
    r"|\{\{.*?\}\}"  # facts
    r"|\[@[^\]]*\]"  # citations
    r"|\]\([^)]*\)|<[^>]+>|https?://\S+"  # targets of links, tags, addresses
    r"|\{[^}]*\}"  # attribute lists
    r"|\b95 % (?:t-)?intervals?\b"  # the one level of confidence that the guide uses
    r"|\b(?:Python|torch|PyTorch|CC BY|version|chapter|section) \d+(?:\.\d+)*"
)
_TYPED = re.compile(
    r"(?<![\w.])[-−]?\d[\d,]*\.\d+"  # a decimal
    r"|\d[\d,]*\s?(?:%|percent\b|per cent\b)"  # a percentage
    r"|\d+\s?(?:×|x\b|-fold\b|\btimes\b)"  # a ratio
    r"|\d+\s?(?:ms|µs|ns|GFLOP)\b"  # a time
)
_NUMBER_AS_CODE = re.compile(r"`[-−+]?\d[\d.,\s]*(?:%|×)?`")
_PICTURE_WORDS = re.compile(
    r"^(?:a |an |the )?(?:figure|picture|image|plot|graph|chart|diagram)\b[\s\d.:]*$|\.(?:svg|png)$", re.I
)


def problems(
    guide: Guide, written: list[Page], labs: list[Page], evidence: Evidence | None
) -> list[PageError]:
    """What is wrong with the guide's pages and labs, all of the first kind that is found.

    Without `evidence`, for who edits text only, nothing is said of numbers, figures and checks.
    """
    stages: list[Iterator[PageError]] = [
        (problem for page in written for problem in page_problems(guide, page)),
        (problem for lab in labs for problem in link_problems(guide, lab)),
        guide_problems(guide, written),
    ]
    if evidence is not None:
        stages += [
            (problem for page in written for problem in quote_problems(page, evidence)),
            claim_problems(guide, evidence),
            unquoted_problems(guide, written, evidence),
        ]
    return next((found for stage in stages if (found := list(stage))), [])


def page_problems(guide: Guide, page: Page) -> Iterator[PageError]:
    """Everything wrong with one page that can be seen without running anything."""
    try:
        assert page.fences is not None  # a page whose blocks cannot be told apart is not read further
    except PageError as error:
        yield error
        return
    yield from fence_problems(guide, page)
    yield from image_problems(page)
    yield from typed_measurements(page)
    yield from heading_problems(page)
    try:
        assert page.claims is not None
    except PageError as error:
        yield error
        return
    try:
        yield from link_problems(guide, page)
    except PageError as error:  # the page that a link leads to cannot be read
        yield error
    if (guide.root / page.name).parent == guide.questions:
        yield from answer_problems(page)


def fence_problems(guide: Guide, page: Page) -> Iterator[PageError]:
    """Python must be an include; every other fence is an output, a console block, or skipped with a reason."""
    expanded = page.name.startswith("docs/questions/") or page.name.startswith("docs/index")
    shows_code = False
    for fence in page.fences:
        if fence.skip is not None and not fence.skip:
            yield PageError(page.name, fence.line, "a skipped block needs its reason: <!-- skip: why -->.")
        if fence.skip:
            continue
        if fence.is_python:
            if fence.include:
                try:
                    yield from _too_wide(*pages.included(guide, page, fence))
                except PageError as error:
                    yield error
            elif expanded:
                yield PageError(
                    page.name, fence.line,
                    "Python typed into the page; put it into snippets/ and include the file: "
                    '--8<-- "snippets/<page>/<name>.py".',
                )  # fmt: skip
            shows_code = True
        elif fence.is_output:
            if not shows_code:
                yield PageError(page.name, fence.line, "an Output block with no code block before it.")
            shows_code = False
        elif fence.language != "console":
            kind = fence.language or "no language"
            yield PageError(
                page.name, fence.line,
                f"a fenced block ({kind}) that nothing verifies; write <!-- skip: reason --> before it.",
            )  # fmt: skip
    if "--8<--" in "\n".join(line for _, line in page.prose):
        line = next(number for number, text in page.prose if "--8<--" in text)
        yield PageError(page.name, line, "an include outside a fenced block is not verified; fence it.")
    counted = sum(1 for line in page.lines if re.match(r"^[ \t>]*(?:```|~~~)", line))
    if counted != 2 * len(page.fences) and not any("```" in fence.body for fence in page.fences):
        yield PageError(
            page.name, 1, f"{counted} fence lines but {len(page.fences)} blocks read: one was overlooked."
        )


def _too_wide(text: str, file: str, first: int) -> Iterator[PageError]:
    for number, line in enumerate(text.splitlines(), first):
        if len(line) > WIDTH:
            yield PageError(
                file,
                number,
                f"this line of {len(line)} characters is cut on the page, which shows {WIDTH}: break it.",
            )


def image_problems(page: Page) -> Iterator[PageError]:
    for image in page.images:
        alt = re.sub(r"\{\{.*?\}\}", "0", image.alt).strip()
        if not alt:
            yield PageError(
                page.name, image.line, f"{image.src} has no alt text: say what the picture shows."
            )
        elif _PICTURE_WORDS.search(alt) or len(alt) < 20:
            yield PageError(
                page.name, image.line,
                f"the alt text {image.alt!r} only names the picture: say what it shows, with its facts.",
            )  # fmt: skip


def typed_measurements(page: Page) -> Iterator[PageError]:
    """Decimals, percentages, ratios and times in prose that no run stands behind; settings typed as code."""
    for number, line in page.prose:
        for typed in _NUMBER_AS_CODE.finditer(line):
            yield PageError(
                page.name, number,
                f"the number {typed[0]} stands between backticks, and backticks are for code; quote the setting "
                "that it is ({{ module.experiment.setting }}).",
            )  # fmt: skip
        for found in _TYPED.finditer(_ALLOWED.sub(lambda m: " " * len(m[0]), line)):
            yield PageError(
                page.name, number,
                f"the measurement {found[0].strip()!r} is typed by hand; make it a fact ({{{{ module.fact }}}}), "
                "or, if it is a setting that we chose, quote that ({{ module.experiment.setting }}).",
            )  # fmt: skip


def heading_problems(page: Page) -> Iterator[PageError]:
    """Two headings with one id: the second would silently get another, and links to it would drift."""
    seen: dict[str, int] = {}
    for heading in page.headings:
        name = heading.id or pages.slug(heading.text)
        if name in seen:
            yield PageError(
                page.name, heading.line,
                f"the heading id {name!r} is already that of line {seen[name]}; give one its own: {{ #other }}.",
            )  # fmt: skip
        seen.setdefault(name, heading.line)


def link_problems(guide: Guide, page: Page) -> Iterator[PageError]:
    """Links to other pages and their sections, with the line; MkDocs checks them too, but names no line."""
    folder = (guide.root / page.name).parent
    for number, line in page.prose:
        for found in re.finditer(r"\]\((?P<target>[^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            target, _, anchor = found["target"].partition("#")
            if ":" in target or not (target.endswith((".md", ".ipynb")) or (anchor and not target)):
                continue  # other sites and generated files
            file = (folder / target).resolve() if target else guide.root / page.name
            if file.suffix == ".ipynb" and file.parent != (guide.docs / "labs").resolve():
                continue  # the notebook that is made of a page
            source = file.with_suffix(".py") if file.suffix == ".ipynb" else file
            if not source.is_file():
                yield PageError(page.name, number, f"the link to {target} leads to no page.")
            elif anchor and anchor not in anchors(pages.read(guide, source)):
                yield PageError(
                    page.name, number,
                    f"the link to #{anchor} leads nowhere: {guide.relative(source)} has no heading or claim of that id.",
                )  # fmt: skip


def anchors(page: Page) -> set[str]:
    """Every id that a link may lead to: headings, claims, and ids written into the page."""
    prose = "\n".join(line for _, line in page.prose)
    claims = {claim.id.lower() for claim in page.claims}
    written = {*re.findall(r'\bid="([\w-]+)"', prose), *re.findall(r"\{[^}]*#([\w-]+)[^}]*\}", prose)}
    return {heading.id or pages.slug(heading.text) for heading in page.headings} | claims | written


def answer_problems(page: Page) -> Iterator[PageError]:
    """A question page has its short answer, of at most three sentences, directly under the title."""
    answer = page.short_answer
    if answer is None:
        yield PageError(page.name, 1, 'no short answer: write !!! answer "Short answer" under the title.')
    elif (count := sentences(answer[1])) > 3:
        yield PageError(page.name, answer[0], f"the short answer has {count} sentences; at most three.")


def sentences(text: str) -> int:
    plain = re.sub(r"\{\{.*?\}\}", "0", text)
    return len([part for part in re.split(r"(?<=[.!?])[\"”')]*\s+(?=[A-Z“\"'(`])", plain.strip()) if part])


def guide_problems(guide: Guide, all_pages: list[Page]) -> Iterator[PageError]:
    """Snippets that no page shows, and section markers without their end or without a page."""
    shown = {fence.include for page in all_pages for fence in page.fences if fence.include}
    files = {path for path, _ in shown}
    for snippet in sorted(guide.snippets.rglob("*.py")):
        name = guide.relative(snippet)
        if name not in files:
            yield PageError(name, 1, "no page shows this snippet; include it on its page, or delete it.")
    for source in sorted([*guide.snippets.rglob("*.py"), *guide.source.rglob("*.py")]):
        name, text = guide.relative(source), source.read_text(encoding="utf-8")
        starts = re.findall(r"^\s*# --8<-- \[start:([\w-]+)\]", text, re.M)
        ends = re.findall(r"^\s*# --8<-- \[end:([\w-]+)\]", text, re.M)
        for section in sorted({*starts, *ends}):
            line = next(n for n, row in enumerate(text.splitlines(), 1) if f":{section}]" in row)
            if section not in ends:
                yield PageError(
                    name, line, f"section {section!r} has no end: add '# --8<-- [end:{section}]'."
                )
            elif section not in starts:
                yield PageError(name, line, f"section {section!r} ends but never starts.")
            elif (name, section) not in shown:
                yield PageError(name, line, f"no page shows the section {section!r}; drop its markers.")


def quote_problems(page: Page, evidence: Evidence) -> Iterator[PageError]:
    """Facts, settings, figures and citations that a page asks for and that are not there."""
    for number, line in page.prose:
        bare = re.sub(r"`[^`]*`", "", line)
        for found in EXPRESSION.finditer(bare):
            try:
                if evidence.setting(found["name"]) is None:
                    evidence.fact(found["name"])
            except UnknownNameError as error:
                yield PageError(page.name, number, str(error))
        if "{{" in EXPRESSION.sub("", bare):
            yield PageError(page.name, number, UNCLOSED)
        for keys in re.findall(r"\[@([^\]]*)\]", bare):
            for key in re.findall(r"[\w-]+", keys):
                if evidence.cite(key) is None:
                    yield PageError(
                        page.name, number,
                        f"the citation key {key!r} is not in docs/reference/bibliography.bib; add its entry there.",
                    )  # fmt: skip
    for image in page.images:
        if asked := re.search(r"figures/(\w+)/(\w+)\.svg$", image.src):
            drawn = evidence.findings.get(asked[1], {}).get("figures", {})
            if asked[2] not in drawn:
                yield PageError(
                    page.name, image.line,
                    f"there is no figure {asked[1]}/{asked[2]}; findings/{asked[1]}.py draws "
                    f"{', '.join(drawn) or 'none'}.",
                )  # fmt: skip


def claim_problems(guide: Guide, evidence: Evidence) -> Iterator[PageError]:
    """Every claim has a check in the findings of its page, or says that it has none; every condition holds."""
    for claim in evidence.claims.values():
        findings = f"findings/{claim['module']}.py"
        if not claim["checked"] and not claim["inspected"]:
            yield PageError(
                claim["page"], claim["line"],
                f"{findings} has no check of claim {claim['id']}: write @check(\"{claim['id']}\") there, or, where "
                "no measurement can settle it, end the claim's first line with: , by inspection",
            )  # fmt: skip
        if claim["checked"] and claim["inspected"]:
            yield PageError(
                claim["page"], claim["line"],
                f"claim {claim['id']} says that it is settled by inspection, but {findings} has a check of it.",
            )  # fmt: skip
        for one in claim["conditions"]:
            if not one["holds"]:
                yield PageError(
                    claim["page"], claim["line"],
                    f"claim {claim['id']} was judged {claim['verdict']!r}, but its check in {findings} no longer "
                    f"holds: {one['text']}. Change the verdict to what the evidence says, or mend the experiment; "
                    f"rerun it with: python -m reluguide claim {claim['id']}",
                )  # fmt: skip
    for module, found in evidence.findings.items():
        for id in found["checks"]:
            if evidence.claims.get(id, {}).get("module") != module:
                yield PageError(
                    guide.relative(guide.page(module)), 1,
                    f"findings/{module}.py checks a claim {id} that is not on this page: write it there "
                    f"(/// claim | {id}: ...), or drop the check.",
                )  # fmt: skip


def unquoted_problems(guide: Guide, all_pages: list[Page], evidence: Evidence) -> Iterator[PageError]:
    """Families of facts, figures and data of which no page shows anything."""
    text = "\n".join(page.text for page in all_pages)
    quoted = set(re.findall(r"\{\{\s*(\w+\.\w+)", text))
    shown = set(re.findall(r"figures/(\w+/\w+)\.svg", text))
    for module, found in evidence.findings.items():
        source = f"{guide.package}/findings/{module}.py"
        for family in found["families"]:
            if f"{module}.{family}" not in quoted:
                yield PageError(
                    source,
                    1,
                    f"no page quotes the fact {family}; quote it ({{{{ {module}.{family} }}}}), or delete it.",
                )
        for figure in found["figures"]:
            if f"{module}/{figure}" not in shown:
                yield PageError(
                    source,
                    1,
                    f"no page shows the figure {figure}; show it (../figures/{module}/{figure}.svg), or delete it.",
                )
