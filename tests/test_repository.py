"""What stands in several files says the same in all of them, and the workflows ask for no more than they need."""

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import settings

import reluguide
from reluguide.publish import notebooks

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WRITTEN = {"deploy": {"pages", "id-token"}, "notebooks": {"contents"}}  # by the name of the job
PAGE = "why-zero.ipynb"


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == version
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest[1] == version
    assert reluguide.__version__ == version


def test_hooks_before_a_commit_use_the_pinned_versions() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    used = {
        need for repo in config["repos"] for hook in repo["hooks"] for need in hook["additional_dependencies"]
    }
    assert used and used <= set(pins)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_their_actions_and_ask_for_little(workflow: Path) -> None:
    text = workflow.read_text()
    for used in re.findall(r"uses: (\S+.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used
    parsed = yaml.safe_load(text)
    assert parsed["permissions"] in ({}, {"contents": "read"})
    for name, job in parsed["jobs"].items():
        written = {what for what, how in job.get("permissions", {}).items() if how == "write"}
        assert written <= WRITTEN.get(name, set())
        # Who may write runs nothing of the repository: only what stands in the workflow itself.
        assert not written or not any("checkout" in step.get("uses", "") for step in job["steps"])
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            # What somebody outside can name (a branch, a title) must not become part of a script.
            assert "github." not in step.get("run", "")


@pytest.mark.skipif(os.name == "nt", reason="a script for the workflow's Linux machine")
def test_notebooks_are_pushed_to_the_branch_that_colab_opens(tmp_path: Path) -> None:
    parsed = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text())
    (step,) = parsed["jobs"]["notebooks"]["steps"]
    fake = tmp_path / "bin" / "gh"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\n[ "$1" = run ] || exit 0\nmkdir notebooks && echo {{}} > notebooks/{PAGE}\n')
    fake.chmod(0o755)
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "owner" / "guide"], check=True)
    env = {name: value for name, value in step["env"].items() if name.startswith("GIT_")} | {
        "PATH": f"{fake.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GITHUB_SERVER_URL": f"file://{tmp_path}",
        "GITHUB_REPOSITORY": "owner/guide",
        "GITHUB_RUN_ID": "1",
        "GITHUB_SHA": "0123",
    }
    for times in (1, 2):  # the second push replaces the first
        folder = tmp_path / str(times)
        folder.mkdir()
        subprocess.run(["bash", "-e", "-c", step["run"]], cwd=folder, env=env, check=True, timeout=60)
    listed = ["git", "ls-tree", "--name-only", notebooks.BRANCH]
    told = subprocess.run(
        listed, cwd=tmp_path / "owner" / "guide", capture_output=True, text=True, check=True
    )
    colab = notebooks.colab("https://github.com/owner/guide", f"notebooks/{PAGE}")
    assert colab.endswith(f"/owner/guide/blob/{notebooks.BRANCH}/{told.stdout.strip()}")


def test_every_make_target_that_a_workflow_calls_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {
        name
        for workflow in [*WORKFLOWS, ROOT / ".ci" / "run"]
        for name in re.findall(r"\bmake (?:-k )?([a-z-]+)\b(?! failed)", workflow.read_text())
    }
    assert called and called <= targets


def test_no_property_has_a_deadline() -> None:
    """A first example that imports torch, or a busy machine, is no failure; see tests/conftest.py."""
    assert settings.default is not None and settings.default.deadline is None


def test_the_tests_that_should_notice_a_mutant_are_there() -> None:
    text = (ROOT / "tests" / "mutants.py").read_text(encoding="utf-8")
    literal = re.search(r"^TESTS = (\{.*?^\})", text, re.MULTILINE | re.DOTALL)
    assert literal
    for part, patterns in ast.literal_eval(literal[1]).items():
        assert (ROOT / "reluguide" / part).exists() or (ROOT / "reluguide" / f"{part}.py").exists()
        assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []
