"""How long a build takes beside stock Material on the same Markdown, side by side in one run.

    python -m tests.bench.bench_build

The stock site is the guide as it looks once facts, figures and claims are filled in: the same pages, theme,
extensions and other plugins, without the guide's own and without labs. Ratios are what to read; seconds are this machine's.
"""

import contextlib
import logging
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config

from reluguide.evidence import runner
from reluguide.evidence.guide import Guide
from reluguide.publish import site

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 7


def main() -> None:
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        guide, stock = Path(folder) / "guide", Path(folder) / "stock"
        ignore = shutil.ignore_patterns(".venv*", ".git", "site", "__pycache__", ".mypy_cache", ".cache")
        shutil.copytree(ROOT, guide, ignore=ignore)
        print("cold: every experiment, once ...", flush=True)
        cold = timed(lambda: runner.refresh(Guide(guide), progress=True))
        built(guide)  # imports, and fills the caches that a server would have
        stock_site(guide, stock)
        built(stock)

        page = Path("docs/questions/why-zero.md")
        pairs: dict[str, list[tuple[float, float]]] = {"nothing changed": [], "prose of one page changed": []}
        for number in range(ROUNDS):
            for name, samples in pairs.items():
                if name.startswith("prose"):
                    for root in (guide, stock):
                        with (root / page).open("a", encoding="utf-8") as text:
                            text.write(f"\nOne sentence more, number {number}.\n")
                samples.append((timed(lambda: built(guide)), timed(lambda: built(stock))))
        print(f"{'build':28}{'guide':>9}{'stock':>9}{'ratio':>8}   (median of {ROUNDS}, alternating)")
        for name, samples in pairs.items():
            ours, theirs = (statistics.median(column) for column in zip(*samples, strict=True))
            ratio = statistics.median(a / b for a, b in samples)
            print(f"{name:28}{ours:8.2f}s{theirs:8.2f}s{ratio:8.2f}")
        whole = statistics.median(b for _, b in pairs["nothing changed"])
        print(f"{'cold, all experiments':28}{cold:8.1f}s{whole:8.2f}s{cold / whole:8.1f}")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def built(root: Path) -> None:
    """One build as `mkdocs serve` does it: configuration read anew, everything rendered."""
    with _inside(root):
        config = load_config(str(root / "mkdocs.yml"), **({} if root.name == "guide" else _stock(root)))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)


def stock_site(guide: Path, stock: Path) -> None:
    """The guide with everything filled in, as a site that stock Material builds."""
    shutil.copytree(guide / "docs", stock / "docs")
    (stock / "site").mkdir()
    shutil.copytree(guide / "snippets", stock / "snippets")
    shutil.copytree(guide / "reluguide", stock / "reluguide")
    evidence = site.gather(Guide(guide), device="cpu")
    notebooks = {f"notebooks/{page.stem}.ipynb": "{}" for page in Guide(guide).questions.glob("*.md")}
    for address, content in {**site.generated(evidence), **notebooks, "claims.json": "[]"}.items():
        path = stock / "docs" / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    filled: dict[str, str] = {}
    with _inside(guide):
        config = load_config(str(guide / "mkdocs.yml"))
        plugin: Any = config.plugins["reluguide"]
        render = plugin.on_page_markdown

        def kept(markdown: str, **rest: Any) -> str:
            filled[rest["page"].file.src_uri] = text = render(markdown, **rest)
            return text

        config.plugins.events["page_markdown"] = [
            kept if getattr(event, "__self__", None) is plugin else event
            for event in config.plugins.events["page_markdown"]
        ]
        build(config)
    for source, text in filled.items():
        path = stock / "docs" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copy(guide / "mkdocs.yml", stock / "mkdocs.yml")


def _stock(root: Path) -> dict[str, Any]:
    """The other plugins as mkdocs.yml has them: all but the guide's own and the labs' renderer."""
    settings = (root / "mkdocs.yml").read_text(encoding="utf-8")
    block = settings[settings.index("\nplugins:") :].partition("\n\n")[0]
    plugins = yaml.safe_load(block)["plugins"]
    ours = ("reluguide", "mkdocs-jupyter")
    kept = [one for one in plugins if (one if isinstance(one, str) else next(iter(one))) not in ours]
    return {"plugins": kept, "strict": False}


@contextlib.contextmanager
def _inside(root: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main()
