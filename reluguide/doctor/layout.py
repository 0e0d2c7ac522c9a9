"""On which axes of a tensor the units of a layer lie, through views and copies that move them.

Units often share an axis with something else, or lie on several: (batch, 8 channels, 4, 4) flattened to
(batch, 128) has 8 units, each 16 entries wide; (batch, time, 128) split to (batch, time, 4 heads, 32) has
its 128 units on two axes. A layout says of each axis which factors of its size count units.
"""

import math
from collections.abc import Sequence

from torch import Tensor

# (size, step): the next entry is `step` units on; step 0 where it is another value of the same unit.
Factor = tuple[int, int]
# For each axis its factors, slowest first; None for an axis without units, of whatever size.
Layout = tuple[tuple[Factor, ...] | None, ...]


def on_axis(ndim: int, axis: int, size: int) -> Layout:
    """The layout of `size` units on one axis."""
    at = axis % ndim
    return tuple(((size, 1),) if k == at else None for k in range(ndim))


def on_axes(shape: Sequence[int], axes: Sequence[int]) -> Layout:
    """The layout of units counted over several axes, the last one fastest."""
    out: list[tuple[Factor, ...] | None] = [None] * len(shape)
    step = 1
    for axis in reversed(axes):
        out[axis] = ((shape[axis], step),)
        step *= shape[axis]
    return tuple(out)


def units_of(layout: Layout) -> int:
    """How many units there are."""
    return math.prod(size for factors in layout if factors for size, step in factors if step)


def simple(layout: Layout) -> tuple[int, int] | None:
    """(axis from the end, entries a unit) where all units lie on one axis, in order; else None."""
    at = [k for k, factors in enumerate(layout) if factors]
    if len(at) != 1:
        return None
    factors = layout[at[0]] or ()
    if factors[0][1] == 1 and (len(factors) == 1 or (len(factors) == 2 and not factors[1][1])):
        return at[0] - len(layout), factors[1][0] if len(factors) == 2 else 1
    return None


def fits(layout: Layout, shape: Sequence[int]) -> bool:
    """Whether a tensor of this shape can have this layout."""
    return len(layout) == len(shape) and all(
        factors is None or math.prod(size for size, _ in factors) == have
        for factors, have in zip(layout, shape)
    )


def broadcast(layout: Layout, shape: Sequence[int]) -> Layout | None:
    """The layout of a tensor of this shape that a function of each entry made; None where it cannot be."""
    if len(shape) < len(layout):
        return None
    new = (None,) * (len(shape) - len(layout)) + layout
    return new if fits(new, shape) else None


def reshaped(layout: Layout, before: Sequence[int], after: Sequence[int]) -> Layout | None:
    """The layout after a row-major reshape; None where units and other entries no longer part."""
    queue = [
        factor
        for factors, size in zip(layout, before)
        for factor in (((size, 0),) if factors is None else factors)
        if factor[0] != 1
    ]
    queue = _merged(queue)[::-1]
    out: list[tuple[Factor, ...] | None] = []
    for size in after:
        taken: list[Factor] = []
        while size > 1:
            if not queue:
                return None
            have, step = queue.pop()
            if size % have == 0:
                taken.append((have, step))
                size //= have
            elif have % size == 0:  # its faster part belongs to the next axis
                rest = have // size
                taken.append((size, step * rest))
                queue.append((rest, step))
                size = 1
            else:
                return None
        out.append(tuple(taken) if any(step for _, step in taken) else None)
    return None if queue else tuple(out)


def rows(z: Tensor, layout: Layout) -> Tensor:
    """`z` as (values, units)."""
    sizes: list[int] = []
    steps: list[int] = []
    for factors, size in zip(layout, z.shape):
        for one in ((size, 0),) if factors is None else factors:
            sizes.append(one[0])
            steps.append(one[1])
    order = sorted(range(len(sizes)), key=lambda k: (steps[k] > 0, -steps[k]))
    return z.reshape(sizes).permute(order).reshape(-1, units_of(layout))


def others(shape: Sequence[int], layout: Layout) -> list[int]:
    """The sizes of what is not units, in order."""
    out = []
    for factors, size in zip(layout, shape):
        out += [size] if factors is None else [have for have, step in factors if not step]
    return out


def _merged(factors: list[Factor]) -> list[Factor]:
    """Neighbours that count on as one: 4 heads of 32 are 128."""
    out: list[Factor] = []
    for size, step in factors:
        if out and (out[-1][1] == step * size):
            out[-1] = (out[-1][0] * size, step)
        else:
            out.append((size, step))
    return out
