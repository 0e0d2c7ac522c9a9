"""Takes dead units out of a model."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.bounds import Box, proved_dead
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.report import Report
from reluguide.doctor.surgery import AFFINE, Site, at_zero, chosen, site


def prune_dead(
    model: nn.Module, report: Report, *, box: Box | None = None, layers: str | Iterable[str] | None = None
) -> nn.Module:
    """A copy of `model` without the units that are dead in `report`.

    Its outputs equal those of `model` in eval mode, up to the rounding of shorter sums, on the data that
    was diagnosed, and only there: a unit that was dead on it may fire elsewhere. With a box only those units
    are taken out that interval bounds prove dead for every input inside; then outputs agree there. One unit
    of a layer always stays.

    Works on chains of Linear, Conv and BatchNorm, on Linear and BatchNorm only with a box.

    Args:
        model: the model that was diagnosed; it is left as it is.
        report: what `diagnose` gave for it.
        box: (low, high), numbers or tensors of shape (features,): bounds of the model's input.
        layers: names of the activation calls to prune; all that have dead units if it is left out.

    Returns:
        The smaller copy.

    Raises:
        DiagnosisError: with the name of the first layer that cannot be pruned, and why.
    """
    smaller = copy.deepcopy(unwrapped(model))
    sites = [site(smaller, report, layer) for layer in chosen(report, layers)]
    if box is None:
        doomed = [at_zero(one.layer) for one in sites]
    else:
        doomed = [at_zero(one.layer) & proved_dead(smaller, report, one.layer, box) for one in sites]
    with torch.no_grad():
        for one, units in zip(sites, doomed):
            _remove(one, units)
    return smaller


def _remove(at: Site, dead: Tensor) -> None:
    if bool(dead.all()):
        dead = dead.clone()
        dead[0] = False  # a layer without units is no layer
    where = at.maker.weight.device
    gone, stay = dead.nonzero().flatten().to(where), (~dead).nonzero().flatten().to(where)
    for reader in at.readers:
        reader.absorb(gone, at.layer)
        _select(reader.module, reader.columns(stay), axis=1)
    for norm in {id(norm): norm for reader in at.readers for norm in reader.norms}.values():
        _select(norm, stay, axis=0)
    _select(at.maker, stay, axis=0)
    if at.norm is not None:
        _select(at.norm, stay, axis=0)


def _select(module: Any, index: Tensor, *, axis: int) -> None:
    """Keep these entries of a module's weights along `axis`: 0 for outputs, 1 for inputs."""
    names = ("weight",) if axis else ("weight", "bias", "running_mean", "running_var")
    for name in names:
        old = getattr(module, name, None)
        if old is None:
            continue
        new = old.detach().index_select(axis, index).clone()
        setattr(module, name, nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new)
    if isinstance(module, nn.Linear):
        setattr(module, "in_features" if axis else "out_features", len(index))
    elif isinstance(module, AFFINE):
        setattr(module, "in_channels" if axis else "out_channels", len(index))
    else:
        module.num_features = len(index)
