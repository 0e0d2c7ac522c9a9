"""Figures of results, with the numbers that they show as a table, and data for explorables."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from reluguide.evidence.experiments import first_line, needs, place
from reluguide.evidence.facts import estimate
from reluguide.evidence.formats import label

ROWS = 20  # of a table behind a picture


@dataclass(frozen=True)
class Numbers:
    """The table behind a picture: what it is there to show, at most 20 rows of text or numbers."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def __post_init__(self) -> None:
        if len(self.rows) > ROWS:
            raise ValueError(f"a numbers table has at most {ROWS} rows, this one has {len(self.rows)}")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"row {row} does not fit the columns {self.columns}")


def table(columns: Mapping[str, str | xr.DataArray | Sequence[str]], *, digits: int | None = None) -> Numbers:
    """A table made of labelled arrays: one row for each combination of the dimensions that it names.

    Args:
        columns: by their headings: the name of a dimension shows its coordinates; an array over that
            dimension shows a number a row, with its interval where it has networks; a list of texts is taken
            as it is (one entry a row).
        digits: decimals of the arrays' numbers.
    """
    arrays = [one for one in columns.values() if isinstance(one, xr.DataArray)]
    dims = [one for one in columns.values() if isinstance(one, str)]
    labels = {dim: next(a for a in arrays if dim in a.dims).coords[dim].values.tolist() for dim in dims}
    rows = []
    for number, at in enumerate(itertools.product(*(range(len(labels[dim])) for dim in dims))):
        here = dict(zip(dims, at))
        row = []
        for one in columns.values():
            if isinstance(one, str):
                row.append(label(labels[one][here[one]]).replace("-", "−"))
            elif isinstance(one, xr.DataArray):
                row.append(
                    str(estimate(one.isel({d: i for d, i in here.items() if d in one.dims}), digits=digits))
                )
            else:
                row.append(one[number])
        rows.append(tuple(row))
    return Numbers(tuple(columns), rows)


@dataclass(frozen=True)
class Picture:
    """What a `@figure` function returns: the Matplotlib figure and its numbers."""

    figure: Any
    numbers: Numbers


@dataclass(frozen=True)
class Drawing:
    """A `@figure` function; its docstring's first line becomes the picture's title."""

    of: Callable[..., Picture]
    needs: tuple[str, ...]

    @property
    def title(self) -> str:
        return first_line(self.of)

    def make(self, results: Mapping[str, Any]) -> Picture:
        out = self.of(*(results[need] for need in self.needs))
        if not isinstance(out, Picture):
            raise TypeError(f"{place(self.of)} returned a {type(out).__name__}; a figure returns a Picture.")
        return out


def figure(of: Callable[..., Picture]) -> Drawing:
    """Declare a function of results as the figure `figures/<page>/<name>.svg`."""
    if not first_line(of):
        raise TypeError(f"{place(of)}: say in a docstring what this figure shows.")
    return Drawing(of, needs(of))


@dataclass(frozen=True)
class Data:
    """A `@data` function: what it returns is published as JSON for the explorables."""

    of: Callable[..., Any]
    needs: tuple[str, ...]

    def make(self, results: Mapping[str, Any]) -> Any:
        return self.of(*(results[need] for need in self.needs))


def data(of: Callable[..., Any]) -> Data:
    """Declare a function of results whose lists, numbers and strings `assets/data/<page>/<name>.json` holds."""
    return Data(of, needs(of))
