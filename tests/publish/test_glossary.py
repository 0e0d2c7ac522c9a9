"""The glossary: read, listed, and marked at a term's first place only."""

import re
from pathlib import Path

import markdown
import pytest

from reluguide.publish import glossary

TERMS = Path(__file__).parents[2] / "snippets" / "glossary.md"


def marked(text: str) -> str:
    """The HTML of a page with the glossary appended to it, as the site makes it."""
    page = f"{text}\n\n{TERMS.read_text(encoding='utf-8')}"
    return glossary.once(markdown.markdown(page, extensions=["abbr", "attr_list", "md_in_html", "toc"]))


def words(html: str) -> list[str]:
    return re.findall(r"<abbr[^>]*>(.*?)</abbr>", html)


def test_a_term_is_marked_once_and_its_plural_is_the_same_term() -> None:
    assert words(marked("A unit beside units.\n\nThis unit again.")) == ["unit"]


def test_headings_and_links_stay_as_they_are() -> None:
    html = marked("# A dead unit\n\n[a unit](other.md) and a unit")
    assert words(html) == ["unit"]
    assert "<abbr" not in re.findall(r"<h1.*?</h1>|<a .*?</a>", html, re.S)[0]
    assert "<abbr" not in next(iter(re.findall(r"<a href.*?</a>", html)))


def test_code_and_parts_of_words_are_no_terms() -> None:
    assert words(marked("`unit` united, opportunity, sweeping")) == []


def test_the_list_has_each_meaning_once_under_its_first_term() -> None:
    terms = glossary.read(TERMS)
    html = glossary.listed(terms)
    assert len(re.findall("<dt", html)) == len(terms) == len({names[0] for names in terms.values()})
    assert {"unit", "preactivation", "activation", "dead", "saturated", "dormant", "always-on"} <= {
        names[0] for names in terms.values()
    }
    assert '<dt id="learning-rate">' in html


def test_a_line_that_is_no_term_is_named(tmp_path: Path) -> None:
    path = tmp_path / "glossary.md"
    path.write_text("*[unit]: one number\nlayer: units\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"glossary.md:2: 'layer: units'"):
        glossary.read(path)
