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


def printed(cell: nbformat.NotebookNode) -> str:
    """What a code cell printed: its standard output and the text of its last value."""
    text = ""
    for out in cell.get("outputs", []):
        data = out.get("data", {})
        if out["output_type"] == "stream":
            text += out["text"] if out["name"] == "stdout" else ""
        elif not any(kind.startswith("image/") for kind in data):  # a picture's text is its format's affair
            text += data.get("text/plain", "")
    return text
