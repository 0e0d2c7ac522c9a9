"""Does ReLU cure vanishing gradients? What the measurements say of signals and gradients in deep networks."""

import numpy as np
import xarray as xr

from reluguide.evidence.checks import above, at_least, at_most, below, equal
from reluguide.evidence.findings import Condition, Numbers, Picture, check, fact, figure, table
from reluguide.findings import _draw

_LABELS = {
    "relu_kaiming": "ReLU, Kaiming", "relu_default": "ReLU, PyTorch's default",
    "tanh_xavier": "tanh, Xavier", "sigmoid_xavier": "sigmoid, Xavier",
}  # fmt: skip
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh"}


def _over_seeds(numbers: xr.DataArray) -> xr.DataArray:
    """Smallest, median and largest over the seeds."""
    found = numbers.quantile([0, 0.5, 1], "seed")
    return found.assign_coords(quantile=["smallest", "median", "largest"])


def _ratios(profile: xr.DataArray) -> xr.DataArray:
    """What the first layer gets of the last layer's gradient."""
    return profile.isel(layer=0, drop=True) / profile.isel(layer=-1, drop=True)


@fact()
def ratio(profile: xr.DataArray) -> xr.DataArray:
    """First hidden layer's gradient divided by the fifteenth's, before training, over 32 seeds."""
    return _over_seeds(_ratios(profile))


@fact()
def first(profile: xr.DataArray) -> xr.DataArray:
    """Norm of the gradient of the first layer's weights, 15 hidden layers, before training; median over 32 seeds."""
    return profile.sel(layer=1).median("seed")


@fact()
def ten_factors(slopes: xr.DataArray) -> xr.DataArray:
    """The largest slope of an activation, multiplied by itself for ten layers."""
    return slopes.sel(activation=["sigmoid", "relu"]) ** 10


@fact(digits=0)
def spread_times(spread: xr.DataArray) -> xr.DataArray:
    """First layer's gradient: the largest of 32 seeds divided by the smallest, by depth and width."""
    return spread.max("seed") / spread.min("seed")


cosine = fact("alike.cosine", digits=2, sel={"layer": [10, 30]})


@fact()
def predicted_off(alike: xr.Dataset) -> float:
    """Largest difference between the mean cosine of ReLU layers and the prediction for infinite width."""
    return float(_from_prediction(alike).max())


def _from_prediction(alike: xr.Dataset) -> xr.DataArray:
    return abs(alike["cosine"].sel(activation="relu").mean("seed") - alike["predicted"])


@fact()
def rms(scale: xr.DataArray) -> xr.DataArray:
    """Root mean square of the activations after 20 layers, by factor on Kaiming's weights; median over 16 seeds."""
    return scale.median("seed")


gain = fact("gains.gain", digits=2)


@fact()
def left(gains: xr.Dataset) -> xr.DataArray:
    """Root mean square after 20 layers with the gain for ReLU and with the own one; median over 16 seeds."""
    return gains["rms"].median("seed")


slope = fact("slopes", digits=2)
accuracy = fact("training.accuracy", digits=0)


@fact()
def growth(recurrent: xr.DataArray) -> xr.DataArray:
    """Size of a recurrent state after 50 steps divided by its first size, over 32 seeds."""
    return _over_seeds(recurrent)


@figure
def by_layer(profile: xr.DataArray) -> Picture:
    """How much gradient each of 15 layers receives before training"""
    fig, axes = _draw.panels(height=3.6)
    for series, (name, label) in enumerate(_LABELS.items()):
        low, middle, high = profile.sel(init=name).quantile([0.1, 0.5, 0.9], "seed")
        look = {"color": f"C{series}", "linestyle": _draw.DASHES[series], "marker": _draw.MARKERS[series]}
        axes.plot(profile.layer, middle, label=label, **look)
        axes.fill_between(profile.layer, low, high, color=f"C{series}", alpha=0.2, linewidth=0)
        _draw.dots(axes, profile.sel(init=name), "layer", color=f"C{series}")
    axes.set(yscale="log", xlabel="hidden layer (1 is next to the input)", ylabel="norm of the gradient")
    axes.legend(loc="lower right")
    shown = [profile.sel(layer=1), profile.sel(layer=15), _ratios(profile)]
    medians = [
        [f"{one:.1e}" for one in numbers.sel(init=list(_LABELS)).median("seed").values] for numbers in shown
    ]
    rows = list(zip(_LABELS.values(), *medians))
    return Picture(fig, Numbers(("network", "layer 1", "layer 15", "layer 1 / layer 15"), rows))


@figure
def inputs_alike(alike: xr.Dataset) -> Picture:
    """How alike two different inputs have become, by layer (1 is the same direction)"""
    fig, axes = _draw.panels(height=3.3)
    by_name = {label: alike.cosine.sel(activation=name) for name, label in _ACTIVATIONS.items()}
    for series, (label, numbers) in enumerate(by_name.items()):
        _draw.band(axes, numbers, "layer", label=label, series=series, markevery=5)
    axes.plot(alike.layer, alike.predicted, color="C3", linestyle=":", label="ReLU, predicted")
    axes.set(xlabel="layer (0 is the input)", ylabel="mean cosine", ylim=(-0.05, 1.05))
    axes.legend(loc="center right")
    columns = {**by_name, "ReLU, predicted": alike.predicted}
    some = {label: numbers.sel(layer=[0, 1, 5, 10, 15, 20, 30]) for label, numbers in columns.items()}
    return Picture(fig, table({"layer": "layer", **some}, digits=2))


@figure
def first_by_depth(spread: xr.DataArray) -> Picture:
    """The first layer's gradient in 32 ReLU networks that differ only in their random weights"""
    fig, axes = _draw.panels(height=2.9)
    labels, look = (
        spread.layers.values.tolist(),
        {"linestyle": "none", "color": "C0", "marker": "o", "markersize": 4},
    )
    for i, norm in enumerate(spread):
        axes.plot(norm, i + np.linspace(-0.16, 0.16, norm.size), alpha=0.6, **look)
    axes.set(xscale="log", xlabel="norm of the first layer's gradient", yticks=range(len(labels)))
    axes.set_yticklabels(labels)
    axes.invert_yaxis()
    rows = [
        (label, *(f"{one:.2g}" for one in over)) for label, over in zip(labels, _over_seeds(spread).values.T)
    ]
    return Picture(fig, Numbers(("network", "smallest", "median", "largest"), rows))


@check("C46")
def the_weights_decide(profile: xr.DataArray) -> list[Condition]:
    found = {name: _ratios(profile).sel(init=name) for name in _LABELS}
    kaiming, tanh = found["relu_kaiming"], found["tanh_xavier"]
    return [
        at_least("networks with Kaiming weights whose first layer gets 0.05 to 20 times the last one's gradient",
                 ((kaiming > 0.05) & (kaiming < 20)).mean(), 0.9),
        below("sigmoid: first layer's gradient over the last one's, in any network", found["sigmoid_xavier"], 1e-4),
        above("tanh: the same, median", tanh.median(), 0.3),
        below("tanh: the same, median, at most", tanh.median(), 3),
        above("tanh: the same, in any network", tanh, 0.05),
        below("ReLU, default weights: the same, in any network", found["relu_default"], 0.01),
    ]  # fmt: skip


@check("C47")
def healthy_on_average(profile: xr.DataArray, spread: xr.DataArray, alike: xr.Dataset) -> list[Condition]:
    first_layer, logs = profile.sel(layer=1), xr.apply_ufunc(np.log10, spread).std("seed")
    deeper = logs.sel(layers=[f"{depth} layers of 64" for depth in (15, 50, 100)])
    mean = alike.cosine.mean("seed").sel(activation="relu")
    return [
        below("first layer's gradient with default weights over that with Kaiming's, in any seed",
              first_layer.sel(init="relu_default") / first_layer.sel(init="relu_kaiming"), 1e-3),
        above("spread over seeds (sd of log10) gained from one depth to the next", deeper.diff("layers"), 0),
        below("spread over seeds at depth 50, wider layers", logs.sel(layers="50 layers of 192"),
              logs.sel(layers="50 layers of 64")),
        above("cosine of two inputs after 30 layers of ReLU", mean.sel(layer=30), 0.9),
        above("cosine after 30 layers of ReLU, and after one", mean.sel(layer=30), mean.sel(layer=1)),
        below("mean cosine less its prediction, at any layer", _from_prediction(alike), 0.05),
        below("size of the cosine after 30 layers of tanh",
              abs(alike.cosine.mean("seed").sel(activation="tanh", layer=30)), 0.1),
    ]  # fmt: skip


@check("C48")
def the_slope_is_one(slopes: xr.DataArray) -> list[Condition]:
    return [
        equal("largest slope of ReLU", slopes.sel(activation="relu"), 1),
        above("largest slope of GELU and of SiLU", slopes.sel(activation=["gelu", "silu"]), 1),
    ]


@check("C49")
def tanh_forgives(scale: xr.DataArray) -> list[Condition]:
    twice = scale.sel(factor=2)
    return [
        above("size after 20 layers of ReLU, weights twice too large", twice.sel(activation="relu"), 1e4),
        at_most("size after 20 layers of tanh, the same weights", twice.sel(activation="tanh"), 1),
    ]


@check("C50")
def one_matrix_many_times(recurrent: xr.DataArray) -> list[Condition]:
    at_random = recurrent.sel(case="relu")
    rising = recurrent.sel(case=["relu_low", "relu", "relu_high"]).median("seed")
    return [
        above("orders of magnitude over seeds, ReLU", np.log10(at_random.max() / at_random.min()), 4),
        above("what larger weights add to the growth of a ReLU state, median", rising.diff("case"), 0),
        below("growth of a tanh state, in any network", recurrent.sel(case="tanh_high"), 4),
        equal("growth of a ReLU state under the identity", recurrent.sel(case="relu_identity"), 1),
    ]


@check("C51")
def made_for_relu(gains: xr.Dataset) -> list[Condition]:
    relu, gelu, silu = gains.rms.sel(init="kaiming").median("seed").sel(activation=["relu", "gelu", "silu"])
    return [
        above("size after 20 layers of ReLU, median", relu, 0.5),
        below("size after 20 layers of ReLU, median, at most", relu, 2),
        below("size after 20 layers of GELU, half of ReLU's at most", gelu, relu / 2),
        below("size after 20 layers of SiLU, less than GELU's", silu, gelu),
        below("ReLU's gain less √2", abs(gains.gain.sel(activation="relu") - 2**0.5), 1e-6),
    ]


@check("C53")
def not_saturation_alone(training: xr.Dataset) -> list[Condition]:
    mean = {name: training.accuracy.sel(init=name).mean() for name in _LABELS}
    return [
        below("accuracy of the sigmoid", mean["sigmoid_xavier"], 0.2),
        below("accuracy of ReLU, default weights", mean["relu_default"], 0.2),
        above("accuracy of ReLU, Kaiming weights", mean["relu_kaiming"], 0.4),
        above("accuracy of tanh, a tenth more than that", mean["tanh_xavier"], mean["relu_kaiming"] + 0.1),
        equal("networks that diverged", training.diverged.sum(), 0),
    ]
