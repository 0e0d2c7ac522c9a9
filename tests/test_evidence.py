"""How evidence is declared: rounding, intervals, and what a wrong declaration says."""

import math
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reluguide.evidence import declare
from reluguide.evidence.declare import (
    Check,
    Claim,
    Numbers,
    claim,
    experiment,
    fact,
    figure,
    mean_interval,
    shown,
)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_interval_is_scipys_t_interval(samples: list[float]) -> None:
    mean, low, high = mean_interval(samples)
    assert mean == pytest.approx(np.mean(samples), abs=1e-6)
    spread = stats.sem(samples)
    if spread > 1e-9:
        wanted = stats.t.interval(0.95, len(samples) - 1, loc=np.mean(samples), scale=spread)
        assert (low, high) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_one_sample_has_no_spread() -> None:
    assert mean_interval([3.0]) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (0.5712, {"unit": "%", "digits": 0}, "57\u00a0%"),
        (0.5712, {"unit": "%", "digits": 1}, "57.1\u00a0%"),
        (-0.25, {"digits": 2}, "−0.25"),
        (-0.001, {"digits": 2}, "0.00"),
        (2.4e-9, {}, "2.4 × 10⁻⁹"),
        (1.5e7, {}, "1.5 × 10⁷"),
        (-3e-12, {}, "−3.0 × 10⁻¹²"),
        (0.0, {}, "0"),
        (3.14159, {}, "3.1"),
        (0.012345, {}, "0.012"),
        (42.0, {}, "42"),
        (800000, {"digits": 0}, "800,000"),
        (12.0, {"unit": "units"}, "12\u00a0units"),
    ],
)
def test_numbers_as_the_site_prints_them(value: float, options: dict, text: str) -> None:
    assert shown(value, **options) == text


@given(st.floats(1e-12, 1e12), st.sampled_from(["", "%"]))
def test_shown_is_within_five_percent_of_the_value(value: float, unit: str) -> None:
    text = shown(value, unit=unit).replace("\u00a0%", "").replace("−", "-")
    mantissa, _, power = text.partition(" × 10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0"
    back = float(mantissa.replace(",", "")) * 10.0 ** int(exponent) / (100 if unit == "%" else 1)
    assert back == pytest.approx(value, rel=0.051)


def test_a_fact_of_one_number_has_no_interval() -> None:
    @fact(digits=1)
    def width(layer):
        """How wide."""
        return layer

    made = width.make({"layer": 2.5})["width"]
    assert (made.text, made.interval, made.seeds, made.what) == ("2.5", "", 0, "How wide.")
    assert made.experiments == ("layer",)


def test_a_fact_over_seeds_is_its_mean_with_an_interval() -> None:
    @fact(unit="%", digits=0)
    def share(runs):
        """Share."""
        return runs

    made = share.make({"runs": np.array([0.4, 0.5, 0.6])})["share"]
    assert made.text == "50\u00a0%"
    assert made.seeds == 3
    assert made.low is not None
    assert made.low < 0.4 < 0.6 < made.high  # three seeds say little: the interval is wider than the samples
    assert made.interval == "25\u00a0% to 75\u00a0%"


def test_a_mapping_is_a_family_of_facts() -> None:
    @fact()
    def at(runs):
        """At."""
        return {"one": 1.0, "two": [2.0, 2.0]}

    assert set(at.make({"runs": None})) == {"at.one", "at.two"}


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.0, math.nan], [[1.0, 2.0]], []])
def test_a_fact_that_is_no_number_names_its_module_and_value(value: object) -> None:
    @fact()
    def broken(runs):
        """Broken."""
        return value

    with pytest.raises(ValueError, match=r"test_evidence\.broken: the fact 'broken' must be a finite number"):
        broken.make({"runs": None})


def test_experiments_know_their_second_block_of_seeds() -> None:
    @dataclass
    class Result:
        seeds: list[int]
        device: str

    @experiment(seeds=range(3), cpu_only=True)
    def drawn(*, seeds, device) -> Result:
        """What is drawn."""
        return Result(list(seeds), device)

    assert not set(drawn.seeds) & set(drawn.check_seeds)
    assert len(drawn.check_seeds) == 3
    assert drawn(device="cuda") == Result([0, 1, 2], "cpu")
    assert drawn(seeds=[7]).seeds == [7]
    assert drawn.summary == "What is drawn."


def test_an_experiment_runs_where_it_is_asked_to_unless_it_says_otherwise() -> None:
    @experiment()
    def anywhere(*, seeds, device) -> str:
        """Where it ran."""
        return device

    assert anywhere(device="cuda") == "cuda"
    assert not anywhere.device_dependent
    assert declare.Experiment("bare", anywhere.run, ())(device="cuda") == "cuda"


def test_what_is_declared_cannot_be_changed_afterwards() -> None:
    @figure
    def settling(throws):
        """Share of heads, throw by throw"""

    assert settling.title == "Share of heads, throw by throw"
    claimed = Claim("X4", "Said.", "There", "wrong", "Because.")
    made = fact()(lambda throws: 1.0).make({"throws": None})["<lambda>"]
    for declared in (settling, claimed, made, Numbers(("a",), []), Check(True)):
        with pytest.raises(FrozenInstanceError):
            declared.name = "another"


def test_an_experiment_takes_seeds_and_device() -> None:
    with pytest.raises(TypeError, match=r"takes seeds and device; it lacks \{'device'\}"):

        @experiment()
        def lacking(*, seeds):
            """Lacking."""


def test_experiments_and_figures_say_what_they_are() -> None:
    with pytest.raises(TypeError, match="say in a docstring what this experiment measures"):

        @experiment()
        def silent(*, seeds, device): ...

    with pytest.raises(TypeError, match="say in a docstring what this figure shows"):

        @figure
        def mute(runs): ...


def test_claims_hold_or_not_and_know_what_they_need() -> None:
    @claim("X1", said="It rains.", where="A pub", verdict="right", because="{drops}")
    def rains(weather):
        return Check(weather > 0, {"drops": weather})

    assert rains.needs == ("weather",)
    assert rains.checked({"weather": 3}).holds
    assert not rains.checked({"weather": 0}).holds
    assert Claim("X2", "Said.", "There", "wrong", "Because.").checked({}) is None


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="claim X3: verdict 'maybe' is none of"):
        Claim("X3", "Said.", "There", "maybe", "Because.")  # type: ignore[arg-type]


def test_number_tables_are_short_and_rectangular() -> None:
    with pytest.raises(ValueError, match="at most 20 rows, this one has 21"):
        Numbers(("a",), [(1,)] * 21)
    assert len(Numbers(("a",), [(1,)] * 20).rows) == 20
    with pytest.raises(ValueError, match="does not fit the columns"):
        Numbers(("a", "b"), [(1,)])


def test_declared_finds_what_stands_in_a_module_in_order() -> None:
    from reluguide.experiments import why_zero

    names = [one.name for one in declare.declared(why_zero, declare.Experiment)]
    assert names[:3] == ["same_function", "padding", "floors"]
