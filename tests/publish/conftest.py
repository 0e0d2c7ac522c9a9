"""A small guide of two pages on disk, built once and copied for each test; and ways to build it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENVIRONMENT = {
    **{
        name: value for name, value in os.environ.items() if name not in ("RELUGUIDE_PROSE", "CI", "SITE_URL")
    },
    "NO_MKDOCS_2_WARNING": "1",
    "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]),
    "RELUGUIDE_DEVICE": "cpu",
}


class Guide:
    """A guide in a folder of its own, to be changed and built."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def change(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands in a file exactly once."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def build(self, *, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("mkdocs", "build", "--strict", check=check, **environment)

    def run(self, *module: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python -m ...` in the guide's folder; its output and errors are in `stdout`."""
        ended = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=self.root,
            env={**ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check:
            assert ended.returncode == 0, ended.stdout
        return ended

    def site(self) -> dict[str, bytes]:
        """Every file of the built site by its address. The compressed sitemap carries a time stamp."""
        folder = self.root / "site"
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name != "sitemap.xml.gz"
        }


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Guide:
    """The guide, built once; not to be changed."""
    guide = Guide(tmp_path_factory.mktemp("built") / "guide")
    shutil.copytree(
        HERE / "guide", guide.root, ignore=shutil.ignore_patterns(".cache", "site", "__pycache__")
    )
    guide.build()
    return guide


@pytest.fixture
def guide(built: Guide, tmp_path: Path) -> Guide:
    """A copy of the built guide, store included, to be changed."""
    copy = Guide(tmp_path / "guide")
    shutil.copytree(built.root, copy.root)
    return copy


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[str], Guide]:
    """Copies of the guide that nothing was ever built in, by name."""

    def make(name: str) -> Guide:
        copy = Guide(tmp_path / name)
        ignore = shutil.ignore_patterns(".cache", "site", "__pycache__")
        shutil.copytree(HERE / "guide", copy.root, ignore=ignore)
        return copy

    return make
