"""What the project asks for: pinned whole, declared where it is imported, and enough for editing text."""

import ast
import importlib.metadata
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE, SITE, TEST = (
    PROJECT["dependencies"],
    *(PROJECT["optional-dependencies"][one] for one in ("site", "test")),
)
# What the markers of requirements ask about, on the systems that the guide is built on.
SYSTEMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
]


def test_constraints_pin_all_that_is_asked_for_and_nothing_of_one_platform() -> None:
    """All that comes with it too, or two people who install the same commit have different versions."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {_name(line): line.partition("==")[2] for line in lines if not line.startswith("#")}
    assert not [version for version in pins.values() if not version or "+" in version]
    needed = [_closure([*CORE, *SITE, *TEST], system) for system in SYSTEMS]
    missing = set.intersection(*needed) - set(pins)
    assert not missing, f"add to constraints.txt what pip freeze says of {', '.join(sorted(missing))}"
    idle = set(pins) - set.union(*needed)
    assert not idle, f"nothing needs {', '.join(sorted(idle))}: take it from constraints.txt"
    assert not [name for name in pins if re.match(r"nvidia|triton|pywin|pexpect", name)]


PROSE_BUILD = """
import importlib.metadata, runpy, sys
sys.argv = ["mkdocs", "build", "--strict", "--quiet", "--site-dir", sys.argv[1]]
try:
    runpy.run_module("mkdocs", run_name="__main__", alter_sys=True)
except SystemExit as end:
    if end.code:
        raise
homes = importlib.metadata.packages_distributions()
print(*{home for name in list(sys.modules) for home in homes.get(name.partition(".")[0], ())})
"""


def test_what_prose_installs_is_enough_to_build_the_site(tmp_path: Path) -> None:
    """What a build loads, without experiments, belongs to what `make prose` installs."""
    built = subprocess.run(
        [sys.executable, "-c", PROSE_BUILD, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RELUGUIDE_PROSE": "1", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, "")  # nothing to read past
    loaded = {_name(home) for home in built.stdout.split("\n")[-2].split()}
    prose = runpy.run_path(str(ROOT / ".ci" / "setup.py"))["PROSE"]
    assert {"mkdocs", "pybtex"} <= loaded
    # mkdocstrings breaks long signatures with ruff where it is there, and leaves them whole where it is not.
    missing = loaded - _closure(prose) - {"reluguide", "pip", "setuptools", "ruff"}
    assert not missing, f"add to PROSE in .ci/setup.py: {missing}"
    assert not {"torch", "matplotlib", "scipy", "scikit-learn"} & _closure(prose)


# The folders whose code runs, the requirements that it may name directly, and what it may name besides.
LOOPS = {"lightning", "transformers"}  # extras of their own
IMPORTING = [
    ("reluguide", [*CORE, *SITE], {*LOOPS, "pytorch_lightning"}),  # used where a user has them
    ("snippets", [*CORE, *SITE], set()),
    ("docs", [*CORE, *SITE], set()),
    (
        "tests",
        [*CORE, *SITE, *TEST],
        {"tests", "tinyguide", "cosmic_ray", *LOOPS, "torch_geometric"},
    ),  # `make mutants` installs the third; without those behind it their tests are skipped
    (".ci", [*CORE, *SITE, *TEST], set()),
]
OF_THE_TESTS = {"reluguide/publish/verification.py", "reluguide/integrations/pytest.py"}  # plugins of pytest


@pytest.mark.parametrize(("folder", "declared", "besides"), IMPORTING, ids=[one[0] for one in IMPORTING])
def test_what_is_imported_is_declared(folder: str, declared: list[str], besides: set[str]) -> None:
    """By name in pyproject.toml: what another package happens to bring may go with its next version."""
    homes = importlib.metadata.packages_distributions()
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    missing = []
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        asked = {_name(line) for line in [*declared, *(TEST if name in OF_THE_TESTS else [])]}
        for imported in sorted(_imported(path) - sys.stdlib_module_names - besides - {"reluguide"}):
            if not {_name(home) for home in homes.get(imported, [imported])} & asked:
                missing.append(f"{name} imports {imported}")
    assert not missing, "declare in pyproject.toml, or leave out: " + "; ".join(missing)


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _name(requirement: str) -> str:
    """The name of a distribution as PyPI normalises it, without version, extras and marker."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", requirement)[0]).lower()


def _closure(requirements: list[str], system: dict[str, str] | None = None) -> set[str]:
    """The names of these distributions and of everything that they need, extras included, on a system or this one.

    What is not installed here counts, but nobody knows here what it needs in turn.
    """
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(requirement) for requirement in requirements]
    while waiting:
        one = waiting.pop()
        wanted = {(_name(one.name), extra) for extra in ("", *one.extras)} - found
        found |= wanted
        try:
            needs = map(Requirement, importlib.metadata.requires(one.name) or [])
        except importlib.metadata.PackageNotFoundError:
            continue  # needed on other systems only
        waiting += [
            need
            for need in needs
            if any(
                not need.marker or need.marker.evaluate({**(system or {}), "extra": extra})
                for _, extra in wanted
            )
        ]
    return {name for name, _ in found}
