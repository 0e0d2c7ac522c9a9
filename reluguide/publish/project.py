"""The project's own configuration: its addresses stand once, in pyproject.toml, and are read from there."""

import datetime
import html
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reluguide.evidence.lookup import Evidence


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


@dataclass(frozen=True)
class Commit:
    """The commit that a site is built from: its hash, its time (Unix seconds), whether files differ from it."""

    hash: str
    seconds: int
    changed: bool

    @property
    def date(self) -> str:
        return datetime.datetime.fromtimestamp(self.seconds, datetime.UTC).date().isoformat()


def commit(root: Path) -> Commit | None:
    """The commit of the checkout at `root`; None outside git. Dates on the site come from here, not a clock."""
    command = ["git", "-C", str(root)]
    try:
        log = subprocess.run(
            [*command, "log", "-1", "--format=%H %ct"], capture_output=True, text=True, check=True
        )
        status = subprocess.run(
            [*command, "status", "--porcelain"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    name, _, seconds = log.stdout.strip().partition(" ")
    return Commit(name, int(seconds), bool(status.stdout.strip()))


def made_from(found: Commit | None, repository: str, evidence: Evidence) -> str:
    """One line for the foot of every page: commit, date, versions and device."""
    parts = []
    if found:
        short = found.hash[:10]
        name = f'<a href="{repository}/commit/{found.hash}">{short}</a>' if repository else short
        parts.append(f"Made from commit {name} of {found.date}{', with changes' if found.changed else ''}")
    runs = [run for record in evidence.findings.values() for run in record["provenance"].values()]
    versions = {name: version for run in runs for name, version in run["versions"].items()}
    if "torch" in versions:
        parts.append(f"measured with torch {html.escape(versions['torch'])}")
    if devices := sorted({run["device"] for run in runs}):
        parts.append(f"on {html.escape(' and '.join(devices))}")
    return " ".join(parts) + "." if parts else ""


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
