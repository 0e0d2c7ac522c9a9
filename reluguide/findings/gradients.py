"""Does ReLU cure vanishing gradients? What the measurements say of signals and gradients in deep networks."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import RELU_THREAD, TUTORIAL, WHY_THREAD

_LABELS = {
    "relu_kaiming": "ReLU, Kaiming",
    "relu_default": "ReLU, PyTorch's default",
    "tanh_xavier": "tanh, Xavier",
    "sigmoid_xavier": "sigmoid, Xavier",
}


@fact()
def ratio(profile: Any) -> dict[str, float]:
    """First hidden layer's gradient divided by the fifteenth's, before training; median over 32 seeds."""
    return {name: float(np.median(one)) for name, one in _ratios(profile).items()}


@fact()
def ratio_range(profile: Any) -> dict[str, float]:
    """Smallest and largest over 32 seeds of the first layer's gradient divided by the fifteenth's, ReLU, Kaiming."""
    found = _ratios(profile)["relu_kaiming"]
    return {"low": float(found.min()), "high": float(found.max())}


@fact()
def first(profile: Any) -> dict[str, float]:
    """Norm of the gradient of the first layer's weights, 15 hidden layers, before training; median over 32 seeds."""
    return {name: float(np.median(profile.norm[i][:, 0])) for i, name in enumerate(profile.setting)}


@fact()
def powers() -> dict[str, float]:
    """Ten factors of a quarter, the largest slope of a sigmoid; and ten of one."""
    return {"sigmoid": 0.25**10, "relu": 1.0**10}


@fact(digits=0)
def spread_times(spread: Any) -> dict[str, float]:
    """First layer's gradient: the largest of 32 seeds divided by the smallest, by depth (and width 192)."""
    found = {name: one.max() / one.min() for name, one in _shapes(spread).items()}
    return {name: float(value) for name, value in found.items()}


@fact(digits=2)
def cosine(alike: Any) -> dict[str, Any]:
    """Mean cosine between what two different random inputs have become after 30 layers."""
    return {name: alike.cosine[i][:, -1] for i, name in enumerate(alike.activation)}


@fact(digits=2)
def cosine_at_ten(alike: Any) -> Any:
    """Mean cosine between what two different random inputs have become after 10 layers of ReLU."""
    return alike.cosine[0][:, 10]


@fact()
def predicted_off(alike: Any) -> float:
    """Largest difference between the mean cosine of ReLU layers and the prediction for infinite width."""
    return float(np.abs(alike.cosine[0].mean(0) - alike.predicted).max())


@fact()
def rms(scale: Any) -> dict[str, float]:
    """Root mean square of the activations after 20 layers, by factor on Kaiming's weights; median over 16 seeds."""
    words = ("half", "one", "two")
    return {
        f"{name}_{word}": float(np.median(scale.rms[i][k]))
        for i, name in enumerate(scale.activation)
        for k, word in enumerate(words)
    }


@fact(digits=2)
def gain(gains: Any) -> dict[str, float]:
    """What the weights' standard deviation must be, times 1/√(number of inputs), to keep the mean square."""
    return dict(zip(gains.activation, map(float, gains.gain)))


@fact()
def left(gains: Any) -> dict[str, float]:
    """Root mean square after 20 layers with the gain for ReLU and with the own one; median over 16 seeds."""
    plain = {name: float(np.median(gains.rms[i])) for i, name in enumerate(gains.activation)}
    own = {f"{name}_own": float(np.median(gains.rms_own[i])) for i, name in enumerate(gains.activation)}
    return plain | own


@fact(digits=2)
def slope(slopes: Any) -> dict[str, float]:
    """Largest and smallest slope of an activation."""
    top = {name: float(slopes.largest[i]) for i, name in enumerate(slopes.activation)}
    return top | {f"{name}_low": float(slopes.smallest[i]) for i, name in enumerate(slopes.activation)}


@fact(unit="%", digits=0)
def accuracy(training: Any) -> dict[str, Any]:
    """Test accuracy on digits, 15 hidden layers, 200 steps of plain SGD at the better of two rates."""
    return {name: training.accuracy[i] for i, name in enumerate(training.setting)}


@fact()
def growth(recurrent: Any) -> dict[str, float]:
    """Size of a recurrent state after 50 steps divided by its first size; median over 32 seeds."""
    return {name: float(np.median(recurrent.growth[i])) for i, name in enumerate(recurrent.case)}


@fact()
def growth_range(recurrent: Any) -> dict[str, float]:
    """Smallest and largest over 32 seeds of a recurrent ReLU state's growth in 50 steps, Kaiming weights."""
    found = recurrent.growth[recurrent.case.index("relu")]
    return {"low": float(found.min()), "high": float(found.max())}


@figure
def by_layer(profile: Any) -> Picture:
    """How much gradient each of 15 layers receives before training"""
    fig, axes = _draw.panels(height=3.6)
    layers = np.arange(1, profile.norm.shape[2] + 1)
    rows = []
    for series, (name, label) in enumerate(_LABELS.items()):
        norm = profile.norm[profile.setting.index(name)]
        low, middle, high = np.quantile(norm, [0.1, 0.5, 0.9], axis=0)
        axes.plot(
            layers, middle, label=label, color=f"C{series}", linestyle=_draw.DASHES[series],
            marker=_draw.MARKERS[series],
        )  # fmt: skip
        axes.fill_between(layers, low, high, color=f"C{series}", alpha=0.2, linewidth=0)
        rows.append(
            (label, f"{middle[0]:.1e}", f"{middle[-1]:.1e}", f"{np.median(norm[:, 0] / norm[:, -1]):.1e}")
        )
    axes.set(yscale="log", xlabel="hidden layer (1 is next to the input)", ylabel="norm of the gradient")
    axes.legend(loc="lower right")
    return Picture(fig, Numbers(("network", "layer 1", "layer 15", "layer 1 / layer 15"), rows))


@figure
def inputs_alike(alike: Any) -> Picture:
    """How alike two different inputs have become, by layer (1 is the same direction)"""
    fig, axes = _draw.panels(height=3.3)
    layers = np.arange(alike.cosine.shape[2])
    labels = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}
    for series, name in enumerate(alike.activation):
        _draw.band(axes, layers, alike.cosine[series], label=labels[name], series=series, markevery=5)
    axes.plot(layers, alike.predicted, color="C3", linestyle=":", label="ReLU, predicted")
    axes.set(xlabel="layer (0 is the input)", ylabel="mean cosine", ylim=(-0.05, 1.05))
    axes.legend(loc="center right")
    rows = [
        (str(k), *(_draw.mean_text(one[:, k], "{:.2f}") for one in alike.cosine), f"{alike.predicted[k]:.2f}")
        for k in (0, 1, 5, 10, 15, 20, 30)
    ]
    return Picture(fig, Numbers(("layer", *labels.values(), "ReLU, predicted"), rows))


@figure
def first_by_depth(spread: Any) -> Picture:
    """The first layer's gradient in 32 ReLU networks that differ only in their random weights"""
    fig, axes = _draw.panels(height=2.9)
    labels, rows = [], []
    for i, norm in enumerate(spread.norm):
        nudge = np.linspace(-0.16, 0.16, len(norm))
        axes.plot(
            norm, i + nudge, linestyle="none", color="C0", marker=_draw.MARKERS[0], markersize=4, alpha=0.6
        )
        labels.append(f"{spread.depth[i]} layers of {spread.width[i]}")
        rows.append((labels[-1], *(f"{number:.2g}" for number in (norm.min(), np.median(norm), norm.max()))))
    axes.set(xscale="log", xlabel="norm of the first layer's gradient", yticks=range(len(labels)))
    axes.set_yticklabels(labels)
    axes.invert_yaxis()
    return Picture(fig, Numbers(("network", "smallest", "median", "largest"), rows))


@claim(
    "C46",
    said="Through ten layers a sigmoid leaves at most 0.25¹⁰ of the gradient, ReLU leaves 1¹⁰ = 1.",
    where=TUTORIAL,
    verdict="right if",
    because="The arithmetic is right ({powers.sigmoid}), but it leaves out the weights. Through 15 layers the sigmoid "
    "indeed leaves {ratio.sigmoid_xavier}; ReLU leaves {ratio.relu_kaiming} with Kaiming weights and "
    "{ratio.relu_default} with PyTorch's default, and tanh, which saturates too, {ratio.tanh_xavier}.",
)
def the_weights_decide(profile: Any) -> Check:
    found = _ratios(profile)
    healthy = ((found["relu_kaiming"] > 0.05) & (found["relu_kaiming"] < 20)).mean()
    numbers = {
        "Kaiming within 0.05 to 20": float(healthy),
        "largest sigmoid ratio": float(found["sigmoid_xavier"].max()),
        "median tanh ratio": float(np.median(found["tanh_xavier"])),
        "largest default ratio": float(found["relu_default"].max()),
    }
    return Check(
        bool(
            healthy >= 0.9
            and found["sigmoid_xavier"].max() < 1e-4
            and 0.3 < np.median(found["tanh_xavier"]) < 3
            and found["relu_default"].max() < 0.01
        ),
        numbers,
    )


@claim(
    "C47",
    said="With ReLU and Kaiming weights the gradients stay healthy in practice.",
    where=TUTORIAL,
    verdict="right if",
    because="On average, and only with those weights: without them the first layer receives {first.relu_default} "
    "instead of {first.relu_kaiming}. At a depth of 100 the luckiest of 32 networks receives {spread_times.at_100} "
    "times as much as the unluckiest [@hanin2018]. And the signal suffers: after 30 layers two different inputs "
    "have a cosine of {cosine.relu}.",
)
def healthy_on_average(profile: Any, spread: Any, alike: Any) -> Check:
    default = profile.norm[profile.setting.index("relu_default")][:, 0]
    kaiming = profile.norm[profile.setting.index("relu_kaiming")][:, 0]
    logs = {name: float(np.log10(one).std(ddof=1)) for name, one in _shapes(spread).items()}
    mean = alike.cosine[0].mean(0)
    return Check(
        bool(
            (default < 1e-3 * kaiming).all()
            and logs["at_100"] > logs["at_15"]
            and logs["wide"] < logs["at_50"]
            and mean[-1] > 0.9
            and mean[-1] > mean[1]
            and np.abs(mean - alike.predicted).max() < 0.05
        ),
        {
            "largest default / Kaiming": float((default / kaiming).max()),
            "sd of log10 at depth 15": logs["at_15"],
            "at 100": logs["at_100"],
            "at 50": logs["at_50"],
            "at 50, wider": logs["wide"],
            "cosine after 30 layers": float(mean[-1]),
        },
    )


@claim(
    "C48",
    said="The gradient of ReLU is 1 for every positive input.",
    where=TUTORIAL,
    verdict="right",
    because="Its slope there is {slope.relu}. That is one factor of many: the gradient is also multiplied by the "
    "weights. Slopes above 1 exist as well, up to {slope.gelu} for GELU and {slope.silu} for SiLU.",
)
def the_slope_is_one(slopes: Any) -> Check:
    top = dict(zip(slopes.activation, slopes.largest))
    return Check(
        top["relu"] == 1 and top["gelu"] > 1 and top["silu"] > 1, {k: float(v) for k, v in top.items()}
    )


@claim(
    "C49",
    said="Sigmoid and tanh clip, and so keep the activations from going wild.",
    where=RELU_THREAD,
    verdict="right",
    because="With weights twice as large as they should be, 20 layers of ReLU turn inputs of size 1 into "
    "{rms.relu_two}, 20 layers of tanh into {rms.tanh_two}. ReLU needs weights of the right size; tanh forgives.",
)
def tanh_forgives(scale: Any) -> Check:
    relu, tanh = (scale.rms[scale.activation.index(name)][-1] for name in ("relu", "tanh"))
    return Check(
        bool(relu.min() > 1e4 and tanh.max() <= 1),
        {"ReLU, smallest": relu.min(), "tanh, largest": tanh.max()},
    )


@claim(
    "C50",
    said="Recurrent networks are the exception: there one uses tanh and sigmoid.",
    where=RELU_THREAD,
    verdict="right if",
    because="The same matrix acts at every step. With random weights a ReLU state grows by anything from "
    "{growth_range.low} to {growth_range.high} in 50 steps, tanh stays within bounds. But a matrix that begins as the "
    "identity keeps it exactly, and such ReLU networks were trained with success [@le2015].",
)
def one_matrix_many_times(recurrent: Any) -> Check:
    found = dict(zip(recurrent.case, recurrent.growth))
    orders = float(np.log10(found["relu"].max() / found["relu"].min()))
    return Check(
        bool(orders > 4 and found["tanh_high"].max() < 4 and (found["relu_identity"] == 1).all()),
        {"orders of magnitude over seeds": orders, "largest tanh growth": found["tanh_high"].max()},
    )


@claim(
    "C51",
    said="ReLU works well with Kaiming weights.",
    where=TUTORIAL,
    verdict="right",
    because="They are made for it: half of the mean square is cut away and the gain √2 = {gain.relu} gives it back, so "
    "that 20 layers leave {left.relu} of the input's size. GELU and SiLU would need {gain.gelu} and {gain.silu}; "
    "with ReLU's gain 20 layers leave {left.gelu} and {left.silu} [@he2015].",
)
def made_for_relu(gains: Any) -> Check:
    relu, gelu, silu = (float(np.median(one)) for one in gains.rms)
    return Check(
        0.5 < relu < 2 and gelu < relu / 2 and silu < gelu and abs(gains.gain[0] - 2**0.5) < 1e-6,
        {"ReLU": relu, "GELU": gelu, "SiLU": silu, "gain of ReLU": float(gains.gain[0])},
    )


@claim(
    "C53",
    said="Saturating activations kept networks from being deep; ReLU works well with SGD.",
    where=WHY_THREAD,
    verdict="right if",
    because="True of the sigmoid: 15 layers reach {accuracy.sigmoid_xavier} on ten classes, which is guessing. But tanh "
    "saturates too and reaches {accuracy.tanh_xavier}, more than ReLU with Kaiming weights "
    "({accuracy.relu_kaiming}); and ReLU with default weights is left at {accuracy.relu_default}.",
)
def not_saturation_alone(training: Any) -> Check:
    mean = {name: float(training.accuracy[i].mean()) for i, name in enumerate(training.setting)}
    return Check(
        mean["sigmoid_xavier"] < 0.2
        and mean["relu_default"] < 0.2
        and mean["relu_kaiming"] > 0.4
        and mean["tanh_xavier"] > mean["relu_kaiming"] + 0.1
        and int(np.sum(training.lost)) == 0,
        mean,
    )


def _ratios(profile: Any) -> dict[str, Any]:
    return {name: profile.norm[i][:, 0] / profile.norm[i][:, -1] for i, name in enumerate(profile.setting)}


def _shapes(spread: Any) -> dict[str, Any]:
    names = [f"at_{depth}" if width == 64 else "wide" for depth, width in zip(spread.depth, spread.width)]
    return dict(zip(names, spread.norm))
