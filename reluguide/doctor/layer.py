"""One activation call on the diagnosed data: the verdicts on its units, and what they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reluguide.doctor.layout import simple
from reluguide.doctor.spellings import Kind
from reluguide.doctor.statistics import UnitStatistics
from reluguide.doctor.wiring import Call


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
    heads: bool = False  # its units lie on several axes, as in (heads, features)


@dataclass(frozen=True, eq=False, repr=False)
class Layer:
    """One activation call on the diagnosed data; tensors have shape (units,) and lie on the CPU.

    Attributes:
        name: of the call, such as "1.relu": the module that it is made in, and the function.
        kind: the activation, and where its gradient is zero.
        units: how many there are.
        samples: inputs that were looked at.
        values: preactivations a unit; a convolution has one a position.
        dead: bool (units,), the gradient is zero on every sample.
        always_on: bool (units,), never outside the linear piece of the activation.
        active_fraction: (units,), the share of preactivations above 0.
        preactivation_max: (units,), the largest preactivation.
        preactivation_min: (units,), the smallest.
        extras: what was asked for with `also`, of shape (units,).
        axis_traced: whether the layer behind was seen; else the axis of units is assumed.
        behind: that layer, if it alone made the preactivations.
        share: what was asked for of saturated units.
        tau: what was asked for of dormant units.
        saturated: bool (units,), with also=["saturated"].
        dormant: bool (units,), with also=["dormant"].
        mean: (units,), of the preactivations, with also=["moments"].
        std: (units,), their standard deviation, with also=["moments"].
        dead_fraction: the share of units that is dead.
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
    share: float = 0.95  # what was asked for of saturated and of dormant units
    tau: float = 0.1

    def __repr__(self) -> str:
        dead = f"{len(self.dead_units)} of {self.units} units dead on {self.samples} samples"
        return f"Layer({self.name!r}, {self.kind.name}: {dead})"

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


def layer_of(call: Call, seen: UnitStatistics, *, share: float, tau: float) -> Layer:
    """The verdicts that these statistics allow."""
    kind, values = seen.kind, max(1, seen.values)
    nothing = torch.full((seen.units,), float("nan"))
    highest = nothing if seen.maximum is None else seen.maximum.cpu()
    lowest = nothing if seen.minimum is None else seen.minimum.cpu()
    counts = {name: count.cpu() for name, count in seen.counts.items()}
    fires = counts.get("fires", torch.zeros(seen.units, dtype=torch.int64))
    low = kind.low.cpu() if isinstance(kind.low, Tensor) else kind.low
    dead = ~seen.alive.cpu() if seen.alive is not None else highest <= low
    if kind.linear is None or seen.maximum is None:
        on = torch.zeros(seen.units, dtype=torch.bool)
    else:
        on = (lowest > kind.linear[0]) & (highest < kind.linear[1])
    extras: dict[str, Tensor] = {}
    if "flat" in counts:
        extras["flat_share"] = counts["flat"].double() / values
        extras["saturated"] = extras["flat_share"] >= share
    if "|f|" in seen.sums:
        size = seen.sums["|f|"].cpu() / values
        extras["mean_size"] = size
        extras["dormant"] = size <= tau * size.mean()
    if seen.origin is not None:
        mean = seen.sums["z"].cpu() / values
        extras["mean"] = (mean + seen.origin.cpu()).float()
        extras["std"] = (seen.sums["z²"].cpu() / values - mean.square()).clamp(min=0).sqrt().float()
    return Layer(
        call.name, kind, seen.units, seen.samples, seen.values, dead, on, (fires.double() / values).float(),
        highest, lowest, extras, call.traced, _behind(call), share, tau,
    )  # fmt: skip


def _behind(call: Call) -> Behind | None:
    made, norm = call.trail.maker, call.trail.norm
    if made is None or call.rows is not None or call.trail.cut:
        return None

    def kept(tensor: Tensor | None) -> Tensor | None:
        one_each = tensor is not None and tensor.shape == (call.units,)
        return tensor.detach().float().cpu().clone() if tensor is not None and one_each else None

    rows = None
    if made.weight is not None:
        out = 1 if "transpose" in made.op or made.op in ("addmm", "matmul", "mm", "__matmul__") else 0
        rows = kept(made.weight.detach().float().movedim(out, 0).flatten(1).norm(dim=1))
    heads = simple(call.layout) is None
    if norm is None:
        return Behind(made.name or made.op, made.source, kept(made.bias), rows, heads=heads)
    return Behind(
        made.name or made.op,
        made.source,
        kept(made.bias),
        rows,
        norm.name,
        kept(norm.scale),
        kept(norm.shift),
        heads=heads,
    )
