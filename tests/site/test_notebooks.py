"""Every published notebook runs from top to bottom in an empty folder and prints what it shows."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from reluguide.device import kind_without_torch
from reluguide.publish import verify
from tests.site.browsing import Site


@pytest.mark.slow
def test_every_notebook_runs_and_prints_what_it_shows(guide: Site, tmp_path: Path) -> None:
    exact = kind_without_torch() == "cpu"
    wrong, files = [], sorted(guide.root.glob("**/*.ipynb"))
    assert len(files) >= 2
    for file in files:
        book = nbformat.read(file, as_version=4)
        nbformat.validate(book)
        shown = [printed(cell) for cell in book.cells]
        book.cells += solutions(book)  # they too have to run, after the rest
        folder = tmp_path / file.stem
        folder.mkdir()
        client = NotebookClient(
            book, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        client.execute()
        for number, (cell, before) in enumerate(zip(book.cells, shown, strict=False)):
            if told := verify.difference(before, printed(cell), exact=exact):
                wrong.append(f"{file.name}, cell {number}:\n{told}")
    assert not wrong, "\n".join(wrong)


def test_links_of_notebooks_and_of_markdown_lead_to_what_the_site_has(guide: Site) -> None:
    """Taken away, these files have no other page beside them: their links have to name the site."""
    wrong, count = [], 0
    for file in [*guide.root.glob("notebooks/*.ipynb"), *guide.root.glob("questions/*.md")]:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".ipynb":
            cells = nbformat.reads(text, as_version=4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            count += 1
            if not target.startswith(guide.url):
                wrong += [] if target.startswith("https://") else [f"{file.name}: {target}"]
                continue
            path, _, anchor = target.removeprefix(guide.url).partition("#")
            page = guide.root / path / "index.html" if path.endswith("/") or not path else guide.root / path
            if path.endswith(".md"):
                page = (guide.root / path).with_suffix("") / "index.html"
            if not page.is_file() or (anchor and f'id="{anchor}"' not in page.read_text(encoding="utf-8")):
                wrong.append(f"{file.name}: {target}")
    assert count > 50
    assert not wrong, "\n".join(wrong)


def printed(cell: nbformat.NotebookNode) -> str:
    """What a code cell printed: its standard output and the text of its last value."""
    outputs = cell.get("outputs", [])
    return "".join(
        out["text"] if out["output_type"] == "stream" and out["name"] == "stdout"
        else "" if any(kind.startswith("image/") for kind in out.get("data", {}))
        else out.get("data", {}).get("text/plain", "")
        for out in outputs
    )  # fmt: skip


def solutions(book: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code of a lab's solutions, which a reader unfolds and pastes into cells of their own."""
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    unfolded = "\n".join(re.findall(r"<details>.*?</details>", prose, re.DOTALL))
    return [new_code_cell(code) for code in re.findall(r"```python\n(.*?)```", unfolded, re.DOTALL)]
