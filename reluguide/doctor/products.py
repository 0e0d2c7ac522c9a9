"""Where the units lie in what a matrix product gives: on the axes that its weights bring along.

In `x @ w.T` that is the last one, in `w @ x` the one before it, in `einsum("bti,hdi->bhtd", x, w)` the
two that w has and that are left. Which operand is the weight is told by where it comes from: parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

LINEAR = (F.linear, F.bilinear)
OPAQUE = tuple(  # they mix what they are given in ways of their own
    one
    for one in (F.embedding, F.multi_head_attention_forward, F.scaled_dot_product_attention)
    if one is not None
)
KEEPS_ITS_RESULT = (F.scaled_dot_product_attention,)  # for its own backward pass: not to be written into
MATMUL = frozenset(["matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "dot", "inner", "vdot"])
ADDED = frozenset(["addmm", "addmm_", "baddbmm", "baddbmm_", "addbmm", "addmv", "addmv_"])
GROUPED = frozenset(["grouped_mm", "_grouped_mm", "grouped_mm_fallback", "transformers::grouped_mm_fallback"])
OTHERS = frozenset(["einsum", "tensordot"])


@dataclass(frozen=True)
class Product:
    """One product: its operands, and for each the axes of the result that its axes became.

    `axes[k][d]` is the axis of the result (from 0) that axis d of operand k became, or None where it was
    summed over.
    """

    operands: tuple[Tensor, ...]
    axes: tuple[tuple[int | None, ...], ...]


def is_product(func: Callable[..., Any], name: str) -> bool:
    """Whether a function is a matrix product of any kind (convolutions aside)."""
    return (
        func in LINEAR
        or func in OPAQUE
        or name in MATMUL
        or name in ADDED
        or name in OTHERS
        or name in GROUPED
    )


def product(name: str, args: Any, kwargs: Any, out: Tensor) -> Product | None:
    """How the axes of the operands and of the result belong together; None where that is not known."""
    if name in MATMUL or name in ADDED:
        given = [*args, *kwargs.values()]
        tensors = [one for one in given if isinstance(one, Tensor)]
        if name in ADDED:
            tensors = tensors[1:]
        if len(tensors) != 2:
            return None
        one, other = tensors if name != "__rmatmul__" else tensors[::-1]
        if name == "inner":
            other = other.mT if other.ndim > 1 else other
        return _matmul(one, other, out)
    if name == "einsum":
        return _einsum(args, out)
    if name == "tensordot":
        return _tensordot(args, kwargs)
    return None


def _matmul(one: Tensor, other: Tensor, out: Tensor) -> Product:
    left: list[int | None] = list(range(out.ndim))
    a: list[int | None] = [None] * one.ndim
    b: list[int | None] = [None] * other.ndim
    column = out.ndim - 1 if other.ndim > 1 else None
    row = None if one.ndim < 2 else out.ndim - (2 if other.ndim > 1 else 1)
    if column is not None:
        b[-1] = column
    if row is not None:
        a[-2] = row
    batch = [k for k in left if k not in (column, row)]
    for axes, tensor in ((a, one), (b, other)):
        lead = max(0, tensor.ndim - 2)
        for k in range(lead):
            at = batch[len(batch) - lead + k]
            axes[k] = at if at is not None and tensor.shape[k] == out.shape[at] else None
    return Product((one, other), (tuple(a), tuple(b)))


def _einsum(args: Any, out: Tensor) -> Product | None:
    if not args or not isinstance(args[0], str):
        return None  # the form with lists of numbers
    operands = args[1:] if len(args) > 2 or not isinstance(args[1], (tuple, list)) else args[1]
    given, _, result = args[0].replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != len(operands):
        return None
    if not result and "->" not in args[0]:
        letters = given.replace(",", "").replace("...", "")
        result = "..." * ("..." in given) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    after = _labels(result, out.ndim)
    axes = []
    for term, tensor in zip(terms, operands):
        axes.append(tuple(after.index(c) if c in after else None for c in _labels(term, tensor.ndim)))
    return Product(tuple(operands), tuple(axes))


def _labels(term: str, ndim: int) -> list[str]:
    """A name for each axis; those under the dots are counted from their end."""
    before, dots, behind = term.partition("...")
    hidden = ndim - len(before) - len(behind) if dots else 0
    return [*before, *(f".{hidden - k}" for k in range(hidden)), *behind]


def _tensordot(args: Any, kwargs: Any) -> Product | None:
    one, other, *rest = args
    dims: Any = rest[0] if rest else kwargs.get("dims", 2)
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        summed: Sequence[Sequence[int]] = (range(one.ndim - dims, one.ndim), range(dims))
    else:
        summed = dims
    axes, at = [], 0
    for tensor, gone in zip((one, other), summed):
        left: list[int | None] = []
        lost = {k % tensor.ndim for k in gone}
        for k in range(tensor.ndim):
            left.append(None if k in lost else at)
            at += k not in lost
        axes.append(tuple(left))
    return Product((one, other), tuple(axes))


def groups_of(offsets: Tensor, rows: int) -> Tensor:
    """For each row, which group it belongs to, from where the groups end."""
    return torch.searchsorted(offsets.long(), torch.arange(rows, device=offsets.device), right=True)
