"""Where a unit can be cut out or replaced: the layers that make it, and the layers that read it.

That is known on chains of Linear, Conv, ConvTranspose, transformers' Conv1D and BatchNorm: one layer makes the
preactivations, nothing but the activation reads them, and nothing but such layers reads the activations
(through dropout, pooling and flattening). A depthwise convolution hands each unit on to one of its own.
A layer whose output is multiplied onto the activations, as in gated MLPs, has the same units. Such chains
may lie inside larger models, as the two convolutions of a residual block.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.handmade import KNOWN
from reluguide.doctor.layer import Layer
from reluguide.doctor.naming import tidy, unwrapped
from reluguide.doctor.report import Report

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
AFFINE = (nn.Linear, *CONVS, *TRANSPOSED)
BATCHNORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def turned(module: Any) -> bool:
    """Whether the first axis of a layer's weight counts its inputs, not its outputs."""
    return isinstance(module, TRANSPOSED) or is_conv1d(module)


def is_conv1d(module: Any) -> bool:
    """transformers' Conv1D: a linear layer with its weight turned round."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf")


def depthwise(module: Any) -> bool:
    """A convolution of each channel by itself, one output each."""
    return isinstance(module, CONVS) and 1 < module.groups == module.in_channels == module.out_channels


@dataclass(frozen=True)
class Reader:
    """A layer that reads the units, `inner` inputs for each, through these norms."""

    module: Any
    norms: tuple[Any, ...]
    inner: int

    def columns(self, units: Tensor) -> Tensor:
        """Indices of the inputs that carry these units."""
        return (units[:, None] * self.inner + torch.arange(self.inner, device=units.device)).flatten()

    def constant(self, units: Tensor, value: Tensor) -> Tensor:
        """What units that give `value` give behind the norms (in eval mode)."""
        value = value.double()
        for norm in self.norms:
            scale, shift = eval_affine(norm)
            value = value * scale[units] + shift[units]
        return value

    def check(self, units: Tensor, value: Tensor, layer: Layer) -> None:
        """Refuse what no bias can stand in for, before anything is changed."""
        if not bool(self.constant(units, value).any()) or isinstance(self.module, nn.Linear):
            return
        if is_conv1d(self.module):
            return
        if isinstance(self.module, TRANSPOSED) or any(_padding(self.module)):
            before = "a BatchNorm" if self.norms else "a depthwise convolution"
            kind = "transposed" if isinstance(self.module, TRANSPOSED) else "padded"
            raise refusal(
                layer, f"{before} follows it and then a {kind} convolution, which no bias can stand in for"
            )

    def absorb(self, units: Tensor, value: Tensor, at: Tensor) -> None:
        """Move what these units contribute to this layer into its bias; `at` is where its inputs lie now."""
        constant = self.constant(units, value).repeat_interleave(self.inner)
        if not bool(constant.any()):
            return
        module = self.module
        weight = module.weight.detach().double()
        if turned(module):
            weight = weight.movedim(0, 1)
        weight = weight.index_select(1, at)
        moved = weight.flatten(2).sum(2) @ constant if weight.ndim > 2 else weight @ constant
        if module.bias is None:
            module.bias = nn.Parameter(moved.to(module.weight.dtype))
        else:
            module.bias.copy_(module.bias.double() + moved)


@dataclass(frozen=True)
class Relay:
    """A depthwise convolution, its norm and its activation: each unit goes on as one, to these readers."""

    module: Any
    norm: Any | None
    layer: Layer | None
    readers: "tuple[Reader | Relay, ...]"

    def value(self, units: Tensor) -> Tensor:
        """What units give behind it whose inputs are 0."""
        module = self.module
        value = torch.zeros(len(units), dtype=torch.float64, device=units.device)
        if module.bias is not None:
            value = module.bias.detach().double()[units]
        if self.norm is not None:
            scale, shift = eval_affine(self.norm)
            value = value * scale[units] + shift[units]
        if self.layer is not None:
            value = KNOWN[self.layer.kind.name](value)
        return value


@dataclass(frozen=True)
class Site:
    """The modules around one activation call. `source` is the site of what a depthwise maker reads."""

    layer: Layer
    maker: Any
    norm: Any | None
    readers: "tuple[Reader | Relay, ...]"
    partners: tuple[Any, ...] = ()
    source: "Site | None" = None


class Sites:
    """Finds the sites of a report in a model."""

    def __init__(self, model: nn.Module, report: Report) -> None:
        self.modules = {tidy(name): module for name, module in unwrapped(model).named_modules()}
        self.report, self.wiring = report, report.wiring
        self.shared = Counter(
            id(parameter) for one in self.modules.values() for parameter in one.parameters(recurse=False)
        )

    def site(self, layer: Layer) -> Site:
        """The site of a layer; DiagnosisError names the layer and why where there is none."""
        if layer.kind.floor != 0.0:
            raise refusal(layer, f"a dead unit of {layer.kind.name} does not give exactly 0")
        return self._around(layer)

    def _around(self, layer: Layer) -> Site:
        behind, wiring = layer.behind, self.wiring
        if behind is None:
            raise refusal(
                layer, "its preactivations are not the output of one layer (a sum, or an unknown function)"
            )
        if behind.heads:
            raise refusal(layer, "its units lie on several axes, as heads do, whose sizes the code may fix")
        maker = self._affine(layer, behind.name, channelwise=True)
        norm = self._norm(layer, behind.norm) if behind.norm is not None else None
        if norm is not None and norm.num_features != layer.units:
            raise refusal(
                layer, f"{behind.norm} has {norm.num_features} features for its {layer.units} units"
            )
        if outputs(maker) != layer.units:
            raise refusal(layer, f"{behind.name} has {outputs(maker)} outputs for its {layer.units} units")
        if others := wiring.leaks.get(behind.name, set()) | (
            wiring.answers.get(behind.name, set()) - {layer.name}
        ):
            raise refusal(layer, f"the output of {behind.name} is also read by {', '.join(sorted(others))}")
        partners = tuple(self._partner(layer, name) for name in sorted(wiring.partners.get(layer.name, ())))
        readers = self._readers(layer)
        source = self._source(layer, behind.source) if depthwise(maker) else None
        return Site(layer, maker, norm, readers, partners, source)

    def _readers(self, layer: Layer) -> "tuple[Reader | Relay, ...]":
        if escapes := self.wiring.escapes.get(layer.name):
            raise refusal(layer, f"its activations are also read by {', '.join(sorted(escapes))}")
        consumers = sorted(self.wiring.consumers.get(layer.name, ()), key=lambda one: one.layer)
        if not consumers:
            raise refusal(layer, "no layer reads its activations")
        readers: list[Reader | Relay] = []
        for one in consumers:
            module = self._affine(layer, one.layer, channelwise=True)
            if depthwise(module):
                readers.append(self._relay(layer, one.layer, module, one.through, one.inner))
                continue
            if inputs(module) != layer.units * one.inner:
                raise refusal(
                    layer, f"{one.layer} reads {inputs(module)} inputs, not {layer.units * one.inner}"
                )
            norms = tuple(self._norm(layer, name) for name in one.through)
            readers.append(Reader(module, norms, one.inner))
        return tuple(readers)

    def _relay(self, layer: Layer, name: str, module: Any, through: tuple[str, ...], inner: int) -> Relay:
        if through or inner != 1 or module.in_channels != layer.units:
            raise refusal(layer, f"{name} is a depthwise convolution behind a norm")
        answers = self.wiring.answers.get(name, set())
        if self.wiring.leaks.get(name) or len(answers) != 1:
            raise refusal(
                layer,
                f"{name} is a depthwise convolution whose output goes several ways, or to no activation",
            )
        following = self.report.layers.get(next(iter(answers)))
        if following is None or following.behind is None or following.kind.name not in KNOWN:
            raise refusal(
                layer, f"{name} is a depthwise convolution before an activation that is not known here"
            )
        if following.behind.name != name or following.units != layer.units:
            raise refusal(layer, f"{name} is a depthwise convolution whose units are not those behind it")
        norm = self._norm(layer, following.behind.norm) if following.behind.norm is not None else None
        if self.wiring.partners.get(following.name):
            raise refusal(layer, f"{following.name} is multiplied by another layer")
        try:
            readers = self._readers(following)
        except DiagnosisError as error:
            raise refusal(layer, f"it goes on to {error}".partition(". Only chains")[0]) from None
        if any(isinstance(reader, Relay) for reader in readers):
            raise refusal(layer, f"{name} is followed by another depthwise convolution")
        return Relay(module, norm, following, readers)

    def _source(self, layer: Layer, name: str | None) -> Site:
        source = self.report.layers.get(name or "")
        if source is None:
            raise refusal(
                layer, f"{layer.behind and layer.behind.name} is a Conv with groups, of an unknown source"
            )
        found = self._around(source)
        if len(found.readers) != 1 or found.source is not None:
            raise refusal(layer, f"the depthwise convolution before it is not all that reads {source.name}")
        return found

    def _partner(self, layer: Layer, name: str) -> Any:
        module = self._affine(layer, name)
        others = self.wiring.leaks.get(name, set()) | self.wiring.answers.get(name, set())
        if others or outputs(module) != layer.units:
            raise refusal(
                layer, f"{name}, which is multiplied onto it, is also read by {', '.join(sorted(others))}"
            )
        return module

    def _affine(self, layer: Layer, name: str, *, channelwise: bool = False) -> Any:
        module = self._once(layer, name)
        plain = type(module) in AFFINE or is_conv1d(module)
        plain = plain and isinstance(module.weight, nn.Parameter)
        if not plain or (getattr(module, "groups", 1) != 1 and not (channelwise and depthwise(module))):
            grouped = " with groups" if plain else ""
            raise refusal(layer, f"{name or 'the model'} is a {type(module).__name__}{grouped}")
        if self.shared[id(module.weight)] > 1:
            raise refusal(layer, f"{name} shares its weights with another layer")
        return module

    def _norm(self, layer: Layer, name: str) -> Any:
        module = self._once(layer, name)
        if not isinstance(module, BATCHNORM):  # also those that bring their activation along, as in timm
            raise refusal(layer, f"{name} is a {type(module).__name__}")
        return module

    def _once(self, layer: Layer, name: str) -> Any:
        if name not in self.modules:
            raise refusal(layer, f"this model has no layer {name!r}: the report is of another model")
        if self.wiring.uses[name] > 1:
            raise refusal(layer, f"{name} is used {self.wiring.uses[name]} times in one forward pass")
        if name in self.wiring.borrowed:
            raise refusal(layer, f"the parameters of {name} are also read by a function that is no layer")
        return self.modules[name]


def refusal(layer: Layer, why: str) -> DiagnosisError:
    return DiagnosisError(
        f"{layer.name}: {why}. Only chains of Linear, Conv and BatchNorm can be changed; "
        "pass layers=[...] with the names of the others, or use prune_where_possible."
    )


def chosen(report: Report, layers: Any) -> list[Layer]:
    """The layers with dead units, of those named (all where none is named)."""
    if report.training:
        raise DiagnosisError(
            "this report is of training mode, where a BatchNorm goes by the batch and dropout by chance: a unit "
            "that is dead there may fire in eval mode. Diagnose again without training=True."
        )
    names = [layers] if isinstance(layers, str) else layers
    picked = list(report) if names is None else [report[name] for name in names]
    return [layer for layer in picked if layer.dead_units]


def at_zero(layer: Layer) -> Tensor:
    """The dead units that give 0 throughout (a ReLU6 unit can also be dead at 6)."""
    low = layer.kind.low.cpu() if isinstance(layer.kind.low, Tensor) else layer.kind.low
    return layer.dead & (layer.preactivation_max <= low)


def outputs(module: Any) -> int:
    """How many outputs a layer has."""
    return int(module.weight.shape[1 if turned(module) else 0])


def inputs(module: Any) -> int:
    """How many inputs a layer has."""
    return int(module.weight.shape[0 if turned(module) else 1])


def eval_affine(norm: Any) -> tuple[Tensor, Tensor]:
    """(scale, shift) of a BatchNorm in eval mode, float64, of shape (features,)."""
    if norm.running_mean is None:
        raise DiagnosisError("a BatchNorm without running statistics has no fixed scale; prune before it.")
    scale = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    shift = -norm.running_mean.double() * scale
    return scale, shift if norm.bias is None else shift + norm.bias.detach().double()


def _padding(module: Any) -> tuple[int, ...]:
    if module.padding == "same":
        return tuple(size - 1 for size in module.kernel_size)
    return () if isinstance(module.padding, str) else tuple(module.padding)
