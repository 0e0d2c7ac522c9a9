"""Gives dead units a fresh start."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.device import generator
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.report import Report
from reluguide.doctor.surgery import at_zero, chosen, site


def revive(
    model: nn.Module, report: Report, *, seed: int = 0, layers: str | Iterable[str] | None = None
) -> nn.Module:
    """Draw the incoming weights of dead units anew and set their outgoing weights to 0, in place.

    So the outputs on the diagnosed data stay what they were (in eval mode), while gradients can reach the
    units again (Sokar et al. 2023 recycle dormant units in this way). Incoming weights are drawn from a
    normal distribution with variance 2 / inputs (He et al. 2015), biases become 0, and BatchNorm entries
    of these units start afresh. Parameters stay the same objects, so an optimizer goes on; its moments for
    these units are not reset. Works on chains of Linear, Conv and BatchNorm.

    Args:
        model: the model that was diagnosed; it is changed.
        report: what `diagnose` gave for it.
        seed: of the new weights.
        layers: names of the activation calls to revive; all that have dead units if it is left out.

    Returns:
        The same model.

    Raises:
        DiagnosisError: with the name of the first layer that cannot be revived, and why.
    """
    draws = generator(seed)
    sites = [site(unwrapped(model), report, layer) for layer in chosen(report, layers)]
    with torch.no_grad():
        for at in sites:
            weight = at.maker.weight
            units = at_zero(at.layer).nonzero().flatten().to(weight.device)
            for reader in at.readers:
                reader.absorb(units, at.layer)
                reader.module.weight[:, reader.columns(units)] = 0
                for norm in reader.norms:
                    _restart(norm, units)
            shape = (len(units), *weight.shape[1:])
            fresh = torch.randn(shape, generator=draws) * math.sqrt(2 / math.prod(weight.shape[1:]))
            weight[units] = fresh.to(weight)
            if at.maker.bias is not None:
                at.maker.bias[units] = 0
            if at.norm is not None:
                _restart(at.norm, units)
    return model


def _restart(norm: Any, units: Tensor) -> None:
    for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
        if (tensor := getattr(norm, name)) is not None:
            tensor[units] = value
