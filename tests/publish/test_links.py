"""Addresses outside the site: all of them in one place, all of good form, and asked for politely."""

import http.server
import re
import threading
from collections.abc import Iterator

import pytest

from reluguide.evidence.guide import Guide
from reluguide.publish import links, pages


def test_every_address_has_the_form_of_its_kind(the_guide: Guide) -> None:
    found = dict(links.addresses(the_guide))
    assert len(found) > 20
    wrong = [f"{where}: {url}: {told}" for url, where in found.items() if (told := links.malformed(url))]
    assert not wrong, "\n".join(wrong)


def test_question_pages_cite_and_type_no_address(the_guide: Guide) -> None:
    typed = [
        f"{page.name}:{number}: {line}"
        for page in pages.question_pages(the_guide)
        for number, line in page.prose
        if re.search(r"https?://", line)
    ]
    assert not typed, "cite it ([@key]) and put the address into the bibliography:\n" + "\n".join(typed)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://arxiv.org/abs/1502.01852", "not an https address"),
        ("https://example/paper", "not an https address"),
        ("https://example.org/a paper", "not an https address"),
        ("https://arxiv.org/abs/15020", "not of the form of arxiv.org"),
        ("https://doi.org/1038/x", "not of the form of doi.org"),
        ("https://doi.org/10.1038/s41586-024-07711-7", None),
        ("https://arxiv.org/abs/1502.01852", None),
    ],
)
def test_malformed(url: str, told: str | None) -> None:
    assert links.malformed(url) == told


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setattr(links, "malformed", lambda url: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_answers_are_told_apart(answering: str) -> None:
    assert links.problem(f"{answering}/200", timeout=5) is None
    assert links.problem(f"{answering}/403", timeout=5) is None
    assert links.problem(f"{answering}/404", timeout=5) == "answers 404"
    assert "does not answer" in str(links.problem("http://127.0.0.1:1/", timeout=5))
