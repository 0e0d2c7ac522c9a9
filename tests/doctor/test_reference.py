"""The page about the package shows every function that a reader may call, and not a module of its name."""

import re
from functools import cache
from pathlib import Path

import griffe
import pytest
import yaml

import reluguide

REFERENCE = Path(__file__).parent.parent.parent / "docs/reference"
PAGE = "\n".join((REFERENCE / name).read_text(encoding="utf-8") for name in ("api.md", "measuring.md"))
PACKAGE = Path(reluguide.__file__).parent
ENTRIES = re.findall(r"^::: (\S+)\n(?:    options: (.*)\n)?", PAGE, flags=re.MULTILINE)


@cache
def package() -> griffe.Module:
    return griffe.load("reluguide", search_paths=[PACKAGE.parent], docstring_parser="google")


def documented(identifier: str) -> griffe.Object:
    found = package()[identifier.removeprefix("reluguide.")] if "." in identifier else package()
    return found.final_target if found.is_alias else found


@pytest.mark.parametrize("name", sorted(reluguide.HOMES))
def test_every_public_name_is_shown(name: str) -> None:
    shown = set()
    for identifier, options in ENTRIES:
        members = yaml.safe_load(options or "{}").get("members")
        names = [f"{identifier}.{member}" for member in members or []] or [identifier]
        shown |= {one for one in names if not documented(one).is_module}
    public = getattr(reluguide, name)
    home = f"{getattr(public, '__module__', reluguide.HOMES[name])}.{name}"
    assert home in shown or f"{reluguide.HOMES[name]}.{name}" in shown


@pytest.mark.parametrize(
    "name", [name for name in sorted(reluguide.HOMES) if callable(getattr(reluguide, name))]
)
def test_arguments_are_a_list_of_all_of_them(name: str) -> None:
    public = getattr(reluguide, name)
    found = documented(f"{public.__module__}.{name}")
    if not found.is_function:
        return
    sections = {section.kind.value: section for section in found.docstring.parsed}
    assert [one.name for one in sections["parameters"].value] == [one.name for one in found.parameters]
    assert "raises" in sections


def test_an_entry_is_headed_by_the_name_that_one_imports() -> None:
    for identifier, options in ENTRIES:
        heading = yaml.safe_load(options or "{}").get("heading")
        if heading and heading.startswith("reluguide."):
            module, _, name = heading.rpartition(".")
            given = getattr(__import__(module, fromlist=[name]), name)
            assert given.__name__ == identifier.rpartition(".")[2]
