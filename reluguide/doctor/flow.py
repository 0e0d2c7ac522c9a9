"""Where a tensor of the forward pass comes from: its axis of units, the layer that made it, its way.

A `Trail` follows each tensor from function to function. So the axis of units is the one that the
producing layer gave it, and is not guessed from a shape in which (batch, channels, time) and (batch,
time, features) look the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

INPUT = "the model's input"


@dataclass(frozen=True, slots=True)
class Norm:
    """A normalisation between a layer and its activation; `scale` and `shift` have one entry a unit."""

    name: str
    scale: Tensor | None
    shift: Tensor | None


@dataclass(frozen=True, slots=True)
class Feed:
    """The values of one activation call (or the model's input), and the norms that they passed since."""

    source: str
    through: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Producer:
    """The linear, convolution or matrix product that made the preactivations.

    `source` says whose values it was given, and is None where they came from several places.
    """

    name: str
    op: str
    weight: Tensor | None
    bias: Tensor | None
    source: str | None


@dataclass(slots=True, eq=False)  # not frozen, which would take longer to make; never changed
class Trail:
    """`axis`: of the units, from the end; each is `inner` entries wide. `direct`: nothing was added since."""

    axis: int | None = None
    inner: int = 1
    producer: Producer | None = None
    norm: Norm | None = None
    direct: bool = True
    feed: Feed | None = None
    pending: frozenset[str] = frozenset()

    def but(self, axis: int | None, inner: int, direct: bool, feed: Feed | None) -> "Trail":
        """This trail, with these entries instead."""
        return Trail(axis, inner, self.producer, self.norm, direct, feed, self.pending)


NOWHERE = Trail()


def _functions(*places: tuple[Any, str]) -> frozenset[Callable[..., Any]]:
    return frozenset(
        getattr(owner, name) for owner, names in places for name in names.split() if hasattr(owner, name)
    )


CONVOLUTIONS = {getattr(torch, f"conv{kind}{d}d"): -1 - d for d in (1, 2, 3) for kind in ("", "_transpose")}
PRODUCTS = _functions(
    (F, "linear bilinear embedding multi_head_attention_forward scaled_dot_product_attention"),
    (torch, "matmul mm bmm addmm baddbmm einsum tensordot"),
    (torch.Tensor, "matmul __matmul__ __rmatmul__ mm bmm addmm baddbmm"),
)
NORMS = _functions((F, "batch_norm instance_norm group_norm layer_norm rms_norm"))
RESHAPES = _functions(
    (torch, "flatten reshape unflatten squeeze unsqueeze"),
    (torch.Tensor, "flatten reshape reshape_as view view_as unflatten squeeze unsqueeze"),
)
MOVES = _functions(
    (torch, "permute transpose swapaxes swapdims movedim moveaxis t"),
    (torch.Tensor, "permute transpose swapaxes swapdims movedim moveaxis t"),
) | {getattr(torch.Tensor, name).__get__ for name in ("T", "mT")}
# What these give for a unit depends on that unit alone, and is zero where the unit is zero throughout.
POOLS: dict[Callable[..., Any], int] = {  # and the number of trailing axes that they pool
    function: d
    for d in (1, 2, 3)
    for function in _functions(
        (F, f"max_pool{d}d avg_pool{d}d lp_pool{d}d adaptive_max_pool{d}d adaptive_avg_pool{d}d"),
        (F, f"max_pool{d}d_with_indices adaptive_max_pool{d}d_with_indices"),
        (torch, f"max_pool{d}d avg_pool{d}d adaptive_avg_pool{d}d"),
    )
}
SAME = _functions(
    (F, "dropout dropout1d dropout2d dropout3d"),
    (torch, "dropout clone detach"),
    (torch.Tensor, "contiguous to cpu cuda float double half bfloat16 type clone detach type_as"),
)
# Of the pools, those that keep a zero but not every constant: they pad, or scale.
ZERO_ONLY = _functions(*((F, f"avg_pool{d}d lp_pool{d}d") for d in (1, 2, 3)), (torch, "avg_pool1d"))


def moved_axis(before: Tensor, axis: int, after: Tensor) -> int | None:
    """Where `axis` went in a view that only reorders axes; None where strides do not tell."""
    size, stride = before.shape[axis], before.stride(axis)
    there = [
        d - after.ndim for d in range(after.ndim) if after.shape[d] == size and after.stride(d) == stride
    ]
    return there[0] if len(there) == 1 else None


def reshaped_axis(
    before: tuple[int, ...], axis: int, inner: int, after: tuple[int, ...]
) -> tuple[int, int] | None:
    """(axis, inner) after a row-major reshape, where units still lie on one axis; else None.

    Flattening (batch, 8 channels, 4, 4) to (batch, 128) leaves 8 units, each 16 entries wide.
    """
    units = before[axis] // inner
    step = math.prod(before[axis % len(before) + 1 :]) * inner
    for d in range(len(after)):
        below = math.prod(after[d + 1 :])
        if below and step % below == 0 and after[d] == units * (step // below):
            return d - len(after), step // below
    return None


def inherited(trail: Trail, func: Callable[..., Any], before: Tensor, out: Tensor) -> Trail:
    """The trail of what a function other than a layer made of a tensor whose trail is known."""
    axis, inner, feed = trail.axis, trail.inner, trail.feed
    if func in POOLS:
        if axis is not None and axis >= -POOLS[func]:
            axis = feed = None  # it pools over units
        elif feed is not None and (feed.source == INPUT or (feed.through and func in ZERO_ONLY)):
            feed = None
        return trail.but(axis, inner, trail.direct, feed)
    if axis is not None:
        if func in RESHAPES:
            axis, inner = reshaped_axis(tuple(before.shape), axis, inner, tuple(out.shape)) or (None, 1)
        elif func in MOVES:
            axis = moved_axis(before, axis, out)
        elif out.ndim != before.ndim:
            axis = moved_axis(before, axis, out) if out._is_view() else None
    if func in RESHAPES or func in SAME:
        return trail.but(axis, inner, trail.direct, feed)
    if func in MOVES:
        return trail.but(axis, inner, trail.direct, None if feed and feed.source == INPUT else feed)
    return trail.but(axis, inner, False, None)
