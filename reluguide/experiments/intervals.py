"""How often does a 95 % interval hold the true mean? Simulated for each kind of number that the guide quotes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.random import Generator

from reluguide.evidence.experiments import experiment, labelled
from reluguide.evidence.intervals import Array, Kind, intervals

NETWORKS = (16, 32)
SPLITS = 4  # crossed: four splits with four and with eight seeds make the same 16 and 32 networks

Draw = Callable[[Generator, tuple[int, ...]], Array]


class Case(NamedTuple):
    """What is drawn, and its true mean: `draw(generator, shape)`, networks along the first axis."""

    data: str
    kind: Kind
    mean: float
    draw: Draw
    crossed: bool = False


@experiment(seeds=[0], cpu_only=True)
def coverage(*, seeds: Sequence[int], device: str, repetitions: int = 4000) -> xr.Dataset:
    """Share of 95 % intervals that hold the true mean, by data and number of networks."""
    held, student = zip(*_rows(seeds, repetitions))
    axes: dict[str, Any] = {"data": [case.data for case in cases()], "networks": NETWORKS}
    return xr.Dataset({
        "held": labelled(held, "Intervals that hold the true mean", unit="share", **axes),
        "student": labelled(
            student, "The same for the plain t-interval, which takes all networks for independent", unit="share", **axes
        ),
    })  # fmt: skip


def cases() -> Iterator[Case]:
    """Every kind of data that the table tells of."""
    yield Case("normal", "real", 0.0, lambda g, s: g.normal(size=s))
    yield Case("heavy_tails", "real", 0.0, lambda g, s: g.standard_t(3, size=s))
    yield Case("exponential", "real", 1.0, lambda g, s: g.exponential(size=s))
    yield Case("lognormal", "real", float(np.exp(0.5)), lambda g, s: g.lognormal(size=s))
    yield Case("share_near_0", "share", 0.05, _beta(2, 38))
    yield Case("share_near_0_skewed", "share", 0.05, _beta(0.5, 9.5))
    yield Case("share_near_1", "share", 0.95, _beta(38, 2))
    yield Case("share_near_1_skewed", "share", 0.95, _beta(9.5, 0.5))
    yield Case("units", "share", 0.01, _units(None))
    yield Case("units_skewed", "share", 0.01, _units((0.5, 49.5)))
    for one_in in (10, 20):
        yield Case(f"heaps_{one_in}", "share", 0.98 - 0.88 / one_in, _heaps(one_in, (98, 2), (10, 90)))
        yield Case(f"heaps_{one_in}_counted", "counted", 1 / one_in, _happens(1 / one_in))
    for chance in (0.02, 0.1, 0.5, 0.95):
        yield Case(f"happens_{chance}", "counted", chance, _happens(chance))
    for name, parts in PARTS.items():
        yield Case(f"clustered_{name}", "real", 0.0, _clustered(parts), crossed=True)
    yield Case("clustered_skewed", "real", 0.0, _clustered((1, 1, 1), skewed=True), crossed=True)
    yield Case("clustered_share", "share", _mean_of_logistic(3, 1.0), _clustered_share(3, 1.0), crossed=True)
    for chance in (0.1, 0.5):
        yield Case(f"clustered_happens_{chance}", "counted", chance, _clustered_happens(chance), crossed=True)


# How large the effects of seed, split and of the rest are: standard deviations.
PARTS = {
    "both": (1.0, 1.0, 1.0),
    "little_else": (1.0, 1.0, 0.3),
    "split_alone": (0.0, 1.0, 1.0),
    "neither": (0.0, 0.0, 1.0),
}


def _rows(seeds: Sequence[int], repetitions: int) -> Iterator[tuple[list[float], list[float]]]:
    """Of each case, by number of networks: how many intervals hold the mean, ours and Student's."""
    for case in cases():
        held, plain = [], []
        for networks in NETWORKS:
            # Each cell has a stream of its own, whichever others there are.
            generator = np.random.default_rng([*seeds, networks, *case.data.encode()])
            shape = (networks // SPLITS, SPLITS) if case.crossed else (networks,)
            samples = case.draw(generator, (*shape, repetitions))
            axis = (0, 1) if case.crossed else 0
            _, low, high = intervals(samples, case.kind, axis=axis, crossed=case.crossed)
            # Where all networks gave the same real number there is no interval: a miss.
            held.append(float(((low <= case.mean) & (case.mean <= high)).mean()))
            plain.append(_student(samples.reshape(networks, repetitions), case.mean))
        yield held, plain


def _student(samples: Array, mean: float) -> float:
    from scipy.special import stdtrit

    count = len(samples)
    half = stdtrit(count - 1, 0.975) * samples.std(0, ddof=1) / np.sqrt(count)
    return float((np.abs(samples.mean(0) - mean) <= half).mean())


def _beta(a: float, b: float) -> Draw:
    return lambda g, s: g.beta(a, b, size=s)


def _units(chances: tuple[float, float] | None) -> Draw:
    """k of 64 units; all networks with the same chance, or each with its own."""
    return lambda g, s: g.binomial(64, 0.01 if chances is None else g.beta(*chances, size=s), size=s) / 64


Heap = float | tuple[float, float]  # a number, or a cloud around one: parameters of a beta distribution


def _heaps(one_in: int, most: Heap, few: Heap) -> Draw:
    def numbers(g: Generator, heap: Heap, shape: tuple[int, ...]) -> Array:
        return g.beta(*heap, size=shape) if isinstance(heap, tuple) else np.full(shape, heap)

    return lambda g, s: np.where(g.random(s) < 1 / one_in, numbers(g, few, s), numbers(g, most, s))


def _happens(chance: float) -> Draw:
    return lambda g, s: (g.random(s) < chance).astype(float)


def _clustered(parts: tuple[float, float, float], skewed: bool = False) -> Draw:
    def draw(g: Generator, shape: tuple[int, ...]) -> Array:
        seeds, splits, repetitions = shape
        shapes = (seeds, 1, repetitions), (1, splits, repetitions), shape
        drawn = (g.exponential(size=s) - 1 if skewed else g.normal(size=s) for s in shapes)
        return np.asarray(sum(part * effect for part, effect in zip(parts, drawn, strict=True)))

    return draw


def _clustered_share(middle: float, spread: float) -> Draw:
    effects = _clustered((1, 1, 1))
    return lambda g, s: 1 / (1 + np.exp(-middle - spread / np.sqrt(3) * effects(g, s)))


def _clustered_happens(chance: float) -> Draw:
    from scipy.special import ndtri

    effects = _clustered((1, 1, 1))
    return lambda g, s: (effects(g, s) / np.sqrt(3) < ndtri(chance)).astype(float)


def _mean_of_logistic(middle: float, spread: float) -> float:
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    return float((weights / (1 + np.exp(-middle - spread * points))).sum() / weights.sum())
