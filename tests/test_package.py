"""The wheel and the sdist: built here, installed beside nothing of the site, and used."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What only the `site` and `test` extras bring: as absent here as on the machine of a user of the package.
ABSENT = [
    "axe_playwright_python", "bs4", "codespell_lib", "grimp", "hypothesis", "IPython", "jupytext", "markdown",
    "material", "mkdocs", "mkdocs_jupyter", "nbclient", "nbconvert", "nbformat", "playwright", "pybtex",
    "pygments", "pymdownx", "pytest", "rich", "scipy", "sklearn", "sybil", "yaml",
]  # fmt: skip

USE = """
import sys
sys.modules.update(dict.fromkeys({absent}))
import reluguide
assert reluguide.__file__.startswith({target!r}), reluguide.__file__
assert "torch" not in sys.modules, "importing reluguide must not load torch"
import torch
from reluguide import diagnose
net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
with torch.no_grad():
    net[0].bias[0] = -1000.0
print(diagnose(net, torch.ones(8, 4)))
from reluguide.__main__ import main
main(["--help"])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def build(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    return folder


def test_the_wheel_works_without_the_site_extra(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, timeout=120)
    use = USE.format(absent=ABSENT, target=str(target))
    # -P and an empty folder: neither the working directory nor this clone comes before what is installed.
    ran = subprocess.run(
        [sys.executable, "-P", "-c", use],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "dead" in ran.stdout and "diagnose" in ran.stdout


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
