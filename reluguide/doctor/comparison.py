"""What changed between two reports of one model: which units died, and which came back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reluguide.doctor.words import counted, listed, wrapped

if TYPE_CHECKING:
    from reluguide.doctor.report import Report


@dataclass(frozen=True)
class Change:
    """One activation call in both reports: the units that died, came back, and were dead in both."""

    layer: str
    units: int
    died: list[int]
    came_back: list[int]
    still_dead: list[int]


@dataclass(frozen=True)
class Comparison:
    """The changes by activation call; print it to read it. `resized`: calls with another number of units."""

    changes: tuple[Change, ...]
    only_earlier: tuple[str, ...]
    only_later: tuple[str, ...]
    resized: tuple[tuple[str, int, int], ...]
    samples: tuple[int, int]
    modes: tuple[str, str]

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __getitem__(self, name: str) -> Change:
        for one in self.changes:
            if one.layer == name:
                return one
        known = ", ".join(one.layer for one in self.changes) or "none"
        raise KeyError(f"no activation call named {name!r} is in both reports; there is {known}")

    @property
    def died(self) -> int:
        return sum(len(one.died) for one in self)

    @property
    def came_back(self) -> int:
        return sum(len(one.came_back) for one in self)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        units = sum(one.units for one in self)
        still = sum(len(one.still_dead) for one in self)
        lines = [
            f"Of {units} units in both reports {self.died} died, {self.came_back} came back, "
            f"and {still} are still dead."
        ]
        for one in self:
            parts = [
                f"{len(some)} {what} ({listed(some)})"
                for what, some in (("died", one.died), ("came back", one.came_back))
                if some
            ]
            if parts:
                lines.append(wrapped(f"  {one.layer}: {', '.join(parts)}, of {one.units}", "    "))
        lines += [
            f"  {name}: {old} units earlier, {new} now, so they cannot be told one by one"
            for name, old, new in self.resized
        ]
        for names, when in ((self.only_earlier, "earlier"), (self.only_later, "later")):
            if names:
                calls = counted(len(names), "activation call", "activation calls")
                lines.append(wrapped(f"  Only in the {when} report: {calls}, {', '.join(names)}", "    "))
        if self.samples[0] != self.samples[1]:
            lines.append(
                wrapped(
                    f"The reports rest on {self.samples[0]} and {self.samples[1]} samples: fewer samples show "
                    "more units as dead. Compare on the same data.",
                )
            )
        if self.modes[0] != self.modes[1]:
            lines.append(f"The first was made in {self.modes[0]}, the second in {self.modes[1]}.")
        return "\n".join(lines)


def compare(earlier: "Report", later: "Report") -> Comparison:
    """What is dead in one report and not in the other, call by call."""
    changes, resized = [], []
    for name, old in earlier.layers.items():
        new = later.layers.get(name)
        if new is None:
            continue
        if new.units != old.units:
            resized.append((name, old.units, new.units))
            continue
        was, now = set(old.dead_units), set(new.dead_units)
        changes.append(Change(name, new.units, sorted(now - was), sorted(was - now), sorted(was & now)))
    return Comparison(
        tuple(changes),
        tuple(name for name in earlier.layers if name not in later.layers),
        tuple(name for name in later.layers if name not in earlier.layers),
        tuple(resized),
        (earlier.samples, later.samples),
        (earlier.mode, later.mode),
    )
