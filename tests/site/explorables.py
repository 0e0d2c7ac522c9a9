"""What the tests of the explorables share: where each stands, and how to take hold of it."""

from playwright.sync_api import BrowserContext, Locator, Page

from tests.site.browsing import Site

# The explorables with the label of the first slider that each shows.
FIRST = {
    "relu-slope": "Number going in",
    "relu-die": "Learning rate",
    "relu-pair": "The number",
    "relu-build": "Units",
    "relu-compare": "Preactivation",
    "relu-crowd": "Shift of the crowd",
}
TAGS = list(FIRST)
PAGES = {"explorables": TAGS[:3], "more-explorables": TAGS[3:]}  # of the specimen

Pages = dict[str, Page]


def opened(context: BrowserContext, site: Site, query: str = "") -> Pages:
    found = {}
    for name, tags in PAGES.items():
        page = context.new_page()
        page.goto(f"{site.url}questions/{name}/{query}")
        for tag in tags:
            page.locator(f"{tag}[data-on]").wait_for()
            found[tag] = page
    return found


def sentence(page: Page, tag: str) -> str:
    return page.locator(f"{tag} .ex-says").inner_text()


def drawing(page: Page, tag: str) -> str:
    return str(page.locator(f"{tag} svg").inner_html())


def slider(page: Page, tag: str, label: str | None = None) -> Locator:
    return page.locator(tag).get_by_label(label or FIRST[tag], exact=True)


def put(control: Locator, value: float | str) -> None:
    """Move a slider to a value, as dragging does: by its input event."""
    control.evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", value
    )
