"""Where a unit can be cut out or replaced: the layer that makes it, and the layers that read it.

That is known on chains of Linear, Conv and BatchNorm: one layer makes the preactivations, nothing but
the activation reads them, and nothing but such layers reads the activations (through dropout, pooling
and flattening). Such chains may lie inside larger models, as the two convolutions of a residual block.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.layer import Layer
from reluguide.doctor.naming import tidy, unwrapped
from reluguide.doctor.report import Report

AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
BATCHNORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Reader:
    """A layer that reads the units, `inner` inputs for each, through these norms."""

    module: Any
    norms: tuple[Any, ...]
    inner: int

    def columns(self, units: Tensor) -> Tensor:
        """Indices of the inputs that carry these units."""
        return (units[:, None] * self.inner + torch.arange(self.inner, device=units.device)).flatten()

    def constant(self, units: Tensor) -> Tensor:
        """What units that give 0 give behind the norms (in eval mode)."""
        value = torch.zeros(len(units), dtype=torch.float64, device=units.device)
        for norm in self.norms:
            scale, shift = eval_affine(norm)
            value = value * scale[units] + shift[units]
        return value

    def absorb(self, units: Tensor, layer: Layer) -> None:
        """Move what these units, giving 0, contribute to this layer into its bias."""
        constant = self.constant(units).repeat_interleave(self.inner)
        if not bool(constant.any()):
            return
        module = self.module
        if not isinstance(module, nn.Linear) and any(_padding(module)):
            raise refusal(
                layer, "a BatchNorm follows it and then a padded convolution, which no bias can stand in for"
            )
        weight = module.weight.detach()[:, self.columns(units)].double()
        moved = weight.flatten(2).sum(2) @ constant if weight.ndim > 2 else weight @ constant
        if module.bias is None:
            module.bias = nn.Parameter(moved.to(module.weight.dtype))
        else:
            module.bias.copy_(module.bias.double() + moved)


@dataclass(frozen=True)
class Site:
    """The modules around one activation call."""

    layer: Layer
    maker: Any
    norm: Any | None
    readers: tuple[Reader, ...]


def site(model: nn.Module, report: Report, layer: Layer) -> Site:
    """The site of a layer in `model`; DiagnosisError names the layer and why where there is none."""
    modules = {tidy(name): module for name, module in unwrapped(model).named_modules()}
    behind, wiring = layer.behind, report.wiring
    if layer.kind.floor != 0.0:
        raise refusal(layer, f"a dead unit of {layer.kind.name} does not give exactly 0")
    if behind is None:
        raise refusal(
            layer, "its preactivations are not the output of one layer (a sum, or an unknown function)"
        )
    if behind.heads:
        raise refusal(layer, "its units lie on several axes, as heads do, whose sizes the code may fix")
    maker = _affine(layer, modules, behind.name, report)
    norm = _norm(layer, modules, behind.norm, report) if behind.norm is not None else None
    if norm is not None and norm.num_features != layer.units:
        raise refusal(layer, f"{behind.norm} has {norm.num_features} features for its {layer.units} units")
    if others := wiring.leaks.get(behind.name, set()) | (wiring.answers[behind.name] - {layer.name}):
        raise refusal(layer, f"the output of {behind.name} is also read by {', '.join(sorted(others))}")
    if escapes := wiring.escapes.get(layer.name):
        raise refusal(layer, f"its activations are also read by {', '.join(sorted(escapes))}")
    consumers = sorted(wiring.consumers.get(layer.name, ()), key=lambda one: one.layer)
    if not consumers:
        raise refusal(layer, "no layer reads its activations")
    readers = []
    for one in consumers:
        module = _affine(layer, modules, one.layer, report)
        if module.weight.shape[1] != layer.units * one.inner:
            raise refusal(
                layer, f"{one.layer} reads {module.weight.shape[1]} inputs, not {layer.units * one.inner}"
            )
        norms = tuple(_norm(layer, modules, name, report) for name in one.through)
        readers.append(Reader(module, norms, one.inner))
    return Site(layer, maker, norm, tuple(readers))


def refusal(layer: Layer, why: str) -> DiagnosisError:
    return DiagnosisError(
        f"{layer.name}: {why}. Only chains of Linear, Conv and BatchNorm can be changed; "
        "pass layers=[...] with the names of the others."
    )


def chosen(report: Report, layers: Any) -> list[Layer]:
    """The layers with dead units, of those named (all where none is named)."""
    names = [layers] if isinstance(layers, str) else layers
    picked = list(report) if names is None else [report[name] for name in names]
    return [layer for layer in picked if layer.dead_units]


def at_zero(layer: Layer) -> Tensor:
    """The dead units that give 0 throughout (a ReLU6 unit can also be dead at 6)."""
    low = layer.kind.low.cpu() if isinstance(layer.kind.low, Tensor) else layer.kind.low
    return layer.dead & (layer.preactivation_max <= low)


def eval_affine(norm: Any) -> tuple[Tensor, Tensor]:
    """(scale, shift) of a BatchNorm in eval mode, float64, of shape (features,)."""
    if norm.running_mean is None:
        raise DiagnosisError("a BatchNorm without running statistics has no fixed scale; prune before it.")
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    shift = -norm.running_mean.double() * scale
    return scale, shift if norm.bias is None else shift + norm.bias.detach().double()


def _affine(layer: Layer, modules: dict[str, nn.Module], name: str, report: Report) -> Any:
    module = _once(layer, modules, name, report)
    plain = type(module) in AFFINE and isinstance(module.weight, nn.Parameter)
    if not plain or getattr(module, "groups", 1) != 1:
        grouped = " with groups" if plain else ""
        raise refusal(layer, f"{name or 'the model'} is a {type(module).__name__}{grouped}")
    shared = Counter(id(p) for one in modules.values() for p in one.parameters(recurse=False))
    if shared[id(module.weight)] > 1:
        raise refusal(layer, f"{name} shares its weights with another layer")
    return module


def _norm(layer: Layer, modules: dict[str, nn.Module], name: str, report: Report) -> Any:
    module = _once(layer, modules, name, report)
    if type(module) not in BATCHNORM:
        raise refusal(layer, f"{name} is a {type(module).__name__}")
    return module


def _once(layer: Layer, modules: dict[str, nn.Module], name: str, report: Report) -> Any:
    if name not in modules:
        raise refusal(layer, f"this model has no layer {name!r}: the report is of another model")
    if report.wiring.uses[name] > 1:
        raise refusal(layer, f"{name} is used {report.wiring.uses[name]} times in one forward pass")
    return modules[name]


def _padding(module: Any) -> tuple[int, ...]:
    if module.padding == "same":
        return tuple(size - 1 for size in module.kernel_size)
    return () if isinstance(module.padding, str) else tuple(module.padding)
