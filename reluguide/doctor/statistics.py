"""What is kept of the preactivations of one activation call: a few numbers a unit, whatever the data.

Sums, extremes and counts are held in float32 (float64 for a float64 model) and counts in int64; the
preactivations themselves are never kept. Memory depends on the number of units only.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from reluguide.doctor.spellings import INF, Kind

CACHED = 2**18
COUNTABLE = 2**24  # float32 holds every whole number up to here


class UnitStatistics:
    """Streams preactivations, in batches, into per-unit numbers of shape (units,)."""

    def __init__(self, kind: Kind, units: int, *, slope_below: float, want: frozenset[str]) -> None:
        self.kind, self.units, self.want, self.slope_below = kind, units, want, slope_below
        low = kind.low if isinstance(kind.low, float) else -INF
        self.fires_above = max(0.0, low) if low < INF else 0.0
        self.alive: Tensor | None = (
            None  # where the gradient can be zero at both ends: whether it ever was not
        )
        self.counts: dict[str, Tensor] = {}
        self.sums: dict[str, Tensor] = {}
        self.origin: Tensor | None = None  # a rough mean, from the first batch, that sums are taken around
        self.maximum: Tensor | None = None
        self.minimum: Tensor | None = None
        self.samples = self.values = 0

    def see(self, rows: Tensor, *, samples: int) -> None:
        """Add preactivations, as `by_unit` gives them."""
        self.samples += samples
        self.values += rows.numel() // self.units
        if not rows.numel():
            return
        wide = torch.promote_types(rows.dtype, torch.float32)
        for part in _cache_sized(rows):
            self._see(part, wide)
        if "moments" in self.want:
            values = rows.to(wide)
            if self.origin is None:  # sums of squares far from 0 would lose the spread to rounding
                self.origin = reduced(values, torch.mean)
            values = values - (self.origin if rows.ndim == 2 else self.origin[:, None])
            self._sum("z", values)
            self._sum("z²", values.square())

    def _see(self, rows: Tensor, wide: torch.dtype) -> None:
        highest, lowest = (reduced(rows, edge).to(wide) for edge in (torch.amax, torch.amin))
        self._count("fires", _above(rows, self.fires_above))
        if self.kind.high < INF:
            self._see_alive(rows, highest, lowest)
        if self.maximum is None or self.minimum is None:
            self.maximum, self.minimum = highest.clone(), lowest.clone()
        else:
            torch.maximum(self.maximum, highest, out=self.maximum)
            torch.minimum(self.minimum, lowest, out=self.minimum)

    def _see_alive(self, rows: Tensor, highest: Tensor, lowest: Tensor) -> None:
        """Whether a value lay between the two ends; most often the extremes say so by themselves."""
        low, high = float(self.kind.low), self.kind.high
        alive = ((highest > low) & (highest < high)) | ((lowest > low) & (lowest < high))
        unsure = (~alive & (highest >= high) & (lowest <= low)).nonzero().flatten()
        if len(unsure):
            values = rows.index_select(1, unsure)
            inside = (values > low) & (values < high)
            alive[unsure] = inside.any(dim=2).any(dim=0) if inside.ndim == 3 else inside.any(dim=0)
        self.alive = alive if self.alive is None else self.alive | alive

    def see_slope(self, rows: Tensor) -> None:
        """Add derivatives at the preactivations: how often they are nearly zero."""
        self._count("flat", (rows.abs() < self.slope_below).float())

    def see_live(self, rows: Tensor) -> None:
        """Add derivatives at the preactivations where no interval says where they are zero."""
        alive = (reduced(rows, torch.amax) != 0) | (reduced(rows, torch.amin) != 0)
        self.alive = alive if self.alive is None else self.alive | alive

    def see_output(self, rows: Tensor) -> None:
        """Add activations: their mean size is what dormancy compares."""
        self._sum("|f|", rows.to(torch.promote_types(rows.dtype, torch.float32)).abs())

    def _count(self, name: str, ones: Tensor) -> None:
        exact = ones if ones.numel() // self.units < COUNTABLE else ones.double()
        found = reduced(exact, torch.sum).to(torch.int64)
        self.counts[name] = self.counts[name].add_(found) if name in self.counts else found

    def _sum(self, name: str, rows: Tensor) -> None:
        found = reduced(rows, torch.sum)
        found = found if found.device.type == "mps" else found.double()
        self.sums[name] = self.sums[name].add_(found) if name in self.sums else found


def by_unit(z: Tensor, *, axis: int, inner: int = 1) -> Tensor:
    """`z` as (values, units) or (values, units, values): the axes that are not units, merged."""
    if inner > 1:
        at = axis % z.ndim
        z = z.reshape(*z.shape[:at], z.shape[at] // inner, inner, *z.shape[at + 1 :])
        axis = at
    axis %= z.ndim
    if axis == z.ndim - 1:
        return z.reshape(-1, z.shape[-1])
    if axis == 0:
        return z.reshape(1, z.shape[0], -1)
    if axis == 1 and z.ndim == 3:
        return z
    if axis == 1:
        return z.flatten(2)
    return z.movedim(axis, 1).flatten(2)


def reduced(rows: Tensor, by: Callable[..., Tensor]) -> Tensor:
    """One number a unit."""
    # In two steps, the last axis first: several times faster on the CPU than both at once.
    return by(by(rows, 2), 0) if rows.ndim == 3 else by(rows, 0)


def _above(rows: Tensor, low: float) -> Tensor:
    """1.0 where low < z. Written as floats: summing booleans takes ten times as long."""
    ones = torch.empty(rows.shape, dtype=torch.float32, device=rows.device)
    return torch.gt(rows, low, out=ones)


def _cache_sized(rows: Tensor) -> tuple[Tensor, ...]:
    """Parts that stay in the cache of a CPU while they are gone over several times."""
    if rows.device.type != "cpu" or rows.numel() <= CACHED:
        return (rows,)
    return torch.split(rows, max(1, CACHED * len(rows) // rows.numel()))
