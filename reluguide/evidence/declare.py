"""The few words in which a page's measurements, and what is said of them, are declared.

    experiments/<page>.py    @experiment   measures: seeds and a device in, a dataclass of numbers out
    findings/<page>.py       @fact         one number of a result, with unit, rounding and interval
                             @figure       a result as a Matplotlib figure, with its numbers as a table
                             @claim        what people say, our verdict, and the check it stands on
                             @data         numbers that a page's script reads: assets/data/<page>/<name>.json

A findings function names the experiments that it needs as its parameters, and gets their results::

    @fact(unit="%", digits=0)
    def recovered_at_2n(recovery):
        "Inputs recovered exactly from a ReLU layer twice as wide as its input."
        return recovery.share[:, recovery.ratio.index(2)]      # one entry a seed: mean and interval

Nothing registers itself anywhere: what a module declares is what stands in the module.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

Verdict = Literal["right", "right if", "wrong", "unproven"]
VERDICTS: tuple[Verdict, ...] = ("right", "right if", "wrong", "unproven")

# Added to every seed of an experiment for the block that the tests rerun it on: disjoint and fixed.
CHECK_BLOCK = 10_000


@dataclass(frozen=True)
class Experiment:
    """A measurement that is a pure function of seeds and a device.

    `run(seeds=..., device=...)` returns a dataclass of plain numbers, strings, lists and arrays.
    `seeds` is empty where nothing is random. `cpu_only` experiments need float64 or the CPU's own
    rounding and run on the CPU everywhere. `device_dependent` ones may differ between devices.
    """

    name: str
    run: Callable[..., Any]
    seeds: tuple[int, ...]
    cpu_only: bool = False
    device_dependent: bool = False

    @property
    def check_seeds(self) -> tuple[int, ...]:
        """A second block of seeds, disjoint from the first, on which the claims must hold as well."""
        return tuple(seed + CHECK_BLOCK for seed in self.seeds)

    @property
    def summary(self) -> str:
        """The first line of the docstring: what is measured."""
        return _first_line(self.run)

    def __call__(self, *, seeds: Iterable[int] | None = None, device: str = "cpu") -> Any:
        chosen = self.seeds if seeds is None else tuple(seeds)
        return self.run(seeds=chosen, device="cpu" if self.cpu_only else device)


def experiment(
    *, seeds: Iterable[int] = (), cpu_only: bool = False, device_dependent: bool = False
) -> Callable[[Callable[..., Any]], Experiment]:
    """Declare `def name(*, seeds, device)` as the experiment `name` of its module."""

    def declare(run: Callable[..., Any]) -> Experiment:
        if missing := {"seeds", "device"} - set(inspect.signature(run).parameters):
            raise TypeError(f"{_place(run)}: an experiment takes seeds and device; it lacks {missing}.")
        if not _first_line(run):
            raise TypeError(f"{_place(run)}: say in a docstring what this experiment measures.")
        return Experiment(run.__name__, run, tuple(seeds), cpu_only, device_dependent)

    return declare


@dataclass(frozen=True)
class Fact:
    """One number as the site shows it.

    `value` in the fact's own scale (a share, not a percentage); `text` as shown, with its unit;
    `low` and `high` the 95 % t-interval of the mean over `seeds` seeds, or None.
    """

    name: str
    what: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    interval: str = ""
    seeds: int = 0
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True)
class FactMaker:
    """A `@fact` function: `make(results)` gives its facts by name (several if it returns a mapping)."""

    name: str
    of: Callable[..., Any]
    unit: str
    digits: int | None
    needs: tuple[str, ...]

    def make(self, results: Mapping[str, Any]) -> dict[str, Fact]:
        out = self.of(*(results[need] for need in self.needs))
        named = (
            {f"{self.name}.{key}": value for key, value in out.items()}
            if isinstance(out, Mapping)
            else {self.name: out}
        )
        return {name: self._one(name, value) for name, value in named.items()}

    def _one(self, name: str, values: ArrayLike) -> Fact:
        samples = np.asarray(values, dtype=float)
        if samples.ndim > 1 or samples.size == 0 or not np.isfinite(samples).all():
            raise ValueError(
                f"{_place(self.of)}: the fact {name!r} must be a finite number or one finite number a "
                f"seed; got shape {samples.shape}: {np.array2string(samples, threshold=8)}"
            )
        what = _first_line(self.of)
        if samples.ndim == 0:
            value = float(samples)
            text = shown(value, unit=self.unit, digits=self.digits)
            return Fact(name, what, value, text, experiments=self.needs)
        mean, low, high = mean_interval(samples)
        text, low_text, high_text = (
            shown(number, unit=self.unit, digits=self.digits) for number in (mean, low, high)
        )
        interval = f"{low_text} to {high_text}"
        return Fact(name, what, mean, text, low, high, interval, samples.size, self.needs)


def fact(*, unit: str = "", digits: int | None = None) -> Callable[[Callable[..., Any]], FactMaker]:
    """Declare a function of results as a fact (or, where it returns a mapping, as a family of facts).

    It returns a number, or an array with one entry a seed, which becomes the mean with its 95 %
    t-interval. `unit="%"` shows a share times 100; any other unit follows the number. `digits` are
    decimals; without them two significant digits are shown.
    """

    def declare(of: Callable[..., Any]) -> FactMaker:
        return FactMaker(of.__name__, of, unit, digits, _needs(of))

    return declare


@dataclass(frozen=True)
class Numbers:
    """The table behind a picture: what it is there to show, at most 20 rows of text or numbers."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def __post_init__(self) -> None:
        if len(self.rows) > 20:
            raise ValueError(f"a numbers table has at most 20 rows, this one has {len(self.rows)}")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"row {row} does not fit the columns {self.columns}")


@dataclass(frozen=True)
class Picture:
    """What a `@figure` function returns: the Matplotlib figure and its numbers."""

    figure: Any
    numbers: Numbers


@dataclass(frozen=True)
class FigureMaker:
    """A `@figure` function; its docstring's first line becomes the picture's title."""

    name: str
    of: Callable[..., Picture]
    needs: tuple[str, ...]

    @property
    def title(self) -> str:
        return _first_line(self.of)

    def make(self, results: Mapping[str, Any]) -> Picture:
        return self.of(*(results[need] for need in self.needs))


def figure(of: Callable[..., Picture]) -> FigureMaker:
    """Declare a function of results as the figure `figures/<page>/<name>.svg`."""
    if not _first_line(of):
        raise TypeError(f"{_place(of)}: say in a docstring what this figure shows.")
    return FigureMaker(of.__name__, of, _needs(of))


@dataclass(frozen=True)
class DataMaker:
    """A `@data` function: what it returns is published as JSON for the explorables."""

    name: str
    of: Callable[..., Any]
    needs: tuple[str, ...]

    def make(self, results: Mapping[str, Any]) -> Any:
        return self.of(*(results[need] for need in self.needs))


def data(of: Callable[..., Any]) -> DataMaker:
    """Declare a function of results whose lists, numbers and strings `assets/data/<page>/<name>.json` holds."""
    return DataMaker(of.__name__, of, _needs(of))


@dataclass(frozen=True)
class Check:
    """The outcome of a claim's check: does the verdict stand, and the numbers that decide it."""

    holds: bool
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """What people say (in our words), where, our verdict and why.

    `said` is the claim; `where` the title of the thread or text that it stands in; `because` one or
    two sentences, in which `{fact}` and `{module.fact}` are facts and `[@key]` is a citation. `check`
    is the function of results that must hold for the verdict to stand; None where the matter is one
    of wording or history, which `because` then settles by citation or inspection.
    """

    id: str
    said: str
    where: str
    verdict: Verdict
    because: str
    check: Callable[..., Check] | None = None
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"claim {self.id}: verdict {self.verdict!r} is none of {VERDICTS}")

    def checked(self, results: Mapping[str, Any]) -> Check | None:
        return self.check(*(results[need] for need in self.needs)) if self.check else None


def claim(
    id: str, *, said: str, where: str, verdict: Verdict, because: str
) -> Callable[[Callable[..., Check]], Claim]:
    """Declare a check of results as what the verdict on a claim stands on."""

    def declare(check: Callable[..., Check]) -> Claim:
        return Claim(id, said, where, verdict, because, check, _needs(check))

    return declare


T = TypeVar("T")


def declared(module: Any, kind: type[T]) -> list[T]:
    """What a module declares of one kind, in the order of the file."""
    return [thing for thing in vars(module).values() if isinstance(thing, kind)]


def mean_interval(samples: ArrayLike) -> tuple[float, float, float]:
    """Mean of one number a seed, and its 95 % t-interval (Student 1908): (mean, low, high)."""
    from scipy.special import (
        stdtrit,
    )  # its quantiles alone: scipy.stats would take a second to load

    values = np.asarray(samples, dtype=float)
    mean = float(values.mean())
    if values.size < 2:
        return mean, mean, mean
    half = float(stdtrit(values.size - 1, 0.975) * values.std(ddof=1) / math.sqrt(values.size))
    return mean, mean - half, mean + half


def shown(value: float, *, unit: str = "", digits: int | None = None) -> str:
    """A number as the site prints it: `0.57` with unit `%` as "57 %", `2.4e-9` as "2.4 × 10⁻⁹"."""
    scaled = value * 100 if unit == "%" else value
    size = abs(scaled)
    if size and digits is None and not 1e-3 <= size < 1e5:
        mantissa, exponent = f"{scaled:.1e}".split("e")
        power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"{mantissa} × 10{power}"
    elif digits is None:
        places = max(0, 1 - math.floor(math.log10(size))) if size else 0
        text = f"{scaled:.{places}f}"
    else:
        text = f"{scaled:,.{digits}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")  # a rounded "-0.00" would claim a sign that is not there
    return text.replace("-", "−") + (f"\u00a0{unit}" if unit else "")


def _needs(of: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(of).parameters)


def _first_line(of: Callable[..., Any]) -> str:
    return (inspect.getdoc(of) or "").partition("\n")[0].strip()


def _place(of: Callable[..., Any]) -> str:
    return f"{of.__module__}.{of.__name__}"
