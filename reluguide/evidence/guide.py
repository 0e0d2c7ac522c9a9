"""Where everything stands: the folders of one guide, and the names that tie a page to its modules."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Guide:
    """One guide on disk: `root` holds docs/, snippets/ and the package.

    The guide of this repository is `Guide(root)`; the tests build a small one with another package.
    With `check`, experiments run on their second, disjoint block of seeds, in a store of their own: what
    the pages say must hold there as well.
    """

    root: Path
    package: str = "reluguide"
    check: bool = False

    @property
    def docs(self) -> Path:
        return self.root / "docs"

    @property
    def questions(self) -> Path:
        return self.docs / "questions"

    @property
    def snippets(self) -> Path:
        return self.root / "snippets"

    @property
    def source(self) -> Path:
        return self.root / self.package

    @property
    def recorded(self) -> Path:
        return self.source / "recorded"

    @property
    def cache(self) -> Path:
        return self.root / ".cache" / ("reluguide-check" if self.check else "reluguide")

    def modules(self) -> list[str]:
        """Names of the pages' modules: every `findings/<name>.py` that has an `experiments/<name>.py`."""
        names = sorted(
            path.stem for path in (self.source / "findings").glob("*.py") if not path.stem.startswith("_")
        )
        if missing := [n for n in names if not (self.source / "experiments" / f"{n}.py").is_file()]:
            name = missing[0]
            raise FileNotFoundError(
                f"{self.package}/findings/{name}.py has no {self.package}/experiments/{name}.py beside it; "
                "one name stands in five places (page, experiments, findings, snippets, test)."
            )
        return names

    def page(self, module: str) -> Path:
        return self.questions / f"{module.replace('_', '-')}.md"

    def module(self, page: Path) -> str:
        return page.stem.replace("-", "_")

    def relative(self, path: Path) -> str:
        """A path as messages name it: from the root, with forward slashes."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return path.as_posix()


def here() -> Guide:
    """The guide that this process stands in: the nearest folder upwards with an mkdocs.yml and a package.

    Outside any checkout, the installed package itself (its pages are then absent, its experiments not),
    with the store in the user's cache folder.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "mkdocs.yml").is_file() and (folder / "reluguide").is_dir():
            return Guide(folder)
    return InstalledGuide(Path(__file__).resolve().parents[2])


class InstalledGuide(Guide):
    """The package without its repository: nothing may be written beside it."""

    @property
    def cache(self) -> Path:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "reluguide"
