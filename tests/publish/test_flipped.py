"""The scheduled job's question, asked of a small guide: does a verdict stand on other seeds?"""

import importlib
import runpy
from pathlib import Path
from typing import Any

import pytest

from reluguide.evidence.checks import Check, Condition
from reluguide.evidence.guide import Guide

ROOT = Path(__file__).resolve().parents[2]
GUIDE = Guide(Path(__file__).parent / "guide", "tinyguide")


@pytest.fixture
def flipped(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(GUIDE.root))
    return runpy.run_path(str(ROOT / ".ci" / "flipped.py"))


def test_claims_are_checked_on_seeds_that_follow_from_one_number(flipped: dict[str, Any]) -> None:
    outcomes = flipped["outcomes"]
    first, again, other = (outcomes(GUIDE, "coin", seed) for seed in (7, 7, 8))
    assert [one.claim for one in first] == ["T1"]
    assert first == again
    assert first[0].numbers != other[0].numbers


def test_a_claim_that_needs_its_seeds_is_reported(flipped: dict[str, Any]) -> None:
    findings = importlib.import_module("tinyguide.findings.coin")
    broken = Condition("share", 0.25, "above", 0.5, False)
    findings.stubborn = Check("T9", lambda throws: [broken], ("throws",))
    try:
        every = flipped["outcomes"](GUIDE, "coin", 7)
    finally:
        del findings.stubborn
    assert [one.holds for one in every] == [True, False]
    told = flipped["report"](every)
    assert told.startswith("## 1 of 2 claims flipped")
    assert "| T9 | on no page | share: 0.25, must be above 0.5 |" in told and "T1" not in told
