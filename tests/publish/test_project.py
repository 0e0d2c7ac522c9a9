"""What the site says of the checkout that it is made from: the commit, its date, whether files differ from it."""

import subprocess
from pathlib import Path

from reluguide.publish import project


def git(root: Path, *command: str) -> str:
    who = ["-c", "user.name=Somebody", "-c", "user.email=some@body.example"]
    return subprocess.run(
        ["git", *who, *command], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_is_the_checkouts_own(tmp_path: Path) -> None:
    assert project.commit(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    page = tmp_path / "page.md"
    page.write_text("one\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "One page", "--date", "2020-02-29T12:00:00Z")
    found = project.commit(tmp_path)
    assert found and found.hash == git(tmp_path, "rev-parse", "HEAD")
    assert found.seconds == int(git(tmp_path, "log", "-1", "--format=%ct")) and not found.changed
    assert project.Commit("0", 1582977600, False).date == "2020-02-29"
    page.write_text("two\n")
    changed = project.commit(tmp_path)
    assert changed and changed.changed and changed.hash == found.hash
