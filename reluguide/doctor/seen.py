"""What `watch` saw: for each activation call which units died, and which came back, at which step."""

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from reluguide.doctor.spellings import Kind
from reluguide.doctor.words import counted, listed

Event = tuple[int, list[int]]


@dataclass
class Watched:
    """One activation call during training. `deaths` and `revivals` hold (step, units) where there are any."""

    name: str
    kind: Kind
    units: int
    quiet: Tensor = field(repr=False)  # looks since the last gradient, a unit
    dead: Tensor = field(repr=False)
    deaths: list[Event] = field(default_factory=list)
    revivals: list[Event] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)  # those at which the call was looked at
    dead_counts: list[int] = field(default_factory=list)  # at each of them

    def step(self, alive: Tensor, number: int, patience: int) -> None:
        self.quiet = torch.where(alive, 0, self.quiet + 1)
        back, gone = self.dead & alive, self.quiet == patience
        self.dead = (self.dead & ~alive) | gone
        for units, events in ((gone, self.deaths), (back, self.revivals)):
            if bool(units.any()):
                events.append((number, [int(unit) for unit in units.nonzero().flatten()]))
        self.steps.append(number)
        self.dead_counts.append(int(self.dead.sum()))

    @property
    def dead_fraction(self) -> float:
        """The share of its units that is dead now."""
        return self.dead_counts[-1] / self.units if self.dead_counts and self.units else 0.0


class Seen:
    """What `watch` saw so far; `seen["name"]` is a Watched, `print(seen)` a table."""

    def __init__(self, patience: int) -> None:
        self.patience, self.steps = patience, 0
        self.layers: dict[str, Watched] = {}
        self.passed_over: Counter[str] = Counter()  # forward passes that were no training steps, by reason
        self.parts: dict[str, None] = {}  # parts of the model that ran outside a forward pass of it
        self.filtered = False

    def __getitem__(self, name: str) -> Watched:
        if name not in self.layers:
            raise KeyError(
                f"no activation call is named {name!r}; there is {', '.join(self.layers) or 'none'}"
            )
        return self.layers[name]

    def __iter__(self) -> Iterator[Watched]:
        return iter(self.layers.values())

    def __len__(self) -> int:
        return len(self.layers)

    def scalars(self) -> dict[str, float]:
        """Flat numbers for a logger: the share of dead units by activation call, and of all of them.

        As in {"dead/1.relu": 0.12, "dead/all": 0.05}; empty where nothing was seen.
        """
        found = {f"dead/{one.name}": one.dead_fraction for one in self}
        units = sum(one.units for one in self)
        if units:
            found["dead/all"] = sum(one.dead_counts[-1] for one in self) / units
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers: for each call its deaths and revivals as [step, units], and dead units by step."""
        return {
            "steps": self.steps,
            "patience": self.patience,
            "layers": {
                one.name: {
                    "units": one.units,
                    "deaths": [list(event) for event in one.deaths],
                    "revivals": [list(event) for event in one.revivals],
                    "steps": one.steps,
                    "dead_by_step": one.dead_counts,
                }
                for one in self
            },
        }

    def why_nothing(self) -> str | None:
        """Why nothing was seen, and what to do; None where something was."""
        if self.layers:
            return None
        if self.steps:
            named = " with a name that only= and ignore= let through" if self.filtered else ""
            return (
                f"the model made {counted(self.steps, 'training step', 'training steps')}, and no activation "
                f"call{named} was seen in those looked at. print(reluguide.diagnose(model, batch)) says what "
                "cannot be seen in it."
            )
        if self.passed_over:
            passes = " and ".join(
                f"{counted(count, 'forward pass', 'forward passes')} {why}"
                for why, count in self.passed_over.items()
            )
            return f"the model made no training step, but {passes}."
        if self.parts:
            names = ", ".join(self.parts)
            return (
                f"the model itself was not called, only parts of it ({names}). Watch what is called, as in "
                f"watch(model.{next(iter(self.parts))}), or use reluguide.integrations.lightning in Lightning."
            )
        return (
            "the model was not called inside the block. Call it as model(x), not model.forward(x), and watch "
            "the model that is trained, not a copy of it."
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if why := self.why_nothing():
            return f"Nothing was seen: {why}"
        lines = [
            f"{self.steps} training steps; a unit counts as dead after {self.patience} "
            f"{'step' if self.patience == 1 else 'steps in a row'} without a gradient."
        ]
        looks = max(len(one.steps) for one in self)
        if looks < self.steps:
            lines[0] = lines[0].replace("training steps;", f"training steps, {looks} of them looked at;")
        for one in self:
            gone, back = (sum(len(units) for _, units in events) for events in (one.deaths, one.revivals))
            now = [int(unit) for unit in one.dead.nonzero().flatten()]
            lines.append(
                f"  {one.name}: {gone} deaths, {back} revivals, {len(now)} of {one.units} dead now"
                + (f" (units {listed(now)})" if now else "")
            )
        return "\n".join(lines)


def warn_of_nothing(seen: Seen) -> None:
    """A warning where nothing was seen: an empty table would look like a healthy model."""
    if why := seen.why_nothing():
        warnings.warn(f"watch saw nothing: {why}", stacklevel=4)
