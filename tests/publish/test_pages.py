"""Reading pages: fences in every form that Markdown allows, and nothing overlooked."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reluguide.evidence.guide import Guide
from reluguide.publish import guards, pages
from reluguide.publish.pages import Page, PageError

HOUSE = Guide(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize(
    ("opening", "language", "title"),
    [
        ("```python", "python", ""),
        ("``` python", "python", ""),
        ('```python title="relu.py" hl_lines="2"', "python", "relu.py"),
        ("``` { .python .annotate }", "python", ""),
        ("```{.py}", "py", ""),
        ('```text title="Output"', "text", "Output"),
        ("```", "", ""),
        ("~~~pycon", "pycon", ""),
        ("    ```python", "python", ""),
        ("> ```python", "python", ""),
        ("````markdown", "markdown", ""),
    ],
)
def test_every_form_of_fence_is_read(opening: str, language: str, title: str) -> None:
    indent = opening[: len(opening) - len(opening.lstrip(" >"))]
    ticks = re.match(r"[`~]+", opening[len(indent) :])[0]
    page = Page("x.md", f"Text\n\n{opening}\n{indent}print(1)\n{indent}{ticks}\n")
    (fence,) = page.fences
    assert (fence.language, fence.title, fence.line, fence.end) == (language, title, 3, 5)
    assert fence.body == "print(1)\n"


def test_a_longer_fence_holds_a_shorter_one() -> None:
    page = Page("x.md", "````markdown\n```python\nprint(1)\n```\n````\n")
    (fence,) = page.fences
    assert fence.body == "```python\nprint(1)\n```\n"


def test_a_skip_needs_its_reason_and_counts_for_the_next_block_only() -> None:
    text = "<!-- skip: shows a file -->\n\n```yaml\na: 1\n```\n\n```yaml\nb: 1\n```\n"
    first, second = Page("x.md", text).fences
    assert (first.skip, second.skip) == ("shows a file", None)
    told = [
        str(problem)
        for problem in guards.fence_problems(HOUSE, Page("x.md", "<!-- skip: -->\n```yaml\n```\n"))
    ]
    assert "needs its reason" in told[0]


def test_includes_follow_the_rules_of_pymdownx(tmp_path: Path) -> None:
    import markdown

    (tmp_path / "code.py").write_text(
        "a = 1\n\n# --8<-- [start:outer]\nclass A:\n    # --8<-- [start:inner]\n    def f(self):\n"
        "        return 1\n    # --8<-- [end:inner]\n# --8<-- [end:outer]\nb = 2\n"
    )
    the_guide = Guide(tmp_path)
    for target in ("code.py", "code.py:outer", "code.py:inner"):
        text = f'```python\n--8<-- "{target}"\n```\n'
        ours, name, first = pages.included(the_guide, Page("x.md", text), Page("x.md", text).fences[0])
        theirs = markdown.markdown(
            f'--8<-- "{target}"\n',
            extensions=["pymdownx.snippets"],
            extension_configs={
                "pymdownx.snippets": {
                    "base_path": [str(tmp_path)],
                    "check_paths": True,
                    "dedent_subsections": True,
                }
            },
        )
        lines = [line.strip() for line in re.sub("<[^>]+>", "", theirs).splitlines() if line.strip()]
        assert [line.strip() for line in ours.splitlines() if line.strip()] == lines
        assert name == "code.py"
        assert (tmp_path / "code.py").read_text().splitlines()[first - 1].strip() in (lines[0], "")


def test_front_matter_title_and_short_answer() -> None:
    page = Page(
        "x.md",
        '---\nkeywords: a\n---\n\n# Why?\n\n!!! answer "Short answer"\n\n    One\n    two.\n\nNot this.\n',
    )
    assert page.front == {"keywords": "a"}
    assert page.title == "Why?"
    assert page.short_answer == (7, "One two.")
    assert page.prose[0] == (4, "")


def test_a_page_without_title_says_so() -> None:
    with pytest.raises(PageError, match=r"x\.md:1: the page has no title"):
        assert Page("x.md", "text\n").title


def test_headings_have_the_ids_that_the_site_gives_them() -> None:
    import markdown

    for heading in ("Is it `max(z, 0)` at all?", "Why zero – not one?", "One unit *loses*, two do not"):
        html = markdown.markdown(f"## {heading}\n", extensions=["toc"])
        assert f'id="{pages.slug(heading)}"' in html


@pytest.mark.parametrize(
    "line",
    [
        "It reaches 0.953 here.", "In 57 % of cases.", "About 3.8x better.", "It is 4 times faster.", "A 10-fold gain.",
        "It took 12 ms.", "Some 57 percent.", "By −0.25 only.", "1,234.5 of them", "A rate of `0.1`.", "From `-20` on.", "In `1,200` steps, `50 %` of them.",
    ],
)  # fmt: skip
def test_a_typed_measurement_is_found(line: str) -> None:
    assert list(guards.typed_measurements(Page("x.md", f"{line}\n")))


@pytest.mark.parametrize(
    "line",
    [
        "A rate of {{ a.b.lr }} and `lr=0.1`, 16 seeds.", "In 2015 two papers came.", "{{ a.b }} of them.", "See [@he2015].",
        "Python 3.11 and torch 2.13 will do.", "[a link](https://example.org/1.5)", "Sixteen units, 2 layers.",
        "(95 % interval {{ a.b | interval }})", "![{{ a.b }}](x.svg){ width=\"0.5\" }",
    ],
)  # fmt: skip
def test_settings_years_counts_and_facts_are_not(line: str) -> None:
    assert not list(guards.typed_measurements(Page("x.md", f"{line}\n")))


@given(st.lists(st.sampled_from(["```python", "```", "~~~", "text", "    ```text", "# h", ""]), max_size=12))
def test_no_fence_is_ever_overlooked(lines: list[str]) -> None:
    """Whatever the order of fences and text, every line is prose or inside a block, or the page is refused."""
    page = Page("x.md", "\n".join(lines) + "\n")
    try:
        fences = page.fences
    except PageError:
        return
    inside = {n for fence in fences for n in range(fence.line, fence.end + 1)}
    outside = {n for n, _ in page.prose}
    assert inside | outside == set(range(1, len(page.lines) + 1))
    assert not inside & outside
    assert not any(re.match(r"\s*(```|~~~)", line) for n, line in page.prose)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One.", 1), ("One. Two! Three?", 3), ("It is 0.5 of all. Really.", 2), ("e.g. this one", 1),
        ("With {{ a.b }}. Two.", 2), ('It means "nothing". So there.', 2),
    ],
)  # fmt: skip
def test_sentences_are_counted_as_a_reader_would(text: str, count: int) -> None:
    assert guards.sentences(text) == count


ENCODED = {
    "Latin-1": ("# Größe?\n".encode("latin-1"), 1, "the byte 0xf6 is not UTF-8; save the file in the encoding UTF-8"),
    "further down": ("# A\n\nü\n".encode("cp1252"), 3, "the byte 0xfc is not UTF-8"),
    "UTF-16": ("# Größe?\n".encode("utf-16"), 1, "the byte 0xff is not UTF-8"),
    "UTF-8 with a BOM": ("# Größe?\n".encode("utf-8-sig"), 1, "a byte order mark hides .*; save it as UTF-8 without BOM"),
}  # fmt: skip


@pytest.mark.parametrize("form", ENCODED)
def test_a_file_in_another_encoding_is_named_with_its_line_and_the_way_out(form: str, tmp_path: Path) -> None:
    data, line, says = ENCODED[form]
    for name in ("docs/questions/size.md", "docs/labs/size.py", "snippets/size.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        with pytest.raises(PageError, match=rf"^{name}:{line}: {says}"):
            pages.read(Guide(tmp_path), file)
    including = Page("docs/questions/x.md", '```python\n--8<-- "snippets/size.py"\n```\n')
    with pytest.raises(PageError, match=rf"^snippets/size.py:{line}: {says}"):
        pages.included(Guide(tmp_path), including, including.fences[0])


def test_lines_end_alike_whatever_the_editor_wrote(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "x.md").write_bytes(f"# Größe?{end}{end}Text{end}".encode())
        assert pages.read(Guide(tmp_path), tmp_path / "x.md").text == "# Größe?\n\nText\n"
