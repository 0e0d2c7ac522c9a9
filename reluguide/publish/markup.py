"""Markup stands in templates (`templates/`), filled in by Jinja; what is put in is escaped unless it is markup."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def filled(template: str, **values: Any) -> str:
    """A template of this package with its values, without the line break at its end."""
    return _environment().get_template(template).render(**values).rstrip("\n")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
