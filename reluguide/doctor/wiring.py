"""What a recorder tells of: an activation call, and how the layers around the calls are wired."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from reluguide.doctor.flow import Trail
from reluguide.doctor.layout import Layout, rows, simple, units_of
from reluguide.doctor.spellings import Spelling
from reluguide.doctor.statistics import by_unit


@dataclass
class Call:
    """One activation call of the model: one function of one layer's output, however often it runs."""

    name: str
    op: str
    layout: Layout
    traced: bool  # whether the layout came from the producing layer; else it was assumed
    trail: Trail
    rows: Tensor | None = None  # of an expert: which rows of the tensor are its own

    @property
    def units(self) -> int:
        return units_of(self.layout)

    def by_unit(self, z: Tensor) -> Tensor:
        """`z` as (values, units) or (values, units, values)."""
        at = simple(self.layout)
        return rows(z, self.layout) if at is None else by_unit(z, axis=at[0], inner=at[1])


class Observer(Protocol):
    """Who is told of activation calls."""

    def before(
        self, call: Call, z: Tensor, spelling: Spelling, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        """`func(*args, **kwargs)` is about to be applied to the preactivations `z`."""

    def after(self, call: Call, out: Tensor) -> None:
        """It gave `out`."""


@dataclass(frozen=True)
class Consumer:
    """A layer fed by an activation call, through these norms, with `inner` inputs for each unit."""

    layer: str
    through: tuple[str, ...]
    inner: int


@dataclass
class Wiring:
    """What was learnt of the model's structure on the way."""

    consumers: dict[str, set[Consumer]] = field(default_factory=dict)  # activation call -> layers it feeds
    escapes: dict[str, set[str]] = field(default_factory=dict)  # activation call -> what else took its values
    answers: dict[str, set[str]] = field(default_factory=dict)  # layer -> activation calls of its output
    leaks: dict[str, set[str]] = field(default_factory=dict)  # layer -> what else took its output
    partners: dict[str, set[str]] = field(
        default_factory=dict
    )  # activation call -> layers multiplied onto it
    uses: Counter[str] = field(default_factory=Counter)  # layer -> most calls in one forward pass
    borrowed: set[str] = field(
        default_factory=set
    )  # modules whose parameters a function reads that is no layer
    ran: set[str] = field(default_factory=set)
    unanswered: dict[str, None] = field(default_factory=dict)  # layers, in order of first use
    answered: set[str] = field(default_factory=set)  # layers whose units reached an activation
