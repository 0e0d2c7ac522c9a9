"""What can go wrong, for the person who meets it."""

import math
from typing import Any


class DiagnosisError(ValueError):
    """The model, the data or the report does not allow what was asked; the text says what to do."""


class DeadUnitsError(AssertionError):
    """More units are dead than `Report.check` allows; the text names layers and units."""


def share(name: str, value: Any, *, of: str) -> float:
    """`value` as a share from 0 to 1, or a DiagnosisError that names it."""
    number = _number(name, value, f"it is a share {of}, from 0 to 1")
    if 0 <= number <= 1:
        return number
    hint = f"; for {number:g} % write {number / 100:g}" if 1 < number <= 100 else ""
    raise DiagnosisError(f"{name} is {value!r}; it is a share {of}, from 0 to 1{hint}.")


def at_least_zero(name: str, value: Any, *, what: str) -> float:
    """`value` as a finite number that is not negative, or a DiagnosisError that names it."""
    number = _number(name, value, f"it is {what}, at least 0")
    if number < 0 or math.isinf(number):
        raise DiagnosisError(f"{name} is {value!r}; it is {what}, at least 0.")
    return number


def steps(name: str, value: Any) -> int:
    """`value` as a whole number of steps, at least 1, or a DiagnosisError that names it."""
    return whole(name, value, "steps")


def whole(name: str, value: Any, of: str) -> int:
    """`value` as a whole number, at least 1, or a DiagnosisError that names it."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise DiagnosisError(f"{name} is {value!r}; it is a number of {of}, at least 1.")
    return int(value)


def _number(name: str, value: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise DiagnosisError(f"{name} is {value!r}; {what}.")
    return number
