"""What a diagnosis found: one `Layer` for each activation call, and what can be asked of them all."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reluguide.doctor.errors import DeadUnitsError
from reluguide.doctor.layer import Layer
from reluguide.doctor.unseen import Unseen
from reluguide.doctor.wiring import Wiring
from reluguide.doctor.words import listed, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reluguide.doctor.causes import Explanation

EXTRAS = ("saturated", "dormant", "moments")


@dataclass(frozen=True)
class Report:
    """What `diagnose` found. `report["name"]` is a Layer; `print(report)` is a table of them."""

    layers: Mapping[str, Layer]
    samples: int
    batches: int
    training: bool
    unseen: tuple[Unseen, ...] = ()
    wiring: Wiring = field(default_factory=Wiring, repr=False)

    def __getitem__(self, name: str) -> Layer:
        if name in self.layers:
            return self.layers[name]
        inside = [known for known in self.layers if known.startswith(f"{name}.")]
        if len(inside) == 1:
            return self.layers[inside[0]]
        near = (
            inside or difflib.get_close_matches(name, self.layers, n=3, cutoff=0.3) or list(self.layers)[:3]
        )
        raise KeyError(
            f"no activation call is named {name!r}; the nearest names are {', '.join(near) or 'none'}"
        )

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers.values())

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def units(self) -> int:
        return sum(layer.units for layer in self)

    @property
    def dead_fraction(self) -> float:
        """Dead units over units, of all activation calls seen; NaN where none was seen."""
        return sum(len(layer.dead_units) for layer in self) / self.units if self.units else float("nan")

    def check(self, *, max_dead: float = 0.0, each: bool = False) -> None:
        """Raise DeadUnitsError if more than this share of units is dead, for pytest and CI.

        The share is over all units, or of each activation call with `each=True`. A report without a
        single activation call fails as well: it vouches for nothing.
        """
        if not self.layers:
            raise DeadUnitsError("no activation call was seen, so nothing can be said of dead units.")
        worst = sorted((layer for layer in self if layer.dead_units), key=lambda one: -one.dead_fraction)
        too_many = [layer for layer in worst if not each or layer.dead_fraction > max_dead]
        if too_many and (each or self.dead_fraction > max_dead):
            lines = [
                f"  {layer.name}: {len(layer.dead_units)} of {layer.units}, units {listed(layer.dead_units)}"
                for layer in too_many
            ]
            share = too_many[0].dead_fraction if each else self.dead_fraction
            raise DeadUnitsError(
                f"{percent(share)} of the units {f'of {too_many[0].name} ' if each else ''}are dead on these "
                f"{self.samples} samples; at most {percent(max_dead)} may be:\n" + "\n".join(lines)
            )

    def explain(self) -> "Explanation":
        """For each dead unit the cause, the numbers behind it, and what helps; print it to read it."""
        from reluguide.doctor.causes import explain

        return explain(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers, strings and lists."""
        return {
            "samples": self.samples,
            "batches": self.batches,
            "mode": self.mode,
            "units": self.units,
            "dead_fraction": self.dead_fraction if self.units else None,
            "layers": {layer.name: layer.to_dict() for layer in self},
            "unseen": [{"why": one.why, "names": list(one.names)} for one in self.unseen],
        }

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict()` to `path`."""
        out = Path(path)
        out.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        return out

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one self-contained HTML page to `path`."""
        from reluguide.doctor.webpage import webpage

        out = Path(path)
        out.write_text(webpage(self), encoding="utf-8")
        return out

    def plot(self) -> "Figure":
        """A Matplotlib figure: for each activation call, the shares of its units that fire how often."""
        from reluguide.doctor.drawing import draw

        return draw(self)

    @property
    def mode(self) -> str:
        return "training mode" if self.training else "eval mode"

    def __str__(self) -> str:
        from reluguide.doctor.table import table

        return table(self)
