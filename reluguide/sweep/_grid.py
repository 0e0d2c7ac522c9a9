"""Cross seeds with settings: the vectors that `sweep` takes, and the shape to read its results in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Grid(Mapping[str, Any]):
    """Every combination of the settings with every seed, as one list a setting, one entry a network.

    Pass it on as keyword arguments: `sweep(..., **grid(seeds=range(8), lr=[0.1, 1.0]))`. Seeds vary
    fastest. `axes` keeps the values of each axis in order, settings first, seeds last.
    """

    def __init__(self, axes: Mapping[str, Sequence[Any]]) -> None:
        self.axes = dict(axes)
        rows = list(product(*self.axes.values()))
        self._columns = {name: [row[i] for row in rows] for i, name in enumerate(self.axes)}

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis: (settings..., seeds)."""
        return tuple(len(values) for values in self.axes.values())

    def shaped(self, values: ArrayLike) -> NDArray[Any]:
        """`values` with its first axis, one entry a network, split into the grid's axes.

        An array of shape (networks, ...) comes back as (settings..., seeds, ...).
        """
        array = np.asarray(values)
        if array.ndim == 0 or len(array) != prod(self.shape):
            raise ValueError(
                f"an array of shape {array.shape} does not fit this grid: its first axis needs one entry a "
                f"network, {' x '.join(map(str, self.shape))} = {prod(self.shape)}."
            )
        return array.reshape(*self.shape, *array.shape[1:])

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Grid({', '.join(f'{len(values)} {name}' for name, values in self.axes.items())})"


def grid(*, seeds: Iterable[int], **settings: Iterable[Any]) -> Grid:
    """Cross `seeds` with one list of values for each named setting.

    Examples:
        >>> from reluguide.sweep import grid
        >>> grid(seeds=range(8), lr=[0.1, 1.0, 3.0], activation=["relu", "gelu"])
        Grid(3 lr, 2 activation, 8 seeds)
    """
    axes: dict[str, Sequence[Any]] = {}
    named: dict[str, Any] = {**settings, "seeds": seeds}
    for name, values in named.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise TypeError(f"{name} is {values!r}; a grid takes a list of values for each setting.")
        axes[name] = list(values)
        if not axes[name]:
            raise ValueError(f"{name} is empty; a grid needs at least one value of it.")
    return Grid(axes)
