"""What the browser tests share: a built site, and one page as a browser loaded it."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, Response

REPO = Path(__file__).parents[2]
Opener = Callable[..., BrowserContext]


@dataclass(frozen=True)
class Site:
    """A built site: the address that serves it, the folder it lies in, its pages as relative URLs."""

    url: str
    root: Path
    pages: tuple[str, ...]


@dataclass
class Visit:
    """One page as a browser loaded it: what it asked for, what it complained of."""

    page: Page
    responses: dict[str, bytes]
    complaints: list[str]

    def counted(self, search: bool = False) -> dict[str, bytes]:
        """What the page's budget counts: all but search (or search alone), and of pictures the first."""
        pictures = [url for url in self.responses if "/figures/" in url]
        return {
            url: body
            for url, body in self.responses.items()
            if is_search(url) == search and url not in pictures[1:]
        }

    def weight(self, search: bool = False) -> int:
        """Bytes of that, each response compressed by itself."""
        return sum(len(gzip.compress(body, 6)) for body in self.counted(search).values())


def is_search(url: str) -> bool:
    return "/search/" in url or "/workers/search" in url or "/lunr/" in url


def visit(context: BrowserContext, url: str) -> Visit:
    """Load a page in a new tab and wait until it is quiet."""
    page = context.new_page()
    responses: dict[str, bytes] = {}
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"request failed: {request.url}"))
    seen: list[Response] = []
    page.on("response", lambda response: seen.append(response))
    page.goto(url, wait_until="networkidle")
    for response in seen:
        if response.url.startswith("http"):
            responses[response.url] = response.body() if response.ok else b""
            if not response.ok:
                complaints.append(f"{response.status}: {response.url}")
    return Visit(page, responses, complaints)
