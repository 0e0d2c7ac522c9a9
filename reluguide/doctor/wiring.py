"""What a recorder tells of: an activation call, and how the layers around the calls are wired."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from reluguide.doctor.flow import Trail
from reluguide.doctor.spellings import Spelling


@dataclass
class Call:
    """One activation call of the model: the k-th of its kind in one module, in one forward pass."""

    name: str
    op: str
    axis: int
    inner: int
    units: int
    traced: bool  # whether the axis came from the producing layer; else it was assumed
    trail: Trail


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
    uses: Counter[str] = field(default_factory=Counter)  # layer -> most calls in one forward pass
    ran: set[str] = field(default_factory=set)
    unanswered: dict[str, None] = field(default_factory=dict)  # layers, in order of first use
    answered: set[str] = field(default_factory=set)  # layers whose units reached an activation
