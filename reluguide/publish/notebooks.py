"""Every question page as a notebook: its prose, its code, and the outputs that were verified.

Made from the same reading of the page as the site, so the two cannot differ. A cell's id is its number,
or two builds would not agree. The first cell installs the package where it is missing, as in Colab.
"""

import json
from typing import Any
from urllib.parse import urlparse

import nbformat.v4 as nb

from reluguide.evidence.guide import Guide
from reluguide.evidence.lookup import Evidence
from reluguide.publish import machines, pages
from reluguide.publish.site import Question

# The branch to which the publishing workflow puts the notebooks, for Colab to open them from.
BRANCH = "notebooks"


def notebook(
    guide: Guide, one: Question, questions: list[Question], evidence: Evidence, *, repository: str
) -> str:
    """A question page as the text of an .ipynb file."""
    cells: list[Any] = []

    def say(lines: list[str]) -> None:
        if text := "\n".join(lines).strip():
            cells.append(nb.new_markdown_cell(text))

    prose: list[str] = []
    fences = iter(one.page.fences)
    for part in machines.parts(one, questions, evidence):
        if isinstance(part, str):
            prose.append(part)
            continue
        fence = next(fence for fence in fences if fence.line == part.line)
        if fence.is_output and cells and cells[-1].cell_type == "code" and not "".join(prose).strip():
            cells[-1].outputs = [nb.new_output("stream", name="stdout", text=fence.body)]
        elif fence.include and not fence.include[1]:
            say(prose)
            cells.append(nb.new_code_cell(pages.included(guide, one.page, fence)[0].rstrip("\n")))
        else:
            prose += machines.fenced(guide, one.page, fence)
            continue
        prose = []
    say(prose)
    cells.insert(1, nb.new_code_cell(install(repository)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    book = nb.new_notebook(cells=cells, metadata=about)
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def address(one: Question) -> str:
    """Where a page's notebook stands on the site."""
    return f"notebooks/{one.source.rpartition('/')[2].removesuffix('.md')}.ipynb"


def colab(repository: str, file: str) -> str:
    """The address at which Colab opens a notebook of this repository; empty where it is not on GitHub."""
    url = urlparse(repository)
    if url.netloc != "github.com":
        return ""
    return (
        f"https://colab.research.google.com/github{url.path}/blob/{BRANCH}/{file.removeprefix('notebooks/')}"
    )


def links(file: str, repository: str, *, root: str) -> str:
    """One line of Markdown: the notebook to download, and in Colab."""
    line = f"[This page as a notebook]({root}{file}){{ download }}"
    if there := colab(repository, file):
        line += f" · [Open it in Colab]({there})"
    return f"{line}\n{{ .notebook }}"


def install(repository: str) -> str:
    """The code of the first cell, which a reader in Colab needs and nobody else."""
    return (
        "# Installs the guide's package where it is missing; does nothing where it is there.\n"
        "import importlib.util\n\n"
        'if importlib.util.find_spec("reluguide") is None:\n'
        f'    %pip install -q "reluguide[site] @ git+{repository}"'
    )
