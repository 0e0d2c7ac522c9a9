"""Why a unit is dead, with the numbers that say so, and what helps.

The preactivation of a unit is split on the diagnosed data as z = w·x + b (or scale · n + shift behind
a normalisation). Taken in this order: inputs that are the same for every sample are a matter of an
earlier layer; w·x that would give a gradient without b is a matter of the bias; else of the weights.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from torch import Tensor

from reluguide.doctor.layer import Layer
from reluguide.doctor.report import Report
from reluguide.doctor.words import listed

Cause = Literal["upstream", "bias", "weights", "normalisation", "sum"]
SLUG = "questions/dead-units/"

STEPS = (
    "lower the learning rate or clip the gradient norm, for one large step is what pushes units out of reach"
)
FIXES: Mapping[Cause, str] = {
    "upstream": "Repair {first} before anything here: units behind it can come back once its outputs move.",
    "bias": f"To prevent it, {STEPS}, and start hidden biases at 0. To bring these units back, use "
    "reluguide.revive, or decay biases alone: in a first layer, decay of weights and biases alike keeps the "
    "sign of z.",
    "weights": f"To prevent it, {STEPS}, and initialise with nn.init.kaiming_normal_ and biases of 0. To "
    "bring these units back, use reluguide.revive.",
    "normalisation": "If its running statistics do not fit these data (compare diagnose(..., "
    "training=True)), let it see the data in training mode; else set its shift to 0 for these units, or use "
    "reluguide.revive.",
    "sum": "Several paths meet here; look at the layers that feed this call one by one.",
}


@dataclass(frozen=True)
class Finding:
    """One dead unit: the cause, the numbers behind it, and what helps."""

    layer: str
    unit: int
    cause: Cause
    numbers: Mapping[str, float]
    look_at: str

    @property
    def fix(self) -> str:
        return FIXES[self.cause].format(first=self.look_at)


@dataclass(frozen=True)
class Explanation:
    """A `Finding` for each dead unit, in the order of the layers; print it to read it."""

    findings: tuple[Finding, ...]
    samples: int

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        from reluguide.doctor.table import explained

        return explained(self)


def explain(report: Report) -> Explanation:
    """The findings of a report. Layers whose inputs are all constant point to the first such layer."""
    found = [_finding(report, layer, unit) for layer in report for unit in layer.dead_units]
    return Explanation(tuple(found), report.samples)


def page() -> str:
    """The address of the page about dead units: the package's documentation, or its place there."""
    try:
        urls = metadata.metadata("reluguide").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        urls = []
    address = next((url.split(",", 1)[1].strip() for url in urls if url.startswith("Documentation,")), "")
    return f"{address.rstrip('/')}/{SLUG}" if address else SLUG


def _finding(report: Report, layer: Layer, unit: int) -> Finding:
    highest, lowest = _at(layer.preactivation_max, unit), _at(layer.preactivation_min, unit)
    numbers = {"largest z": highest, "smallest z": lowest}
    behind = layer.behind
    if (first := _collapsed(report, layer)) is not None:
        return Finding(layer.name, unit, "upstream", numbers, first)
    if behind is None:
        return Finding(layer.name, unit, "sum", numbers, layer.name)
    if behind.norm is not None:
        shift, scale = _at(behind.norm_shift, unit), _at(behind.norm_scale, unit, otherwise=1.0)
        numbers |= {"scale": scale, "shift": shift}
        part = "shift" if _alive(layer, highest - shift, lowest - shift) else "scale or statistics"
        return Finding(layer.name, unit, "normalisation", numbers, f"{part} of layer {behind.norm}")
    bias = _at(behind.bias, unit)
    numbers |= {"bias": bias, "largest w·x": highest - bias, "smallest w·x": lowest - bias}
    if behind.weight_norm is not None:
        numbers["norm of w"] = _at(behind.weight_norm, unit)
    if (source := report.layers.get(behind.source or "")) is not None:
        numbers["dead share of its inputs"] = source.dead_fraction
    cause: Cause = "bias" if _alive(layer, highest - bias, lowest - bias) else "weights"
    return Finding(layer.name, unit, cause, numbers, behind.name)


def _alive(layer: Layer, highest: float, lowest: float) -> bool:
    """Whether a unit between these extremes would have a gradient on some sample, or might."""
    low = layer.kind.low if isinstance(layer.kind.low, float) else 0.0
    return highest > low and lowest < layer.kind.high


def _collapsed(report: Report, layer: Layer) -> str | None:
    """What to look at first if every input of the layer is the same for all samples; else None."""
    source = report.layers.get(layer.behind.source or "") if layer.behind else None
    if source is not None and bool(source.dead.all()):
        return _collapsed(report, source) or source.name
    same = layer.samples > 1 and bool((layer.preactivation_max == layer.preactivation_min).all())
    if not same:
        return None
    if source is not None:
        return _collapsed(report, source) or source.name
    return "the model's input" if layer.behind and layer.behind.source else "the layer before " + layer.name


def _at(values: Tensor | None, unit: int, *, otherwise: float = 0.0) -> float:
    return float(values[unit]) if values is not None else otherwise


def ranges(findings: list[Finding]) -> str:
    """The numbers of several findings as text: "bias -10.3 to -9.8"."""
    parts = []
    for name in findings[0].numbers:
        values = [one.numbers[name] for one in findings if name in one.numbers]
        low, high = f"{min(values):.3g}", f"{max(values):.3g}"
        parts.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
    return ", ".join(parts)


def headline(findings: list[Finding]) -> str:
    """One line for dead units of one layer with one cause."""
    one = findings[0]
    what = {
        "upstream": f"inputs that are the same for every sample; look at {one.look_at} first",
        "bias": f"bias of layer {one.look_at}; without it there would be a gradient",
        "weights": f"weights of layer {one.look_at}; even without the bias there would be no gradient",
        "normalisation": f"{one.look_at}",
        "sum": "a sum of several paths, never large enough",
    }[one.cause]
    units = [finding.unit for finding in findings]
    return f"{one.cause} ({'unit' if len(units) == 1 else 'units'} {listed(units)}): {what}"
