"""Code in docstrings runs and prints what stands under it: it is read where no page verifies it."""

import doctest
import importlib
import pkgutil

import pytest

import reluguide

MODULES = [
    one.name for one in pkgutil.walk_packages(reluguide.__path__, "reluguide.") if "__main__" not in one.name
]
EXAMPLES = [
    example
    for name in MODULES
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    if example.examples
]


def test_examples_are_found() -> None:
    assert {one.name for one in EXAMPLES} >= {
        "reluguide.doctor",
        "reluguide.sweep",
        "reluguide.sweep._grid.grid",
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_an_example_prints_what_it_shows(example: doctest.DocTest) -> None:
    told: list[str] = []
    example.globs = {}  # as in an empty file
    failed = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=told.append)
    assert not failed.failed, "".join(told)
