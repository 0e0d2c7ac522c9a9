"""A question made by the scaffold passes as it is; one that cannot be made is refused, whole."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reluguide.publish.scaffold import new_question

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
site_name: A guide
plugins: [reluguide]
markdown_extensions: [attr_list, md_in_html, admonition, pymdownx.superfences, pymdownx.snippets]
"""
TITLE = "Does it let everything through?"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A guide with the package as it is, and no question but the one that a test adds."""
    shutil.copytree(ROOT / "reluguide", tmp_path / "reluguide", ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("experiments", "findings"):
        for path in (tmp_path / "reluguide" / kind).glob("*.py"):
            if path.name not in ("__init__.py", "_draw.py"):
                path.unlink()
    for name in ("tests/conftest.py", "tests/questions/conftest.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Questions\n")
    (tmp_path / "mkdocs.yml").write_text(CONFIG)
    return tmp_path


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "RELUGUIDE_DEVICE": "cpu"}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_new_question_passes_as_it_is(root: Path) -> None:
    made = command(root, "reluguide", "new-question", TITLE, "--slug", "everything")
    assert made.returncode == 0, made.stderr
    assert "docs/questions/everything.md" in made.stdout
    assert "`make test ARGS=docs/questions/everything.md`" in made.stdout
    built = command(root, "mkdocs", "build", "--strict")
    assert built.returncode == 0, built.stderr
    shown = (root / "site" / "questions" / "everything" / "index.html").read_text(encoding="utf-8")
    assert "ReLU lets everything through." in shown and "figures/everything/passed_on_by_mean.svg" in shown

    tested = command(
        root, "pytest", "-q", "-p", "reluguide.publish.verification", "tests/questions", "docs/questions"
    )
    assert tested.returncode == 0, tested.stdout
    assert "4 passed" in tested.stdout, tested.stdout  # the guards, the snippet, its output, the test


def test_the_page_is_listed_behind_the_last_question(root: Path) -> None:
    config = root / "mkdocs.yml"
    config.write_text("nav:\n  - All:\n      - questions/why-zero.md\n  - about.md\n")
    assert config in new_question(TITLE, root, slug="everything")
    added = "      - questions/why-zero.md\n      - questions/everything.md\n"
    assert config.read_text() == f"nav:\n  - All:\n{added}  - about.md\n"


def test_a_claim_gets_the_next_number(root: Path) -> None:
    page = root / "docs" / "questions" / "other.md"
    page.parent.mkdir()
    page.write_text(
        "".join(f"/// claim | {id}: right\n> a\n> — b\n\nc\n///\n" for id in ("C9", "C41", "C41b"))
    )
    new_question(TITLE, root, slug="everything")
    assert '"C42"' in (root / "reluguide" / "findings" / "everything.py").read_text()
    assert "/// claim | C42: wrong\n" in (root / "docs" / "questions" / "everything.md").read_text()


@pytest.mark.parametrize(
    ("title", "slug", "complaint"),
    [
        ("It lets everything through.", None, 'must be a question, end with "?"'),
        ('Is it "safe"?', None, "hold no quote"),
        ("How many seeds do I need before I may believe it?", None, "give a short one"),
        ("2 or 3?", None, "begun with a letter"),
        (TITLE, "../up", "give a short one"),
        (TITLE, "Every-Thing", "small letters"),
    ],
)
def test_what_cannot_be_named_is_refused(root: Path, title: str, slug: str | None, complaint: str) -> None:
    with pytest.raises(ValueError, match="(?s)" + complaint.replace("?", r"\?")):
        new_question(title, root, slug=slug)
    assert not (root / "snippets").exists() and not (root / "docs" / "questions").exists()


def test_nothing_is_written_over(root: Path) -> None:
    test = root / "tests" / "questions" / "test_everything.py"
    test.write_text("mine")
    ran = command(root, "reluguide", "new-question", TITLE, "--slug", "everything")
    assert ran.returncode == 2
    assert (
        ran.stderr == "tests/questions/test_everything.py exists already; choose another name with --slug\n"
    )
    assert test.read_text() == "mine" and not (root / "docs" / "questions").exists()


def test_the_installed_package_is_left_alone(root: Path) -> None:
    (root / "mkdocs.yml").unlink()
    with pytest.raises(ValueError, match="inside a clone"):
        new_question(TITLE, root, slug="everything")
