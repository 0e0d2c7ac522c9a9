"""What a diagnosis found: one `Layer` for each activation call, and what can be asked of them all."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from reluguide.doctor.errors import DeadUnitsError
from reluguide.doctor.record import Call, Wiring
from reluguide.doctor.spellings import Kind
from reluguide.doctor.statistics import UnitStatistics
from reluguide.doctor.unseen import Unseen

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reluguide.doctor.causes import Explanation

EXTRAS = ("saturated", "dormant", "moments")


@dataclass(frozen=True)
class Behind:
    """The layer whose output, normalised or not, is the preactivation; tensors of shape (units,), copied.

    `source` is the activation call (or the model's input) that it is fed by, where there is one.
    """

    name: str
    source: str | None
    bias: Tensor | None
    weight_norm: Tensor | None
    norm: str | None = None
    norm_scale: Tensor | None = None
    norm_shift: Tensor | None = None


@dataclass(frozen=True)
class Layer:
    """One activation call on the diagnosed data; tensors have shape (units,) and lie on the CPU.

    `samples` counts inputs, `values` preactivations a unit (a convolution has one a position).
    """

    name: str
    kind: Kind
    units: int
    samples: int
    values: int
    dead: Tensor
    always_on: Tensor
    active_fraction: Tensor
    preactivation_max: Tensor
    preactivation_min: Tensor
    extras: Mapping[str, Tensor]
    axis_traced: bool
    behind: "Behind | None" = None

    @property
    def dead_units(self) -> list[int]:
        """The indices of the dead units."""
        return [int(unit) for unit in self.dead.nonzero().flatten()]

    @property
    def dead_fraction(self) -> float:
        return float(self.dead.float().mean()) if self.units else 0.0

    @property
    def rate_bound(self) -> float:
        """What share of inputs may still have a gradient at a unit that had none on these samples.

        The exact 95 % upper bound (Clopper and Pearson 1934) for no case among `samples` independent
        inputs; close to 3 / samples. Positions within an input are not counted as independent.
        """
        return float(-torch.expm1(torch.log(torch.tensor(0.05, dtype=torch.float64)) / self.samples))

    @property
    def saturated(self) -> Tensor:
        return self._extra("saturated")

    @property
    def dormant(self) -> Tensor:
        return self._extra("dormant")

    @property
    def mean(self) -> Tensor:
        return self._extra("mean", ask="moments")

    @property
    def std(self) -> Tensor:
        return self._extra("std", ask="moments")

    def _extra(self, name: str, *, ask: str | None = None) -> Tensor:
        if name not in self.extras:
            asked = ask or name
            raise AttributeError(f"{name} was not measured: ask for it with diagnose(..., also=[{asked!r}])")
        return self.extras[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON; units are listed by index."""
        out: dict[str, Any] = {
            "kind": self.kind.name,
            "units": self.units,
            "samples": self.samples,
            "values": self.values,
            "dead": self.dead_units,
            "always_on": [int(unit) for unit in self.always_on.nonzero().flatten()],
            "rate_bound": self.rate_bound,
            "active_fraction": self.active_fraction.tolist(),
            "preactivation_max": self.preactivation_max.tolist(),
            "preactivation_min": self.preactivation_min.tolist(),
            "axis_traced": self.axis_traced,
        }
        for name, values in self.extras.items():
            whole = values.dtype == torch.bool
            out[name] = [int(u) for u in values.nonzero().flatten()] if whole else values.tolist()
        return out


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


def layer_of(call: Call, seen: UnitStatistics, *, share: float, tau: float) -> Layer:
    """The verdicts that these statistics allow."""
    kind, values = seen.kind, max(1, seen.values)
    nothing = torch.full((seen.units,), float("nan"))
    highest = nothing if seen.maximum is None else seen.maximum.cpu()
    lowest = nothing if seen.minimum is None else seen.minimum.cpu()
    counts = {name: count.cpu() for name, count in seen.counts.items()}
    fires = counts.get("fires", torch.zeros(seen.units, dtype=torch.int64))
    low = kind.low.cpu() if isinstance(kind.low, Tensor) else kind.low
    dead = counts["live"] == 0 if "live" in counts else highest <= low
    if kind.linear is None:
        on = torch.zeros(seen.units, dtype=torch.bool)
    else:
        piece = next((name for name, ends in seen.intervals.items() if ends == kind.linear), "fires")
        on = counts.get(piece, fires) == values
    extras: dict[str, Tensor] = {}
    if "flat" in counts:
        extras["saturated"] = counts["flat"].double() / values >= share
    if "|f|" in seen.sums:
        size = seen.sums["|f|"].cpu() / values
        extras["dormant"] = size <= tau * size.mean()
    if seen.origin is not None:
        mean = seen.sums["z"].cpu() / values
        extras["mean"] = (mean + seen.origin.cpu()).float()
        extras["std"] = (seen.sums["z²"].cpu() / values - mean.square()).clamp(min=0).sqrt().float()
    return Layer(
        call.name, kind, seen.units, seen.samples, seen.values, dead, on, (fires.double() / values).float(),
        highest, lowest, extras, call.traced, _behind(call),
    )  # fmt: skip


def _behind(call: Call) -> Behind | None:
    made, norm = call.trail.producer, call.trail.norm
    if made is None or not call.trail.direct:
        return None

    def kept(tensor: Tensor | None) -> Tensor | None:
        one_each = tensor is not None and tensor.shape == (call.units,)
        return tensor.detach().float().cpu().clone() if tensor is not None and one_each else None

    rows = None
    if made.weight is not None:
        out = 1 if "transpose" in made.op else 0
        rows = kept(made.weight.detach().float().movedim(out, 0).flatten(1).norm(dim=1))
    if norm is None:
        return Behind(made.name or made.op, made.source, kept(made.bias), rows)
    return Behind(
        made.name or made.op,
        made.source,
        kept(made.bias),
        rows,
        norm.name,
        kept(norm.scale),
        kept(norm.shift),
    )


def percent(share: float) -> str:
    """0.1234 as "12.3 %"; as many digits as tell it from 0 and from 100 %."""
    if 0 < share < 0.001:
        return f"{share * 100:.1g} %" if share >= 1e-6 else "under 0.0001 %"
    return f"{share * 100:.3g} %" if share <= 0.999 or share == 1 else f"{share * 100:.2f} %"


def listed(units: list[int], *, most: int = 8) -> str:
    """Indices as text, the first few of many."""
    return ", ".join(map(str, units[:most])) + (
        f", and {len(units) - most} more" if len(units) > most else ""
    )
