"""Messages that name a file and a line become annotations; everything else stays as it was."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / ".ci" / "annotate.py"


@pytest.fixture
def annotations(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").touch()
    (tmp_path / "code.py").touch()
    monkeypatch.chdir(tmp_path)
    return runpy.run_path(str(SCRIPT))["annotations"]


@pytest.mark.parametrize(
    ("line", "annotation"),
    [
        (
            "docs/page.md:12: an alt text is missing",
            "::error file=docs/page.md,line=12::an alt text is missing",
        ),
        ("code.py:3:7: F401 unused", "::error file=code.py,line=3::F401 unused"),
        ("./code.py:3: misspelt ==> right", "::error file=code.py,line=3::misspelt ==> right"),
        ("E   pages.PageError: docs/page.md:1: 57 % typed", "::error file=docs/page.md,line=1::57 %25 typed"),
        (
            "Would reformat: code.py",
            "::error file=code.py,line=1::ruff would format this file differently: ruff format",
        ),
    ],
)
def test_a_line_that_names_a_place_is_put_there(annotations, line: str, annotation: str) -> None:
    assert annotations([line]) == [annotation]


@pytest.mark.parametrize(
    "line",
    ["make: *** [Makefile:36: test] Error 4", "gone.md:2: no such file", "code.py:3: ", "at 12:30: late"],
)
def test_other_lines_are_left_alone(annotations, line: str) -> None:
    assert annotations([line]) == []


def test_a_place_is_named_once(annotations) -> None:
    assert annotations(["code.py:3: first", "code.py:3: again", "code.py:4: other"]) == [
        "::error file=code.py,line=3::first",
        "::error file=code.py,line=4::other",
    ]


@pytest.mark.parametrize("status", [0, 3])
def test_output_and_status_are_those_of_the_command(tmp_path, status: int) -> None:
    (tmp_path / "code.py").touch()
    command = f"print('code.py:3: wrong'); raise SystemExit({status})"
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), sys.executable, "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == status
    expected = ["code.py:3: wrong"] + ["::error file=code.py,line=3::wrong"] * bool(status)
    assert ran.stdout.splitlines() == expected
