"""How rarely units fire: by powers of ten, as sparse autoencoders are judged, and dormancy by threshold."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from reluguide.doctor.errors import DiagnosisError, at_least_zero
from reluguide.doctor.layer import Layer
from reluguide.doctor.table import grid

if TYPE_CHECKING:
    from reluguide.doctor.report import Report

TAUS = (0.0, 0.025, 0.1)  # Sokar et al. 2023: 0.025 for their counts and 0.1 for recycling, 0 for dead
# Shares of preactivations above 0, from the rarest on; "dense" latents are those of the last.
DECADES = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


@dataclass(frozen=True)
class Dormancy:
    """The share of dormant units by activation call and threshold; print it to read it."""

    taus: tuple[float, ...]
    shares: dict[str, tuple[float, ...]]
    units: dict[str, int]

    def __getitem__(self, name: str) -> tuple[float, ...]:
        return self.shares[name]

    @property
    def overall(self) -> tuple[float, ...]:
        """Of all units together."""
        whole = sum(self.units.values())
        return tuple(
            sum(self.shares[name][k] * self.units[name] for name in self.shares) / whole
            for k in range(len(self.taus))
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        header = ["activation call", "units", *(f"tau {tau:g}" for tau in self.taus)]
        rows = [
            [name, str(self.units[name]), *(f"{share * 100:.1f} %" for share in shares)]
            for name, shares in self.shares.items()
        ]
        every = ["all", str(sum(self.units.values())), *(f"{share * 100:.1f} %" for share in self.overall)]
        return grid([header, *rows, every])


def dormancy(report: "Report", taus: Iterable[float] = TAUS) -> Dormancy:
    """Units whose mean absolute activation is at most tau times the mean of their layer, for each tau."""
    checked = tuple(at_least_zero("tau", tau, what="a share of the layer's mean activation") for tau in taus)
    sizes = {layer.name: layer.extras.get("mean_size") for layer in report}
    if not sizes or any(size is None for size in sizes.values()):
        raise DiagnosisError("dormancy was not measured: ask for it with diagnose(..., also=['dormant']).")
    shares = {
        name: tuple(float((size <= tau * size.mean()).double().mean()) for tau in checked)
        for name, size in sizes.items()
        if size is not None
    }
    return Dormancy(checked, shares, {layer.name: layer.units for layer in report})


def rates(layer: Layer) -> dict[str, int]:
    """How many units fire how often: never, then by powers of ten of the share of preactivations above 0.

    As in {"never": 12, "up to 0.0001 %": 0, ..., "over 10 %": 3}. What can be told ends at 1 / values: a unit
    that never fired on 1,000 values may fire on one in ten thousand.
    """
    shares = layer.active_fraction.double()
    counts = {"never": int((shares == 0).sum())}
    for low, high in pairwise(DECADES):
        inside = int(((shares > low) & (shares <= high)).sum())
        counts[f"over {low * 100:g} %" if high == 1 else f"up to {high * 100:.6g} %"] = inside
    return counts
