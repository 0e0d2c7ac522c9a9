"""Where an activation call has a gradient, asked of autograd on the values that it was given."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from reluguide.doctor.spellings import INF, Kind, apart
from reluguide.doctor.wiring import Call


def slope(func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], z: Tensor) -> Tensor:
    """The derivative of `func(*args, **kwargs)` at each entry of `z`, one of its arguments."""
    with apart():
        leaf = z.detach().clone().requires_grad_()
        stand_in = leaf.clone()  # in-place activations may not write into a leaf
        swapped = [stand_in if arg is z else arg for arg in args]
        out = func(*swapped, **{key: stand_in if arg is z else arg for key, arg in kwargs.items()})
        (found,) = torch.autograd.grad(out.sum(), leaf, allow_unused=True)
        return torch.zeros_like(leaf) if found is None else found


def alive_units(
    call: Call, kind: Kind, z: Tensor, func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]
) -> Tensor:
    """bool (units,): whether the gradient is non-zero at any of these values."""
    if kind.by_slope:
        live = call.by_unit(slope(func, args, kwargs, z)) != 0
    else:
        rows = call.by_unit(z.detach())
        if kind.high == INF:
            highest = rows.amax(dim=(0, 2)) if rows.ndim == 3 else rows.amax(dim=0)
            return highest.float() > kind.low
        live = (rows > kind.low) & (rows < kind.high)
    return live.any(dim=2).any(dim=0) if live.ndim == 3 else live.any(dim=0)
