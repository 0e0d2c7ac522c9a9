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


def _ratios(by_layer: xr.DataArray) -> xr.DataArray:
    """What the first layer gets of the last layer's gradient."""
    return by_layer.isel(layer=0, drop=True) / by_layer.isel(layer=-1, drop=True)


@fact()
def signal(profile: xr.Dataset) -> xr.DataArray:
    """Gradient by the preactivations of the first hidden layer divided by that of the fifteenth, over 32 seeds."""
    return _over_seeds(_ratios(profile["signal"]))


@fact()
def ratio(profile: xr.Dataset) -> xr.DataArray:
    """Gradient by the weights of the first hidden layer divided by that of the fifteenth; median over 32 seeds."""
    return _ratios(profile["weights"]).median("seed")


@fact()
def first(profile: xr.Dataset) -> xr.DataArray:
    """Norm of the gradient of the first layer's weights, 15 hidden layers, before training; median over 32 seeds."""
    return profile["weights"].sel(layer=1, init=["relu_kaiming", "relu_default"]).median("seed")


@fact()
def singular(isometry: xr.DataArray) -> xr.DataArray:
    """Singular values of a ReLU network of 30 layers at a random input, before training; median over 16 seeds."""
    return isometry.sel(quantile=["median", "largest"]).median("seed")


@fact()
def from_one(isometry: xr.DataArray) -> float:
    """Largest difference from 1 of any singular value of 16 mirrored ReLU networks of 30 layers."""
    return float(abs(isometry.sel(init="mirrored") - 1).max())


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
def rms(scale: xr.Dataset) -> xr.DataArray:
    """Root mean square of the activations after 20 layers, by factor on Kaiming's weights; median over 16 seeds."""
    return scale["rms"].median("seed")


@fact()
def returned(scale: xr.Dataset) -> xr.DataArray:
    """Size of a gradient behind 20 layers over that in front, by factor on Kaiming's weights; median over 16 seeds."""
    return scale["gradient"].median("seed")


gain = fact("gains.gain", digits=2)


@fact()
def left(gains: xr.Dataset) -> xr.DataArray:
    """Root mean square after 20 layers with the gain for ReLU and with the own one; median over 16 seeds."""
    return gains["rms"].median("seed")


slope = fact("slopes", digits=2)
accuracy = fact("training.accuracy", digits=0)
adam = fact("with_adam", digits=0)


@fact()
def growth(recurrent: xr.DataArray) -> xr.DataArray:
    """Size of a recurrent state after 50 steps divided by its first size, over 32 seeds."""
    return _over_seeds(recurrent)


@figure
def by_layer(profile: xr.Dataset) -> Picture:
    """The learning signal and the gradient of the weights in each of 15 layers, before training"""
    fig, axes = _draw.panels(2, height=3.7, sharey=True)
    shown = {"by the preactivations: the signal": profile.signal, "by the weights": profile.weights}
    for panel, (title, norms) in zip(axes, shown.items()):
        for series, (name, label) in enumerate(_LABELS.items()):
            low, middle, high = norms.sel(init=name).quantile([0.1, 0.5, 0.9], "seed")
            look = {"color": f"C{series}", "linestyle": _draw.DASHES[series], "marker": _draw.MARKERS[series]}
            panel.plot(norms.layer, middle, label=label, markersize=4, **look)
            panel.fill_between(norms.layer, low, high, color=f"C{series}", alpha=0.2, linewidth=0)
            _draw.dots(panel, norms.sel(init=name), "layer", color=f"C{series}")
        panel.set(yscale="log", xlabel="hidden layer (1 is next to the input)", title=title)
    axes[0].set(ylabel="norm of the loss's gradient")
    axes[0].legend(loc="lower right", fontsize="small")
    columns = {
        f"{what}, {where}": norms.sel(layer=layer) for what, norms in (("signal", profile.signal), ("weights", profile.weights))
        for where, layer in (("layer 1", 1), ("layer 15", 15))
    }  # fmt: skip
    medians = [[f"{one:.1e}" for one in norms.sel(init=list(_LABELS)).median("seed").values] for norms in columns.values()]  # fmt: skip
    return Picture(fig, Numbers(("network", *columns), list(zip(_LABELS.values(), *medians))))


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
def the_weights_decide(profile: xr.Dataset) -> list[Condition]:
    signal = {name: _ratios(profile["signal"]).sel(init=name) for name in _LABELS}
    weights = _ratios(profile["weights"]).sel(init="tanh_xavier")
    kaiming, tanh = signal["relu_kaiming"], signal["tanh_xavier"]
    return [
        at_least("networks with Kaiming weights whose first layer gets 0.05 to 20 times the last one's signal",
                 ((kaiming > 0.05) & (kaiming < 20)).mean(), 0.9),
        below("sigmoid: first layer's signal over the last one's, in any network", signal["sigmoid_xavier"], 1e-4),
        above("tanh: the same, in any network", tanh, 0.05),
        below("tanh: the same, in any network, at most", tanh, 0.6),
        below("tanh: the same, median, less than ReLU's with Kaiming weights", tanh.median(), kaiming.median()),
        above("tanh: first layer's gradient of the weights over the last one's, median", weights.median(), 0.3),
        below("tanh: the same, median, at most", weights.median(), 3),
        below("ReLU, default weights: first layer's signal over the last one's, in any network",
              signal["relu_default"], 1e-3),
        below("ReLU, mirrored: the same, away from 1, in any network",
              abs(_ratios(profile["signal"]).sel(init="relu_mirrored") - 1), 1e-3),
    ]  # fmt: skip


@check("C47")
def healthy_on_average(profile: xr.Dataset, spread: xr.DataArray, alike: xr.Dataset) -> list[Condition]:
    first_layer, logs = profile.weights.sel(layer=1), xr.apply_ufunc(np.log10, spread).std("seed")
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
        below("cosine after 30 layers of mirrored ReLU, away from that after one",
              abs(alike.cosine.mean("seed").sel(activation="mirrored").sel(layer=[1, 30]).diff("layer")), 0.05),
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
def tanh_clips(scale: xr.Dataset) -> list[Condition]:
    relu, tanh = (scale.sel(activation=name) for name in ("relu", "tanh"))
    return [
        above("size after 20 layers of ReLU, weights twice too large", relu.rms.sel(factor=2), 1e4),
        at_most("size after 20 layers of tanh, the same weights", tanh.rms.sel(factor=2), 1),
        above("gradient through 20 layers of tanh, the same weights, over its first size", tanh.gradient.sel(factor=2), 50),
        below("gradient through 20 layers of tanh, weights half as large", tanh.gradient.sel(factor=0.5), 0.01),
        below("size after 20 layers of tanh, weights half as large", tanh.rms.sel(factor=0.5), 0.01),
    ]  # fmt: skip


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
def not_saturation_alone(
    training: xr.Dataset, with_adam: xr.DataArray, isometry: xr.DataArray
) -> list[Condition]:
    mean = training.accuracy.mean(["split", "seed"])
    few, many = ({name: mean.sel(init=name).isel(steps=at) for name in mean.init.values} for at in (0, -1))
    return [
        below("accuracy of the sigmoid, at either budget", mean.sel(init="sigmoid_xavier"), 0.2),
        below("accuracy of ReLU, default weights, SGD, at either budget", mean.sel(init="relu_default"), 0.2),
        above("the same with Adam", with_adam.mean(), 0.3),
        above("few steps: tanh, a quarter more than ReLU with Kaiming weights", few["tanh_xavier"], few["relu_kaiming"] + 0.25),
        above("few steps: mirrored ReLU, more than tanh", few["relu_mirrored"], few["tanh_xavier"]),
        below("ten times the steps: what tanh has more, less than half of what it had",
              many["tanh_xavier"] - many["relu_kaiming"], (few["tanh_xavier"] - few["relu_kaiming"]) / 2),
        above("ten times the steps: accuracy of ReLU with Kaiming weights", many["relu_kaiming"], 0.6),
        above("ten times the steps: mirrored ReLU, more than with Kaiming weights", many["relu_mirrored"], many["relu_kaiming"]),
        below("mirrored, 30 layers: any singular value away from 1", abs(isometry.sel(init="mirrored") - 1), 1e-4),
        below("30 layers of ReLU, pairs broken: middle singular value in any network",
              isometry.sel(init=["kaiming", "orthogonal"], quantile="median"), 0.1),
        equal("networks that diverged", training.diverged.sum(), 0),
    ]  # fmt: skip
