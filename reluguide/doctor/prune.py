"""Takes dead units out of a model."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.batches import batches, moved
from reluguide.doctor.batches import forward as usual_forward
from reluguide.doctor.bounds import Box, proved_dead
from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.keep import as_it_was
from reluguide.doctor.layer import Layer
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.report import Report
from reluguide.doctor.surgery import (
    CONVS,
    TRANSPOSED,
    Reader,
    Relay,
    Site,
    Sites,
    at_zero,
    chosen,
    depthwise,
    is_conv1d,
    turned,
)
from reluguide.doctor.tracks import tensors_within
from reluguide.doctor.words import counted

Forward = Callable[[nn.Module, Any], Any]


def prune_dead(
    model: nn.Module,
    report: Report,
    *,
    box: Box | None = None,
    layers: str | Iterable[str] | None = None,
    data: Any = None,
    forward: Forward | None = None,
) -> nn.Module:
    """A copy of `model` without the units that are dead in `report`.

    Its outputs equal those of `model` in eval mode, up to the rounding of shorter sums, on the data that
    was diagnosed, and only there: a unit that was dead on it may fire elsewhere. Works on chains of Linear,
    Conv (depthwise ones too), ConvTranspose, transformers' Conv1D, gated MLPs and BatchNorm; on Linear and
    BatchNorm only with a box. One unit of a layer always stays.

    Args:
        model: the model that was diagnosed; it is left as it is.
        report: of this model, in eval mode.
        box: `(low, high)`, bounds of the model's input (numbers, or one for each feature). Only those units
            are taken out that interval bounds prove dead for every input inside; then outputs agree there.
        layers: names of the activation calls to prune; all where there is none.
        data: batches, of which the first is run through both models to see that the outputs are equal. Sizes
            that the model's code fixes, as in `x.view(-1, 400)`, can be found in no other way.
        forward: as in `diagnose`, for `data`.

    Raises:
        DiagnosisError: the report is of training mode, a layer is no chain that can be cut (with its name,
            and why), or the outputs on `data` differ.
    """
    smaller = copy.deepcopy(unwrapped(model))
    sites = Sites(smaller, report)
    found = [sites.site(layer) for layer in chosen(report, layers)]
    doomed = [_doomed(smaller, report, one.layer, box) for one in found]
    for one, units in zip(found, doomed):
        _check(one, units)
    _cut(list(zip(found, doomed)))
    if data is not None and (why := _difference(unwrapped(model), smaller, data, forward)):
        raise DiagnosisError(
            f"the pruned model is not the same: {why}. prune_where_possible finds the layers."
        )
    return smaller


@dataclass(frozen=True)
class Pruned:
    """A smaller model. `cut`: which units went, by activation call; `refused`: where none could, and why."""

    model: nn.Module
    cut: Mapping[str, list[int]]
    refused: Mapping[str, str]

    def __str__(self) -> str:
        units = sum(map(len, self.cut.values()))
        lines = [f"{counted(units, 'unit', 'units')} cut out of {counted(len(self.cut), 'call', 'calls')}."]
        return "\n".join([*lines, *(f"  not {name}: {why}" for name, why in self.refused.items())])


def prune_where_possible(
    model: nn.Module,
    report: Report,
    *,
    box: Box | None = None,
    data: Any = None,
    forward: Forward | None = None,
) -> Pruned:
    """`prune_dead` in every layer that allows it; the others stay as they are, and are listed with the reason.

    Args:
        model: the model that was diagnosed; it is left as it is.
        report: of this model, in eval mode.
        box: as in `prune_dead`.
        data: batches, of which the first is run through both models. Layers without which outputs differ stay.
        forward: as in `diagnose`, for `data`.

    Raises:
        DiagnosisError: the report is of training mode.
    """
    done, found = _pruned(model, report, box, set())
    if data is None or not _difference(unwrapped(model), done.model, data, forward):
        return done
    # Some code fixes a size: each layer by itself says whose.
    refused: dict[str, str] = {}
    for name in found:
        alone, _ = _pruned(model, report, box, {other.name for other in report if other.name != name})
        if why := _difference(unwrapped(model), alone.model, data, forward):
            refused[name] = why
    done, _ = _pruned(model, report, box, set(refused))
    if why := _difference(unwrapped(model), done.model, data, forward):
        raise DiagnosisError(
            f"the layers can be pruned one by one, and not together: {why}; name some of them."
        )
    return Pruned(done.model, done.cut, {**done.refused, **refused})


def _pruned(model: nn.Module, report: Report, box: Box | None, without: set[str]) -> tuple[Pruned, list[str]]:
    smaller = copy.deepcopy(unwrapped(model))
    sites = Sites(smaller, report)
    found: list[tuple[Site, Tensor]] = []
    refused: dict[str, str] = {}
    for layer in chosen(report, None):
        if layer.name in without:
            continue
        try:
            one = sites.site(layer)
            units = _doomed(smaller, report, layer, box)
            _check(one, units)
        except DiagnosisError as error:
            refused[layer.name] = str(error).partition(": ")[2].partition(". Only chains")[0]
            continue
        if bool(units.any()):
            found.append((one, units))
    _cut(found)
    cut = {one.layer.name: [int(unit) for unit in units.nonzero().flatten()] for one, units in found}
    return Pruned(smaller, cut, refused), list(cut)


def _difference(model: nn.Module, smaller: nn.Module, data: Any, forward: Forward | None) -> str | None:
    """In what way the outputs on the first batch differ; None where they do not."""
    where = next((parameter.device for parameter in model.parameters()), None)
    batch = moved(next(batches(data, most=1, progress=False)), where)
    call = forward or usual_forward
    outputs: list[list[Tensor]] = []
    with torch.no_grad():
        for one in (model, smaller):
            with as_it_was(one, training=False):
                try:
                    outputs.append([part for part in tensors_within(call(one, batch)) if part.numel()])
                except Exception as error:
                    if one is model:
                        raise
                    return f"it fails on the first batch ({type(error).__name__}: {error})"[:200]
    for before, after in zip(*outputs):
        if before.shape != after.shape:
            return f"an output of shape {tuple(before.shape)} has become one of {tuple(after.shape)}"
        if before.is_floating_point():
            size, off = float(before.abs().max()), float((before - after).abs().max())
            if not off <= 1e-3 * size + 1e-6:
                return f"an output is off by {off:.3g}, of at most {size:.3g}"
    return None


def _doomed(model: nn.Module, report: Report, layer: Layer, box: Box | None) -> Tensor:
    dead = at_zero(layer)
    if box is not None:
        dead = dead & proved_dead(model, report, layer, box)
    if bool(dead.all()):
        dead = dead.clone()
        dead[0] = False  # a layer without units is no layer
    return dead


def _check(at: Site, dead: Tensor) -> None:
    """Refuse, before anything is changed, what cannot be moved into a bias."""
    units = dead.nonzero().flatten().to(at.maker.weight.device)
    zero = torch.zeros(len(units), dtype=torch.float64, device=units.device)
    _check_readers(at.readers, units, zero, at.layer)


def _check_readers(readers: Iterable[Reader | Relay], units: Tensor, value: Tensor, layer: Layer) -> None:
    for reader in readers:
        if isinstance(reader, Reader):
            reader.check(units, value, layer)
        else:
            _check_readers(reader.readers, units, reader.value(units), layer)


def _cut(found: list[tuple[Site, Tensor]]) -> None:
    """Cut these units; two calls joined by a depthwise convolution lose the units of both."""
    knife = _Knife()
    with torch.no_grad():
        for one, dead in found:
            units = knife.spare(one, dead.nonzero().flatten().to(one.maker.weight.device))
            zero = torch.zeros(len(units), dtype=torch.float64, device=units.device)
            knife.readers(one.readers, units, zero)
            knife.makers(one, units)
            if one.source is not None:
                knife.makers(one.source, units)


class _Knife:
    """Cuts by the numbers that units had at first, whatever was cut before."""

    def __init__(self) -> None:
        self.left: dict[tuple[int, str], Tensor] = {}

    def spare(self, at: Site, units: Tensor) -> Tensor:
        """These units without the last one of a layer, which stays."""
        relays = [reader.module for reader in at.readers if isinstance(reader, Relay)]
        for module in (at.maker, *relays, *([at.source.maker] if at.source else [])):
            left = self._left(module, "out")
            if bool(torch.isin(left, units).all()):
                units = units[units != left[0]]
        return units

    def makers(self, at: Site, units: Tensor) -> None:
        for module in (at.maker, *at.partners):
            self.cut(module, "out", units)
        if at.norm is not None:
            self.cut(at.norm, "out", units)

    def readers(self, readers: Iterable[Reader | Relay], units: Tensor, value: Tensor) -> None:
        norms: dict[int, Any] = {}
        for reader in readers:
            if isinstance(reader, Relay):
                self.readers(reader.readers, units, reader.value(units))
                self.cut(reader.module, "out", units)
                if reader.norm is not None:
                    self.cut(reader.norm, "out", units)
                continue
            self._absorb(reader, units, value)
            self.cut(reader.module, "in", reader.columns(units))
            norms |= {id(norm): norm for norm in reader.norms}
        for norm in norms.values():
            self.cut(norm, "out", units)

    def _absorb(self, reader: Reader, units: Tensor, value: Tensor) -> None:
        there = self._there(reader.module, "in", reader.columns(units))
        whole = there[:: reader.inner] if reader.inner > 1 else there
        norm_there = [self._there(norm, "out", units) for norm in reader.norms]
        if not bool(whole.any()):
            return
        at = self._positions(reader.module, "in", reader.columns(units[whole]))
        if reader.norms and not all(bool(one.all()) for one in norm_there):
            return
        local = units[whole]
        if reader.norms:
            local = self._positions(reader.norms[0], "out", local)
        Reader(reader.module, reader.norms, reader.inner).absorb(local, value[whole], at)

    def cut(self, module: Any, side: str, units: Tensor) -> None:
        """Take these outputs ("out") or inputs ("in") out of a module."""
        gone = units[self._there(module, side, units)]
        if not len(gone):
            return
        left = self._left(module, side)
        stay = ~torch.isin(left, gone)
        self.left[id(module), side] = left[stay]
        _select(module, stay.nonzero().flatten(), side)

    def _left(self, module: Any, side: str) -> Tensor:
        key = (id(module), side)
        if key not in self.left:
            self.left[key] = torch.arange(_size(module, side), device=_device(module))
        return self.left[key]

    def _there(self, module: Any, side: str, units: Tensor) -> Tensor:
        return torch.isin(units, self._left(module, side))

    def _positions(self, module: Any, side: str, units: Tensor) -> Tensor:
        return torch.searchsorted(self._left(module, side), units)


def _device(module: Any) -> torch.device:
    held = module.weight if module.weight is not None else module.running_mean
    return torch.device(held.device)


def _size(module: Any, side: str) -> int:
    if module.weight is None or (isinstance(module.weight, Tensor) and module.weight.ndim == 1):
        return int(module.num_features)
    return int(module.weight.shape[_axis(module, side)])


def _axis(module: Any, side: str) -> int:
    first = "in" if turned(module) else "out"
    return 0 if side == first else 1


def _select(module: Any, index: Tensor, side: str) -> None:
    """Keep these entries of a module's weights on one side."""
    weight = module.weight
    norm = weight is None or weight.ndim == 1
    was_depthwise = depthwise(module)
    axes = {"weight": 0 if norm else _axis(module, side)}
    if side == "out":
        axes |= dict.fromkeys(("bias", "running_mean", "running_var"), 0)
    for name, axis in axes.items():
        old = getattr(module, name, None)
        if old is None:
            continue
        new = old.detach().index_select(axis, index).clone()
        setattr(module, name, nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new)
    if norm:
        module.num_features = len(index)
    elif was_depthwise:
        module.in_channels = module.out_channels = module.groups = len(index)
    elif isinstance(module, nn.Linear):
        setattr(module, "in_features" if side == "in" else "out_features", len(index))
    elif isinstance(module, (*CONVS, *TRANSPOSED)):
        setattr(module, "in_channels" if side == "in" else "out_channels", len(index))
    elif is_conv1d(module):
        setattr(module, "nx" if side == "in" else "nf", len(index))
