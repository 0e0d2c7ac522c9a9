"""A site built once, served from its own address, and a real browser to read it with.

Two sites: the *specimen*, a few pages with every piece of markup that the stylesheet knows, and the
*guide* itself. Both are built with `site_url` set to the loopback address that serves them, because
instant navigation is off everywhere else, and a test of it would then prove nothing.
"""

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from reluguide.evidence import svg, worker
from reluguide.evidence.declare import DataMaker, Experiment, FigureMaker, declared
from reluguide.experiments import explorables as measured
from reluguide.findings import explorables as told
from tests.site.browsing import REPO, Opener, Site
from tests.site.explorables import Pages, opened

SPECIMEN = Path(__file__).parent / "specimen"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def record() -> dict[str, Any]:
    """The explorables' experiments, run, in the form in which the store keeps them."""
    ran = {one.name: worker.plain(one(), place=one.name) for one in declared(measured, Experiment)}
    return {"experiments": {name: {"fields": fields} for name, fields in ran.items()}}


@pytest.fixture(scope="session")
def results(record: dict[str, Any]) -> dict[str, Any]:
    """What PyTorch says: experiment by name, fields as plain lists and numbers."""
    return {name: SimpleNamespace(**one["fields"]) for name, one in record["experiments"].items()}


@pytest.fixture(scope="session")
def specimen(tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]) -> Iterator[Site]:
    """The specimen, with the guide's own theme, stylesheet and scripts, without its plugin."""
    folder = tmp_path_factory.mktemp("specimen")
    shutil.copytree(SPECIMEN, folder / "docs")
    shutil.copytree(REPO / "docs" / "assets", folder / "docs" / "assets")
    shutil.copytree(REPO / "snippets", folder / "snippets")  # the glossary, which every page ends with
    _publish(worker.revived(record), folder / "docs")
    config = {
        "INHERIT": str(REPO / "mkdocs.yml"),
        "docs_dir": "docs",
        "watch": [],
        "plugins": ["search"],
        "theme": {"custom_dir": str(REPO / "reluguide" / "publish" / "theme")},
        "nav": ["index.md", *(f"questions/{page.name}" for page in (SPECIMEN / "questions").iterdir())],
    }
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    yield from _serve(folder / "mkdocs.yml", folder / "site")


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The guide itself, as `make site` builds it."""
    yield from _serve(REPO / "mkdocs.yml", tmp_path_factory.mktemp("guide") / "site")


@pytest.fixture(params=["specimen", "guide"])
def site(request: pytest.FixtureRequest) -> Site:
    chosen: Site = request.getfixturevalue(request.param)
    return chosen


def _publish(results: dict[str, Any], docs: Path) -> None:
    """The explorables' data and static figures, where the guide's plugin would put them."""
    data, figures = docs / "assets/data/explorables", docs / "figures/explorables"
    data.mkdir(parents=True)
    figures.mkdir(parents=True)
    for maker in declared(told, DataMaker):
        (data / f"{maker.name}.json").write_text(
            json.dumps(worker.plain_value(maker.make(results), maker.name)), encoding="utf-8"
        )
    with svg.style():
        for drawn in declared(told, FigureMaker):
            text, *_ = svg.save(drawn.make(results).figure, name=drawn.name, title=drawn.title)
            (figures / f"{drawn.name}.svg").write_text(text, encoding="utf-8")


def _serve(config: Path, root: Path) -> Iterator[Site]:
    root.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(root)]
        environment = {**os.environ, "SITE_URL": url, "NO_MKDOCS_2_WARNING": "1"}
        built = subprocess.run(command, env=environment, cwd=REPO, capture_output=True, text=True)
        if built.returncode:
            pytest.fail(f"{' '.join(command)} failed:\n{built.stdout[-4000:]}{built.stderr[-4000:]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        locations = ElementTree.parse(root / "sitemap.xml").iterfind(".//{*}loc")
        pages = tuple((place.text or "").removeprefix(url) for place in locations)
        yield Site(url, root, pages)
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        message = f"no browser on this machine (looked for {', '.join(BROWSERS)}); install Debian's chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def reader(browser: Browser) -> Iterator[Opener]:
    """`reader(width=390, dark=True, javascript=False, reduced_motion=True)`: a browser of its own."""
    contexts: list[BrowserContext] = []

    def open_one(
        *, width: int = 1280, dark: bool = False, javascript: bool = True, reduced_motion: bool = False
    ) -> BrowserContext:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced_motion else "no-preference",
            java_script_enabled=javascript,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def pages(specimen: Site, reader: Opener) -> Pages:
    """By tag, the page that the explorable stands on, opened and ready."""
    return opened(reader(), specimen)
