"""Do we not want symmetric activations? Which shapes go in, come out, and come back in the next layer."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure, shown
from reluguide.findings import _draw
from reluguide.findings._threads import DOUBT_THREAD, TUTORIAL

_SHOWN = ("relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "sigmoid", "tanh")


@fact(digits=2)
def mean(moments: Any) -> dict[str, float]:
    """Mean of an activation's output when a standard normal goes in."""
    return _by_name(moments, moments.mean)


@fact(digits=2)
def variance(moments: Any) -> dict[str, float]:
    """Variance of an activation's output when a standard normal goes in."""
    return _by_name(moments, moments.variance)


@fact(digits=2)
def skewness(moments: Any) -> dict[str, float]:
    """Skewness (0 for a symmetric crowd) of an activation's output when a standard normal goes in."""
    return _by_name(moments, moments.skewness)


@fact(digits=0)
def symmetric(moments: Any) -> dict[str, int]:
    """Activations of the guide's table whose curve is symmetric about its middle, and all."""
    return {"some": int((moments.odd < 1e-12).sum()), "all": len(moments.odd)}


@fact(digits=3)
def distance(distances: Any) -> dict[str, Any]:
    """Distance from a normal (0 to 1) of a function's output when a standard normal goes in."""
    return {name: distances.distance[:, i] for i, name in enumerate(distances.function)}


@fact(digits=2)
def tie(distances: Any) -> dict[str, Any]:
    """Correlation between input and output of a function when a standard normal goes in."""
    return {name: distances.tie[:, i] for i, name in enumerate(distances.function)}


@fact(digits=3)
def next_distance(sums: Any) -> dict[str, Any]:
    """Distance from a normal (0 to 1) of a preactivation after a random ReLU layer, by the layer's width."""
    return {f"behind_{width}": sums.distance[0, :, i] for i, width in enumerate(sums.width)}


@fact(digits=2)
def next_skewness(sums: Any) -> dict[str, Any]:
    """Skewness, without its sign, of a preactivation after a random ReLU layer, by the layer's width."""
    return {f"behind_{width}": sums.skewness[0, :, i] for i, width in enumerate(sums.width)}


@fact(digits=3)
def floor(sums: Any) -> Any:
    """Distance from a normal that samples of a true normal have here: after a layer of 64 without activation."""
    return sums.distance[list(sums.activation).index("identity"), :, list(sums.width).index(64)]


@fact(digits=2)
def offset(sums: Any) -> dict[str, Any]:
    """How far from 0 a preactivation's mean is, in units of its spread, after a random layer of 256 units."""
    return {str(name): sums.offset[i, :, -1] for i, name in enumerate(sums.activation)}


@fact(unit="%", digits=0)
def at_zero(crowd: Any) -> float:
    """Share of ReLU's outputs that are exactly 0 when a standard normal goes in."""
    return float(crowd.zeros)


@fact(digits=2)
def stage_skewness(crowd: Any) -> dict[str, float]:
    """Skewness of the crowd before ReLU, after it, and after the next sum of 64 units."""
    return dict(zip(("before", "after", "behind"), map(float, crowd.skewness)))


@fact(digits=3)
def on_digits(trained: Any) -> dict[str, Any]:
    """Distance from a normal of second-layer preactivations on digits, before and after training, and of true normals."""
    return {"before": trained.before, "after": trained.after, "normal": trained.normal}


@fact(unit="%", digits=1)
def shallow(centring: Any) -> dict[str, Any]:
    """Accuracy on digits with two hidden layers and learning rate 0.3, by function."""
    return {str(name): centring.shallow[i] for i, name in enumerate(centring.function)}


@fact(unit="%", digits=1)
def deep_slow(centring: Any) -> dict[str, Any]:
    """Accuracy on digits with eight hidden layers and learning rate 0.1: ReLU, and ReLU lowered to mean 0."""
    return {"relu": centring.deep[0, 0], "centred": centring.deep[1, 0]}


@fact(unit="%", digits=1)
def deep_fast(centring: Any) -> dict[str, Any]:
    """Accuracy on digits with eight hidden layers and learning rate 0.3: ReLU, and ReLU lowered to mean 0."""
    return {"relu": centring.deep[0, 1], "centred": centring.deep[1, 1]}


@fact()
def mirror_error(mirror: Any) -> dict[str, float]:
    """Largest error of sigmoid(-x) = 1 - sigmoid(x), and of tanh(x) = 2 sigmoid(2x) - 1."""
    return {"sigmoid": float(mirror.sigmoid), "tanh": float(mirror.tanh)}


@figure
def through_a_layer(crowd: Any) -> Picture:
    """A crowd of numbers before ReLU, after it, and in the next layer"""
    fig, axes = _draw.panels(3, height=2.9, sharey=True)
    stages = (
        ("before ReLU", crowd.before, 0),
        ("after ReLU", crowd.after, 1),
        ("summed by the next layer", crowd.behind, 0),
    )
    for panel, (title, share, series) in zip(axes, stages):
        panel.stairs(share * 100, crowd.edges, fill=True, color=f"C{series}", alpha=0.75)
        panel.set(title=title, xlim=(-4, 4), ylim=(0, 10), xlabel="value")
    axes[0].set_ylabel("share of the crowd (%)")
    axes[1].plot([0, 0], [0, 10], color="C1", linestyle="-", linewidth=4, solid_capstyle="butt")
    axes[1].annotate(
        f"{crowd.zeros:.0%} are\nexactly 0".replace("%", " %"), (-0.3, 8.6), ha="right", fontsize=10
    )
    names = ("before ReLU", "after ReLU", "in the next layer")
    zeros = (0.0, crowd.zeros, 0.0)
    rows = [
        (name, shown(negative, unit="%", digits=0), shown(zero, unit="%", digits=0), shown(skew, digits=2))
        for name, negative, zero, skew in zip(names, crowd.negatives, zeros, crowd.skewness)
    ]
    return Picture(fig, Numbers(("the crowd", "below 0", "exactly 0", "skewness"), rows))


@figure
def back_to_a_bell(sums: Any) -> Picture:
    """How far the next layer's preactivations are from a bell curve, by the width of the layer in front"""
    fig, axes = _draw.panels(height=3.4)
    for i, label in enumerate(("after ReLU", "after ELU", "no activation: what samples of a bell give")):
        _draw.band(axes, sums.width, sums.distance[i], label=label, series=i)
    axes.set_xscale("log", base=4)
    axes.set_xticks(sums.width, [str(width) for width in sums.width])
    axes.minorticks_off()
    axes.set(xlabel="units that are summed up", ylabel="distance from a bell curve", ylim=(0, None))
    axes.legend()
    rows = [
        (str(width), *(_draw.mean_text(sums.distance[k][:, i]) for k in range(3)))
        for i, width in enumerate(sums.width)
    ]
    return Picture(fig, Numbers(("units summed up", "ReLU", "ELU", "no activation"), rows))


@figure
def two_that_keep_it(distances: Any) -> Picture:
    """Two functions, neither of them a straight line, that turn a bell curve into a bell curve"""
    from scipy.special import ndtr, ndtri

    fig, axes = _draw.panels(2, height=3.0)
    beside = 1e-9  # the jumps are at -1 and 1: a point on either side of each
    z = np.array([-3, -1 - beside, -1 + beside, 1 - beside, 1 + beside, 3])
    _draw.pieces(axes[0], z, np.where(np.abs(z) < 1, z, -z), breaks=(-1, 1))
    right = np.geomspace(1e-3, 3, 90)
    folded = ndtri(2 * ndtr(right) - 1)
    # Joined neither across 0, where it falls without end, nor to the mirrored half.
    _draw.pieces(axes[1], np.r_[-right[::-1], right], np.r_[folded[::-1], folded], breaks=(0,), linestyle="-")
    for panel, title in zip(
        axes, ("flip: sign changed outside −1 to 1", "fold: the size of z, spread out again")
    ):
        panel.set(title=title, xlabel="z", xlim=(-3, 3), ylim=(-3.2, 3.2))
    axes[0].set_ylabel("output")
    names = list(distances.function)
    rows = [
        (
            name,
            _draw.mean_text(distances.distance[:, names.index(name)]),
            shown(float(distances.tie[:, names.index(name)].mean()), digits=2),
        )
        for name in ("flip", "fold", "relu", "gelu", "elu", "tanh", "selu")
    ]
    return Picture(fig, Numbers(("function", "distance from a bell curve", "correlation with z"), rows))


@claim(
    "C38",
    said="A normally distributed input does not stay normal or symmetric after ReLU, nor after CELU, ELU or SELU.",
    where=DOUBT_THREAD,
    verdict="right",
    because="Skewness is 0 for a symmetric crowd. After ReLU it is {skewness.relu}, after ELU and CELU, which are the "
    "same function here, {skewness.elu}, after SELU {skewness.selu}; the distance from a normal is {distance.relu}, "
    "{distance.elu} and {distance.selu}.",
)
def none_of_them_is_symmetric(moments: Any, distances: Any) -> Check:
    skew = dict(zip(moments.name, moments.skewness))
    far = dict(zip(distances.function, distances.distance.min(0)))
    least = min(skew[name] for name in ("relu", "elu", "celu", "selu"))
    nearest = min(far[name] for name in ("relu", "elu", "selu"))
    same = abs(skew["elu"] - skew["celu"])
    return Check(
        bool(least > 0.3 and nearest > 0.05 and same < 1e-12),
        {"least skewness": least, "least distance from a normal": nearest, "ELU against CELU": same},
    )


@claim(
    "C39",
    said="A nonlinear function of a normal variable cannot be normal.",
    where=DOUBT_THREAD,
    verdict="wrong",
    because="Two counterexamples: change the sign of every value outside −1 to 1 (distance from a normal {distance.flip}), "
    "or fold the bell at 0 and spread it out again ({distance.fold}). It is true of functions that only rise: among "
    "those only straight lines keep it, and SELU, the nearest here, is at {distance.selu}.",
)
def two_counterexamples(distances: Any) -> Check:
    largest = dict(zip(distances.function, distances.distance.max(0)))
    least = dict(zip(distances.function, distances.distance.min(0)))
    known = min(value for name, value in least.items() if name not in ("flip", "fold"))
    return Check(
        bool(max(largest["flip"], largest["fold"]) < 0.012 and known > 0.05),
        {"flip": largest["flip"], "fold": largest["fold"], "nearest activation": known},
    )


@claim(
    "C40",
    said="There is no need for the values in the middle to be normal or symmetric in the first place.",
    where=DOUBT_THREAD,
    verdict="right",
    because="Nothing in training asks for it, and the next layer undoes most of it anyway: a sum over {widest} ReLU "
    "units is {next_distance.behind_256} from a normal, one unit alone {next_distance.behind_1}. The shape comes back, "
    "the centre does not: means lie {offset.relu} spreads away from 0.",
)
def sums_bring_the_bell_back(sums: Any) -> Check:
    relu = sums.distance[0]
    floor_ = sums.distance[list(sums.activation).index("identity")].mean(0)[-1]
    widths = list(sums.width)
    one, four, wide = (relu[:, widths.index(width)] for width in (1, 4, 64))
    return Check(
        bool((wide < four).all() and (wide < one).all() and relu[:, -1].mean() < 2 * floor_),
        {
            "behind one unit": one.mean(),
            "behind 64 units": wide.mean(),
            "behind 256 units": relu[:, -1].mean(),
            "samples of a true normal": floor_,
        },
    )


@fact(digits=0)
def deep_lost(centring: Any) -> dict[str, int]:
    """Networks with eight hidden layers whose loss became infinite, of 32 each: ReLU, and ReLU lowered to mean 0."""
    return {"relu": int(centring.lost[0]), "centred": int(centring.lost[1])}


@fact(digits=0)
def widest(sums: Any) -> int:
    """Units in the widest layer that was summed up."""
    return int(max(sums.width))


@claim(
    "C41",
    said="The sigmoid is symmetric, only shifted.",
    where=DOUBT_THREAD,
    verdict="right",
    because="sigmoid(−x) = 1 − sigmoid(x), to {mirror_error.sigmoid}: the curve is symmetric about its middle, 0.5. Moved and "
    "stretched it is tanh, to {mirror_error.tanh}.",
)
def the_sigmoid_is_a_moved_tanh(mirror: Any) -> Check:
    return Check(
        max(mirror.sigmoid, mirror.tanh) < 1e-14, {"sigmoid": mirror.sigmoid, "against tanh": mirror.tanh}
    )


@claim(
    "C42",
    said="Functions that are not symmetric often work better in practice.",
    where=DOUBT_THREAD,
    verdict="unproven",
    because="Not by these measurements: with two hidden layers ReLU reaches {shallow.relu}, tanh, which is symmetric, "
    "{shallow.tanh}, and ReLU lowered to mean 0 {shallow.centred}. That is no evidence for a difference that matters, and "
    "one small task proves nothing in general.",
)
def no_difference_that_matters(centring: Any) -> Check:
    relu, lowered, tanh = centring.shallow.mean(1)
    return Check(
        max(abs(relu - tanh), abs(relu - lowered)) < 0.02,
        {"ReLU against tanh": relu - tanh, "against ReLU lowered to mean 0": relu - lowered},
    )


@claim(
    "C43",
    said="A disadvantage of ReLU is that its output is not centred at zero; that of ELU is.",
    where=TUTORIAL,
    verdict="right if",
    because="Right of ReLU, whose mean is {mean.relu}; ELU's is {mean.elu}, nearer but not 0; SELU's is "
    "{mean.selu}. Here it is a disadvantage only with eight hidden layers and large steps: lowered to mean 0, ReLU reaches "
    "{deep_fast.centred} in place of {deep_fast.relu}.",
)
def centring_matters_when_deep(moments: Any, centring: Any) -> Check:
    means = dict(zip(moments.name, moments.mean))
    gain = centring.deep[1, 1].mean() - centring.deep[0, 1].mean()
    shallow_gain = centring.shallow[1].mean() - centring.shallow[0].mean()
    return Check(
        bool(
            means["relu"] > means["elu"] > 0.1
            and abs(means["selu"]) < 1e-3
            and gain > 0.02
            and abs(shallow_gain) < 0.01
        ),
        {
            "mean of ReLU": means["relu"],
            "mean of ELU": means["elu"],
            "gain with eight layers": gain,
            "gain with two": shallow_gain,
        },
    )


def _by_name(moments: Any, values: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(moments.name, values) if name in _SHOWN}
