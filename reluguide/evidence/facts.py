"""Facts: numbers of a result as pages show them, each with its unit, its rounding and its kind of interval.

    recovered = fact("recovery", digits=0)                       # the array of the experiment `recovery`
    accuracy = fact("contest.accuracy", digits=1)                # one array of several

    @fact(unit="points", digits=2)                               # or what a function makes of results
    def ahead(contest: xr.Dataset) -> xr.DataArray:
        "Percentage points of accuracy ahead of the ReLU network with the same seed and split."
        accuracy = contest.accuracy
        return (accuracy - accuracy.sel(activation="relu")) * 100

Networks are what lies along the dimensions `seed` and `split`. Whatever other dimensions there are make a
family: one fact for each combination of their coordinates, and the page asks by these, in the order of the
array's dimensions: `{{ is_it_lossy.recovered[2] }}`, `{{ variants.unmoved[elu, -20] }}`.

The kind decides the interval (`evidence.intervals`): truth values are counted ("14 of 16"), what has the
unit "share" is a share, anything else along seeds a real number; without seeds a number is exact.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import xarray as xr

from reluguide.evidence.experiments import Result, first_line, needs, place, resolved
from reluguide.evidence.formats import label, shown
from reluguide.evidence.intervals import FEWEST_CROSSED, Kind, interval

SAMPLING = ("seed", "split")  # the dimensions along which networks lie
ENOUGH = 16  # networks behind a number that is quoted with an interval


@dataclass(frozen=True)
class Fact:
    """One number as the site shows it.

    `value` in the fact's own scale (a share, not a percentage); `text` as shown, with its unit; `low` and
    `high` the 95 % interval, `interval` that in words; `networks` how many stand behind it, in words.
    """

    what: str
    value: float
    text: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    interval: str = ""
    networks: str = ""
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """A declared fact, or a family of them: `make(name, results)` gives them by name."""

    of: Callable[[Mapping[str, Any]], Any]
    needs: tuple[str, ...]
    what: str
    unit: str
    digits: int | None
    at_least: int
    where: str = field(default="", compare=False)

    def make(self, name: str, results: Mapping[str, Any]) -> tuple[dict[str, Fact], dict[str, list[str]]]:
        """Its facts by their names in full, and the labels of each dimension that a page has to name."""
        array = self._array(name, results)
        dims = [str(dim) for dim in array.dims if dim not in SAMPLING]
        labels = {dim: [label(one) for one in array.coords[dim].values.tolist()] for dim in dims}
        facts: dict[str, Fact] = {}
        for at in itertools.product(*(range(array.sizes[dim]) for dim in dims)):
            named = ", ".join(labels[dim][i] for dim, i in zip(dims, at))
            full = f"{name}[{named}]" if dims else name
            samples = array.isel(dict(zip(dims, at)))
            if "missing" in array.attrs and bool(samples.isnull().all()):
                continue
            facts[full] = self._fact(full, samples)
        return facts, labels

    def _array(self, name: str, results: Mapping[str, Any]) -> xr.DataArray:
        out = self.of(results)
        array = out if isinstance(out, xr.DataArray) else xr.DataArray(np.asarray(out))
        told = f"{self.where}{name}"
        if array.dtype.kind not in "biuf":
            raise TypeError(f"the fact {told} must be made of numbers or truth values, not of {array.dtype}.")
        if nameless := [dim for dim in array.dims if dim not in array.coords]:
            raise ValueError(f"the fact {told} has a dimension {nameless[0]!r} without coordinates.")
        return array

    def _fact(self, name: str, samples: xr.DataArray) -> Fact:
        what = self.what or str(samples.attrs.get("long_name", ""))
        told = estimate(samples, unit=self.unit, digits=self.digits, name=name)
        count = told.networks
        if told.kind != "exact" and count < self.at_least:
            raise ValueError(
                f"the fact {name} has an interval over {count} networks; a number that is quoted needs "
                f"{self.at_least}. Take more seeds, or declare fact(..., at_least={count}) and say why."
            )
        if not what:
            raise ValueError(f"the fact {name} does not say what it is; give it a docstring or a text.")
        sizes = [f"{samples.sizes[dim]} {dim}s" for dim in SAMPLING if dim in samples.sizes]
        networks = " × ".join(sizes) if count == samples.size else f"{count} of {samples.size} networks"
        return Fact(
            what, told.value, told.text, told.kind, told.low, told.high, told.interval,
            networks if told.kind != "exact" else "", self.needs,
        )  # fmt: skip


Value = xr.DataArray | float


@overload
def fact(
    source: str,
    what: str = "",
    *,
    unit: str | None = None,
    digits: int | None = None,
    sel: Mapping[str, Any] | None = None,
    at_least: int = ENOUGH,
) -> Family: ...
@overload
def fact(
    *, unit: str | None = None, digits: int | None = None, at_least: int = ENOUGH
) -> Callable[[Callable[..., Value]], Family]: ...
def fact(
    source: str | None = None,
    what: str = "",
    *,
    unit: str | None = None,
    digits: int | None = None,
    sel: Mapping[str, Any] | None = None,
    at_least: int = ENOUGH,
) -> Any:
    """Declare a fact, or a family of facts: of an array of a result, or (as a decorator) of a function of results.

    Args:
        source: "experiment" or "experiment.array"; without it, this decorates a function of results that
            returns a number or a labelled array, and its docstring says what that is.
        what: what it is, where the array's own sentence does not fit.
        unit: shown behind the number; "share" shows a percentage. By default the array's own.
        digits: decimals, as shown; without them two significant digits.
        sel: coordinates to select first, as `DataArray.sel` takes them.
        at_least: the fewest networks that an interval may rest on.
    """
    if source is None:

        def declare(of: Callable[..., Value]) -> Family:
            asked = needs(of)
            if not first_line(of):
                raise TypeError(f"{place(of)}: say in a docstring what this fact is.")
            return Family(
                lambda results: _with_unit(of(*(results[need] for need in asked)), unit),
                asked, first_line(of), unit or "", digits, at_least, f"{of.__module__}.",
            )  # fmt: skip

        return declare

    def select(results: Mapping[str, Result]) -> Any:
        array = resolved(results, source)
        return _with_unit(array.sel(dict(sel)) if sel else array, unit)

    return Family(select, (source.partition(".")[0],), what, unit or "", digits, at_least)


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval, in figures and in words."""

    value: float
    text: str
    kind: Kind
    low: float | None
    high: float | None
    interval: str
    networks: int

    def __str__(self) -> str:
        return f"{self.text} ({self.interval})" if self.interval else self.text


def estimate(
    samples: xr.DataArray, *, unit: str = "", digits: int | None = None, name: str = "this number"
) -> Estimate:
    """What an array over networks (dimensions `seed`, `split`), or a single number, says."""
    unit = unit or str(samples.attrs.get("units", ""))
    along = [str(dim) for dim in samples.dims]
    if beyond := [dim for dim in along if dim not in SAMPLING]:
        raise ValueError(f"{name} still has the dimension {beyond[0]!r}: select one of its coordinates.")
    kind = kind_of(samples)
    values = np.asarray(samples.values)
    if kind == "exact":
        return Estimate(
            float(values), shown(float(values), unit=unit, digits=digits), kind, None, None, "", 0
        )
    crossed = len(along) == 2
    if "missing" in samples.attrs and values.dtype.kind == "f":
        kept = values[~np.isnan(values)]
        values, crossed = (values, crossed) if kept.size == values.size else (kept, False)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(
            f"{name} must be finite in every network; got {np.array2string(values, threshold=8)}"
        )
    # Where all networks agree there is no spread to tell of; how often something happened has its exact bound.
    alike = kind != "counted" and bool((values == values.flat[0]).all())
    lowest = float(samples.attrs.get("valid_min", "-inf")) if kind == "real" else -math.inf
    found = None if alike else interval(values, kind, crossed=crossed, at_least=lowest)
    if found is None and not alike and crossed and min(values.shape) < FEWEST_CROSSED:
        raise ValueError(
            f"{name} is crossed over {' × '.join(f'{samples.sizes[dim]} {dim}s' for dim in along)}: an interval that "
            f"covers both needs at least {FEWEST_CROSSED} of each."
        )
    mean = float(values.mean())
    if kind == "counted":
        text = f"{int(values.sum())} of {values.size}"
        told = _spread(found, unit="share", digits=0) if found else ""
    else:
        text = shown(mean, unit=unit, digits=digits)
        told = _spread(found, unit=unit, digits=digits) if found else f"the same in all {values.size}"
    low, high = (found.low, found.high) if found else (None, None)
    return Estimate(mean, text, kind, low, high, told, values.size)


def kind_of(samples: xr.DataArray) -> Kind:
    """Which interval an array of numbers gets."""
    if not any(dim in SAMPLING for dim in samples.dims):
        return "exact"
    if samples.dtype.kind == "b":
        return "counted"
    return "share" if samples.attrs.get("units") == "share" else "real"


def estimates(array: xr.DataArray, over: str, *, digits: int | None = None) -> list[Estimate]:
    """One estimate for each coordinate of the dimension `over`, in order: for curves and tables."""
    return [estimate(array.isel({over: i}), digits=digits) for i in range(array.sizes[over])]


def _spread(found: Any, *, unit: str, digits: int | None) -> str:
    """An interval in words; where rounding makes its ends one number, with more digits."""
    for more in range(4):
        places = None if digits is None else digits + more
        low, high = (shown(end, unit=unit, digits=places) for end in (found.low, found.high))
        if low != high:
            return f"{low} to {high}"
    return "the same to rounding"


def _with_unit(out: Any, unit: str | None) -> Any:
    """With the unit that is declared: arithmetic keeps that of its operands, and what they could not fall below."""
    if unit is None or not isinstance(out, xr.DataArray):
        return out
    return out.drop_attrs().assign_attrs({**out.attrs, "units": unit, "valid_min": "-inf"})
