"""The bibliography: how an entry is cited, and what an entry has to have."""

from pathlib import Path

import pytest

from reluguide.publish import bibliography

ENTRY = (
    "@article{{key, author = {{{author}}}, title = {{A title}}, journal = {{A journal}}, year = {{2001}}}}"
)


@pytest.mark.parametrize(
    ("author", "cited"),
    [
        ("Adams, Ann", "Adams 2001"),
        ("Adams, Ann and Brown, Bea", "Adams and Brown 2001"),
        ("Adams, Ann and Brown, Bea and Clark, Cy", "Adams et al. 2001"),
        ("Adams, Ann and others", "Adams et al. 2001"),
        ("van der Berg, Dan", "van der Berg 2001"),
    ],
)
def test_an_entry_is_cited_by_its_authors_and_year(author: str, cited: str, tmp_path: Path) -> None:
    (tmp_path / "some.bib").write_text(ENTRY.format(author=author), encoding="utf-8")
    (entry,) = bibliography.read(tmp_path / "some.bib").values()
    assert entry.cited == cited


def test_an_entry_is_listed_whole_with_its_address(tmp_path: Path) -> None:
    more = ", volume = {3}, number = {2}, pages = {1--9}, doi = {10.1/x}, year"
    (tmp_path / "some.bib").write_text(
        ENTRY.format(author="Adams, Ann").replace(", year", more), encoding="utf-8"
    )
    page = bibliography.listed(bibliography.read(tmp_path / "some.bib"))
    assert page == (
        '<ul class="bibliography"><li id="key">A. Adams (2001). <cite>A title</cite>. A journal, 3(2), 1–9.'
        ' <a href="https://doi.org/10.1/x">doi:10.1/x</a>.</li></ul>'
    )


def test_an_entry_without_a_year_is_named(tmp_path: Path) -> None:
    text = ENTRY.format(author="Adams, Ann").replace(", year = {2001}", "")
    (tmp_path / "some.bib").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="the entry 'key' has no year"):
        bibliography.read(tmp_path / "some.bib")
