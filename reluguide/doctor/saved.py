"""A report as plain numbers for a file, and back. Strict JSON: no NaN, which is null, and "inf" as text."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.layer import Behind, Layer
from reluguide.doctor.spellings import Kind
from reluguide.doctor.wiring import Wiring

FORMAT = 1
PARTS = ("bias", "weight_norm", "norm_scale", "norm_shift")


def layer_as_numbers(layer: Layer) -> dict[str, Any]:
    """A layer as plain numbers, strings and lists; units that something is true of are listed by index."""
    kind, behind = layer.kind, layer.behind
    numbers = layer.to_dict() | {
        "low": _plain(kind.low),
        "high": kind.high,
        "linear": list(kind.linear) if kind.linear else None,
        "floor": kind.floor,
        "by_slope": kind.by_slope,
        "share": layer.share,
        "tau": layer.tau,
        "extras": {n: "units" if v.dtype == torch.bool else "values" for n, v in layer.extras.items()},
    }
    if behind is not None:
        numbers["behind"] = {
            "name": behind.name,
            "source": behind.source,
            "norm": behind.norm,
            "heads": behind.heads,
            **{part: _plain(getattr(behind, part)) for part in PARTS},
        }
    return strict(numbers)  # type: ignore[no-any-return]


def layer_from_numbers(name: str, numbers: Mapping[str, Any]) -> Layer:
    """The layer that `layer_as_numbers` wrote."""
    units, low, behind = numbers["units"], numbers["low"], numbers.get("behind")
    kind = Kind(
        numbers["kind"],
        _tensor(low) if isinstance(low, list) else _float(low),
        _float(numbers["high"]),
        (_float(numbers["linear"][0]), _float(numbers["linear"][1])) if numbers["linear"] else None,
        None if numbers["floor"] is None else _float(numbers["floor"]),
        numbers["by_slope"],
    )
    extras = {
        extra: _mask(numbers[extra], units) if how == "units" else _tensor(numbers[extra])
        for extra, how in numbers["extras"].items()
    }
    return Layer(
        name,
        kind,
        units,
        numbers["samples"],
        numbers["values"],
        dead=_mask(numbers["dead"], units),
        always_on=_mask(numbers["always_on"], units),
        active_fraction=_tensor(numbers["active_fraction"]),
        preactivation_max=_tensor(numbers["preactivation_max"]),
        preactivation_min=_tensor(numbers["preactivation_min"]),
        extras=extras,
        axis_traced=numbers["axis_traced"],
        behind=behind and _behind(behind),
        share=numbers["share"],
        tau=numbers["tau"],
    )


def strict(value: Any) -> Any:
    """The value with what JSON has no number for replaced: NaN by None, infinities by "inf" and "-inf"."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {key: strict(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(part) for part in value]
    return value


class Unwired(Wiring):
    """Stands in for the wiring in a report from a file: whoever asks for it is told to diagnose again."""

    def __getattribute__(self, name: str) -> Any:
        if name in Wiring.__dataclass_fields__:
            raise DiagnosisError(
                "this report was read from a file, which does not hold how the model's layers are wired: "
                "run diagnose on the model again, and prune or revive with that report."
            )
        return super().__getattribute__(name)


def unwired() -> Unwired:
    return Unwired.__new__(Unwired)  # without the fields that Wiring would make


def _behind(numbers: Mapping[str, Any]) -> Behind:
    parts: dict[str, Any] = {
        part: None if numbers[part] is None else _tensor(numbers[part]) for part in PARTS
    }
    return Behind(
        name=numbers["name"], source=numbers["source"], norm=numbers["norm"], heads=numbers["heads"], **parts
    )


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, Tensor) else value


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _tensor(values: list[Any]) -> Tensor:
    wide = torch.tensor([_float(value) for value in values], dtype=torch.float64)
    narrow = wide.float()
    return narrow if torch.equal(narrow.double().nan_to_num(), wide.nan_to_num()) else wide


def _mask(units: list[int], count: int) -> Tensor:
    mask = torch.zeros(count, dtype=torch.bool)
    mask[units] = True
    return mask
