"""Gives dead units a fresh start."""

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.device import generator
from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.report import Report
from reluguide.doctor.surgery import Reader, Site, Sites, at_zero, chosen, turned
from reluguide.doctor.words import listed

ROUNDS = 4  # of raising biases, since a unit may first fire once those before it do


def revive(
    model: nn.Module,
    report: Report,
    *,
    seed: int = 0,
    layers: str | Iterable[str] | None = None,
    data: Any = None,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> nn.Module:
    """Draw the incoming weights of dead units anew and set their outgoing weights to 0, in place.

    So the outputs on the diagnosed data stay what they were (in eval mode), while gradients can reach the
    units again (Sokar et al. 2023 recycle dormant units in this way). Incoming weights are drawn from a
    normal distribution with variance 2 / inputs (He et al. 2015), biases become 0, and BatchNorm entries
    of these units start afresh. Parameters stay the same objects, so an optimizer goes on.

    Args:
        model: the model that was diagnosed. It is changed.
        report: of this model, in eval mode.
        seed: of the new weights; no other random state is touched.
        layers: names of the activation calls whose units are revived; all where there is none.
        data: batches that can be gone over again. With them it is checked that each unit now fires, biases
            of those that do not are raised until they do, and a warning names those that still do not.
        forward: as in `diagnose`, for `data`.
        optimizer: its moments for the weights of these units are set to 0.

    Returns:
        `model`.

    Raises:
        DiagnosisError: the report is of training mode, or a layer is no chain that can be changed (see
            `prune_dead`): with the name of the first such layer, and why. The model is then as it was.
    """
    draws = generator(seed)
    finder = Sites(model, report)
    sites = [finder.site(layer) for layer in chosen(report, layers)]
    doomed = [at_zero(at.layer).nonzero().flatten().to(at.maker.weight.device) for at in sites]
    for at, units in zip(sites, doomed):
        _check(at, units)
    moments = _Moments(optimizer)
    with torch.no_grad():
        for at, units in zip(sites, doomed):
            _silence(at, units, moments)
            _redraw(at, units, draws, moments)
    if data is not None and sites:
        _make_fire(model, list(zip(sites, doomed)), data, forward)
    return model


def _check(at: Site, units: Tensor) -> None:
    zero = torch.zeros(len(units), dtype=torch.float64, device=units.device)
    for reader in at.readers:
        if isinstance(reader, Reader):
            reader.check(units, zero, at.layer)


def _silence(at: Site, units: Tensor, moments: "_Moments") -> None:
    """Nothing that these units give is read any more."""
    zero = torch.zeros(len(units), dtype=torch.float64, device=units.device)
    for reader in at.readers:
        if not isinstance(reader, Reader):  # a depthwise convolution, which gives its bias either way
            reader.module.weight[units] = 0
            moments.clear(reader.module.weight, 0, units)
            continue
        columns = reader.columns(units)
        reader.absorb(units, zero, columns)
        axis = 0 if turned(reader.module) else 1
        reader.module.weight.index_fill_(axis, columns, 0)
        moments.clear(reader.module.weight, axis, columns)
        for norm in reader.norms:
            _restart(norm, units, moments)


def _redraw(at: Site, units: Tensor, draws: torch.Generator, moments: "_Moments") -> None:
    weight = at.maker.weight
    axis = 1 if turned(at.maker) else 0
    one = weight.movedim(axis, 0)
    shape = (len(units), *one.shape[1:])
    fresh = torch.randn(shape, generator=draws) * math.sqrt(2 / math.prod(shape[1:]))
    weight.index_copy_(axis, units, fresh.to(weight).movedim(0, axis))
    moments.clear(weight, axis, units)
    if at.maker.bias is not None:
        at.maker.bias[units] = 0
        moments.clear(at.maker.bias, 0, units)
    if at.norm is not None:
        _restart(at.norm, units, moments)


def _restart(norm: Any, units: Tensor, moments: "_Moments") -> None:
    for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
        if (tensor := getattr(norm, name)) is not None:
            tensor[units] = value
            moments.clear(tensor, 0, units)


def _make_fire(
    model: nn.Module, changed: list[tuple[Site, Tensor]], data: Any, forward: Callable[..., Any] | None
) -> None:
    """Raise the biases of units that do not fire on these data, until they do."""
    names = [at.layer.name for at, _ in changed]
    silent: dict[str, list[int]] = {}
    for attempt in range(ROUNDS + 1):
        report = diagnose(unwrapped(model), data, forward=forward, only=names)
        silent = {}
        for at, units in changed:
            layer = report[at.layer.name]
            still = units[layer.dead.to(units.device)[units]]
            if not len(still):
                continue
            silent[layer.name] = [int(unit) for unit in still]
            shift = at.norm.bias if at.norm is not None else at.maker.bias
            if attempt < ROUNDS and shift is not None:
                high, low = (
                    end.to(shift)[still] for end in (layer.preactivation_max, layer.preactivation_min)
                )
                with torch.no_grad():  # half of what it is given lies above 0 then
                    shift[still] += -(high + low) / 2 + 1e-3
        if not silent:
            return
    told = "; ".join(f"{name}, units {listed(units)}" for name, units in silent.items())
    warnings.warn(
        f"revived units that still do not fire on these data: {told}. What they are given may be the same for "
        "every sample, or the layer has no bias.",
        stacklevel=3,
    )


class _Moments:
    """What an optimizer remembers of its parameters."""

    def __init__(self, optimizer: torch.optim.Optimizer | None) -> None:
        self.optimizer = optimizer

    def clear(self, parameter: Any, axis: int, entries: Tensor) -> None:
        """Set to 0 what is remembered of these entries along `axis`."""
        state = self.optimizer.state.get(parameter) if self.optimizer is not None else None
        for kept in (state or {}).values():
            if isinstance(kept, Tensor) and kept.shape == parameter.shape:
                kept.index_fill_(axis, entries.to(kept.device), 0)
