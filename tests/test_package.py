"""The wheel and the sdist: built here, installed beside nothing of the site, and used."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import reluguide
from reluguide.__main__ import main
from reluguide.data import MissingExtraError

ROOT = Path(__file__).resolve().parent.parent

# What only the `site` and `test` extras bring: as absent here as on the machine of a user of the package.
ABSENT = [
    "axe_playwright_python", "bs4", "codespell_lib", "grimp", "hypothesis", "IPython", "jinja2", "jupytext", "markdown",
    "material", "mkdocs", "mkdocs_jupyter", "nbclient", "nbconvert", "nbformat", "pandas", "playwright", "pybtex",
    "pygments", "pymdownx", "pytest", "rich", "scipy", "sklearn", "sybil", "xarray", "yaml",
]  # fmt: skip

BEGIN = """
import sys
sys.modules.update(dict.fromkeys({absent}))
import reluguide
assert reluguide.__file__.startswith({target!r}), reluguide.__file__
from reluguide.__main__ import main
"""
USE = """
assert "torch" not in sys.modules, "importing reluguide must not load torch"
import torch
from reluguide import diagnose
net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
with torch.no_grad():
    net[0].bias[0] = -1000.0
print(diagnose(net, torch.ones(8, 4)))
main(["--help"])
"""
COMMANDS = """
for words in (["evidence"], ["evidence", "--help"]):
    assert main(words) == 2, words
assert "torch" not in sys.modules, "nor does the command line"
main(["--version"])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def build(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own."""
    (wheel,) = built.glob("*.whl")
    target = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=120)
    return target


def without_the_extra(installed: Path, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    # -P and an empty folder: neither the working directory nor this clone comes before what is installed.
    ran = subprocess.run(
        [sys.executable, "-P", "-c", BEGIN.format(absent=ABSENT, target=str(installed)) + code],
        cwd=folder,
        env={"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def test_the_wheel_works_without_the_site_extra(installed: Path, tmp_path: Path) -> None:
    ran = without_the_extra(installed, tmp_path, USE)
    assert "dead" in ran.stdout and "diagnose" in ran.stdout


def test_a_command_that_needs_the_site_extra_says_so(installed: Path, tmp_path: Path) -> None:
    ran = without_the_extra(installed, tmp_path, COMMANDS)
    sentence = r"reluguide (\w+) needs \w+, which .* pip install 'reluguide\[site\]'"
    told = [re.fullmatch(sentence, line) for line in ran.stderr.splitlines()]
    assert [line and line[1] for line in told] == ["evidence", "evidence"], ran.stderr
    assert ran.stdout.splitlines()[-1] == f"reluguide {reluguide.__version__}"


@pytest.mark.parametrize(
    ("command", "error", "told"),
    [
        ("claim", MissingExtraError("The digits: pip install 'reluguide[site]'"), "The digits: pip install"),
        (
            "claim",
            ModuleNotFoundError("No module named 'sklearn'", name="sklearn.svm"),
            "needs sklearn.svm, which",
        ),
        ("claim", ImportError("cannot import name 'x' from 'numpy'", name="numpy"), None),
        ("claim", ModuleNotFoundError("No module named 'reluguide.x'", name="reluguide.x"), None),
        ("diagnose", ModuleNotFoundError("No module named 'theirs'", name="theirs"), None),
    ],
)
def test_only_the_extra_is_called_missing(
    command: str,
    error: ImportError,
    told: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*_: object) -> int:
        raise error

    monkeypatch.setattr("reluguide.__main__._run", run)
    if told is None:
        with pytest.raises(ImportError, match=re.escape(str(error))):
            main([command])
        return
    assert main([command]) == 2
    assert told in (said := capsys.readouterr().err) and said.strip().endswith(
        "pip install 'reluguide[site]'"
    )


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"reluguide"}
    assert "reluguide/py.typed" in names
    tracked = subprocess.run(
        ["git", "ls-files", "reluguide"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert set(tracked) <= names  # the theme and the recorded times are not Python, but belong to it


def test_the_sdist_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    (again,) = build(source, tmp_path / "dist").glob("*.whl")
    (wheel,) = built.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()
