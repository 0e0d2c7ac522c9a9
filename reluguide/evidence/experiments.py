"""What `experiments/<page>.py` declares: measurements, as pure functions of seeds and a device.

    @experiment(seeds=range(32))
    def recovery(*, seeds: Sequence[int], device: str, inputs: int = 16) -> xr.DataArray:
        "Random inputs recovered exactly from the output of one random ReLU layer."
        ...
        return labelled(share, "Inputs recovered exactly", unit="share", seed=seeds, ratio=RATIOS)

What it returns is a labelled array, or a Dataset of them: named dimensions with their coordinates, and for
each array its unit and a sentence. Every further parameter is a *setting*: it has a default, is kept with
the result, and can be quoted by a page and changed by whoever runs the experiment again.

Why xarray, after `is_it_lossy` and `variants` were written with pandas and with polars as well: their
results are arrays of two to four dimensions (activation, rate, seed, layer), some of which share a
dimension. As tables each needs a long form with its keys repeated in every row, a merge wherever two of
them meet, and a pivot wherever one is drawn; subtracting one activation from all others, seed by seed, is
one expression here and a self-join there.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import xarray as xr

# Added to every seed of an experiment for the block that the tests rerun it on: disjoint and fixed.
CHECK_BLOCK = 10_000

T = TypeVar("T")
Result = xr.DataArray | xr.Dataset


@dataclass(frozen=True)
class Experiment:
    """A measurement that is a pure function of seeds, a device and its settings.

    `seeds` is empty where nothing is random. `cpu_only` experiments need float64 or the CPU's own
    rounding and run on the CPU everywhere. `device_dependent` ones may differ between devices.
    """

    name: str
    run: Callable[..., Result]
    seeds: tuple[int, ...]
    cpu_only: bool = False
    device_dependent: bool = False

    @property
    def check_seeds(self) -> tuple[int, ...]:
        """A second block of seeds, disjoint from the first, on which the claims must hold as well."""
        return tuple(seed + CHECK_BLOCK for seed in self.seeds)

    @property
    def settings(self) -> dict[str, Any]:
        """Every parameter beside seeds and device, with the value that the page's run has."""
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.run).parameters.items()
            if name not in ("seeds", "device")
        }

    @property
    def summary(self) -> str:
        """The first line of the docstring: what is measured."""
        return first_line(self.run)

    def __call__(self, *, seeds: Iterable[int] | None = None, device: str = "cpu", **settings: Any) -> Result:
        chosen = self.seeds if seeds is None else tuple(seeds)
        if unknown := sorted(set(settings) - set(self.settings)):
            raise TypeError(
                f"{place(self.run)} has no setting {unknown[0]!r}; it has {', '.join(self.settings) or 'none'}."
            )
        return self.run(seeds=chosen, device="cpu" if self.cpu_only else device, **settings)


def experiment(
    *, seeds: Iterable[int] = (), cpu_only: bool = False, device_dependent: bool = False
) -> Callable[[Callable[..., Result]], Experiment]:
    """Declare `def name(*, seeds, device, <settings with defaults>)` as the experiment `name` of its module."""

    def declare(run: Callable[..., Result]) -> Experiment:
        parameters = inspect.signature(run).parameters
        if lacking := sorted({"seeds", "device"} - set(parameters)):
            raise TypeError(f"{place(run)}: an experiment takes seeds and device; it lacks {lacking[0]}.")
        if not first_line(run):
            raise TypeError(f"{place(run)}: say in a docstring what this experiment measures.")
        made = Experiment(run.__name__, run, tuple(seeds), cpu_only, device_dependent)
        for name, value in made.settings.items():
            if not _plain(value):
                raise TypeError(
                    f"{place(run)}: the setting {name} needs a default that is a number, a text, or a tuple of "
                    f"these; it is {value!r}."
                )
        return made

    return declare


def labelled(
    values: Any,
    what: str,
    /,
    *,
    unit: str = "",
    missing: str = "",
    valid_min: float | None = None,
    **coords: Iterable[Any],
) -> xr.DataArray:
    """An array with its dimensions named, in order, and their coordinates: `seed=seeds, ratio=RATIOS`.

    Args:
        values: numbers, truth values or texts; a tensor, an array or nested lists, shape as the coordinates.
        what: the sentence that says what it is.
        unit: "share" for what lies between 0 and 1 and is shown as a percentage; any other follows the number.
        missing: what it means where a number is NaN; without it NaN is a mistake.
        valid_min: what the number cannot fall below by its nature, as 0 for a count or a norm, so that its
            interval does not either.
        coords: one sequence of labels for each dimension.

    Raises ValueError where the shape is not that of the coordinates.
    """
    array = np.asarray(values.cpu() if hasattr(values, "cpu") else values)
    labels = {name: list(ones) for name, ones in coords.items()}
    if array.shape != tuple(len(ones) for ones in labels.values()):
        wanted = " x ".join(f"{len(ones)} {name}" for name, ones in labels.items()) or "a single number"
        raise ValueError(f"{what!r}: values of shape {array.shape} do not fit {wanted}.")
    bound = "" if valid_min is None else str(valid_min)
    about = {"long_name": what, "units": unit, "missing": missing, "valid_min": bound}
    return xr.DataArray(
        array, labels, tuple(labels), attrs={name: text for name, text in about.items() if text}
    )


def first_line(of: Callable[..., Any]) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(of) or "").partition("\n")[0].strip()


def place(of: Callable[..., Any]) -> str:
    """Where a function stands, as messages name it."""
    return f"{of.__module__}.{of.__name__}"


def needs(of: Callable[..., Any]) -> tuple[str, ...]:
    """The results that a function of findings asks for: its parameters."""
    return tuple(inspect.signature(of).parameters)


def declared(module: Any, kind: type[T]) -> dict[str, T]:
    """What a module declares of one kind, by name, in the order of the file."""
    return {name: thing for name, thing in vars(module).items() if isinstance(thing, kind)}


def resolved(results: Mapping[str, Result], path: str) -> xr.DataArray:
    """The array that "experiment" or "experiment.array" names."""
    name, _, part = path.partition(".")
    found = results[name]
    if isinstance(found, xr.DataArray):
        if part:
            raise KeyError(f"the experiment {name!r} is one array and has no part {part!r}.")
        return found
    if part not in found.data_vars:
        raise KeyError(
            f"the experiment {name!r} has no array {part!r}; it has {', '.join(map(str, found.data_vars))}."
        )
    return found[part]


def _plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_plain(one) for one in value)
    return value is not inspect.Parameter.empty and (
        value is None or isinstance(value, bool | int | float | str)
    )
