"""`reluguide links`: do the addresses outside the site still answer? Their form is checked offline, by the tests."""

import argparse
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from reluguide.evidence.guide import Guide, here
from reluguide.publish import bibliography, project

_FORMS = {
    "doi.org": re.compile(r"/10\.\d{4,9}/\S+"),
    "arxiv.org": re.compile(r"/abs/\d{4}\.\d{4,5}(v\d+)?"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds to wait for each (default: 20)")


def run(args: argparse.Namespace) -> int:
    found = dict(addresses(here()))
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda url: problem(url, timeout=args.timeout), found)
    bad = [(url, told) for url, told in zip(found, answers, strict=True) if told]
    for url, told in bad:
        print(f"{found[url]}: {url}: {told}", file=sys.stderr)
    print(f"{len(found) - len(bad)} of {len(found)} addresses answer")
    return 1 if bad else 0


def addresses(guide: Guide) -> Iterator[tuple[str, str]]:
    """Every address outside the site that the guide links to, and where it stands."""
    for entry in bibliography.read(guide.docs / "reference" / "bibliography.bib").values():
        if entry.url:
            yield entry.url, f"docs/reference/bibliography.bib: {entry.key}"
    for name, url in project.addresses(guide.root).items():
        yield url, f"pyproject.toml: {name}"


def malformed(url: str) -> str | None:
    """What is wrong with the form of an address, without asking anybody; None where nothing is."""
    parts = urlsplit(url)
    if parts.scheme != "https" or "." not in parts.netloc or " " in url:
        return "not an https address"
    form = _FORMS.get(parts.netloc)
    return f"not of the form of {parts.netloc}" if form and not form.fullmatch(parts.path) else None


def problem(url: str, *, timeout: float) -> str | None:
    """What an address answers if it does not answer well; publishers that refuse programs count as there."""
    if told := malformed(url):
        return told
    request = urllib.request.Request(url, headers={"User-Agent": "reluguide-links"})
    try:
        with urllib.request.urlopen(request, timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        return None if error.code in (401, 403, 405, 418, 429) else f"answers {error.code}"
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        return f"does not answer ({error})"
