"""A pytest plugin (`-p reluguide.publish.verification`): every fence of every page is a test, through Sybil.

Our own parser hands Sybil the fences that `pages` reads, the same that the build shows; Sybil's Markdown
lexers match a bare language name only and would pass over ```` ```text title="Output" ```` in silence.
`--update-outputs` rewrites Output and console blocks instead of comparing them; it refuses to in CI.
"""

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example, Region, Sybil

from reluguide.device import kind_without_torch
from reluguide.evidence.guide import Guide
from reluguide.publish import guards, verify
from reluguide.publish.pages import Fence, Page, PageError

_outputs: dict[Path, dict[int, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-outputs", action="store_true", help="rewrite the Output blocks of pages; never in CI"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-outputs") and os.environ.get("CI"):
        raise pytest.UsageError("--update-outputs changes pages and does not run in CI; run `make update`.")
    guide = Guide(config.rootpath)
    updating = bool(config.getoption("--update-outputs"))
    sybil = Sybil(
        parsers=[lambda document: regions(guide, document, updating=updating)],
        patterns=["*.md"],
        path=str(config.rootpath),
    )
    collected = sybil.pytest()

    class Collector:
        @staticmethod
        def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Any:
            # Sybil's patterns match the end of a path: a guide inside the tests would be taken for this one.
            ours = guide.docs in file_path.parents or file_path == guide.root / "README.md"
            return collected(file_path, parent) if ours else None

    config.pluginmanager.register(Collector(), "reluguide-pages")


def pytest_sessionfinish(session: pytest.Session) -> None:
    for path, outputs in _outputs.items():
        page = Page(path.name, path.read_text(encoding="utf-8"))
        path.write_text(verify.rewritten(page, outputs), encoding="utf-8")
        print(f"\nrewrote {len(outputs)} output blocks of {path.name}")
    _outputs.clear()


def regions(guide: Guide, document: Document, *, updating: bool = False) -> Iterable[Region]:
    """One region for the guards of the page, and one for each fence that is run or compared."""
    page = Page(guide.relative(Path(document.path)), document.text)
    starts = [0]
    for line in document.text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    yield Region(0, 0, page, lambda example: _guard(guide, example.parsed) or None)
    for fence in page.fences:
        if not fence.skip and (fence.is_python or fence.is_output or fence.language == "console"):
            job = _Block(guide, page, fence, updating)
            yield Region(starts[fence.line - 1], starts[fence.end], job, _evaluate)


def _guard(guide: Guide, page: Page) -> str:
    return "\n".join(str(problem) for problem in guards.page_problems(guide, page))


def _evaluate(example: Example) -> str | None:
    """What is wrong, for Sybil to report as it is: a traceback through this module would only hide it."""
    try:
        example.parsed(example)
    except PageError as problem:
        return str(problem)
    return None


class _Block:
    """One fence under test; the text that a code block printed waits in the page's namespace for its Output."""

    def __init__(self, guide: Guide, page: Page, fence: Fence, updating: bool) -> None:
        self.guide, self.page, self.fence, self.updating = guide, page, fence, updating

    def __call__(self, example: Example) -> None:
        namespace: dict[str, Any] = example.namespace
        if self.fence.is_output:
            got = namespace.pop("printed", None)
            if got is None:
                raise PageError(self.page.name, self.fence.line, "no code block printed before this Output.")
            self.compare(example, got)
        elif self.fence.language == "console":
            self.compare(example, verify.console(self.page, self.fence))
        else:
            if not importlib.util.find_spec("torch"):
                pytest.skip("torch is not installed; `make test` installs it")
            namespace["printed"] = verify.printed(self.guide, self.page, self.fence)

    def compare(self, example: Example, got: str) -> None:
        if self.updating:
            if verify.difference(self.fence.body, got):
                _outputs.setdefault(Path(example.path), {})[self.fence.line] = got
            return
        exact = kind_without_torch() == "cpu"
        if told := verify.difference(self.fence.body, got, exact=exact):
            raise PageError(
                self.page.name, self.fence.line,
                f"the output is not what the code prints now.\n{told}\nIf the new output is right: make update",
            )  # fmt: skip
