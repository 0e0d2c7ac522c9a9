"""Facts: one declaration for a family, the kind of a number decides its interval, mistakes are named."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import xarray as xr

from reluguide.evidence.experiments import labelled
from reluguide.evidence.facts import estimate, fact

SEEDS = range(20)
DRAW = np.random.default_rng(3)


def shares(**coords: object) -> xr.DataArray:
    return labelled(
        DRAW.uniform(0.3, 0.7, (20, 3)), "Passed on.", unit="share", seed=SEEDS, ratio=(1, 1.5, 2), **coords
    )


def test_a_family_has_a_fact_for_each_coordinate_and_takes_unit_and_words_from_the_array() -> None:
    facts, labels = fact("runs", digits=0).make("passed", {"runs": shares()})
    assert list(facts) == ["passed[1]", "passed[1.5]", "passed[2]"] and labels == {"ratio": ["1", "1.5", "2"]}
    one = facts["passed[1.5]"]
    assert one.what == "Passed on." and one.text.endswith("\u00a0%") and one.kind == "share"
    assert one.low is not None and one.high is not None
    assert 0 < one.low < one.value < one.high < 1
    assert (one.networks, one.experiments) == ("20 seeds", ("runs",))
    with pytest.raises(FrozenInstanceError):
        one.text = "another"  # type: ignore[misc]


def test_a_number_without_networks_is_exact() -> None:
    facts, labels = fact("width", digits=1).make("width", {"width": labelled(2.5, "How wide.")})
    one = facts["width"]
    assert (one.text, one.interval, one.networks, one.kind, labels) == ("2.5", "", "", "exact", {})


def test_what_happened_or_not_is_counted() -> None:
    happened = labelled([True] * 14 + [False] * 6, "Learned.", seed=SEEDS)
    one = fact("runs").make("learned", {"runs": happened})[0]["learned"]
    assert one.text == "14 of 20" and one.kind == "counted" and one.value == 0.7
    assert one.low is not None and one.high is not None and 0 < one.low < 0.7 < one.high < 1
    everywhere = fact("runs").make("x", {"runs": happened | True})[0]["x"]
    assert everywhere.text == "20 of 20"
    assert "100\u00a0% to 100" not in everywhere.interval


def test_splits_are_crossed_with_seeds() -> None:
    crossed = labelled(DRAW.normal(size=(4, 8)), "Gain.", split=range(4), seed=range(8))
    one = fact("runs").make("gain", {"runs": crossed})[0]["gain"]
    assert one.networks == "8 seeds × 4 splits" and one.kind == "real"


def test_a_function_of_results_makes_facts_as_well() -> None:
    @fact(unit="points", digits=1)
    def ahead(runs: xr.DataArray) -> xr.DataArray:
        """Points ahead of the first."""
        return (runs - runs.sel(ratio=1)).drop_sel(ratio=[1]) * 100

    facts, _ = ahead.make("ahead", {"runs": shares()})
    assert list(facts) == ["ahead[1.5]", "ahead[2]"]
    one = facts["ahead[2]"]
    assert one.what == "Points ahead of the first." and one.text.endswith("points") and one.kind == "real"


def test_few_networks_need_a_word() -> None:
    few = {"runs": labelled(np.arange(8.0), "Few.", seed=range(8))}
    with pytest.raises(
        ValueError, match="the fact few has an interval over 8 networks; a number that is quoted needs 16"
    ):
        fact("runs").make("few", few)
    assert fact("runs", at_least=8).make("few", few)[0]["few"].networks == "8 seeds"


def test_a_missing_number_is_no_fact_and_missing_networks_are_left_out() -> None:
    edges = labelled([1.0, np.nan], "Edge.", missing="never", activation=("relu", "gelu"))
    facts, labels = fact("edges").make("edge", {"edges": edges})
    assert list(facts) == ["edge[relu]"] and labels["activation"] == ["relu", "gelu"]
    losses = labelled(
        np.where(np.arange(20) < 2, np.nan, 1.0 + np.arange(20)), "Loss.", missing="diverged", seed=SEEDS
    )
    one = fact("losses").make("loss", {"losses": losses})[0]["loss"]
    assert one.networks == "18 of 20 networks" and one.value == pytest.approx(np.arange(3, 21).mean())


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (labelled(["a"], "Words.", seed=[0]), "must be made of numbers or truth values"),
        (xr.DataArray([1.0], dims=("rate",)), "has a dimension 'rate' without coordinates"),
        (labelled([np.nan] * 20, "Lost.", seed=SEEDS), "must be finite in every network"),
    ],
)
def test_what_is_no_fact_is_named(array: xr.DataArray, told: str) -> None:
    with pytest.raises((ValueError, TypeError), match=told):
        fact("runs").make("broken", {"runs": array})


def test_a_fact_says_what_it_is() -> None:
    with pytest.raises(TypeError, match="say in a docstring what this fact is"):

        @fact()
        def mute(runs: xr.DataArray) -> xr.DataArray:
            return runs

    with pytest.raises(ValueError, match="does not say what it is"):
        fact("runs").make("mute", {"runs": xr.DataArray(1.0)})


def test_an_interval_is_never_one_number_twice() -> None:
    close = labelled(0.5 + 1e-5 * np.arange(20), "Close.", unit="share", seed=SEEDS)
    low, _, high = estimate(close, digits=0).interval.partition(" to ")
    assert low != high


def test_a_count_does_not_fall_below_zero() -> None:
    few = [0.0] * 19 + [1.0]
    assert estimate(labelled(few, "Units.", seed=SEEDS)).low < 0  # type: ignore[operator]
    one = estimate(labelled(few, "Units.", seed=SEEDS, valid_min=0))
    assert one.low is not None and 0 <= one.low < one.value < 1 and "−" not in one.interval


def test_too_few_splits_are_no_agreement() -> None:
    two = labelled(DRAW.normal(size=(2, 16)), "Gain.", split=range(2), seed=range(16))
    with pytest.raises(ValueError, match=r"crossed over 2 splits × 16 seeds: .* at least 3 of each"):
        estimate(two)
