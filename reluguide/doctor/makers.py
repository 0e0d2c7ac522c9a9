"""The layers that make units: linear, convolution, any product with a weight; and what they read."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.doctor.flow import CONVOLUTIONS, Producer, Trail, Weight
from reluguide.doctor.layout import Layout, on_axes, on_axis
from reluguide.doctor.products import GROUPED, LINEAR, Product, groups_of, product
from reluguide.doctor.tracks import THE_MODEL, Tracks
from reluguide.doctor.wiring import Consumer

Known = list[tuple[Tensor, Trail]]


def produced(tracks: Tracks, func: Any, args: Any, kwargs: Any, known: Known, out: Tensor) -> Trail:
    """The trail of what a layer gives, after noting in the wiring what it reads."""
    trail = _produced(tracks, func, args, kwargs, known, out)
    made = trail.producer
    if made is not None and made.weighs and (made.name != tracks.path or not made.name):
        # No module was called that will say so when it is left.
        name = made.name or THE_MODEL
        tracks.wiring.unanswered.setdefault(name)
        trail.pending = trail.pending | {name}
    return trail


def _produced(tracks: Tracks, func: Any, args: Any, kwargs: Any, known: Known, out: Tensor) -> Trail:
    name = str(func.__name__)
    simple = func in CONVOLUTIONS or func is F.linear
    data, weight, bias = _operands(tracks, name, args, kwargs, simple)
    mark = tracks.weight(weight) if weight is not None else None
    path = tracks.layer(mark)
    tracks.used[path] += 1
    axis = CONVOLUTIONS.get(func, -1) if simple or data is not None else None
    source = _read(tracks, name, path, data, known, axis)
    part = mark.label if mark is not None and mark.label != "weight" else ""
    plain = weight if isinstance(weight, Tensor) and (simple or name in ("addmm", "matmul", "mm")) else None
    maker = Producer(
        path, name, plain, bias, source, part, of=mark.of if mark is not None else 0, weighs=mark is not None
    )
    if func in CONVOLUTIONS:
        return Trail(on_axis(out.ndim, CONVOLUTIONS[func], out.shape[CONVOLUTIONS[func]]), producer=maker)
    if func in LINEAR or func is F.embedding:
        if mark is not None and mark.rows is not None:
            return Trail(None, producer=maker)
        return Trail(on_axis(out.ndim, -1, out.shape[-1]), producer=maker)
    if name in GROUPED:
        return _grouped(args, kwargs, out, maker)
    if func is F.multi_head_attention_forward:
        return Trail(on_axis(out.ndim, -1, out.shape[-1]), producer=maker)
    if func is F.scaled_dot_product_attention:
        trail = tracks.trail(args[2]) if len(args) > 2 else None
        layout = trail.layout if trail is not None else None
        return Trail(layout, producer=trail.producer if trail else None, direct=False)
    of = product(name, args, kwargs, out)
    return _of_product(tracks, of, maker, known, out) if of is not None else Trail(None, producer=maker)


def _operands(
    tracks: Tracks, name: str, args: Any, kwargs: Any, simple: bool
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """(data, weight, bias) of a layer, where one operand is a weight."""

    def argument(position: int, key: str) -> Any:
        return args[position] if len(args) > position else kwargs.get(key)

    if simple:
        return argument(0, "input"), argument(1, "weight"), argument(2, "bias")
    if name == "embedding":
        return argument(0, "input"), argument(1, "weight"), None
    if name == "addmm":
        bias, one, other = argument(0, "input"), argument(1, "mat1"), argument(2, "mat2")
        if tracks.weight(other) is not None and tracks.weight(one) is None:
            return one, other, bias if isinstance(bias, Tensor) and tracks.weight(bias) else None
    pair = args[:2] if name in ("matmul", "mm", "__matmul__") and len(args) == 2 else None
    if pair and tracks.weight(pair[1]) is not None and tracks.weight(pair[0]) is None:
        return pair[0], pair[1], None
    every = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
    marked = [one for one in every if tracks.weight(one) is not None and one.ndim > 1]
    return None, marked[0] if len(marked) == 1 else None, None


def _read(
    tracks: Tracks, name: str, path: str, data: Tensor | None, known: Known, axis: int | None
) -> str | None:
    """Note who reads what; the one activation (or the input) that is read, where it is one."""
    sources = set()
    for tensor, trail in known:
        tracks.leak(trail, name)
        if trail.feed is None:
            continue
        sources.add(trail.feed.source)
        inner = _inner(trail.layout, axis)
        if tensor is data and axis is not None and inner is not None and trail.groups is None:
            consumer = Consumer(path, trail.feed.through, inner)
            tracks.wiring.consumers.setdefault(trail.feed.source, set()).add(consumer)
        else:
            tracks.escape(trail.feed, name)
    return sources.pop() if len(sources) == 1 else None


def _inner(layout: Layout | None, axis: int | None) -> int | None:
    """How many inputs a layer has for each unit, where it reads units; None where it reads across them."""
    from reluguide.doctor.layout import simple

    if layout is None or axis is None:
        return 1
    at = simple(layout)
    return at[1] if at is not None and at[0] == axis else None


def _grouped(args: Any, kwargs: Any, out: Tensor, maker: Producer) -> Trail:
    offsets = kwargs.get("offs", args[2] if len(args) > 2 else None)
    if not isinstance(offsets, Tensor) or out.ndim != 2:
        return Trail(None, producer=maker)
    groups = groups_of(offsets, out.shape[0])
    maker = replace(maker, of=len(offsets))
    return Trail(on_axis(2, -1, out.shape[-1]), producer=maker, groups=groups)


def _of_product(tracks: Tracks, of: Product, maker: Producer, known: Known, out: Tensor) -> Trail:
    marks = [tracks.weight(operand) for operand in of.operands]
    weights = [k for k, mark in enumerate(marks) if mark is not None]
    if len(weights) != 1:
        return _of_data(tracks, of, out)
    at = weights[0]
    weight, mark = of.operands[at], marks[at]
    rows = mark.rows if mark is not None else None
    axes = [
        axis
        for d, axis in enumerate(of.axes[at])
        if axis is not None and not (rows is not None and d == 0) and not _repeated(weight, mark, d)
    ]
    if len(set(axes)) != len(axes) or (rows is not None and of.axes[at][0] != 0):
        return Trail(None, producer=maker)
    return Trail(on_axes(out.shape, axes), producer=maker, groups=rows)


def _repeated(weight: Tensor, mark: Weight | None, axis: int) -> bool:
    """Whether a weight says the same all along an axis, as one that was expanded to a batch."""
    return (weight.shape[axis] > 1 and weight.stride(axis) == 0) or (mark is not None and axis in mark.copies)


def _of_data(tracks: Tracks, of: Product, out: Tensor) -> Trail:
    """A product of what are all data (attention, a graph's neighbours): units stay where an operand had them."""
    for operand, axes in zip(of.operands, of.axes):
        trail = tracks.trail(operand)
        if trail is None or trail.layout is None or len(trail.layout) != len(axes):
            continue
        layout: list[Any] = [None] * out.ndim
        lost = False
        for factors, axis in zip(trail.layout, axes):
            if factors is None:
                continue
            if axis is None:
                lost = True
            else:
                layout[axis] = factors
        if not lost:
            return Trail(tuple(layout), producer=trail.producer, direct=False, cut=trail.cut)
    return Trail(None)


def weight_made(
    func: Any, args: Any, kwargs: Any, out: Tensor, index: int | None, mark: Weight, before: Tensor
) -> Weight:
    """The mark of what a function made of parameters alone."""
    name = getattr(func, "__name__", "")
    if name in ("__getitem__", "select", "index_select", "unbind", "chunk", "split"):
        at = args[1] if name == "__getitem__" and len(args) > 1 else None
        if name == "select":
            at = args[2] if len(args) > 2 else kwargs.get("index")
        if name == "index_select":
            at = args[2] if len(args) > 2 else kwargs.get("index")
        if index is not None:
            at = index
        if isinstance(at, Tensor) and at.ndim == 1 and at.dtype in (torch.int64, torch.int32):
            return Weight(mark.label, mark.owner, at, of=before.shape[0])
        if isinstance(at, Tensor) and at.ndim == 0:
            at = int(at.item())
        if isinstance(at, int) and not isinstance(at, bool):
            return Weight(f"{mark.label}[{at}]", mark.owner, mark.rows, of=before.shape[0])
        return Weight(f"{mark.label}[{at!r:.40}]" if at is not None else mark.label, mark.owner, mark.rows)
    if name in ("repeat", "tile", "repeat_interleave"):
        more = out.ndim - before.ndim
        grown = [k for k in range(out.ndim) if k < more or out.shape[k] != before.shape[k - more]]
        return Weight(mark.label, mark.owner, mark.rows, copies=frozenset(grown))
    kept = mark.copies if out.ndim == before.ndim and out.shape == before.shape else frozenset()
    return Weight(mark.label, mark.owner, mark.rows, copies=kept, of=mark.of)
