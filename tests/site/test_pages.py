"""Every page of the built site: accessible, light, quiet, and asking nobody else for anything."""

import contextlib
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import material
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from reluguide.publish import slim
from tests.site.browsing import REPO, Opener, Site, visit

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Every rule in every view.
EVERYTHING = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
# The theme looks at the width of blocks of code after each change of it, and lets the keyboard into those that scroll.
REACHABLE = """[...document.querySelectorAll('pre > code')].every((one) =>
    one.scrollWidth < one.clientWidth + 8 || one.hasAttribute('tabindex') || !one.checkVisibility())"""
VIEWS = [(1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")]


def test_axe_finds_nothing(site: Site, reader: Opener) -> None:
    found = []
    page = reader().new_page()
    for path in site.pages:
        page.goto(site.url + path)
        explorables = "relu-slope, relu-die, relu-pair, relu-build, relu-compare, relu-crowd"
        ready = f"[...document.querySelectorAll('{explorables}')].every((one) => 'on' in one.dataset)"
        page.wait_for_function(ready)
        page.add_style_tag(content="* { transition: none !important; }")  # colours on their way fail
        for width, scheme in VIEWS:
            opened = str(width == 1280 and scheme == "light").lower()
            page.evaluate(
                f"document.querySelectorAll('article details').forEach((one) => (one.open = {opened}))"
            )
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            name = {"light": "default", "dark": "slate"}[scheme]
            page.locator(f"body[data-md-color-scheme={name}]").wait_for()
            with contextlib.suppress(PlaywrightTimeoutError):  # then axe says what is amiss
                page.wait_for_function(REACHABLE, timeout=5000)
            for violation in Axe().run(page, options=EVERYTHING).response["violations"]:
                nodes = [
                    node["html"][:160] + " | " + node["failureSummary"] for node in violation["nodes"][:3]
                ]
                found.append(f"/{path} {width} {scheme}: {violation['id']}\n    " + "\n    ".join(nodes))
    assert not found, "\n".join(found)


def test_pages_are_light_quiet_and_ask_nobody_else(site: Site, reader: Opener) -> None:
    found = []
    context = reader()
    for path in site.pages:
        seen = visit(context, site.url + path)
        foreign = [url for url in seen.responses if urlsplit(url).netloc != urlsplit(site.url).netloc]
        requests = list(seen.counted())
        checks = {
            f"asks another host: {foreign}": not foreign,
            f"complains: {seen.complaints}": not seen.complaints,
            f"weighs {seen.weight() / 1000:.1f} kB": seen.weight() <= 100_000,
            f"search weighs {seen.weight(search=True) / 1000:.1f} kB": seen.weight(search=True) <= 100_000,
            f"makes {len(requests)} requests: {requests}": len(requests) <= 20,
        }
        found += [f"/{path} {what}" for what, fine in checks.items() if not fine]
        seen.page.close()
    assert not found, "\n".join(found)


def test_nothing_scrolls_sideways_on_a_narrow_phone(site: Site, reader: Opener) -> None:
    page = reader(width=360).new_page()
    wide = []
    for path in site.pages:
        page.goto(site.url + path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide.append(f"/{path} is {width} px wide")
    assert not wide, "\n".join(wide)


def test_every_page_is_reached_without_a_reload(site: Site, reader: Opener) -> None:
    page = reader().new_page()
    headings = {}
    for path in site.pages:
        page.goto(site.url + path)
        headings[path] = page.inner_text("h1")
    page.goto(site.url, wait_until="networkidle")
    page.evaluate("window.sameDocument = true")
    links = page.locator(".md-nav--primary a.md-nav__link")
    addresses = {links.nth(i).evaluate("link => link.href") for i in range(links.count())}
    reached = 0
    for address in sorted(addresses):
        path = address.split("#")[0].removeprefix(site.url)
        page.evaluate(
            "href => [...document.querySelectorAll('.md-nav--primary a.md-nav__link')]"
            ".find((link) => link.href === href).click()",
            address,
        )
        page.wait_for_url(address)
        page.wait_for_function(
            "heading => document.querySelector('h1').innerText === heading", arg=headings[path]
        )
        assert page.evaluate("window.sameDocument === true"), f"{address} was loaded anew"
        reached += 1
    assert reached >= 2


def test_pages_read_without_javascript(site: Site, reader: Opener) -> None:
    page = reader(javascript=False).new_page()
    for path in site.pages:
        page.goto(site.url + path)
        assert page.locator("h1").is_visible()
        for picture in page.locator(".md-content img[src$='.svg']").all():
            assert picture.is_visible(), f"/{path}: {picture.get_attribute('src')} is hidden"


def test_descriptions_are_there_for_search_engines_and_previews(site: Site, reader: Opener) -> None:
    page = reader(javascript=False).new_page()
    seen: dict[str, str] = {}
    for path in site.pages:
        page.goto(site.url + path)
        description = page.get_attribute("meta[name=description]", "content") or ""
        assert len(description) > 20, f"/{path} has no description of its own"
        assert page.get_attribute("meta[property='og:description']", "content") == description
        assert page.get_attribute("link[rel=canonical]", "href") == site.url + path
        if path == "" or path.startswith("questions/"):
            seen[path] = description
    assert len(set(seen.values())) == len(seen), f"two pages share a description: {seen}"


# The words that readers use, and the pages that answer them.
ASKED = {
    "activation function": ["what-is-relu"],
    "approximate any function": ["kinks-to-curves"],
    "brain sparsity": ["sparsity"],
    "car assembly line": ["hidden-values"],
    "celu elu selu": ["symmetry"],
    "clipping range sigmoid softmax end": ["hidden-values"],
    "count dead neurons code": ["dead-units"],
    "dead neurons": ["dead-units"],
    "dropout": ["metaphors"],
    "dying": ["dead-units"],
    "faster": ["speed", "sparsity"],
    "gaussian": ["symmetry"],
    "gelu or relu": ["variants"],
    "gradient at 0": ["what-is-relu"],
    "half the inputs wasteful": ["sparsity"],
    "hidden values": ["hidden-values"],
    "if statement": ["why-nonlinear"],
    "information": ["is-it-lossy"],
    "interview": ["variants"],
    "leaky relu fix": ["dead-units"],
    "linear layers alternate": ["why-nonlinear"],
    "lossy": ["is-it-lossy"],
    "max(-1)": ["why-zero"],
    "negative numbers": ["is-it-lossy"],
    "negative value next layer": ["is-it-lossy"],
    "neuron": ["what-is-relu", "dead-units"],
    "noise": ["metaphors"],
    "papers": ["variants"],
    "predict negative numbers regression": ["is-it-lossy"],
    "rectifier": ["what-is-relu"],
    "relu cheap exponential": ["speed"],
    "remove dead unit pruning": ["dead-units"],
    "rnn": ["gradients"],
    "safe to zero out activations": ["is-it-lossy"],
    "saturate negative side": ["why-zero"],
    "sparse": ["sparsity"],
    "symmetric": ["symmetry"],
    "threshold": ["why-zero", "metaphors"],
    "throw away": ["is-it-lossy"],
    "transistors": ["metaphors"],
    "unbounded": ["gradients"],
    "universal approximation intuition": ["kinks-to-curves"],
    "vanish": ["gradients"],
    "when was relu invented": ["variants"],
    "which activation transformer": ["variants"],
    "why nonlinear": ["why-nonlinear"],
    "why zero": ["why-zero"],
    "zip compression": ["metaphors"],
}


def test_readers_find_pages_in_their_own_words(guide: Site, reader: Opener) -> None:
    page = reader().new_page()
    page.goto(guide.url, wait_until="networkidle")
    box = page.locator("input.md-search__input")
    box.click()
    wrong = []
    for words, slugs in ASKED.items():
        results = page.locator(".md-search-result__item > a")
        for text in ("", words):
            box.fill(text)
            box.press("End")  # the theme searches when a key comes up
            results.first.wait_for(state="visible" if text else "detached")
        first = urlsplit(results.first.get_attribute("href") or "").path
        if not any(first.endswith(f"/questions/{slug}/") for slug in slugs):
            wrong.append(f"{words!r} leads to {first}, not to {' or '.join(slugs)}")
    assert not wrong, "\n".join(wrong)


def test_the_search_leaves_out_what_programs_print(guide: Site) -> None:
    index = json.loads((guide.root / "search/search_index.json").read_text(encoding="utf-8"))
    for entry in index["docs"]:
        assert not entry["location"].startswith(("reference/api", "reference/how", "contributing"))
        assert "Where each number comes from" not in entry["text"], entry["location"]
        assert "Show the numbers" not in entry["text"], entry["location"]
        assert 'class="filename">Output' not in entry["text"], entry["location"]


def test_the_search_box_is_the_stock_one_with_a_name() -> None:
    stock = (Path(material.__path__[0]) / "templates/partials/search.html").read_text(encoding="utf-8")
    ours = (REPO / "reluguide/publish/theme/partials/search.html").read_text(encoding="utf-8")
    name = " aria-label=\"{{ lang.t('search') }}\""
    assert name in ours
    assert ours.replace(f'role="dialog"{name}', 'role="dialog"') == stock


def test_series_colours_hold_on_both_grounds() -> None:
    css = (REPO / "docs/assets/site.css").read_text(encoding="utf-8")
    series = dict(re.findall(r"--(blue|vermilion|green|purple|axis): (#\w{6});", css))
    assert len(series) == 5
    for ground in ("#ffffff", "#1e2129"):
        for name, colour in series.items():
            assert contrast(colour, ground) >= 3, (
                f"{name} {colour} on {ground}: {contrast(colour, ground):.2f}"
            )


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two #rrggbb colours (WCAG 2, relative luminance)."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_ledger_shows_the_claims_that_were_chosen(guide: Site, reader: Opener) -> None:
    page = reader().new_page()
    page.goto(guide.url + "questions/claims/")
    claims = page.locator("section.claim")
    total = claims.count()
    assert total > 3
    page.get_by_label("Verdict").select_option("wrong")
    wrong = page.locator("section.claim[data-verdict=wrong]").count()
    visible = page.locator("section.claim:visible")
    assert 0 < visible.count() == wrong < total
    assert page.locator("form.filter output").inner_text() == ("1 claim" if wrong == 1 else f"{wrong} claims")
    page.get_by_label("Verdict").select_option("")
    assert visible.count() == total
    plain = reader(javascript=False).new_page()
    plain.goto(guide.url + "questions/claims/")
    assert plain.locator("section.claim:visible").count() == total
    assert not plain.locator("form.filter").is_visible()


def test_a_claim_that_has_moved_is_found_in_the_ledger(guide: Site, reader: Opener) -> None:
    page = reader().new_page()
    page.goto(f"{guide.url}questions/why-zero/#c38")  # stands on the page about symmetry
    page.wait_for_url("**/questions/claims/#c38")
    assert page.locator("section#c38").is_visible()
    page.goto(f"{guide.url}questions/symmetry/#c38", wait_until="networkidle")
    assert page.url.endswith("/questions/symmetry/#c38")


# What others may have linked to. A page that moves gets a line under `moved` in mkdocs.yml.
PUBLISHED = """
    contributing labs/diagnose-your-model labs/kill-a-network labs/pick-an-activation questions/claims
    questions/dead-units questions/gradients questions/hidden-values questions/is-it-lossy questions/kinks-to-curves
    questions/metaphors questions/sparsity questions/speed questions/symmetry questions/variants
    questions/what-is-relu questions/why-nonlinear questions/why-zero reference/api reference/bibliography
    reference/glossary reference/how-it-is-built
"""


def test_what_was_published_once_is_still_there(guide: Site) -> None:
    gone = [one for one in PUBLISHED.split() if not (guide.root / one / "index.html").is_file()]
    assert not gone, f"add to `moved` in mkdocs.yml where these pages are now: {', '.join(gone)}"


def test_parts_of_the_theme_whose_rules_are_left_out_are_on_no_page(guide: Site, reader: Opener) -> None:
    page = reader().new_page()
    parts = ", ".join(f"[class~='{part}'], [class*='{part}__'], [class*='{part}--']" for part in slim.UNUSED)
    parts += "".join(f", .admonition.{kind}, details.{kind}" for kind in slim.BOXES)
    for path in guide.pages:
        page.goto(guide.url + path)
        used = page.evaluate(
            "parts => [...document.querySelectorAll(parts)].map((one) => one.className)", parts
        )
        assert not used, (
            f"/{path} uses {used}: take the part from UNUSED or BOXES in reluguide/publish/slim.py"
        )


SELECTORS = """(text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    const leaves = (rules) => [...rules].flatMap((one) => one.selectorText ?? leaves(one.cssRules ?? []));
    return leaves(sheet.cssRules);
}"""


def test_the_theme_loses_no_other_rule(reader: Opener) -> None:
    """As a browser reads them: what is left out is what was meant, and nothing behind it breaks."""
    page = reader().new_page()
    sheets = list((Path(material.__path__[0]) / "templates/assets/stylesheets").glob("*.css"))
    assert sheets
    for sheet in sheets:
        stock = sheet.read_text(encoding="utf-8")
        before, after = (page.evaluate(SELECTORS, text) for text in (stock, slim.theme(stock)))
        unused = re.compile(rf"dir=.?rtl|data-md-color-(primary|accent)|\.({'|'.join(slim.UNUSED)})")
        kept = [selector for selector in before if not unused.search(selector)]
        assert len(after) < len(before)
        assert [selector for selector in after if not unused.search(selector)] == kept
