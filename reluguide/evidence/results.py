"""A result as the store keeps it, and back: labelled arrays as checked JSON, exact to the last bit."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from reluguide.evidence.experiments import Result

Record = dict[str, Any]


class ResultError(ValueError):
    """What an experiment returned cannot be kept; the message says which part, and why."""


def as_record(result: Any, *, settings: Mapping[str, Any]) -> Record:
    """A DataArray or Dataset as JSON-able values, with the settings that it was made with.

    Raises ResultError for other types, for NaN where an array does not say what it means, for an infinity,
    and for an array without a sentence that says what it is.
    """
    if not isinstance(result, xr.DataArray | xr.Dataset):
        raise ResultError(f"returned a {type(result).__name__}; it must return labelled arrays (xarray).")
    arrays = (
        {str(name): array for name, array in result.data_vars.items()}
        if isinstance(result, xr.Dataset)
        else {"": result}
    )
    if not arrays:
        raise ResultError("returned a Dataset without any array.")
    if taken := sorted({"long_name", "units", "missing", "valid_min"} & set(settings)):
        raise ResultError(f"has a setting {taken[0]!r}, which says what an array is; call it otherwise.")
    coords: dict[str, Any] = {}
    for array in arrays.values():
        for dim in array.dims:
            if dim not in array.coords:
                raise ResultError(f"the dimension {dim!r} has no coordinates; give it labels.")
            coords[str(dim)] = array.coords[dim].values.tolist()
    return {
        "array": isinstance(result, xr.DataArray),
        "settings": dict(settings),
        "coords": coords,
        "arrays": {name: _array(array, name) for name, array in arrays.items()},
    }


def revived(record: Record) -> Result:
    """The result as the experiment returned it; its settings are its attributes."""
    coords = record["coords"]
    arrays = {
        name: xr.DataArray(
            np.array(one["data"], dtype=_DTYPES[one["kind"]]),
            {dim: coords[dim] for dim in one["dims"]},
            one["dims"],
            attrs=one["about"],
        )
        for name, one in record["arrays"].items()
    }
    if record["array"]:
        return arrays[""].assign_attrs(record["settings"])
    return xr.Dataset(arrays, attrs=record["settings"])


_DTYPES: dict[str, Any] = {"b": bool, "i": np.int64, "f": np.float64, "U": str}


def _array(array: xr.DataArray, name: str) -> Record:
    told = f"the array {name!r}" if name else "the array"
    about = {str(key): str(value) for key, value in array.attrs.items()}
    if not about.get("long_name"):
        raise ResultError(
            f"{told} does not say what it is; make it with labelled(values, 'what it is', ...)."
        )
    values = np.asarray(array.values)
    kind = {"u": "i", "O": "U"}.get(values.dtype.kind, values.dtype.kind)
    if kind not in _DTYPES:
        raise ResultError(f"{told} holds {values.dtype}; results are numbers, truth values and texts.")
    if kind == "f":
        if np.isinf(values).any():
            raise ResultError(f"{told} holds {_first(array, np.isinf(values))}; {_FINITE}")
        if np.isnan(values).any() and "missing" not in about:
            raise ResultError(f"{told} holds {_first(array, np.isnan(values))}; {_FINITE}")
    data = _nulls(values.tolist()) if kind == "f" else values.tolist()
    return {"dims": [str(dim) for dim in array.dims], "kind": kind, "about": about, "data": data}


_FINITE = (
    "a result must be finite. Report a network that diverged as such (a truth value of its own) and leave its "
    "numbers out, or say with labelled(..., missing='...') what a missing number means."
)


def _first(array: xr.DataArray, bad: Any) -> str:
    """The first offending number with its coordinates."""
    at = tuple(int(i[0]) for i in np.nonzero(bad)) if bad.ndim else ()
    where = ", ".join(f"{dim} {array.coords[dim].values[i]}" for dim, i in zip(array.dims, at))
    return f"{np.asarray(array.values)[at]}" + (f" at {where}" if where else "")


def _nulls(value: Any) -> Any:
    """Nested lists with None in the place of NaN, which JSON does not have."""
    if isinstance(value, list):
        return [_nulls(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
