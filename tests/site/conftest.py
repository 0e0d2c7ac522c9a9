"""A site built once, served from its own address, and a real browser to read it with.

Two sites: the *specimen*, a few pages with every piece of markup that the stylesheet knows, and the
*guide* itself. Both are built with `site_url` set to the loopback address that serves them, because
instant navigation is off everywhere else, and a test of it would then prove nothing.
"""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from reluguide.evidence import conclude, record
from reluguide.evidence.guide import Guide
from reluguide.evidence.lookup import Evidence
from reluguide.publish import site as site_files
from tests.site.browsing import REPO, Opener, Site
from tests.site.explorables import Pages, opened

GUIDE = Guide(REPO)
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
def measured() -> dict[str, Any]:
    """The explorables' experiments, run, as the store keeps them."""
    made, _ = record.measure(GUIDE, "explorables", "cpu")
    return made


@pytest.fixture(scope="session")
def results(measured: dict[str, Any]) -> dict[str, Any]:
    """What PyTorch says: labelled arrays by experiment."""
    return record.results(GUIDE, measured)


@pytest.fixture(scope="session")
def specimen(tmp_path_factory: pytest.TempPathFactory, measured: dict[str, Any]) -> Iterator[Site]:
    """The specimen, with the guide's own theme, stylesheet and scripts, without its plugin."""
    folder = tmp_path_factory.mktemp("specimen")
    shutil.copytree(SPECIMEN, folder / "docs")
    shutil.copytree(REPO / "docs" / "assets", folder / "docs" / "assets")
    shutil.copytree(REPO / "snippets", folder / "snippets")  # the glossary, which every page ends with
    _publish(measured, folder / "docs")
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


def _publish(measured: dict[str, Any], docs: Path) -> None:
    """The explorables' data and static figures, where the guide's plugin would put them."""
    found = conclude.conclude(GUIDE, "explorables", measured)
    for address, content in site_files.generated(Evidence({"explorables": found})).items():
        (docs / address).parent.mkdir(parents=True, exist_ok=True)
        (docs / address).write_text(content, encoding="utf-8")


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
