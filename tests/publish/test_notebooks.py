"""A page taken away: as a notebook and as Markdown, with its facts filled in and links that name the site."""

import nbformat

from tests.publish.conftest import Guide


def test_a_page_becomes_a_notebook(built: Guide) -> None:
    book = nbformat.reads((built.root / "site/notebooks/coin.ipynb").read_text(encoding="utf-8"), 4)
    nbformat.validate(book)
    assert [(cell.cell_type, cell.id) for cell in book.cells] == [
        ("markdown", "cell-0"), ("code", "cell-1"), ("code", "cell-2"), ("markdown", "cell-3"),
    ]  # fmt: skip
    begin, install, flip, rest = book.cells
    assert begin.source.startswith("# How often does a coin show heads?") and "47\u00a0% here" in begin.source
    assert "find_spec" in install.source and install.outputs == []
    assert flip.source == (built.root / "snippets/coin/flip.py").read_text().rstrip("\n")
    assert [out.text for out in flip.outputs] == ["sides: 2\nshare: 0.50\n"]
    # A section of the package need not run alone: it is text. The output stands under its cell, not in it.
    assert "```python\ndef throw(seed: int)" in rest.source and "sides: 2" not in rest.source
    assert "**right**: “A coin is fair.”" in rest.source
    assert "[what about a die?](https://example.org/tiny/questions/dice/#how-sure)" in rest.source


def test_a_page_becomes_markdown(built: Guide) -> None:
    text = (built.root / "site/questions/coin.md").read_text(encoding="utf-8")
    assert "About half of the time: 47\u00a0% here." in text and "{" not in text.split("```")[0]
    assert '```python\nsides = ("heads", "tails")' in text and "```text\nsides: 2\nshare: 0.50\n```" in text
    assert "](https://example.org/tiny/figures/coin/settling.svg)" in text
    assert "[what about a die?](https://example.org/tiny/questions/dice.md#how-sure)" in text
