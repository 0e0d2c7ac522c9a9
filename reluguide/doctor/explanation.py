"""Why units are dead: one `Finding` a unit, and the text that puts those with the same fault together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reluguide.doctor.links import page
from reluguide.doctor.words import counted, listed, wrapped

Cause = Literal["upstream", "bias", "weights", "normalisation", "sum", "slope", "function", "values"]
GIVEN = "(numbers)"  # stands for the layer behind, where a report was made of numbers from elsewhere
Side = Literal["below", "above", "both"]

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
    "slope": f"Its preactivations lie where the function is flat. To prevent that, {STEPS}; to bring these "
    "units back, use reluguide.revive.",
    "values": "Give the model to reluguide.diagnose, if it is one of PyTorch: it has the weights, and tells the cause.",
    "function": "Use another function here, or a stand-in for its gradient (a straight-through estimator): "
    "nothing before it learns through it.",
}
SIDES: Mapping[Side, str] = {
    "below": "",  # as with every ReLU
    "above": "; z is always too large",
    "both": "; z is too small or too large, never between",
}


@dataclass(frozen=True)
class Finding:
    """One dead unit: the cause, the numbers behind it, and what helps.

    `side` says where its preactivations lie: below the range that has a gradient, above it, or both.
    `bias_as_well`: the weights are the cause, and the bias alone would have been enough.
    """

    layer: str
    unit: int
    cause: Cause
    numbers: Mapping[str, float]
    look_at: str
    side: Side = "below"
    bias_as_well: bool = False

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

    def __getitem__(self, position: int) -> Finding:
        return self.findings[position]

    def faults(self) -> list[list[Finding]]:
        """The findings by fault: those of one layer with the same cause, layer to look at, and side."""
        groups: dict[tuple[str, ...], list[Finding]] = {}
        for one in self.findings:
            key = (one.layer, one.cause, one.look_at, one.side, "and bias" if one.bias_as_well else "")
            groups.setdefault(key, []).append(one)
        return list(groups.values())

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if not self.findings:
            return f"No unit of the calls that were seen is dead on these {self.samples} samples."
        by_layer: dict[str, list[list[Finding]]] = {}
        for fault in self.faults():
            by_layer.setdefault(fault[0].layer, []).append(fault)
        parts, fixes = [], dict[str, None]()
        for layer, faults in by_layer.items():
            dead = counted(sum(map(len, faults)), "unit", "units")
            lines = [f"{layer}: {dead} dead on these {self.samples} samples"]
            for fault in faults:
                fixes[f"{fault[0].cause}: {fault[0].fix}"] = None
                lines += [wrapped(f"  {headline(fault)}"), wrapped(f"    {ranges(fault)}", "    ")]
            parts.append("\n".join(lines))
        advice = [wrapped(f"  {fix}", "    ") for fix in fixes]
        return "\n\n".join([*parts, "\n".join(["What helps", *advice, f"  More: {page('dead-units')}"])])


def headline(fault: list[Finding]) -> str:
    """One line for dead units of one layer with one fault."""
    one = fault[0]
    weights = (
        f"weights and bias of layer {one.look_at}; either alone would leave no gradient"
        if one.bias_as_well
        else f"weights of layer {one.look_at}; even without the bias there would be no gradient"
    )
    what = {
        "upstream": f"inputs that are the same for every sample; look at {one.look_at} first",
        "bias": f"bias of layer {one.look_at}; without it there would be a gradient",
        "weights": weights,
        "normalisation": f"{one.look_at}",
        "sum": "a sum of several paths",
        "values": "never in the range that has a gradient; the weights are not known",
        "slope": f"the function is flat at every z that was seen; z comes from layer {one.look_at}",
        "function": "the gradient of this function is zero everywhere",
    }[one.cause]
    units = [finding.unit for finding in fault]
    name = "unit" if len(units) == 1 else "units"
    return f"{one.cause} ({name} {listed(units)}): {what}{SIDES[one.side]}"


def ranges(fault: list[Finding]) -> str:
    """The numbers of several findings as text: "bias -10.3 to -9.8"."""
    parts = []
    for name in fault[0].numbers:
        values = [one.numbers[name] for one in fault if name in one.numbers]
        low, high = f"{min(values):.3g}", f"{max(values):.3g}"
        parts.append(f"{name} {low}" if low == high else f"{name} {low} to {high}")
    return ", ".join(parts)
