"""A page that has moved leaves something at its old address that leads to the new one."""

import re
from urllib.parse import urljoin

import pytest

from reluguide.publish import moved
from tests.publish.conftest import Guide

FILES = ["index.md", "contributing.md", "questions/new-name.md", "labs/try-it.py"]
SITE = "https://example.org/guide/"


@pytest.mark.parametrize("old", ["questions/old-name.md", "older.md", "a/b/c.md", "questions/index.md"])
@pytest.mark.parametrize(
    ("new", "address"),
    [
        ("questions/new-name.md", "questions/new-name/"),
        ("questions/new-name.md#a-heading", "questions/new-name/#a-heading"),
        ("contributing.md", "contributing/"),
        ("labs/try-it.py", "labs/try-it/"),
        ("index.md", ""),
    ],
)
def test_the_old_address_leads_to_the_new_one(old: str, new: str, address: str) -> None:
    ((file, html),) = moved.redirects({old: new}, FILES, site=SITE).items()
    assert file.endswith("/index.html")
    here = SITE + file.removesuffix("index.html")
    assert here == f"{SITE}{old.removesuffix('.md').removesuffix('index')}".rstrip("/") + "/"
    for target in re.findall(r'(?:<a href="|url=)([^"]*)', html):
        assert urljoin(here, target) == SITE + address
    assert f'rel="canonical" href="{SITE}{address.partition("#")[0]}"' in html


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("contributing.md", "index.md", "contributing.md has moved, but docs/contributing.md is still there"),
        ("old.md", "questions/new-nam.md", "no page; did you mean questions/new-name.md?"),
        ("old.html", "index.md", "old.html, which is no page"),
    ],
)
def test_a_wrong_entry_is_named(old: str, new: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"mkdocs\.yml: `moved`") as caught:
        moved.redirects({old: new}, FILES, site=SITE)
    assert says in str(caught.value)


def test_the_build_writes_it_and_a_wrong_entry_stops_it(guide: Guide) -> None:
    plugin = "reluguide: {package: tinyguide"
    guide.change("mkdocs.yml", plugin, f"{plugin}, moved: {{questions/penny.md: questions/coin.md}}")
    guide.build()
    assert b'href="../coin/"' in guide.site()["questions/penny/index.html"]
    assert b"penny" not in guide.site()["sitemap.xml"]
    guide.change("mkdocs.yml", "questions/coin.md}", "questions/coins.md}")
    stopped = guide.build(check=False)
    assert stopped.returncode != 0 and "did you mean questions/coin.md?" in stopped.stdout
    assert "Traceback" not in stopped.stdout
