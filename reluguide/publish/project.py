"""The project's own configuration: its addresses stand once, in pyproject.toml, and are read from there."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


def addresses(root: Path) -> dict[str, str]:
    """`Repository` and `Documentation`: from pyproject.toml in a checkout, else from the installed package."""
    file = root / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        return dict(project.get("urls", {}))
    return installed_addresses()


@cache
def installed_addresses() -> dict[str, str]:
    """The addresses in the metadata of the installed package."""
    import importlib.metadata

    listed = importlib.metadata.metadata("reluguide").get_all("Project-URL") or []
    return {name.strip(): url.strip() for name, _, url in (entry.partition(",") for entry in listed)}


def fill_addresses(config: Any, root: Path) -> None:
    """Give MkDocs the addresses that mkdocs.yml leaves out; what a fork writes there stands.

    The repository goes to `extra.repository`: the theme answers `repo_url` with a request to its host.
    """
    found = addresses(root)
    config.extra["repository"] = (config.repo_url or found.get("Repository", "")).rstrip("/")
    config.repo_url = None
    config.site_url = config.site_url or found.get("Documentation")


def nav_order(nav: Any) -> dict[str, int]:
    """The position of every page that the navigation of mkdocs.yml names."""
    order: dict[str, int] = {}

    def walk(item: Any) -> None:
        if isinstance(item, str):
            order.setdefault(item, len(order))
        elif isinstance(item, dict):
            for value in item.values():
                walk(value)
        elif isinstance(item, list):
            for value in item:
                walk(value)

    walk(nav or [])
    return order
