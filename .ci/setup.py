"""Make the virtual environment and install what the guide needs; say nothing where that is done.

make runs this before everything else. Without make: `py -3.12 .ci/setup.py`, with any Python from
3.11 to 3.14. Standard library only, and it starts on Python 3.8, to be able to say what is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 14)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# Editing text takes what renders pages and nothing of what computes.
PROSE = [
    "mkdocs", "mkdocs-material", "mkdocs-jupyter", "mkdocstrings[python]", "pymdown-extensions", "pybtex",
    "grimp", "rich", "numpy",
]  # fmt: skip

STAMP = "set-up.json"  # marks an environment as ours: nothing else is ever emptied or installed into
AGAIN = "then run the same command again."
PROBE = """
import sys
try:
    import ensurepip, venv
except ImportError:
    print(*sys.version_info[:2], 0)
else:
    print(*sys.version_info[:2], 1)
"""


class Python(NamedTuple):
    command: str
    version: tuple[int, int]
    has_venv: bool

    @property
    def fits(self) -> bool:
        return OLDEST <= self.version <= NEWEST

    def __str__(self) -> str:
        return "Python {}.{}".format(*self.version)


def main() -> None:
    options = parse(sys.argv[1:])
    venv = ROOT / (".venv-prose" if options.prose else ".venv")
    require_ours(venv)
    stamp = venv / STAMP
    before = read(stamp)
    torch = options.torch or before.get("torch", "default")
    # A moved environment is made anew: the commands in it name the folder that they were made in.
    wanted = {"root": str(ROOT), "torch": torch, "files": fingerprint(PROSE if options.prose else [])}

    there = probe(inside(venv))
    keep = there is not None and there.fits and before.get("root") == str(ROOT)
    if options.chosen or not keep:
        best = choose(options.candidates)
        if not keep or there.version != best.version:
            make(venv, best)
            before = {}
    if before == wanted:
        return

    print(f"Setting up {venv.name} with {probe(inside(venv))}. The first time takes minutes.", flush=True)
    began = time.monotonic()
    write(stamp, UNFINISHED)  # what follows may be interrupted
    if options.prose:
        install(venv, ["-c", "constraints.txt", *PROSE])
        install(venv, ["--no-deps", "-e", "."])
    else:
        install_torch(venv, cpu=torch == "cpu", replace="torch" in before and before["torch"] != torch)
        install(venv, ["-c", "constraints.txt", "-e", ".[site,test]"])
    write(stamp, wanted)
    print(f"Set up in {time.monotonic() - began:.0f} s.", flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("candidates", nargs="*", help="Pythons to choose from (default: this one)")
    parser.add_argument("--torch", default="", help="cpu: take torch from PyTorch's index of CPU wheels")
    parser.add_argument("--prose", action="store_true", help="only what editing text needs, in .venv-prose")
    options = parser.parse_args(arguments)
    if options.torch not in ("", "cpu"):
        sys.exit(f"TORCH is {options.torch!r}; it can be left out, or be cpu.")
    options.candidates = options.candidates or [sys.executable]
    options.chosen = len(options.candidates) == 1  # by name, not from make's list
    return options


def probe(command: str) -> Python | None:
    """What this Python is, or None where it does not run: version managers leave commands that do not."""
    try:
        answer = subprocess.run(
            [command, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=True
        )
        major, minor, has_venv = (int(word) for word in answer.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Python(command, (major, minor), bool(has_venv))


def choose(candidates: list[str]) -> Python:
    """The newest Python that fits; exits with one sentence where there is none."""
    found = [python for python in map(probe, candidates) if python]
    fitting = [python for python in found if python.fits]
    ready = [python for python in fitting if python.has_venv]
    if ready:
        return max(ready, key=lambda python: python.version)
    if fitting:
        best = max(fitting, key=lambda python: python.version)
        package = "python{}.{}-venv".format(*best.version)
        sys.exit(
            f"{best} ({best.command}) comes without the venv module: install it (on Debian and Ubuntu: "
            f"sudo apt install {package}), {AGAIN}"
        )
    here = ", ".join(f"{python} ({python.command})" for python in found)
    if not found:
        problem = f"none of these runs here: {', '.join(candidates)}"
    elif all(python.version > NEWEST for python in found):
        problem = f"{here} is too new for torch {torch_version()}"
    else:
        problem = f"there is only {here}"
    sys.exit(
        "The guide needs Python {}.{} to {}.{}, and ".format(*OLDEST, *NEWEST)
        + f"{problem}: install one from https://www.python.org/downloads/, {AGAIN}"
    )


def require_ours(venv: Path) -> None:
    """Exit with one sentence unless the environment is missing, empty, or was made by this script."""
    place = Path(os.path.realpath(str(venv)))
    if place != Path(os.path.realpath(str(venv.parent)), venv.name):  # a junction of Windows is a link too
        sys.exit(
            f"{venv} is a link to {place}, and setting up would change or delete what is there. "
            f"Remove the link, not what it leads to (rm {venv.name}), {AGAIN}"
        )
    if venv.exists() and not venv.is_dir():
        sys.exit(f"{venv} is a file, and an environment has to be made there. Rename or delete it, {AGAIN}")
    held = sorted(one.name for one in venv.iterdir()) if venv.exists() else []
    if held and not read(venv / STAMP):
        some = ", ".join(held[:4]) + (", ..." if held[4:] else "")
        sys.exit(
            f"{venv} holds {some} and no {STAMP}: something else than this script made it, and setting up "
            f"would delete it. Rename it or delete it yourself, {AGAIN}"
        )


def make(venv: Path, python: Python) -> None:
    """A new environment where none or an older one of ours is; links in that are removed, not followed."""
    venv.mkdir(exist_ok=True)
    write(venv / STAMP, UNFINISHED)  # ours from the first moment, however early this is interrupted
    try:
        for one in venv.iterdir():
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(str(one))
            elif one.name != STAMP:
                one.unlink()
    except OSError as error:
        sys.exit(f"{error.filename} cannot be deleted ({error.strerror}): close what uses it, {AGAIN}")
    made = subprocess.run(
        [python.command, "-m", "venv", str(venv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode:
        why = (made.stdout.decode(errors="replace").strip().splitlines() or ["it did not say why"])[-1]
        sys.exit(f"{python} ({python.command}) could not make {venv.name}: {why}")


def install_torch(venv: Path, *, cpu: bool, replace: bool) -> None:
    what = [f"torch=={torch_version()}"]
    if cpu:
        # Only torch comes from there; what it needs comes with everything else, from the usual index.
        what = ["--index-url", CPU_INDEX, "--no-deps", *(["--force-reinstall"] if replace else []), *what]
    else:
        what = ["-c", "constraints.txt", *what]
    install(venv, what, progress=sys.stdout.isatty())


def install(venv: Path, what: list[str], *, progress: bool = False) -> None:
    """pip install, quiet where it works; exits with one sentence where the reason is known."""
    command = [inside(venv), "-m", "pip", "install", "--disable-pip-version-check"]
    command += what if progress else ["--quiet", *what]
    ran = subprocess.run(command, cwd=str(ROOT), stderr=subprocess.PIPE, check=False)
    if ran.returncode == 0:
        return
    said = ran.stderr.decode(errors="replace").strip()
    if "connection broken" in said or "ConnectionError" in said:
        sys.exit(f"pip cannot reach the package index: check the network (or pip's proxy settings), {AGAIN}")
    if "No matching distribution found for torch" in said:
        system = {"Darwin": "macOS"}.get(platform.system(), platform.system())
        sys.exit(
            f"There is no wheel of torch {torch_version()} for {system} on {platform.machine()} with "
            f"{probe(inside(venv))}: it has them for Linux (x86_64, aarch64), macOS on Apple silicon and "
            "Windows (AMD64). Text can be edited without torch: make prose."
        )
    sys.exit(f"{said}\npip could not install {' '.join(what)}; its reason stands above.")


def inside(venv: Path) -> str:
    return str(venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


UNFINISHED = {"unfinished": "made again by the next run"}


def write(stamp: Path, said: dict[str, str]) -> None:
    """Whole or not at all."""
    half = stamp.with_suffix(".half")
    half.write_text(json.dumps(said), encoding="utf-8")
    half.replace(stamp)


def read(stamp: Path) -> dict[str, str]:
    try:
        return dict(json.loads(stamp.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def fingerprint(packages: list[str]) -> str:
    """Changes with what would be installed."""
    digest = hashlib.sha256(" ".join(packages).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def torch_version() -> str:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    found = re.search(r"^torch==(\S+)", pins, re.MULTILINE)
    return found.group(1) if found else sys.exit("constraints.txt pins no torch: add a line torch==...")


if __name__ == "__main__":
    main()
