"""Checks: each condition holds or not by its worst number, and a check returns nothing else."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reluguide.evidence.checks import Condition, above, at_least, at_most, below, check, equal, is_true

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)


@given(NUMBERS, st.floats(-1e6, 1e6))
def test_a_condition_holds_where_every_number_does(numbers: list[float], bound: float) -> None:
    for make, holds in (
        (above, all(one > bound for one in numbers)),
        (at_least, all(one >= bound for one in numbers)),
        (below, all(one < bound for one in numbers)),
        (at_most, all(one <= bound for one in numbers)),
        (equal, all(one == bound for one in numbers)),
    ):
        found = make("x", numbers, bound)
        assert found.holds == holds
        assert found.number in numbers and found.bound == bound


def test_the_number_with_the_least_room_is_told() -> None:
    assert str(above("gain in accuracy", [3.0, 1.5, 2.0], 2)) == "gain in accuracy: 1.5, must be above 2"
    assert below("spread", [3.0, 1.5], [9.0, 2.0]).number == 1.5
    assert str(is_true("the slope is 0", False)) == "the slope is 0: no"


@pytest.mark.parametrize("make", [above, at_least, below, at_most, equal])
def test_a_missing_number_never_holds(make: Any) -> None:
    assert not make("x", [1.0, math.nan], 1.0).holds


def test_no_number_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="the condition 'x' has no number to look at"):
        above("x", np.array([]), 0)


@pytest.mark.parametrize("returned", [None, False, np.bool_(True), [], [True], 0.3])
def test_a_check_that_returns_no_conditions_names_itself(returned: object) -> None:
    @check("C13")
    def forgetful(runs: object) -> list[Condition]:
        return returned  # type: ignore[return-value]

    with pytest.raises(
        TypeError, match=r"test_checks\.forgetful: the check of C13 returned .*; it must return a list"
    ):
        forgetful.conditions({"runs": 1})


def test_a_check_gets_the_results_that_it_names() -> None:
    @check("C13")
    def fair(runs: float, others: float) -> list[Condition]:
        return [above("runs", runs, others)]

    assert fair.needs == ("runs", "others")
    assert fair.conditions({"others": 1, "runs": 2})[0].holds
