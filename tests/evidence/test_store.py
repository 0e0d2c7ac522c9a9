"""What the keys of the store cover, so that nothing old is taken for new."""

import ast
import importlib.util
from pathlib import Path

import pytest

from reluguide.evidence import store
from reluguide.evidence.guide import Guide

TINY = Path(__file__).parents[1] / "publish" / "guide"
HERE = Path(store.__file__).parent


@pytest.fixture
def guide(monkeypatch: pytest.MonkeyPatch) -> Guide:
    monkeypatch.syspath_prepend(str(TINY))
    return Guide(TINY, "tinyguide")


@pytest.mark.parametrize("kind", ["RECORD", "FINDINGS"])
def test_a_result_in_another_form_is_not_taken(
    kind: str, guide: Guide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = store.result_key(guide, "coin", "cpu"), store.findings_key(guide, "coin", "cpu")
    for name in {*store.RECORD, *store.FINDINGS}:
        (tmp_path / name).write_text((HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    changed = tmp_path / getattr(store, kind)[0]
    changed.write_text(
        changed.read_text(encoding="utf-8") + "\n# the form of a record changed\n", encoding="utf-8"
    )
    monkeypatch.setattr(store, "HERE", tmp_path)
    after = store.result_key(guide, "coin", "cpu"), store.findings_key(guide, "coin", "cpu")
    assert (before[0] != after[0]) == (kind == "RECORD")
    assert before[1] != after[1], "findings are keyed on the result"


@pytest.mark.parametrize(
    ("kind", "start", "aside"),
    [
        ("RECORD", {"record", "results", "experiments"}, {"store", "guide"}),
        ("FINDINGS", {"conclude", "findings", "svg"}, {"store", "guide", "record", "results", "experiments"}),
    ],
)
def test_whatever_makes_a_record_is_in_its_key(kind: str, start: set[str], aside: set[str]) -> None:
    """Followed by import; `aside` decides where records stand, or counts elsewhere, and not what is in them."""
    reached, left = set[str](), set(start)
    while left:
        name = left.pop()
        reached.add(name)
        for node in ast.walk(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reluguide.evidence"):
                parts = (node.module or "").split(".")[2:] or [alias.name for alias in node.names]
                left |= {part for part in parts if (HERE / f"{part}.py").is_file()} - reached - aside
    assert {f"{name}.py" for name in reached} == set(getattr(store, kind))


def test_recordings_count_for_those_who_ask_for_them() -> None:
    assert store.reads_recordings("def cost(recorded): ...")
    assert store.reads_recordings("from reluguide.recorded import Recording")
    assert not store.reads_recordings('"""Nothing is recorded here."""\nrecorder = 1')


def test_no_module_is_imported_to_find_a_key() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from reluguide.evidence import store; "
        "from reluguide.evidence.guide import Guide; "
        f"store.findings_key(Guide(Path({str(TINY.parents[2])!r})), 'is_it_lossy', 'cpu'); "
        "print(sorted({'torch', 'xarray', 'matplotlib', 'pandas', 'reluguide.findings.is_it_lossy'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
    assert importlib.util.find_spec("xarray")
