"""What stands in several files says the same in all of them, and the workflows ask for no more than they need."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == version
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest[1] == version


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
        assert written <= ({"pages", "id-token"} if name == "deploy" else set())
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            # What somebody outside can name (a branch, a title) must not become part of a script.
            assert "github." not in step.get("run", "")


def test_every_make_target_that_a_workflow_calls_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {
        name
        for workflow in [*WORKFLOWS, ROOT / ".ci" / "run"]
        for name in re.findall(r"\bmake (?:-k )?([a-z-]+)\b(?! failed)", workflow.read_text())
    }
    assert called and called <= targets
