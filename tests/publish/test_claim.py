"""`reluguide claim`: what is behind one claim, rerun and told."""

import dataclasses

import pytest

from reluguide.__main__ import main
from reluguide.evidence import claims
from reluguide.evidence.checks import Check


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str, str]:
    code = main(["claim", *command])
    return (code, *capsys.readouterr())


def test_a_claim_is_rerun_on_either_block_of_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    for block in ([], ["--check"]):
        code, out, err = told(capsys, "c10", "--device", "cpu", *block)
        assert (code, err) == (0, "")
        assert out.startswith(
            "C10: A linear function cannot easily represent sharp breaks.\nsaid in: Why do we use ReLUs?"
        )
        assert "\nverdict: right\n" in out and "\nreran: sharp_break, " in out
        assert "\n  holds  " in out and "FAILS" not in out
        assert out.endswith("the verdict stands\n")


def test_what_nothing_can_rerun_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "C28", "--device", "cpu")
    assert code == 0 and "settled by citation or inspection; nothing to rerun" in out and "reran" not in out


def test_an_unknown_claim_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys, "C999")
    assert (code, out) == (2, "") and "judges the claim 'C999'; known: C1, C2, C3, " in err
    ids = err.rstrip("\n").partition("known: ")[2].split(", ")
    assert ids[ids.index("C45") : ids.index("C46") + 1] == ["C45", "C45B", "C46"]
    assert ids == sorted(ids, key=claims.order)


def test_a_condition_that_no_longer_holds_is_an_error_that_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Check.conditions

    def one_fails(self: Check, results: object) -> list[object]:
        first, *others = kept(self, results)  # type: ignore[arg-type]
        return [dataclasses.replace(first, what="the gap", number=0.25, bound=1.0, holds=False), *others]

    monkeypatch.setattr(Check, "conditions", one_fails)
    code, out, err = told(capsys, "C10", "--device", "cpu")
    assert (code, out) == (1, "")
    assert (
        "  FAILS  the gap: 0.25, must be " in err and "the verdict 'right' no longer holds: change it" in err
    )
