"""What else was tried, and which should I use? What the measurements say of every activation of the table."""

from itertools import pairwise
from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Claim, Numbers, Picture, claim, fact, figure, mean_interval
from reluguide.findings import _draw
from reluguide.findings._threads import TUTORIAL, WHY_THREAD

ALL = (
    "relu", "leaky_relu", "prelu", "elu", "celu", "selu", "gelu", "gelu_tanh", "silu", "mish", "hardswish",
    "softplus", "relu_squared", "relu6", "tanh", "sigmoid",
)  # fmt: skip


@fact(digits=2)
def mean(moments: Any) -> dict[str, float]:
    """Mean output where the preactivation is standard normal."""
    return dict(zip(moments.name, moments.mean))


@fact(digits=2)
def variance(moments: Any) -> dict[str, float]:
    """Variance of the output where the preactivation is standard normal."""
    return dict(zip(moments.name, moments.variance))


@fact(digits=2)
def mean_square(moments: Any) -> dict[str, float]:
    """Mean of the squared output where the preactivation is standard normal."""
    return dict(zip(moments.name, moments.square))


@fact(digits=2)
def skew(moments: Any) -> dict[str, float]:
    """Skewness of the output where the preactivation is standard normal."""
    return dict(zip(moments.name, moments.skew))


@fact(digits=1)
def zero_float32(zero_gradient: Any) -> dict[str, float]:
    """The preactivation at and below which the float32 gradient is exactly 0."""
    return dict(zero_gradient.below["float32"])


@fact(digits=1)
def zero_bfloat16(zero_gradient: Any) -> dict[str, float]:
    """The preactivation at and below which the bfloat16 gradient is exactly 0."""
    return dict(zero_gradient.below["bfloat16"])


@fact(digits=1)
def zero_float16(zero_gradient: Any) -> dict[str, float]:
    """The preactivation at and below which the float16 gradient is exactly 0."""
    return dict(zero_gradient.below["float16"])


@fact(digits=1)
def zero_alone(zero_gradient: Any) -> dict[str, float]:
    """The same in float32 for a tensor that holds a single number."""
    return dict(zero_gradient.alone)


@fact(digits=1)
def zero_above(zero_gradient: Any) -> dict[str, float]:
    """The preactivation at and above which the float32 gradient is exactly 0."""
    return dict(zero_gradient.above)


@fact(unit="%", digits=1)
def accuracy(contest: Any) -> dict[str, Any]:
    """Test accuracy on digits, at the better of two Adam rates."""
    return {name: contest.accuracy[i] for i, name in enumerate(contest.name)}


@fact(unit="points", digits=2)
def ahead(contest: Any) -> dict[str, Any]:
    """Percentage points of accuracy on digits ahead of the ReLU network with the same seed."""
    relu = contest.accuracy[0]
    return {name: (contest.accuracy[i] - relu) * 100 for i, name in enumerate(contest.name) if i}


@fact(unit="points", digits=2)
def one_image(contest: Any) -> float:
    """Percentage points of accuracy that one image of those tested makes."""
    return 100 / float(contest.images)


@fact(digits=0)
def images(contest: Any) -> int:
    """Images tested."""
    return int(contest.images)


@fact(unit="percentage points", digits=1)
def farthest(contest: Any) -> float:
    """Largest difference of mean accuracy from ReLU's, without squared ReLU, in percentage points."""
    means = dict(zip(contest.name, contest.accuracy.mean(1) * 100))
    return max(abs(float(means[name] - means["relu"])) for name in means if name != "relu_squared")


@fact(unit="%", digits=1)
def small(small_data: Any) -> dict[str, Any]:
    """Test accuracy after learning from a hundred images of digits."""
    return {"relu": small_data.relu, "leaky_relu": small_data.leaky}


@fact(unit="points", digits=2)
def small_ahead(small_data: Any) -> Any:
    """Percentage points that LeakyReLU is ahead of ReLU with the same seed, learning from a hundred images."""
    return (small_data.leaky - small_data.relu) * 100


@fact(unit="%", digits=0)
def unmoved(frozen: Any) -> dict[str, Any]:
    """Units with the same weights, bit for bit, after training that began at a very negative bias."""
    biases = [f"at_{-bias:.0f}" for bias in frozen.bias]
    return {
        f"{name}_{at}": frozen.share[i][j]
        for i, name in enumerate(frozen.name)
        for j, at in enumerate(biases)
    }


@fact(digits=2)
def gap(shapes: Any) -> dict[str, float]:
    """Largest distance from ReLU between -8 and 8."""
    return dict(zip(shapes.name, shapes.gap))


@fact(digits=2)
def gap_at(shapes: Any) -> dict[str, float]:
    """Size of the preactivation at which the distance from ReLU is largest."""
    return dict(zip(shapes.name, np.abs(shapes.gap_at)))


@fact(digits=2)
def lowest(shapes: Any) -> dict[str, float]:
    """Lowest output between -8 and 8."""
    return dict(zip(shapes.name, shapes.lowest))


@fact(digits=2)
def lowest_at(shapes: Any) -> dict[str, float]:
    """The preactivation with the lowest output."""
    return dict(zip(shapes.name, shapes.lowest_at))


@fact(digits=2)
def steepest(shapes: Any) -> dict[str, float]:
    """Largest slope between -8 and 8."""
    return dict(zip(shapes.name, shapes.steepest))


@fact(digits=0)
def slope_jump(shapes: Any) -> dict[str, float]:
    """How far the slope jumps at 0 where alpha is 2; `bend`: the slope's own slope, where alpha is 1."""
    return {"elu": shapes.elu_jump, "celu": shapes.celu_jump, "bend": shapes.elu_bend}


@fact(digits=0)
def prelu_slopes(prelu: Any) -> dict[str, float]:
    """Numbers that `nn.PReLU()` and `nn.PReLU(channels)` learn, and units in the feature maps."""
    return {"default": prelu.default, "by_channel": prelu.by_channel, "units": prelu.units}


@fact(unit="×", digits=1)
def cost_cache(recorded: Any) -> dict[str, float]:
    """Recorded time of the activation alone as a multiple of ReLU's, on numbers that stay in the cache."""
    return _costs(recorded, "cache")


@fact(unit="×", digits=1)
def cost_memory(recorded: Any) -> dict[str, float]:
    """Recorded time of the activation alone as a multiple of ReLU's, on numbers that fit no cache."""
    return _costs(recorded, "memory")


@fact(unit="×", digits=2)
def cost_step(recorded: Any) -> dict[str, float]:
    """Recorded time of a whole training step as a multiple of ReLU's, in a network of width 256."""
    return _costs(recorded, "step")


def _costs(recorded: Any, setting: str) -> dict[str, float]:
    """On the first device that was recorded, a CPU where there is one."""
    return {name: recorded[0].cost(name)[setting] for name in ALL}


@figure
def shapes_of_all(curves: Any) -> Picture:
    """Sixteen activations: value (solid) and slope (dashed)"""
    fig, grid = _draw.panels(4, rows=4, height=6.4, sharex=True, sharey=True)
    for i, axes in enumerate(grid.flat):
        _draw.pieces(axes, curves.z, curves.value[i], series=0, label="value")
        edges = [-np.inf, *(float(z) for z in curves.kinks[i]), np.inf]
        for low, high in pairwise(edges):  # one line a piece: a slope is not joined across its jump
            part = (curves.z > low) & (curves.z < high)
            label = "slope" if low == -np.inf else None
            _draw.pieces(axes, curves.z[part], curves.slope[i][part], series=1, linewidth=1.5, label=label)
        axes.set(title=curves.label[i], ylim=(-1.9, 2.4), xticks=(-4, 0, 4), yticks=(0, 1))
    grid.flat[0].legend(loc="lower right", fontsize=9, handlelength=1.4)
    at = [int(np.argmin(np.abs(curves.z - z))) for z in (-2.0, 2.0)]
    rows = [
        (label, *(f"{curves.value[i][k]:.3f}".replace("-", "−") for k in at),
         *(f"{curves.slope[i][k]:.3f}".replace("-", "−") for k in at))
        for i, label in enumerate(curves.label)
    ]  # fmt: skip
    return Picture(
        fig, Numbers(("activation", "value at −2", "value at 2", "slope at −2", "slope at 2"), rows)
    )


@figure
def accuracy_dots(contest: Any, curves: Any) -> Picture:
    """Test accuracy on digits by activation, mean and 95 % interval over seeds"""
    labels = dict(zip(curves.name, curves.label))
    fig, axes = _draw.panels(height=3.8)
    order = np.argsort(contest.accuracy.mean(1))
    floor = 95.0
    for y, i in enumerate(order):
        middle, low, high = mean_interval(contest.accuracy[i] * 100)
        series = 1 if contest.name[i] == "relu" else 0
        if middle < floor:  # one that begins badly must not squeeze the others into one point
            axes.text(floor + 0.03, y, f"← {middle:.0f} %", va="center")
            continue
        axes.errorbar(
            middle, y, xerr=[[middle - low], [high - middle]], fmt=_draw.MARKERS[series], color=f"C{series}"
        )
    axes.set(xlabel="test accuracy (%)", xlim=(floor, 97), ylim=(-0.7, 11.6), yticks=range(len(order)))
    axes.set_yticklabels([labels[contest.name[i]] for i in order])
    rows = [
        (
            labels[contest.name[i]],
            f"{contest.lr[i]:g}",
            _draw.mean_text(contest.accuracy[i] * 100, "{:.1f} %"),
        )
        for i in order[::-1]
    ]
    return Picture(fig, Numbers(("activation", "learning rate", "test accuracy (95 % interval)"), rows))


@figure
def zero_map(zero_gradient: Any, curves: Any) -> Picture:
    """Where the gradient is exactly zero: every preactivation at or left of the mark"""
    labels = dict(zip(curves.name, curves.label))
    edges = zero_gradient.below
    names = sorted(edges["float32"], key=lambda name: edges["float32"][name])
    fig, axes = _draw.panels(height=4.4)
    for series, kind in enumerate(edges):
        axes.plot(
            [edges[kind][name] for name in names], range(len(names)), linestyle="",
            marker=_draw.MARKERS[series], color=f"C{series}", label=kind, markersize=7 - series,
        )  # fmt: skip
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="preactivation z", xlim=(-200, 0.3), yticks=range(len(names)))
    axes.set_xticks([-100, -30, -10, -3, -1, 0], ["−100", "−30", "−10", "−3", "−1", "0"])
    axes.set_yticklabels([labels[name] for name in names])
    axes.legend(loc="upper left")
    rows = [
        (labels[name], *(f"{edges[kind][name]:.1f}".replace("-", "−").replace("−0.0", "0") for kind in edges))
        for name in names[::-1]
    ] + [(labels[name], "nowhere", "nowhere", "nowhere") for name in zero_gradient.never]
    return Picture(fig, Numbers(("activation", *edges), rows))


@figure
def cost(recorded: Any, curves: Any) -> Picture:
    """Time as a multiple of ReLU's: alone in the cache, alone in memory, and in a whole training step"""
    labels, one = dict(zip(curves.name, curves.label)), recorded[0]
    costs = {name: one.cost(name) for name in ALL}
    order = sorted(ALL, key=lambda name: -costs[name]["cache"])
    fig, axes = _draw.panels(height=4.6)
    told = {"cache": "alone, in the cache", "memory": "alone, in memory", "step": "in a training step"}
    for series, (setting, label) in enumerate(told.items()):
        axes.plot(
            [costs[name][setting] for name in order], range(len(order)), linestyle="",
            marker=_draw.MARKERS[series], color=f"C{series}", label=label,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes.minorticks_off()
    axes.set(xlabel=f"times ReLU's time ({one.device}, {one.date})", yticks=range(len(order)))
    axes.set_yticklabels([labels[name] for name in order])
    axes.legend(loc="upper right")
    rows = [(labels[name], *(f"{costs[name][setting]:.2f}" for setting in told)) for name in order[::-1]]
    rows += [("recorded on", one.device, one.date, f"torch {one.versions['torch']}")]
    return Picture(fig, Numbers(("activation", *told.values()), rows))


@claim(
    "C36",
    said="ELU is never exactly dead: its gradient never becomes zero.",
    where=TUTORIAL,
    verdict="right if",
    because="True of the formula, not of the computer. Here its float32 gradient is exactly 0 from {zero_float32.elu} "
    "down, in float16 from {zero_float16.elu}; GELU's, also called smooth, already from {zero_float32.gelu}. And tiny "
    "steps are lost to rounding before: from a bias of `-20`, {unmoved.elu_at_20} of ELU units never move.",
)
def gradients_underflow(zero_gradient: Any, frozen: Any) -> Check:
    single, half = zero_gradient.below["float32"], zero_gradient.below["float16"]
    elu = frozen.share[frozen.name.index("elu")][0]
    leaky = frozen.share[frozen.name.index("leaky_relu")]
    return Check(
        bool(
            single["elu"] < -80
            and -30 < half["elu"] < -10
            and single["gelu"] > single["elu"]
            and set(zero_gradient.never) == {"leaky_relu", "prelu"}
            and elu.mean() > 0
            and np.max(leaky) == 0
        ),
        {"ELU float32": single["elu"], "ELU float16": half["elu"], "GELU float32": single["gelu"],
         "ELU units that never moved": elu.mean()},
    )  # fmt: skip


C54 = Claim(
    "C54",
    said="ReLU came around 2009.",
    where=WHY_THREAD,
    verdict="right if",
    because="That is about when deep learning took it up: rectification in vision networks in 2009 [@jarrett2009], "
    "ReLU by name in 2010 [@nair2010], deep networks without pre-training in 2011 [@glorot2011]. Units that pass on "
    "what exceeds a threshold are older: 1969 [@fukushima1969] and 2000 [@hahnloser2000].",
)


@claim(
    "C55",
    said="nn.PReLU() learns a slope for each channel, a different one for every unit.",
    where=TUTORIAL,
    verdict="wrong",
    because="It learns {prelu_slopes.default} number for the whole layer. `nn.PReLU(16)` learns "
    "{prelu_slopes.by_channel}, one a channel; in a map of `8` by `8` that is still far fewer than the "
    "{prelu_slopes.units} units. That it overfits small data is not shown anywhere in the text.",
)
def one_slope_by_default(prelu: Any) -> Check:
    return Check(
        prelu.default == 1 and prelu.by_channel == prelu.channels < prelu.units,
        {"slopes by default": prelu.default, "slopes by channel": prelu.by_channel},
    )


@claim(
    "C56",
    said="GELU is a smooth approximation of ReLU.",
    where=TUTORIAL,
    verdict="right if",
    because="Seen from afar. Near zero it differs by up to {gap.gelu}, at {gap_at.gelu} on either side, and it is "
    "not even rising everywhere: it falls to {lowest.gelu} at {lowest_at.gelu}. SiLU differs by up to {gap.silu}, "
    "softplus by {gap.softplus}.",
)
def gelu_keeps_a_distance(shapes: Any) -> Check:
    at = list(shapes.name).index("gelu")
    return Check(
        bool(
            abs(shapes.lowest[at] + 0.16997) < 1e-4
            and abs(shapes.lowest_at[at] + 0.7518) < 1e-2
            and 0.1 < shapes.gap[at] < 0.2
        ),
        {"lowest GELU": shapes.lowest[at], "at": shapes.lowest_at[at], "largest gap": shapes.gap[at]},
    )


@claim(
    "C57",
    said="ELU is smooth.",
    where=TUTORIAL,
    verdict="right if",
    because="Only with `alpha=1` does its slope not jump at 0, and even then the slope itself has a corner (its own "
    "slope jumps by {slope_jump.bend}). With `alpha=2` the slope jumps by {slope_jump.elu}; CELU repairs that "
    "[@barron2017].",
)
def elu_has_a_corner(shapes: Any) -> Check:
    return Check(
        bool(
            shapes.elu_jump > 0.9
            and shapes.celu_jump < 1e-6
            and shapes.elu_bend > 0.9
            and shapes.elu_celu == 0
        ),
        {
            "ELU jump at alpha 2": shapes.elu_jump,
            "CELU": shapes.celu_jump,
            "ELU bend at alpha 1": shapes.elu_bend,
        },
    )


@claim(
    "C58",
    said="GELU is overkill for a plain network; ELU is to be avoided when speed matters.",
    where=TUTORIAL,
    verdict="unproven",
    because="On digits GELU is {ahead.gelu} ahead of ReLU ({accuracy.gelu} against {accuracy.relu}), which is nothing "
    "either way; ELU is {ahead.elu} ahead. In a whole training step GELU takes {cost_step.gelu} and ELU "
    "{cost_step.elu} of ReLU's time.",
)
def no_difference_here(contest: Any) -> Check:
    means = dict(zip(contest.name, contest.accuracy.mean(1)))
    gaps = {name: abs(float(means[name] - means["relu"])) for name in ("gelu", "elu", "silu", "leaky_relu")}
    return Check(max(gaps.values()) < 0.02, gaps)


C59 = Claim(
    "C59",
    said="BERT and GPT use GELU; EfficientNet uses SiLU.",
    where=TUTORIAL,
    verdict="right",
    because="So say their papers [@devlin2019; @radford2018; @tan2019]. But the first transformer used ReLU "
    "[@vaswani2017], and PaLM and LLaMA multiply two halves, one through SiLU [@chowdhery2023; @touvron2023].",
)

C60 = Claim(
    "C60",
    said="This class is an MBConv block.",
    where=TUTORIAL,
    verdict="wrong",
    because="What is shown is one plain convolution and SiLU. The real one widens, filters each channel on its own, "
    "narrows again and adds its input [@sandler2018], and weighs the channels on the way [@tan2019]: see the recipe.",
)


@claim(
    "C61",
    said="With little data, choose LeakyReLU.",
    where=TUTORIAL,
    verdict="unproven",
    because="No reason is given. Learning from a hundred images of digits, LeakyReLU is {small_ahead} ahead of ReLU "
    "({small.leaky_relu} against {small.relu}): no evidence of a gain that anybody would notice.",
)
def no_gain_with_little_data(small_data: Any) -> Check:
    difference = float((small_data.leaky - small_data.relu).mean())
    return Check(abs(difference) < 0.02, {"LeakyReLU ahead by": difference})


C62 = Claim(
    "C62",
    said="A transformer's feed-forward block is Linear, GELU, Dropout, Linear.",
    where=TUTORIAL,
    verdict="right",
    because="The order is the usual one, and PyTorch's own encoder layer has it; the first transformer had ReLU in "
    "the same place [@vaswani2017].",
)

C63 = Claim(
    "C63",
    said="The tutorial's code can be copied and run.",
    where=TUTORIAL,
    verdict="wrong",
    because="In the copy that goes round, the Greek letters have become other characters and the code has lost its "
    "indentation, so that Python refuses it. The recipes on this page are run whenever the page is built.",
)
