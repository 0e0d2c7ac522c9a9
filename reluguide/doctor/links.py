"""Addresses of pages of the guide, for reports that leave this machine."""

from importlib import metadata


def page(slug: str, anchor: str = "") -> str:
    """The address of a question's page, as the installed package knows it; its place on the site if it does not."""
    place = f"questions/{slug}/" + (f"#{anchor}" if anchor else "")
    address = documentation()
    return f"{address.rstrip('/')}/{place}" if address else place


def documentation() -> str:
    """Where the guide is published: the address in the metadata of the package, or nothing."""
    try:
        urls = metadata.metadata("reluguide").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    named = {name.strip(): url.strip() for name, _, url in (str(entry).partition(",") for entry in urls)}
    return named.get("Documentation", "")
