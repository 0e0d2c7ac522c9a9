"""The store: results and findings on disk, each under a key of everything that it depends on.

Why our own, after holding maintained tools against the requirements: joblib.Memory keys a call by its
arguments and the function's own source, not by the modules this imports, and pickles without a checksum
(a flipped bit inside an array is read back as a number); doit and pytask decide by the state of declared
files and keep it in a database of their own, so a result is not found again when a branch is switched
back, and what a module imports would have to be declared by hand. What they lack is small: grimp tells
what a module imports, and the rest is sha256 and os.replace. They stay out; grimp (imports), rich
(progress) and concurrent.futures (workers) carry the remainder.

A record is one text file: a line with the sha256 of what follows, then JSON. It is written beside its
place and moved there, so it is whole or absent; one whose checksum fails counts as absent.
"""

import ast
import hashlib
import importlib.metadata
import json
import os
import sys
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from reluguide.evidence.guide import Guide

Record = dict[str, Any]

HERE = Path(__file__).parent

# What makes a record of results, and what makes findings of them: files beside this one.
RECORD = ("experiments.py", "record.py", "results.py")
FINDINGS = (
    "checks.py", "conclude.py", "facts.py", "figures.py", "findings.py", "formats.py", "intervals.py", "svg.py",
)  # fmt: skip
State = tuple[tuple[str, int, int, int], ...]


def write(path: Path, record: Record) -> None:
    """Put `record` at `path`, whole or not at all."""
    body = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = f"sha256 {_digest(body)}\n{body}"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".unfinished-{os.getpid()}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> Record | None:
    """The record at `path`, or None where there is none or its checksum fails."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head.decode("ascii", "replace") != f"sha256 {hashlib.sha256(body).hexdigest()}":
        return None
    record: Record = json.loads(body)
    return record


def result_path(guide: Guide, module: str, device: str) -> Path:
    """Where the results of `experiments/<module>.py` on `device` stand, if they are current."""
    return guide.cache / "results" / f"{module}-{result_key(guide, module, device)}.json"


def findings_path(guide: Guide, module: str, device: str) -> Path:
    """Where the facts, figures and claims of `findings/<module>.py` stand, if they are current."""
    return guide.cache / "findings" / f"{module}-{findings_key(guide, module, device)}.json"


def result_key(guide: Guide, module: str, device: str) -> str:
    """Covers the experiments module, what it imports of the package, third-party versions, device, dtype."""
    # What turns a result into a record belongs to it: an older form would be read as if it were this one.
    return _key(
        "result", device, "float32", *_closure(guide, f"{guide.package}.experiments.{module}"), *_here(RECORD)
    )


def findings_key(guide: Guide, module: str, device: str) -> str:
    """Covers the result, the findings module with what it imports, Matplotlib, and recorded times if read."""
    name = f"{guide.package}.findings.{module}"
    parts = [result_key(guide, module, device), *_closure(guide, name), _version("matplotlib")]
    # What turns findings into a record and a figure into the published SVG belongs to them, wherever it lives.
    parts += _here(FINDINGS)
    if reads_recordings((guide.source / "findings" / f"{module}.py").read_text(encoding="utf-8")):
        parts += [path.read_text(encoding="utf-8") for path in sorted(guide.recorded.glob("*.json"))]
    return _key("findings", *parts)


def key_of(guide: Guide, *parts: str, recorded: bool = False) -> str:
    """A key for what is neither result nor findings: parts that are modules of the package count with their imports."""
    covered: list[str] = []
    for part in parts:
        covered += _closure(guide, part) if part.startswith(f"{guide.package}.") else [part]
    if recorded:
        covered += [path.read_text(encoding="utf-8") for path in sorted(guide.recorded.glob("*.json"))]
    return _key(*covered, *(f"{name} {_version(name)}" for name in ("torch", "numpy", "matplotlib")))


def reads_recordings(source: str) -> bool:
    """Whether a module's functions ask for the recorded times, by the name of a parameter or of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and node.arg == "recorded":
            return True
        if isinstance(node, ast.ImportFrom) and "recorded" in (node.module or "").split("."):
            return True
    return False


def versions(guide: Guide, module: str) -> dict[str, str]:
    """Versions of the third-party packages that an experiments module imports, directly or not."""
    _, external = _imports(guide, f"{guide.package}.experiments.{module}", _state(guide.source))
    return {name: _version(name) for name in external if _version(name)}


def clear_unfinished(guide: Guide) -> None:
    """Remove what a killed process left half-written; what another build is writing just now stays."""
    for leftover in guide.cache.glob("*/.unfinished-*"):
        if not _alive(int(leftover.name.split("-")[1])):
            leftover.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    if sys.platform == "win32":  # there a signal 0 is not a question but an interrupt
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _here(names: tuple[str, ...]) -> list[str]:
    return [(HERE / name).read_text(encoding="utf-8") for name in names]


def _closure(guide: Guide, module: str) -> tuple[str, ...]:
    return _texts(guide, module, _state(guide.source))


@lru_cache(maxsize=256)  # asked for some ninety times a build, and again at every build while serving
def _texts(guide: Guide, module: str, state: State) -> tuple[str, ...]:
    inside, external = _imports(guide, module, state)
    sources = [f"{name}\n{path.read_text(encoding='utf-8')}" for name, path in inside]
    return (*sources, *(f"{name} {_version(name)}" for name in external))


def _state(folder: Path) -> State:
    """What changes when a file of the package does: names, times, sizes."""
    found: list[tuple[str, int, int, int]] = []
    folders = [os.fspath(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    status = entry.stat()
                    found.append((entry.path, status.st_mtime_ns, status.st_ctime_ns, status.st_size))
    return tuple(sorted(found))


def _imports(guide: Guide, module: str, state: State) -> tuple[list[tuple[str, Path]], list[str]]:
    """Modules of the package that `module` reaches by import, itself included, and packages outside it."""
    graph = _graph(guide.package, state)
    reached = sorted({module, *graph.find_upstream_modules(module)})
    inside, external = [], []
    for name in reached:
        if name.split(".")[0] != guide.package:
            external.append(name)
            continue
        path = guide.root.joinpath(*name.split("."))
        inside.append((name, path / "__init__.py" if path.is_dir() else path.with_suffix(".py")))
    return inside, [name for name in external if _version(name)]


@lru_cache(maxsize=2)  # an edit while serving makes another
def _graph(package: str, state: State) -> Any:
    """The import graph of the package as its files now stand (`state` is only there to notice changes)."""
    import grimp

    return grimp.build_graph(package, include_external_packages=True, cache_dir=None)


@cache
def _version(package: str) -> str:
    """The installed version of an imported package; empty for the standard library."""
    if package in sys.stdlib_module_names:
        return ""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        names = _distributions().get(package, [])
        return importlib.metadata.version(names[0]) if names else ""


@cache
def _distributions() -> Any:
    return importlib.metadata.packages_distributions()


def _key(*parts: str) -> str:
    return _digest("\0".join(parts))[:20]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
