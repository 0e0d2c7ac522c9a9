"""Finds out why a unit is dead, from the numbers that a diagnosis kept.

The preactivation of a unit is split on the diagnosed data as z = w·x + b (or scale · n + shift behind
a normalisation). Taken in this order: inputs that are the same for every sample are a matter of an
earlier layer; w·x that would give a gradient without b is a matter of the bias; else of the weights.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from reluguide.doctor.explanation import GIVEN, Cause, Explanation, Finding, Side
from reluguide.doctor.layer import Layer


def explain(layers: Mapping[str, Layer], samples: int) -> Explanation:
    """The findings of all dead units. Layers whose inputs are all constant point to the first such layer."""
    found = [finding for layer in layers.values() for finding in _findings(layers, layer)]
    return Explanation(tuple(found), samples)


@dataclass
class _Columns:
    """The numbers of a layer as plain lists: a tensor's entries, one by one, would take most of the time."""

    highest: list[float]
    lowest: list[float]
    low: list[float]
    high: float

    def alive(self, unit: int, without: float = 0.0) -> bool:
        """Whether the unit, less a part of its preactivation, would have a gradient on some sample, or might."""
        highest, lowest = self.highest[unit] - without, self.lowest[unit] - without
        return highest > self.low[unit] and lowest < self.high

    def side(self, unit: int) -> Side:
        if self.highest[unit] <= self.low[unit]:
            return "below"
        return "above" if self.lowest[unit] >= self.high else "both"


def _findings(layers: Mapping[str, Layer], layer: Layer) -> Iterator[Finding]:
    dead = layer.dead_units
    if not dead:
        return
    z = _Columns(
        layer.preactivation_max.tolist(), layer.preactivation_min.tolist(), _low(layer), layer.kind.high
    )
    behind, first = layer.behind, _collapsed(layers, layer)
    source = layers.get(behind.source or "") if behind else None
    bias = _column(behind.bias, 0.0, layer.units) if behind else []
    norm = behind.weight_norm.tolist() if behind and behind.weight_norm is not None else None
    scale = _column(behind.norm_scale, 1.0, layer.units) if behind else []
    shift = _column(behind.norm_shift, 0.0, layer.units) if behind else []
    share = source.dead_fraction if source is not None else None
    for unit in dead:
        highest, lowest, side = z.highest[unit], z.lowest[unit], z.side(unit)
        numbers = {"largest z": highest, "smallest z": lowest}
        if layer.kind.never:
            yield Finding(layer.name, unit, "function", numbers, layer.name)
        elif first is not None and not (behind is not None and behind.name == GIVEN):
            yield Finding(layer.name, unit, "upstream", numbers, first, side)
        elif behind is None:
            yield Finding(layer.name, unit, "sum", numbers, layer.name, side)
        elif behind.name == GIVEN:
            yield Finding(layer.name, unit, "values", numbers, layer.name, side)
        elif layer.kind.by_slope:
            yield Finding(layer.name, unit, "slope", numbers, behind.name)
        elif behind.norm is not None:
            numbers |= {"scale": scale[unit], "shift": shift[unit]}
            part = "shift" if z.alive(unit, without=shift[unit]) else "scale or statistics"
            yield Finding(layer.name, unit, "normalisation", numbers, f"{part} of layer {behind.norm}", side)
        else:
            b = bias[unit]
            numbers |= {"bias": b, "largest w·x": highest - b, "smallest w·x": lowest - b}
            if norm is not None:
                numbers["norm of w"] = norm[unit]
            if share is not None:
                numbers["dead share of its inputs"] = share
            cause: Cause = "bias" if z.alive(unit, without=b) else "weights"
            both = cause == "weights" and b != 0 and not z.low[unit] < b < z.high
            yield Finding(layer.name, unit, cause, numbers, behind.name, side, both)


def _low(layer: Layer) -> list[float]:
    low = layer.kind.low
    # Where slopes are learned, 0 is the corner of each unit; a unit of which none is zero cannot be dead.
    return [low] * layer.units if isinstance(low, float) else [0.0] * layer.units


def _column(values: Tensor | None, otherwise: float, units: int) -> list[float]:
    return [otherwise] * units if values is None else list(values.tolist())


def _collapsed(layers: Mapping[str, Layer], layer: Layer) -> str | None:
    """What to look at first if every input of the layer is the same for all samples; else None."""
    source = layers.get(layer.behind.source or "") if layer.behind else None
    if source is not None and bool(source.dead.all()):
        return _collapsed(layers, source) or source.name
    same = layer.samples > 1 and bool((layer.preactivation_max == layer.preactivation_min).all())
    if not same:
        return None
    if source is not None:
        return _collapsed(layers, source) or source.name
    return "the model's input" if layer.behind and layer.behind.source else "the layer before " + layer.name
