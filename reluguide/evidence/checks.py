"""Checks of claims: named conditions, each a number of the evidence, a bound, and what it means.

    @check("C13")
    def a_layer_need_not(recovery: xr.DataArray) -> list[Condition]:
        return [
            at_most("recovered at equal width, in any seed", recovery.sel(ratio=1), 0.01),
            above("recovered at four times the width, on average", recovery.sel(ratio=4).mean(), 0.99),
        ]

What people say, our verdict and the reason stand on the page, as text (`evidence.claims`). The verdict
stands as long as all conditions of its check hold; one that fails is named with its number and its bound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reluguide.evidence.experiments import needs, place


@dataclass(frozen=True)
class Condition:
    """One thing that must be so: `what` is `number`, which has to be `relation` (such as "above") `bound`."""

    what: str
    number: float
    relation: str
    bound: float
    holds: bool

    def __str__(self) -> str:
        if self.relation == "true":
            return f"{self.what}: {'yes' if self.holds else 'no'}"
        return f"{self.what}: {self.number:.6g}, must be {self.relation} {self.bound:.6g}"


@dataclass(frozen=True)
class Check:
    """A `@check` function: `conditions(results)` is what the verdict on the claim `id` stands on."""

    id: str
    of: Callable[..., Any]
    needs: tuple[str, ...]

    def conditions(self, results: Mapping[str, Any]) -> list[Condition]:
        """Every condition with its outcome; TypeError where the function returns anything else."""
        found = self.of(*(results[need] for need in self.needs))
        if not isinstance(found, list) or not found or not all(isinstance(one, Condition) for one in found):
            raise TypeError(
                f"{place(self.of)}: the check of {self.id} returned {found!r:.60}; it must return a list of "
                "conditions, such as [above('what it is', number, bound)]."
            )
        return found


def check(id: str) -> Callable[[Callable[..., list[Condition]]], Check]:
    """Declare a function of results as the check of the claim `id`, which stands on the page of the same name."""

    def declare(of: Callable[..., list[Condition]]) -> Check:
        return Check(id, of, needs(of))

    return declare


def above(what: str, numbers: ArrayLike, bound: ArrayLike) -> Condition:
    """Every one of `numbers` is above `bound`; the one with the least room decides (so with all of these)."""
    return _worst(what, numbers, "above", bound, 1, strict=True)


def at_least(what: str, numbers: ArrayLike, bound: ArrayLike) -> Condition:
    """Every one of `numbers` is `bound` or more."""
    return _worst(what, numbers, "at least", bound, 1, strict=False)


def below(what: str, numbers: ArrayLike, bound: ArrayLike) -> Condition:
    """Every one of `numbers` is below `bound`."""
    return _worst(what, numbers, "below", bound, -1, strict=True)


def at_most(what: str, numbers: ArrayLike, bound: ArrayLike) -> Condition:
    """Every one of `numbers` is `bound` or less."""
    return _worst(what, numbers, "at most", bound, -1, strict=False)


def equal(what: str, numbers: ArrayLike, bound: ArrayLike) -> Condition:
    """Every one of `numbers` is exactly `bound`."""
    values, bounds = np.broadcast_arrays(np.asarray(numbers, dtype=float), np.asarray(bound, dtype=float))
    at = int(np.nan_to_num(np.abs(values - bounds), nan=np.inf).argmax())
    number, limit = float(values.ravel()[at]), float(bounds.ravel()[at])
    return Condition(what, number, "equal to", limit, number == limit)


def is_true(what: str, outcome: Any) -> Condition:
    """Something that is so or not, where no number says how nearly."""
    held = bool(np.all(outcome))
    return Condition(what, float(held), "true", 1.0, held)


def _worst(
    what: str, numbers: ArrayLike, relation: str, bound: ArrayLike, sign: int, *, strict: bool
) -> Condition:
    values, bounds = np.broadcast_arrays(np.asarray(numbers, dtype=float), np.asarray(bound, dtype=float))
    if not values.size:
        raise ValueError(f"the condition {what!r} has no number to look at.")
    room = np.nan_to_num(sign * (values - bounds), nan=-np.inf)  # a number that is missing never holds
    at = int(room.argmin())
    least = float(room.ravel()[at])
    number, limit = float(values.ravel()[at]), float(bounds.ravel()[at])
    return Condition(what, number, relation, limit, least > 0 if strict else least >= 0)
