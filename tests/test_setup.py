"""The set-up and the Makefile, run for real with Pythons that only pretend."""

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("sh", "make", "awk", "mkdir", "cp", "rm", "cat", "echo", "dirname", "find")
pytestmark = pytest.mark.skipif(
    os.name == "nt" or any(shutil.which(tool) is None for tool in TOOLS),
    reason="the fake Pythons are shell scripts, run by make",
)

# Answers what version it is, makes "environments" by copying itself, and writes down what pip was asked.
FAKE = """#!/bin/sh
case "$1" in
  -c) exec {real} -c "import sys; sys.version_info = ({major}, {minor}, 0, 'final', 0)
sys.modules.update({without})
$2" ;;
  -m) shift
      if [ "$1" = venv ]; then mkdir -p "$2/bin" && cp "$0" "$2/bin/python"; fi
      echo "{major}.{minor} $*" >> {log}
      if [ "$1" = pip ] && [ -e {broken} ]; then cat {broken} >&2; exit 1; fi ;;
  *) exec {real} "$@" ;;
esac
"""


@dataclass
class Clone:
    """A clone on a machine whose PATH holds a few tools and the Pythons that a test puts there."""

    root: Path
    bin: Path

    @property
    def log(self) -> Path:
        return self.bin.parent / "log"

    @property
    def broken(self) -> Path:
        """What pip says when it fails; it fails while this file is there."""
        return self.bin.parent / "broken"

    def script(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def python(self, name: str, version: str, *, has_venv: bool = True) -> None:
        major, minor = version.split(".")
        without = "{}" if has_venv else "{'ensurepip': None}"
        fields = {"major": major, "minor": minor, "without": without}
        self.script(name, FAKE.format(real=sys.executable, log=self.log, broken=self.broken, **fields))

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("make", *words)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.root), **environment}
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def asked(self) -> list[str]:
        """What the Pythons were asked to do since the last time, one line each."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path / "clone", tmp_path / "bin")
    shutil.copytree(ROOT / ".ci", made.root / ".ci")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, made.root / name)
    made.bin.mkdir()
    for tool in TOOLS:
        (made.bin / tool).symlink_to(shutil.which(tool) or "")
    return made


def test_a_second_run_installs_nothing_and_says_nothing(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    first = clone.make("setup")
    assert first.returncode == 0, first.stderr
    assert "Setting up .venv with Python 3.11." in first.stdout
    assert len(clone.asked()) == 3  # the environment, torch, the rest
    second = clone.make("setup")
    assert (second.returncode, second.stdout, second.stderr, clone.asked()) == (0, "", "", [])


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_file_of_requirements_reinstalls_in_the_same_environment(clone: Clone, name: str) -> None:
    clone.python("python3.11", "3.11")
    clone.make("setup")
    clone.asked()
    (clone.root / name).touch()
    clone.make("setup")
    assert clone.asked() == []  # what counts is what the file says
    with (clone.root / name).open("a") as file:
        file.write("# changed\n")
    clone.make("setup")
    assert [line.split()[1] for line in clone.asked()] == ["pip", "pip"]


def test_the_newest_python_that_runs_and_has_venv_is_taken(clone: Clone) -> None:
    clone.script("python3.14", "#!/bin/sh\necho 'pyenv: python3.14: command not found' >&2; exit 127\n")
    clone.python("python3.13", "3.13", has_venv=False)
    clone.python("python3.11", "3.11")
    clone.python("python3", "3.12")
    clone.python("python", "3.15")
    assert "with Python 3.12." in clone.make("setup").stdout
    assert clone.asked()[0].startswith("3.12 venv")


def test_a_python_asked_for_by_name_is_taken_and_kept(clone: Clone) -> None:
    clone.python("python3.13", "3.13")
    clone.python("python3.12", "3.12")
    clone.make("setup")
    assert "with Python 3.12." in clone.make("setup", "PYTHON=python3.12").stdout
    clone.asked()
    for words in ((), ("PYTHON=python3.12",)):
        assert clone.make("setup", *words).stdout == ""
        assert clone.asked() == []


@pytest.mark.parametrize(
    ("pythons", "sentence"),
    [
        ({}, "No Python found. The guide needs Python 3.11 to 3.14"),
        ({"python3": "3.7"}, "No Python found. The guide needs Python 3.11 to 3.14"),
        (
            {"python3": "3.9", "python": "3.10"},
            "there is only Python 3.9 (python3), Python 3.10 (python): in",
        ),
        ({"python3": "3.15"}, "Python 3.15 (python3) is too new for torch 2."),
    ],
)
def test_no_fitting_python_gives_one_sentence(clone: Clone, pythons: dict[str, str], sentence: str) -> None:
    for name, version in pythons.items():
        clone.python(name, version)
    ran = clone.make("setup")
    assert ran.returncode != 0
    said = [line for line in ran.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1 and sentence in said[0], ran.stderr
    assert not (clone.root / ".venv").exists()


def test_a_missing_venv_module_gives_one_sentence(clone: Clone) -> None:
    clone.python("python3", "3.11", has_venv=False)
    said = clone.make("setup").stderr
    assert "sudo apt install python3.11-venv" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("pip_says", "sentence"),
    [
        ("ERROR: No matching distribution found for torch==2", "There is no wheel of torch "),
        (
            "WARNING: Retrying after connection broken by\nERROR: No matching",
            "cannot reach the package index",
        ),
        ("OSError: [Errno 28] No space left on device", "No space left on device\npip could not install"),
    ],
)
def test_a_failed_installation_says_why_and_is_done_again(clone: Clone, pip_says: str, sentence: str) -> None:
    clone.python("python3.11", "3.11")
    clone.broken.write_text(pip_says)
    ran = clone.make("setup")
    assert ran.returncode != 0
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr
    clone.broken.unlink()
    clone.asked()
    assert clone.make("setup").returncode == 0
    assert len(clone.asked()) == 3


def test_a_failed_change_is_not_forgotten_when_it_is_taken_back(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    clone.make("setup")
    pins = clone.root / "constraints.txt"
    before = pins.read_text()
    pins.write_text(before + "# changed\n")
    clone.broken.write_text("ERROR: half of it was installed")
    assert clone.make("setup").returncode != 0
    pins.write_text(before)
    clone.broken.unlink()
    clone.asked()
    assert clone.make("setup").returncode == 0
    assert len(clone.asked()) == 3


def test_only_torch_comes_from_the_cpu_index_and_only_when_asked(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    index = "https://download.pytorch.org/whl/cpu"
    clone.make("setup")
    assert not any("http" in line for line in clone.asked())

    clone.make("setup", "TORCH=cpu")
    torch, rest = clone.asked()
    assert f"--index-url {index} --no-deps --force-reinstall torch==" in torch
    assert "http" not in rest and ".[site,test]" in rest
    clone.make("setup")
    assert clone.asked() == []  # an environment with the CPU wheel stays one

    refused = clone.make("setup", "TORCH=cu128")
    assert refused.returncode != 0
    assert "TORCH is 'cu128'; it can be left out, or be cpu." in refused.stderr


def test_prose_installs_no_torch(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    assert clone.make("setup-prose").returncode == 0
    _, tools, package = clone.asked()
    assert "mkdocs-material" in tools and "-c constraints.txt" in tools
    assert "torch" not in tools
    assert package.endswith("--no-deps -e .")  # the package without what it depends on
    assert not (clone.root / ".venv").exists()


@pytest.mark.parametrize("target", ["setup", "setup-prose"])
@pytest.mark.parametrize(
    "kind", ["link to a folder", "link to nothing", "link to one of ours", "folder", "file"]
)
def test_an_environment_that_is_not_ours_is_left_as_it_is(clone: Clone, target: str, kind: str) -> None:
    clone.python("python3.11", "3.11")
    venv = clone.root / {"setup": ".venv", "setup-prose": ".venv-prose"}[target]
    elsewhere = clone.root.parent / "elsewhere"
    if kind == "link to one of ours":
        clone.make(target)
        clone.asked()
        venv.rename(elsewhere)
    holder = venv if kind == "folder" else elsewhere
    if kind == "file":
        venv.write_text("precious")
    elif kind != "link to nothing":
        (holder / "bin").mkdir(parents=True, exist_ok=True)
        (holder / "pyvenv.cfg").write_text("precious")
    if kind.startswith("link"):
        venv.symlink_to(elsewhere)
    before = _held(holder), venv.is_symlink()

    for words in ((), ("PYTHON=python3.11",)):
        ran = clone.make(target, *words)
        assert ran.returncode != 0
        said = [line for line in ran.stderr.splitlines() if not line.startswith("make")]
        assert len(said) == 1 and str(venv) in said[0] and "then run the same command again" in said[0]
        assert (str(elsewhere) in said[0]) == kind.startswith("link")
        assert ("pyvenv.cfg" in said[0]) == (kind == "folder")
        assert clone.asked() == []
    assert (_held(holder), venv.is_symlink()) == before


def test_an_empty_folder_becomes_the_environment(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    (clone.root / ".venv").mkdir()
    assert clone.make("setup").returncode == 0


def test_a_new_environment_in_place_of_an_old_one_follows_no_link_in_it(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    clone.make("setup")
    elsewhere = clone.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (clone.root / ".venv" / "lib64").symlink_to(elsewhere)
    (clone.root / ".venv" / "old").mkdir()
    clone.python("python3.12", "3.12")
    assert "with Python 3.12." in clone.make("setup", "PYTHON=python3.12").stdout
    assert _held(elsewhere) == {"precious"}
    assert _held(clone.root / ".venv") == {"bin", "bin/python", "set-up.json"}


def test_an_environment_whose_making_was_interrupted_is_made_again(clone: Clone) -> None:
    clone.script("python3.11", "#!/bin/sh\n")
    clone.python("python3.11", "3.11")
    whole = (clone.bin / "python3.11").read_text()
    clone.script("python3.11", whole.replace('"$2/bin/python"; fi', '"$2/bin/python"; exit 1; fi'))
    assert clone.make("setup").returncode != 0
    clone.script("python3.11", whole)
    assert clone.make("setup").returncode == 0


def test_clean_deletes_no_environment_and_nothing_through_a_link(clone: Clone) -> None:
    elsewhere = clone.root.parent / "elsewhere"
    for name in ("site", ".cache", "__pycache__"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "precious").touch()
    before = _held(elsewhere)
    for name in ("tests", "snippets", "reluguide/__pycache__", ".venv", ".venv-prose"):
        (clone.root / name).mkdir(parents=True)
    (clone.root / "docs").symlink_to(elsewhere)
    (clone.root / "tests" / "__pycache__").symlink_to(elsewhere / "__pycache__")
    (clone.root / "site").symlink_to(elsewhere / "site")
    (clone.root / ".cache").symlink_to(elsewhere / ".cache")
    cleaned = clone.make("clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert _held(elsewhere) == before
    held = _held(clone.root)
    assert {".venv", ".venv-prose"} <= held and not {"site", ".cache", "reluguide/__pycache__"} & held


def _held(folder: Path) -> set[str]:
    """Everything in a folder, by its path there."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")} if folder.is_dir() else set()


def test_a_moved_clone_gets_a_new_environment(clone: Clone) -> None:
    clone.python("python3.11", "3.11")
    clone.make("setup")
    clone.asked()
    clone.root = clone.root.rename(clone.root.with_name("moved"))
    clone.make("setup")
    assert clone.asked()[0].startswith("3.11 venv")


def test_make_alone_lists_every_public_target(clone: Clone) -> None:
    clone.python("python3", "3.9")  # not even a fitting Python is needed for that
    listed = clone.make()
    assert listed.returncode == 0
    for target in ("serve", "prose", "site", "test", "update", "check", "bench", "clean"):
        assert re.search(rf"^  {target} +\w", listed.stdout, re.MULTILINE), listed.stdout
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)", makefile, re.MULTILINE)
    assert phony and targets == set(phony.group(1).replace("\\", "").split())


def test_the_makefile_keeps_to_make_3_81() -> None:
    newer = r"\.ONESHELL|\.SHELLFLAGS|&:|\$\(file |\$\(let |\$\(intcmp |!=|::=|\bundefine\b|\.EXTRA_PREREQS"
    assert not re.findall(newer, (ROOT / "Makefile").read_text())


@pytest.mark.parametrize("port", ["busy", "0", "http", "70000"])
def test_an_unusable_port_gives_one_sentence(port: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        if port == "busy":
            port = str(taken.getsockname()[1])
        command = [sys.executable, str(ROOT / ".ci" / "serve.py"), "--port", port]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert re.search(rf"Port {port} cannot be used .* make serve PORT=\d+|PORT is '{port}'", ran.stderr)


@pytest.mark.parametrize(("check", "test"), [(0, 0), (2, 0), (0, 2)])
@pytest.mark.parametrize("browser", ["there", "installed", "refused"])
def test_ci_runs_check_and_test_whatever_happens(clone: Clone, browser: str, check: int, test: int) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    clone.script("sudo", '#!/bin/sh\nshift; exec "$@"\n')
    clone.script("env", '#!/bin/sh\nshift; exec "$@"\n')
    clone.script("id", "#!/bin/sh\necho 1000\n")
    (clone.bin / "make").unlink()
    clone.script(
        "make",
        f'#!/bin/sh\necho "$@" >> {clone.log}\ncase "$*" in *check*) exit {check};; esac\nexit {test}\n',
    )
    chromium = clone.bin / "chromium"
    if browser == "there":
        clone.script("chromium", "#!/bin/sh\n")
    install = f"cp {shutil.which('true')} {chromium}" if browser == "installed" else "exit 100"
    clone.script("apt-get", f'#!/bin/sh\ncase "$1" in install) {install};; esac\n')
    ran = clone.run(bash, ".ci/run", "TORCH=cpu", CI="true")
    assert clone.asked() == ["-k check TORCH=cpu", "test TORCH=cpu"]
    assert (ran.returncode != 0) == (check + test != 0)
    assert ("could not be installed" in ran.stderr) == (browser == "refused")
    assert ("make check failed" in ran.stderr, "make test failed" in ran.stderr) == (check != 0, test != 0)
