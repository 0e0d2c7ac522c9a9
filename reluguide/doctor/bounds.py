"""Which units cannot have a gradient for any input inside a box: interval bounds through Linear chains.

Each layer maps an interval of its inputs to one of its outputs (Moore 1966), widened by what float32 can
round, so that the proof also covers the arithmetic that runs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.flow import INPUT
from reluguide.doctor.layer import Layer
from reluguide.doctor.naming import tidy
from reluguide.doctor.report import Report
from reluguide.doctor.surgery import eval_affine, refusal

Box = tuple[float | Tensor, float | Tensor]
CLIPS = ("relu", "relu6")  # z clipped to [0, its upper end]


@dataclass(frozen=True)
class Interval:
    """Lower and upper bounds, float64, of shape (features,)."""

    low: Tensor
    high: Tensor

    def affine(self, weight: Tensor, bias: Tensor) -> "Interval":
        """The bounds of weight @ x + bias, with the rounding of sums in the dtype of `weight`."""
        w = weight.double()
        positive, negative = w.clamp(min=0), w.clamp(max=0)
        size = w.abs() @ torch.maximum(self.low.abs(), self.high.abs()) + bias.double().abs()
        slack = size * (w.shape[1] + 4) * torch.finfo(weight.dtype).eps
        low = positive @ self.low + negative @ self.high + bias.double()
        high = positive @ self.high + negative @ self.low + bias.double()
        return Interval(low - slack, high + slack)

    def scaled(self, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> "Interval":
        """The bounds of scale * x + shift, feature by feature."""
        ends = torch.stack([scale * self.low + shift, scale * self.high + shift])
        # BatchNorm subtracts the mean before it scales, so both parts may be far larger than their sum.
        size = scale.abs() * torch.maximum(self.low.abs(), self.high.abs()) + shift.abs()
        slack = 16 * torch.finfo(dtype).eps * size
        return Interval(ends.amin(0) - slack, ends.amax(0) + slack)


def proved_dead(model: nn.Module, report: Report, layer: Layer, box: Box) -> Tensor:
    """bool (units,): the gradient is zero at this unit for every input of the box."""
    bounds = _preactivation(model, report, layer, box)
    return (bounds.high <= float(layer.kind.low)).cpu()


def _preactivation(model: nn.Module, report: Report, layer: Layer, box: Box) -> Interval:
    behind = layer.behind
    modules = {tidy(name): module for name, module in model.named_modules()}
    maker = modules.get(behind.name) if behind else None
    if behind is None or type(maker) is not nn.Linear:
        raise refusal(layer, "a box can be followed through Linear and BatchNorm only")
    if behind.source is None:
        raise refusal(layer, f"the inputs of {behind.name} come from several places")
    consumer = next(one for one in report.wiring.consumers[behind.source] if one.layer == behind.name)
    if behind.source == INPUT:
        given = _input(maker, box)
    elif behind.source in report.layers:
        source = report.layers[behind.source]
        if source.kind.name not in CLIPS or source.units != maker.in_features:
            raise refusal(layer, f"a box cannot be followed through {source.name} ({source.kind.name})")
        before, top = _preactivation(model, report, source, box), source.kind.high
        given = Interval(before.low.clamp(0, top), before.high.clamp(0, top))
    else:
        raise refusal(layer, f"{behind.source} is not in the report")
    for name in consumer.through:
        given = given.scaled(*eval_affine(modules[name]), maker.weight.dtype)
    zero = torch.zeros(maker.out_features, device=maker.weight.device)
    out = given.affine(maker.weight.detach(), maker.bias.detach() if maker.bias is not None else zero)
    if behind.norm is not None:
        out = out.scaled(*eval_affine(modules[behind.norm]), maker.weight.dtype)
    return out


def _input(first: nn.Linear, box: Box) -> Interval:
    ends = []
    for end in box:
        tensor = torch.as_tensor(end, dtype=torch.float64, device=first.weight.device).flatten()
        if tensor.numel() not in (1, first.in_features):
            raise DiagnosisError(
                f"an end of the box has {tensor.numel()} numbers; the model takes {first.in_features}."
            )
        ends.append(tensor.expand(first.in_features))
    low, high = ends
    if bool((low > high).any()) or not bool(torch.isfinite(low + high).all()):
        raise DiagnosisError("a box is (low, high) with finite numbers and low <= high in each feature.")
    return Interval(low, high)
