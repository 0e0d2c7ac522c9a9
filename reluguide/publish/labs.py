"""Labs: notebooks in percent format (docs/labs/*.py), executed when something they stand on has changed.

mkdocs-jupyter renders them, but does not run them: its own cache knows the notebook's text only, so it
would publish old outputs after the package has changed; it publishes errors as pages; and it gives every
picture the same empty alt text. So the runner executes a lab as it runs an experiment, under a key that
covers the lab, all of the package that it imports, versions and device, and hands over the result.

A picture's alt text stands in the lab, in the marker of its cell: `# %% alt="what it shows"`.
"""

import ast
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from reluguide.evidence import store, svg
from reluguide.evidence.guide import Guide
from reluguide.evidence.record import EvidenceError
from reluguide.evidence.runner import Job
from reluguide.evidence.worker import Ran
from reluguide.publish import pages

# Runs before the lab's first cell and is not part of it: the pictures of the site's own style, as SVG.
_BEFORE = """
import matplotlib
from reluguide.evidence import svg
get_ipython().run_line_magic("matplotlib", "inline")
get_ipython().run_line_magic("config", "InlineBackend.figure_formats = ['svg']")
get_ipython().run_line_magic(
    "config", "InlineBackend.print_figure_kwargs = {'bbox_inches': None, 'metadata': {'Date': None}}")
matplotlib.rcParams.update(svg.settings())
del matplotlib, svg
"""


def names(guide: Guide) -> list[str]:
    """All labs, by the names of their files."""
    return sorted(path.stem for path in (guide.docs / "labs").glob("*.py"))


def jobs(guide: Guide) -> list[Job]:
    """What the runner needs to know of each lab."""
    return [Job(lab, places, work) for lab in names(guide)]


def places(guide: Guide, lab: str, device: str) -> tuple[Path, ...]:
    return (path(guide, lab, device),)


def source(guide: Guide, lab: str) -> Path:
    return guide.docs / "labs" / f"{lab}.py"


def path(guide: Guide, lab: str, device: str) -> Path:
    """Where the executed lab stands in the store, if it is current."""
    return guide.cache / "labs" / f"{lab}-{key(guide, lab, device)}.json"


def key(guide: Guide, lab: str, device: str) -> str:
    """Covers the lab's text, what it imports of the package, versions, device, and recorded times if read."""
    text = pages.text_of(guide, source(guide, lab))
    # What runs a lab and cleans its pictures belongs to its outputs, as the lab itself does.
    making = [Path(file).read_text(encoding="utf-8") for file in (__file__, svg.__file__)]
    return store.key_of(
        guide, "lab", text, *making, device, *_imports(guide, text), recorded="recorded" in text
    )


def work(guide: Guide, lab: str, device: str, places: Sequence[Path]) -> Ran:
    """In a worker: execute one lab and keep it, unless a source was saved in between (see `worker.work`)."""
    began = time.perf_counter()
    record = {"lab": lab, "notebook": executed(guide, lab, device)}
    kept = [path(guide, lab, device)] == list(places)
    if kept:
        store.write(places[0], record)
    return Ran(f"lab {lab}", {"cells": time.perf_counter() - began}, redrawn=kept)


def executed(guide: Guide, lab: str, device: str) -> dict[str, Any]:
    """The lab as a notebook with its outputs; EvidenceError naming lab, cell and error where one raises."""
    import jupytext
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbformat.v4 import new_code_cell

    file = guide.relative(source(guide, lab))
    book = jupytext.read(source(guide, lab))
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    os.environ["RELUGUIDE_DEVICE"] = device
    os.environ["PYTHONPATH"] = os.pathsep.join([str(guide.root), *filter(None, sys.path)])
    os.environ["IPYTHONDIR"] = str(guide.cache / "ipython")
    with tempfile.TemporaryDirectory() as folder:
        book.cells.insert(0, new_code_cell(_BEFORE))
        client = NotebookClient(
            book,
            timeout=300,
            extra_arguments=["--log-level=ERROR"],
            kernel_name="python3",
            coalesce_streams=True,  # or timing would cut what a cell prints into pieces
            resources={"metadata": {"path": folder}},
        )
        with client.setup_kernel():
            for number, cell in enumerate(book.cells):
                try:
                    client.execute_cell(cell, number)
                except CellExecutionError as error:
                    line = _line(source(guide, lab), cell.source)
                    told = re.sub(r"\x1b\[[0-9;]*m", "", f"{error.ename}: {error.evalue}")
                    raise EvidenceError(
                        f"{file}:{line}: cell {number} raised {told}\n{cell.source.strip()}\n"
                        f"Rerun only this lab: python -m reluguide evidence {lab}"
                    ) from None
        book.cells.pop(0)
    done: dict[str, Any] = json.loads(json.dumps(_tidied(guide, lab, book)))
    return done


def gather(guide: Guide, lab: str, *, device: str | None) -> dict[str, Any]:
    """The executed lab from the store; with `device` None the lab as it stands, with what outputs there are."""
    if device is not None:
        record = store.read(path(guide, lab, device))
        if record is None:
            raise EvidenceError(
                f"the store has no current run of the lab {lab}; run: python -m reluguide evidence"
            )
        ran: dict[str, Any] = record["notebook"]
        return ran
    import jupytext

    kept = sorted((guide.cache / "labs").glob(f"{lab}-*.json"), key=lambda one: -one.stat().st_mtime_ns)
    outputs: dict[str, Any] = {}
    for record in filter(None, map(store.read, kept)):
        for cell in record["notebook"]["cells"]:
            outputs.setdefault(cell["source"], cell.get("outputs"))
    book: dict[str, Any] = json.loads(json.dumps(jupytext.read(source(guide, lab))))
    for number, cell in enumerate(book["cells"], 1):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "code":
            cell["outputs"] = outputs.get(cell["source"]) or []
    return book


def page_source(guide: Guide, lab: str, book: dict[str, Any]) -> Path:
    """The folder that holds `labs/<lab>.ipynb` for mkdocs-jupyter, which takes no file that is only in memory."""
    folder = guide.cache / "pages"
    target = folder / "labs" / f"{lab}.ipynb"
    text = json.dumps(book, ensure_ascii=False, sort_keys=True)
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def _tidied(guide: Guide, lab: str, book: Any) -> Any:
    """Outputs without what differs from run to run: counts, times, pids, and pictures' baggage."""

    pictures = 0
    for number, cell in enumerate(book.cells, 1):
        cell["id"] = f"cell-{number}"
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.metadata.pop("execution", None)
        for out in cell.outputs:
            if "execution_count" in out:
                out["execution_count"] = None  # the format wants it there
            drawn = out.get("data", {}).get("image/svg+xml")
            if drawn is None:
                continue
            alt = cell.metadata.get("alt", "").strip()
            if len(alt) < 20:
                file, line = guide.relative(source(guide, lab)), _line(source(guide, lab), cell.source)
                raise EvidenceError(
                    f"{file}:{line}: cell {number} draws a picture and does not say what it shows; "
                    'write that into its marker: # %% alt="..."'
                )
            pictures += 1
            view = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)
            width, height = (round(float(size) / 0.72) for size in view.groups()) if view else (720, 340)
            out["data"] = {
                "image/svg+xml": svg.cleaned(
                    drawn, name=f"{lab}-{pictures}".replace("_", "-"), title=alt, width=width, height=height
                ),
                "text/plain": alt,
            }
            out["metadata"] = {"width": width, "height": height}
    return book


def _imports(guide: Guide, text: str) -> list[str]:
    """Modules of the package that a lab names in its imports; `import reluguide` stands for all it offers."""
    inside = {name for name in _named(text) if name.split(".")[0] == guide.package}
    if guide.package in inside:
        from reluguide import HOMES

        inside |= set(HOMES.values())
    return sorted(name for name in inside if _is_module(guide, name))


@lru_cache(maxsize=16)
def _named(text: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", text, flags=re.MULTILINE))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def _is_module(guide: Guide, name: str) -> bool:
    place = guide.root.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def _line(file: Path, cell: str) -> int:
    """The line of the lab's file on which a cell begins; 1 where the file writes it otherwise (magics)."""
    text = file.read_text(encoding="utf-8")
    return text.count("\n", 0, max(0, text.find(cell.strip()))) + 1
