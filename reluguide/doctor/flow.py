"""Where a tensor of the forward pass comes from: where its units lie, the layer that made it, its way.

A `Trail` follows each tensor from function to function. So the axes of units are those that the
producing layer gave it, and are not guessed from a shape in which (batch, channels, time) and (batch,
time, features) look the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.doctor.handmade import Chain, Root
from reluguide.doctor.layout import Layout, broadcast, fits, reshaped, simple

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

    `name` is that of the module, `part` what tells weights of one module apart, such as "[3]" for the
    fourth expert. `source` says whose values it was given, and is None where they came from several places.
    `layer` is false where it is an activation, whose values go through another one. `of`: how many such
    parts, or groups of rows, there are. `weighs`: it has a weight made of parameters.
    """

    name: str
    op: str
    weight: Tensor | None
    bias: Tensor | None
    source: str | None
    part: str = ""
    layer: bool = True
    of: int = 0
    weighs: bool = False


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor made of parameters alone.

    `owner`: the module that has the parameter. `rows`: which of its `of` entries each row of the data was given. `copies`: axes along which it says
    the same.
    """

    label: str
    owner: str
    rows: Tensor | None = None
    copies: frozenset[int] = frozenset()
    of: int = 0


@dataclass(slots=True, eq=False)  # not frozen, which would take longer to make
class Trail:
    """`layout`: where the units lie, None where that is not known. `direct`: nothing was added since.

    `cut` says which part of the producer's units is left after a split, `groups` which of several sets of
    units (the experts of a mixture) each row along the first axis belongs to. `root` and `chain` are of
    the functions of each entry that ran since (see `handmade`).
    """

    layout: Layout | None = None
    producer: Producer | None = None
    norm: Norm | None = None
    direct: bool = True
    feed: Feed | None = None
    pending: frozenset[str] = frozenset()
    cut: str = ""
    groups: Tensor | None = None
    root: Root | None = None
    chain: Chain | None = None

    @property
    def maker(self) -> Producer | None:
        """The layer whose output this is, unit by unit and with nothing added; None where there is none."""
        return self.producer if self.direct and self.producer is not None and self.producer.layer else None

    def but(self, layout: Layout | None, direct: bool, feed: Feed | None) -> "Trail":
        """This trail, with these entries instead, at the start of a chain of its own."""
        return Trail(layout, self.producer, self.norm, direct, feed, self.pending, self.cut, self.groups)


NOWHERE = Trail()


def _functions(*places: tuple[Any, str]) -> frozenset[Callable[..., Any]]:
    return frozenset(
        getattr(owner, name) for owner, names in places for name in names.split() if hasattr(owner, name)
    )


CONVOLUTIONS = {getattr(torch, f"conv{kind}{d}d"): -1 - d for d in (1, 2, 3) for kind in ("", "_transpose")}
NORMS = _functions((F, "batch_norm instance_norm group_norm layer_norm rms_norm"))
RESHAPES = _functions(
    (torch, "flatten reshape unflatten squeeze unsqueeze"),
    (torch.Tensor, "flatten reshape reshape_as view view_as unflatten squeeze unsqueeze"),
)
MOVES = _functions(
    (torch, "permute transpose swapaxes swapdims movedim moveaxis t"),
    (torch.Tensor, "permute transpose transpose_ swapaxes swapdims movedim moveaxis t t_"),
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


def moved(layout: Layout, func: Callable[..., Any], args: Any, kwargs: Any, before: Tensor) -> Layout | None:
    """The layout after a function that only reorders axes: it is tried on a stand-in of telling sizes."""
    stand_in = torch.empty(1).expand(tuple(range(2, before.ndim + 2)))
    try:
        swapped = [stand_in if one is before else one for one in args]
        there = func(*swapped, **{key: stand_in if one is before else one for key, one in kwargs.items()})
    except Exception:  # a function that looks at the values as well
        return None
    if not isinstance(there, torch.Tensor):
        there = there[0]
    return tuple(layout[size - 2] for size in there.shape)


SLICES = frozenset(
    [
        "__getitem__",
        "chunk",
        "split",
        "narrow",
        "index_select",
        "unbind",
        "select",
        "tensor_split",
        "unsafe_chunk",
        "unsafe_split",
        "hsplit",
        "vsplit",
        "dsplit",
        "masked_select",
        "take_along_dim",
        "gather",
        "cat",
        "concat",
        "concatenate",
        "hstack",
        "vstack",
    ]
)


def cut_from(layout: Layout, func: Callable[..., Any], before: Tensor, out: Tensor) -> Layout | None:
    """The layout of part of a tensor, such as one half of its units, or of several joined; None where unknown."""
    if out.ndim == before.ndim:
        if getattr(func, "__name__", "") not in SLICES and any(
            factors is not None and had != have for factors, had, have in zip(layout, before.shape, out.shape)
        ):
            return None
        return tuple(
            factors if factors is None or have == had else ((have, 1),) if len(factors) == 1 else None
            for factors, had, have in zip(layout, before.shape, out.shape)
        )
    if out.ndim == before.ndim - 1 and out._is_view():
        for gone in range(before.ndim):
            left = [k for k in range(before.ndim) if k != gone]
            same = all(
                before.shape[k] == out.shape[j] and (before.stride(k) == out.stride(j) or out.shape[j] == 1)
                for j, k in enumerate(left)
            )
            if same:  # one entry of an axis is a whole number of its units only if that axis has none
                return tuple(layout[k] for k in left)
    return None


def picked(layout: Layout, func: Callable[..., Any], before: Tensor, out: Tensor) -> Layout | None:
    """The layout of entries picked by tensors of indices or a mask over the first axes."""
    if getattr(func, "__name__", "") != "__getitem__" or not 0 < out.ndim < before.ndim:
        return None
    behind = before.ndim - out.ndim + 1
    if any(layout[:behind]) or before.shape[behind:] != out.shape[1:]:
        return None
    return (None, *layout[behind:])


def reduced(
    layout: Layout, func: Callable[..., Any], args: Any, kwargs: Any, before: Tensor, out: Tensor
) -> Layout | None:
    """The layout of a sum, a mean, a maximum over some axes."""
    if out.ndim >= before.ndim:
        return None
    try:
        new = moved(layout, func, args, kwargs, before)
    except (IndexError, TypeError):
        return None
    return new if new is not None and any(new) and fits(new, out.shape) else None


def inherited(
    trail: Trail, func: Callable[..., Any], before: Tensor, out: Tensor, args: Any, kwargs: Any
) -> Trail:
    """The trail of what a function other than a layer made of a tensor whose trail is known."""
    layout, feed = trail.layout, trail.feed
    if func in POOLS:
        at = simple(layout) if layout is not None else None
        if at is None or at[0] >= -POOLS[func]:
            layout = feed = None  # it pools over units
        elif feed is not None and (feed.source == INPUT or (feed.through and func in ZERO_ONLY)):
            feed = None
        return trail.but(layout, trail.direct, feed)
    if func in RESHAPES:
        layout = reshaped(layout, before.shape, out.shape) if layout is not None else None
        new = trail.but(layout, trail.direct, feed)
        return new if _same_rows(before, out) else without_groups(new)
    if func in MOVES:
        layout = moved(layout, func, args, kwargs, before) if layout is not None else None
        return without_groups(
            trail.but(layout, trail.direct, None if feed and feed.source == INPUT else feed)
        )
    if func in SAME:
        return trail.but(layout, trail.direct, feed)
    if layout is not None:
        layout = (
            broadcast(layout, out.shape)
            or cut_from(layout, func, before, out)
            or picked(layout, func, before, out)
            or reduced(layout, func, args, kwargs, before, out)
        )
    new = trail.but(layout, False, None)
    return new if _same_rows(before, out) else without_groups(new)


def without_groups(trail: Trail) -> Trail:
    """A trail of rows that are no longer those of its groups: where its units lie is not known then."""
    if trail.groups is not None:
        trail.groups = trail.layout = None
    return trail


def _same_rows(before: Tensor, out: Tensor) -> bool:
    return before.ndim > 0 and out.ndim > 0 and before.shape[0] == out.shape[0]
