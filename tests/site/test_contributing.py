"""The smallest explorable, as the contributor's page shows it, works."""

import re

import pytest
from playwright.sync_api import expect

from tests.site.browsing import REPO, Opener, Site

pytestmark = pytest.mark.browser


def test_the_smallest_explorable_works_as_shown(specimen: Site, reader: Opener) -> None:
    shown = re.findall(
        r"```js\n(.*?)```", (REPO / "docs/contributing.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(shown) == 1
    page = reader().new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = "assets/explorables/relu-echo.js"
    page.route(f"**/{address}", lambda route: route.fulfill(body=shown[0], content_type="text/javascript"))
    page.goto(specimen.url)
    page.evaluate("document.querySelector('article').append(document.createElement('relu-echo'))")
    page.evaluate("address => import(address)", specimen.url + address)
    says = page.locator("relu-echo .ex-says")
    expect(says).to_have_text("−1 goes in, 0 comes out.")
    page.locator("relu-echo").get_by_label("Goes in").press("End")
    expect(says).to_have_text("3 goes in, 3 comes out.")
    page.wait_for_function("location.search === '?input=3'")
    page.locator("relu-echo").get_by_role("button", name="Start again").click()
    expect(says).to_have_text("−1 goes in, 0 comes out.")
    assert not complaints
