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


@pytest.mark.parametrize("field", ["", "author = {}, "])
def test_an_entry_that_nobody_wrote_is_named_with_what_to_add(field: str, tmp_path: Path) -> None:
    text = ENTRY.format(author="Adams, Ann").replace("author = {Adams, Ann}, ", field)
    (tmp_path / "some.bib").write_text(text, encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"the entry 'key' has no author and no editor, .* add author = \{Last"
    ):
        bibliography.read(tmp_path / "some.bib")


def test_the_editor_or_a_group_may_stand_for_the_author(tmp_path: Path) -> None:
    for who, cited in {"editor = {Clark, Cy}": "Clark 2001", "author = {{A Group}}": "A Group 2001"}.items():
        file = tmp_path / f"{cited}.bib"
        file.write_text(ENTRY.format(author="?").replace("author = {?}", who), encoding="utf-8")
        (entry,) = bibliography.read(file).values()
        assert entry.cited == cited


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "some.bib").write_bytes(ENTRY.format(author="Größe, A").encode("latin-1"))
    with pytest.raises(ValueError, match=r"docs/reference/some\.bib is not UTF-8 .*; save it as UTF-8"):
        bibliography.read(tmp_path / "some.bib")
