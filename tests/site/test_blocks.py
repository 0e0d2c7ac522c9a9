"""What a reader would do: paste a block of the built page into an empty file, run it, compare."""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from reluguide.device import kind_without_torch
from reluguide.publish import verify
from tests.site.browsing import Site


def blocks(site: Site) -> Iterator[tuple[str, str, str]]:
    """(page, code, output) for every Python block of the built pages that an Output follows.

    A lab's cells build on one another; `test_notebooks` runs them as the notebook that they are.
    """
    for path in site.pages:
        if path.startswith("labs/"):
            continue
        soup = BeautifulSoup((site.root / path / "index.html").read_text(encoding="utf-8"), "html.parser")
        shown = soup.select("article div.highlight")
        for one, following in pairwise(shown):
            title = following.select_one("span.filename")
            if "language-python" in (one.get("class") or []) and title and title.get_text() == "Output":
                yield path, text(one), text(following)


def text(block: Tag) -> str:
    code = block.select_one("code")
    assert code is not None
    return code.get_text()


def test_every_pasted_block_prints_what_its_page_shows(guide: Site, tmp_path: Path) -> None:
    # A server that has torch loaded forks one process a block: each starts empty, none pays for the import.
    context = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
    if sys.platform != "win32":
        context.set_forkserver_preload(["torch"])
    exact = kind_without_torch() == "cpu"
    wrong, ran = [], 0
    for number, (page, code, output) in enumerate(blocks(guide)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "pasted.py").write_text(code, encoding="utf-8")
        process = context.Process(target=paste, args=(folder,))
        process.start()
        process.join(120)
        printed = (folder / "printed").read_text(encoding="utf-8")
        if process.exitcode or (told := verify.difference(output, printed, exact=exact)):
            wrong.append(
                f"/{page}\n{code}\nexit {process.exitcode}\n{'' if process.exitcode else told}{printed}"
            )
        ran += 1
    assert not wrong, "\n\n".join(wrong)
    assert ran >= len(guide.pages) / 2, f"only {ran} blocks were found on {len(guide.pages)} pages"


def paste(folder: Path) -> None:
    """Run `pasted.py` in its folder, in this process; what it prints and raises goes to `printed`."""
    os.chdir(folder)
    with open("printed", "w", encoding="utf-8") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
        sys.stdout = sys.stderr = out
        runpy.run_path("pasted.py", run_name="__main__")


def test_a_wrong_output_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "questions/x"
    page.mkdir(parents=True)
    block = '<div class="{} highlight">{}<pre><code>{}</code></pre></div>'
    (page / "index.html").write_text(
        "<article>"
        + block.format("language-python", "", "print(1)")
        + block.format("language-text", '<span class="filename">Output</span>', "2")
        + "</article>"
    )
    with pytest.raises(AssertionError, match=r"(?s)questions/x.*Expected:\s+2\s+Got:\s+1"):
        test_every_pasted_block_prints_what_its_page_shows(
            Site("http://localhost/", tmp_path, ("questions/x",)), tmp_path
        )
