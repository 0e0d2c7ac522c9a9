"""Takes dead units out of a model."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.bounds import Box, proved_dead
from reluguide.doctor.errors import DiagnosisError
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
from reluguide.doctor.words import counted


def prune_dead(
    model: nn.Module, report: Report, *, box: Box | None = None, layers: str | Iterable[str] | None = None
) -> nn.Module:
    """A copy of `model` without the units that are dead in `report`.

    Its outputs equal those of `model` in eval mode, up to the rounding of shorter sums, on the data that
    was diagnosed, and only there: a unit that was dead on it may fire elsewhere. With a box only those units
    are taken out that interval bounds prove dead for every input inside; then outputs agree there. One unit
    of a layer always stays.

    Works on chains of Linear, Conv (depthwise ones too), ConvTranspose, transformers' Conv1D, gated MLPs and
    BatchNorm; on Linear and BatchNorm only with a box.

    Args:
        model: the model that was diagnosed; it is left as it is.
        report: of this model, in eval mode.
        box: (low, high), numbers or tensors of shape (features,): bounds of the model's input.
        layers: names of the activation calls to prune; all that have dead units where there is none.

    Returns:
        The smaller copy.

    Raises:
        DiagnosisError: the report is of training mode, or a layer cannot be pruned: with the name of the first
            such layer, and why.
    """
    smaller = copy.deepcopy(unwrapped(model))
    sites = Sites(smaller, report)
    found = [sites.site(layer) for layer in chosen(report, layers)]
    doomed = [_doomed(smaller, report, one.layer, box) for one in found]
    for one, units in zip(found, doomed):
        _check(one, units)
    _cut(list(zip(found, doomed)))
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


def prune_where_possible(model: nn.Module, report: Report, *, box: Box | None = None) -> Pruned:
    """`prune_dead` in every layer that allows it; the others stay as they are, and are listed with the reason.

    Args:
        model: the model that was diagnosed; it is left as it is.
        report: of this model, in eval mode.
        box: as in `prune_dead`.

    Raises:
        DiagnosisError: the report is of training mode.
    """
    smaller = copy.deepcopy(unwrapped(model))
    sites = Sites(smaller, report)
    found: list[tuple[Site, Tensor]] = []
    refused: dict[str, str] = {}
    for layer in chosen(report, None):
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
    return Pruned(smaller, cut, refused)


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
