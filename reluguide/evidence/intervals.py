"""How far a number would move if other networks were trained: 95 % intervals, by the kind of the number.

The kind decides the formula, because each kind breaks Student's t-interval in its own way:

- "counted" (did it happen, network by network): Clopper & Pearson 1934, exact also at none and at all.
- "real" (a loss, a ratio, a paired difference): the t-interval (Student 1908), widened on either side to
  where Hall 1992 puts that end in view of the skewness of the sample. Never narrower than the t-interval.
- "share" (a number from 0 to 1 within each network): Hall 1992, but never wider than Clopper and Pearson
  would be of yes or no with the same mean, and so never outside 0 and 1. Where all networks agree no spread
  is seen, and the interval says what can be said: how rare networks that do not agree may be.
- "exact": no interval.

Crossed with splits of the data (every seed on every split) the networks are not independent: the interval
then covers another seed and another split, by components of variance with Satterthwaite's degrees of
freedom (1946). What share of intervals holds the true mean is simulated in `coverage`.

Everything is a closed formula: no resampling, no random numbers, whole curves at once.

Sources:
    Student, "The probable error of a mean", Biometrika 6, 1908.
    Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934.
    Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2,
    1946.
    Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Kind = Literal["exact", "counted", "share", "real"]
Array = NDArray[np.float64]

TAIL = 0.025  # on either side of a 95 % interval
FEWEST_CROSSED = 3  # with two splits, and one degree of freedom, coverage was 88 to 97 %

METHODS: dict[tuple[Kind, bool], str] = {
    ("counted", False): "Clopper–Pearson",
    ("share", False): "Student's t, corrected for skewness (Hall)",
    ("real", False): "Student's t, widened for skewness (Hall)",
    ("counted", True): "components of variance of seeds and splits, on the logit scale",
    ("share", True): "components of variance of seeds and splits, on the logit scale",
    ("real", True): "components of variance of seeds and splits",
}  # by kind and crossed, for where a page says how an interval was made


@dataclass(frozen=True)
class Interval:
    """A mean over networks and its 95 % interval: low <= mean <= high, inside the range of the kind."""

    mean: float
    low: float
    high: float


class Intervals(NamedTuple):
    """Means and their 95 % intervals, one a point of a curve; low and high are NaN where there is none."""

    mean: Array
    low: Array
    high: Array


def interval(
    samples: ArrayLike, kind: Kind, *, crossed: bool = False, at_least: float = -np.inf
) -> Interval | None:
    """The mean of one number a network and its 95 % interval.

    Args:
        samples: one number (or yes or no) a network, shape (networks,); with `crossed`, every seed on every
            split of the data, shape (seeds, splits).
        kind: what the numbers are; see the module.
        crossed: the interval covers another seed and another split.
        at_least: for "real", what the number cannot fall below by its nature: 0 for a loss or a norm.

    Returns:
        The interval, or None where nothing can be said: the kind is "exact"; there is one network only;
        there are fewer than three seeds or splits to cross; all networks gave the same real number (then it
        is exact, or needs more seeds).

    Raises:
        ValueError: the shape does not fit, a number is not finite or not of its kind.
    """
    values = np.asarray(samples)
    if values.ndim == 0 and kind == "exact":
        return None
    wanted = 2 if crossed else 1
    if values.ndim != wanted:
        raise ValueError(
            f"samples of shape {values.shape}: crossed={crossed} takes "
            + ("(seeds, splits)" if crossed else "(networks,); for (seeds, splits) say crossed=True")
        )
    found = intervals(values, kind, axis=tuple(range(wanted)), crossed=crossed, at_least=at_least)
    mean, low, high = (float(part) for part in found)
    return None if np.isnan(low) else Interval(mean, low, high)


def intervals(
    samples: ArrayLike,
    kind: Kind,
    *,
    axis: int | tuple[int, ...] = 0,
    crossed: bool = False,
    at_least: float = -np.inf,
) -> Intervals:
    """`interval` of every point of a curve at once.

    Args:
        samples: an array with the networks along `axis` and any other axes.
        kind: as in `interval`.
        axis: the axis of the networks; with `crossed` two axes, of the seeds and of the splits.
        crossed: as in `interval`.
        at_least: as in `interval`.

    Returns:
        Three arrays of the other axes' shape. Low and high are NaN where `interval` returns None.

    Raises:
        ValueError: as in `interval`.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r}: it is one of {', '.join(get_args(Kind))}")
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) != 1 + crossed:
        raise ValueError(f"axis {axis!r}: with crossed={crossed} there must be {1 + crossed}")
    if at_least > -np.inf and kind != "real":
        raise ValueError(f'at_least={at_least} is for kind "real"; {kind!r} has a range of its own')
    values = np.moveaxis(np.asarray(samples, dtype=np.float64), axes, range(len(axes)))
    if 0 in values.shape[: len(axes)]:
        raise ValueError(f"samples of shape {np.shape(samples)}: there is no network in them")
    _check(values, kind, at_least, first=values[(0,) * len(axes)])
    mean, low, high = _crossed(values, kind, at_least) if crossed else _alone(values, kind, at_least)
    return Intervals(mean, np.minimum(low, mean), np.maximum(high, mean))  # against the last rounding


def _check(values: Array, kind: Kind, at_least: float, *, first: Array) -> None:
    infinite = ~np.isfinite(values)
    if infinite.any():
        raise ValueError(
            f"{int(infinite.sum())} of {values.size} samples are not finite: count those networks "
            '(kind "counted") and take the mean over the others'
        )
    if kind == "counted":
        wrong = (values != 0) & (values != 1)
        rule = 'is neither yes (1) nor no (0); a share within each network is "share"'
    elif kind == "share":
        wrong = (values < 0) | (values > 1)
        rule = 'is not between 0 and 1; a ratio or a difference is "real"'
    elif kind == "real":
        wrong, rule = values < at_least, f"lies below at_least={at_least:g}"
    else:
        wrong = values != first
        rule = 'is not what the first network gave; what differs is "real", "share" or "counted"'
    if wrong.any():
        raise ValueError(f"samples of kind {kind!r}: {values[wrong][0]:.6g} {rule}")


def _alone(values: Array, kind: Kind, at_least: float) -> tuple[Array, Array, Array]:
    """Networks that have nothing in common along the first axis."""
    count, mean = len(values), values.mean(0)
    if kind == "exact" or count < 2:
        return _none(mean)
    if kind == "counted":
        return mean, *_clopper_pearson(values.sum(0), count)
    centred, size = _scaled(values - mean)
    spread = np.sqrt((centred**2).sum(0) / (count - 1))
    times = _student(np.array(count - 1.0))
    half = size * times * spread / np.sqrt(count)
    lower, upper = _hall(centred, spread, times)
    low, high = mean + size * lower, mean + size * upper
    if kind == "real":
        low, high = np.minimum(low, mean - half), np.maximum(high, mean + half)
        low = _above(low, mean, half, at_least)
    else:
        low, high = _above(low, mean, half, 0), 1 - _above(1 - high, 1 - mean, half, 0)
        bounds = _clopper_pearson(values.sum(0), count)
        low, high = np.maximum(low, bounds[0]), np.minimum(high, bounds[1])
    return _where_all_agree(values, kind, mean, low, high, count)


def _crossed(values: Array, kind: Kind, at_least: float) -> tuple[Array, Array, Array]:
    """Every seed (first axis) on every split (second axis)."""
    seeds, splits = values.shape[:2]
    mean = values.mean((0, 1))
    if kind == "exact" or min(seeds, splits) < FEWEST_CROSSED:
        return _none(mean)
    half = _half_width_crossed(values, mean)
    if kind == "real":
        low, high = _above(mean - half, mean, half, at_least), mean + half
    else:
        low, high = _on_the_logit_scale(mean, half)
    if kind == "counted":  # never narrower than for independent networks
        alone = _clopper_pearson(values.sum((0, 1)), seeds * splits)
        low, high = np.minimum(low, alone[0]), np.maximum(high, alone[1])
    # Networks that share neither seed nor split: as many as the shorter axis is long.
    return _where_all_agree(values, kind, mean, low, high, min(seeds, splits))


def _scaled(values: Array) -> tuple[Array, Array]:
    """Values of size 1 at most, and what they must be multiplied by: 1e-120 cubed would be 0."""
    size = np.abs(values).max(0)
    size = np.where(size > 0, size, 1.0)
    return values / size, size


def _none(mean: Array) -> tuple[Array, Array, Array]:
    nothing = np.full_like(mean, np.nan)
    return mean, nothing, nothing


def _clopper_pearson(happened: Array, count: int) -> tuple[Array, Array]:
    """All frequencies at which so few, and at which so many, is not rarer than 1 in 40.

    `happened` may be a sum of shares, between the whole numbers: with the same mean no share varies more from
    network to network than yes and no do, so a mean of shares needs no wider interval.
    """
    from scipy.special import betaincinv  # not scipy.stats, which takes a second to load

    low = betaincinv(np.where(happened > 0, happened, 1), count - happened + 1, TAIL)
    high = betaincinv(happened + 1, np.where(happened < count, count - happened, 1), 1 - TAIL)
    return np.where(happened == 0, 0.0, low), np.where(happened == count, 1.0, high)


def _student(freedom: Array) -> Array:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, 1 - TAIL))


def _hall(centred: Array, spread: Array, times: Array) -> tuple[Array, Array]:
    """Ends of the t-interval, less the mean, moved to where the skewness of the sample says that they are.

    For W = (mean - true mean) / spread, Hall's cubic W + γW²/3 + γ²W³/27 + γ/6n is nearly free of skew. Its
    inverse, 3 (∛(1 + γy) - 1) / γ with y less γ/6n, is written here without a division by γ. The skewness γ
    is the one corrected for small samples, at most √n in size, so that low <= mean <= high.
    """
    count = len(centred)
    if count < 3:
        skew = np.zeros_like(spread)
    else:
        cubes = (centred**3).sum(0) / np.where(spread > 0, spread, 1) ** 3
        skew = cubes * count / ((count - 1) * (count - 2))

    def end(y: Array) -> Array:
        y = y - skew / (6 * count)
        root = np.cbrt(1 + skew * y)
        return np.asarray(-3 * spread * y / (root**2 + root + 1))

    reach = times / np.sqrt(count)
    return end(reach), end(-reach)


def _above(low: Array, mean: Array, half: Array, bottom: float) -> Array:
    """A low end at or under the bottom becomes a ratio: of the mean's height above it, exp(-half / height).

    That is the t-interval of the logarithm of the height, by the delta method; it never gets there.
    """
    if bottom == -np.inf:
        return low
    height = mean - bottom
    ratio = np.exp(-half / np.where(height > 0, height, 1))
    return np.where(low <= bottom, bottom + height * ratio, low)


def _half_width_crossed(values: Array, mean: Array) -> Array:
    """Half of the interval of a mean over seeds crossed with splits, both drawn at random.

    The mean squares of a table of two ways give the variance due to the seed, to the split and to the rest;
    an estimate below zero counts as zero. Degrees of freedom after Satterthwaite, at least those of the
    shorter axis.
    """
    seeds, splits = values.shape[:2]
    flat, size = _scaled((values - mean).reshape(-1, *mean.shape))
    centred = flat.reshape(values.shape)
    of_seed, of_split = centred.mean(1), centred.mean(0)
    rest = centred - of_seed[:, None] - of_split[None]
    freedom = np.array([seeds - 1, splits - 1, (seeds - 1) * (splits - 1)], dtype=float)
    by_seed = splits * (of_seed**2).sum(0) / freedom[0]
    by_split = seeds * (of_split**2).sum(0) / freedom[1]
    by_rest = (rest**2).sum((0, 1)) / freedom[2]
    variance = np.maximum(by_seed - by_rest, 0) + np.maximum(by_split - by_rest, 0) + by_rest
    below = by_seed**2 / freedom[0] + by_split**2 / freedom[1] + by_rest**2 / freedom[2]
    degrees = variance**2 / np.where(below > 0, below, 1)
    degrees = np.clip(degrees, min(seeds, splits) - 1, seeds * splits - 1)
    return np.asarray(size * _student(degrees) * np.sqrt(variance / (seeds * splits)))


def _on_the_logit_scale(mean: Array, half: Array) -> tuple[Array, Array]:
    """The same width on the scale of log odds (delta method), whose ends are always inside 0 and 1."""
    room = mean * (1 - mean)
    ratio = np.exp(np.minimum(half / np.where(room > 0, room, 1), 700))
    return mean / (mean + (1 - mean) * ratio), mean * ratio / (mean * ratio + 1 - mean)


def _where_all_agree(
    values: Array, kind: Kind, mean: Array, low: Array, high: Array, independent: int
) -> tuple[Array, Array, Array]:
    """No spread seen is not "no spread": what can be said where all networks gave the same.

    Networks that differ may be as frequent as 1 - q with q to the power of the number of independent
    networks = 0.025 (Clopper & Pearson), and then, a share being between 0 and 1, as far off as its range.
    A real number has no range, so nothing can be said.
    """
    ways = tuple(range(values.ndim - mean.ndim))
    agree = np.ptp(values, axis=ways) <= 1e-12 * np.abs(values).max(ways)  # the last digits are rounding
    if kind == "real":
        return mean, np.where(agree, np.nan, low), np.where(agree, np.nan, high)
    q = TAIL ** (1 / independent)
    return mean, np.where(agree, mean * q, low), np.where(agree, 1 - (1 - mean) * q, high)
