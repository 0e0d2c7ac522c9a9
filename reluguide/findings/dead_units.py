"""What is a dead unit, do I have any, and can it come back? What the measurements say of dying and returning."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure, mean_interval
from reluguide.findings import _draw
from reluguide.findings._threads import SAFE_THREAD, TUTORIAL

_WAYS = {"sgd": "SGD", "adam": "Adam", "decay": "SGD, all decayed", "bias_decay": "SGD, biases decayed"}


@fact(unit="%", digits=0)
def dead_at(rates: Any) -> dict[str, Any]:
    """Units that are dead in ReLU networks after training, by learning rate."""
    return _by_rate(rates, rates.quiet[0])


@fact(unit="%", digits=0)
def accuracy_relu(rates: Any) -> dict[str, Any]:
    """Accuracy of ReLU networks on two spirals, by learning rate."""
    return _by_rate(rates, rates.accuracy[0])


@fact(unit="%", digits=0)
def accuracy_leaky(rates: Any) -> dict[str, Any]:
    """Accuracy of LeakyReLU networks on two spirals, by learning rate; chance where one diverged."""
    return _by_rate(rates, rates.accuracy[1])


@fact(unit="%", digits=0)
def accuracy_gelu(rates: Any) -> dict[str, Any]:
    """Accuracy of GELU networks on two spirals, by learning rate; chance where one diverged."""
    return _by_rate(rates, rates.accuracy[2])


@fact(digits=0)
def diverged(rates: Any) -> dict[str, int]:
    """Networks whose loss became infinite at the largest rate, and how many there are of each kind."""
    last = dict(zip(rates.activation, rates.lost[:, -1]))
    return {**{name: int(count) for name, count in last.items()}, "of": rates.quiet.shape[2]}


@fact(unit="%", digits=0)
def fix_dead(fixes: Any) -> dict[str, Any]:
    """Units that are positive on no sample after training, by what was done about it."""
    return {way: fixes.dead[i] for i, way in enumerate(fixes.way)}


@fact(unit="%", digits=0)
def fix_accuracy(fixes: Any) -> dict[str, Any]:
    """Accuracy on two spirals after training, by what was done about dead units."""
    return {way: fixes.accuracy[i] for i, way in enumerate(fixes.way)}


@fact(unit="%", digits=0)
def low(low_start: Any) -> dict[str, Any]:
    """Accuracy on two spirals where hidden biases began at -3."""
    return {name: low_start.accuracy[i] for i, name in enumerate(low_start.activation)}


@fact(unit="%", digits=0)
def back(comes_back: Any) -> dict[str, Any]:
    """Killed units that were on for some sample after 600 steps, by way of training and layer."""
    return {
        f"{way}_{layer}": comes_back.back[i, k]
        for i, way in enumerate(comes_back.way)
        for k, layer in enumerate(("first", "second"))
    }


@fact(unit="%", digits=0)
def same(comes_back: Any) -> dict[str, Any]:
    """Killed first-layer units with the same weights, bit for bit, after 600 steps."""
    return {way: comes_back.same[i, 0] for i, way in enumerate(comes_back.way)}


@fact(unit="%", digits=0)
def still_dead(comes_back: Any) -> dict[str, Any]:
    """Killed first-layer units that are dead on the same inputs multiplied by one and a half, two, three."""
    return {name: comes_back.shifted[k] for k, name in enumerate(("one", "one_and_a_half", "two", "three"))}


@fact(digits=0)
def returns(mechanism: Any) -> dict[str, Any]:
    """Times that a dead unit was on again, a network; `held` with the first layer held still."""
    return {
        "first": mechanism.free[0],
        "second": mechanism.free[1],
        "held": mechanism.held[1],
        "adam_second": mechanism.adam[1],
    }


@fact(digits=1)
def returns_adam(mechanism: Any) -> Any:
    """Times that a dead first-layer unit was on again under Adam, a network."""
    return mechanism.adam[0]


@fact(unit="%", digits=0)
def born(start: Any) -> dict[str, Any]:
    """Dead units in the tenth layer before any training, by how the weights begin."""
    return {"default": start.default[-1], "kaiming": start.kaiming[-1]}


@fact(unit="%", digits=0)
def off(start: Any) -> Any:
    """Images for which a first-layer unit is off before training, on average."""
    return start.off


@fact(digits=0)
def counted(sampling: Any) -> dict[str, Any]:
    """Units counted dead by the number of samples looked at; none is."""
    return {f"at_{size}": sampling.counted[:, i] for i, size in enumerate(sampling.samples)}


@fact(digits=0)
def units_looked_at(sampling: Any) -> int:
    """Units that the samples were looked at for."""
    return int(sampling.units)


_MODELS = ("fully", "convolution", "sequences", "functional", "reused")


@fact(digits=0)
def truly(counting: Any) -> dict[str, int]:
    """Dead units that were planted, and units, by model."""
    return _pairs(counting.dead, counting.units)


@fact(digits=0)
def usual(counting: Any) -> dict[str, int]:
    """Dead units and units as the usual way counts them, by model."""
    return _pairs(counting.usual_dead, counting.usual_units)


@fact(digits=0)
def doctor(counting: Any) -> dict[str, int]:
    """Dead units and units as the doctor counts them, by model."""
    return _pairs(counting.doctor_dead, counting.doctor_units)


@fact(digits=0)
def deep(deep_bias: Any) -> dict[str, Any]:
    """First biases of -5: dead units, distinct outputs, and units counted dead behind."""
    return {
        "first": deep_bias.first,
        "outputs": deep_bias.outputs,
        "second": deep_bias.second,
    }


@fact(digits=1)
def deep_healthy(deep_bias: Any) -> Any:
    """Second-layer units that are dead where first biases are 0."""
    return deep_bias.second_at_zero


@fact(digits=0)
def cut(removed: Any) -> Any:
    """Dead units taken out of a network of 64 hidden units."""
    return removed.cut


@fact()
def cut_change(removed: Any) -> float:
    """Largest change of the output on the diagnosed samples, over the largest output, by cutting dead units."""
    return float(removed.on_data.max())


@fact(unit="%", digits=0)
def cut_change_far(removed: Any) -> Any:
    """Largest change of the output on inputs three times as large, over the largest output."""
    return removed.far


@fact(unit="%", digits=0)
def rescue(removed: Any) -> dict[str, Any]:
    """Accuracy of networks full of dead units, after 300 more steps at a smaller rate, without and with revival."""
    return {"before": removed.died, "as_is": removed.as_is, "revived": removed.revived}


@figure
def by_rate(rates: Any) -> Picture:
    """Dead units and accuracy after training, by learning rate"""
    fig, (left, right) = _draw.panels(2, height=3.3)
    percent = rates.quiet[0].T * 100
    _draw.band(left, rates.lr, percent, label="ReLU")
    left.set(ylabel="dead units (%)", ylim=(-3, 103), title="units that ReLU lost")
    for series, label in enumerate(("ReLU", "LeakyReLU", "GELU")):
        _draw.band(right, rates.lr, rates.accuracy[series].T * 100, label=label, series=series)
    right.set(ylabel="accuracy (%)", ylim=(45, 103), title="and what all of them lost")
    right.legend(loc="lower left")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
        axes.minorticks_off()
        axes.set(xlabel="learning rate")
    rows = [
        (f"{rate:g}", _draw.mean_text(percent[:, i], "{:.0f} %"),
         *(_draw.mean_text(rates.accuracy[k, i] * 100, "{:.0f} %") for k in range(3)))
        for i, rate in enumerate(rates.lr)
    ]  # fmt: skip
    columns = ("learning rate", "dead units, ReLU", "accuracy, ReLU", "LeakyReLU", "GELU")
    return Picture(fig, Numbers(columns, rows))


@figure
def who_returns(comes_back: Any) -> Picture:
    """Killed units that are on again after 600 steps of training, by layer"""
    fig, axes = _draw.panels(height=2.8)
    rows = []
    for i, way in enumerate(comes_back.way):
        for k, label in enumerate(("first layer", "second layer")):
            share = comes_back.back[i, k] * 100
            mean, low, high = mean_interval(share)
            axes.errorbar(
                mean, -i + 0.12 - 0.24 * k, xerr=[[mean - low], [high - mean]], fmt=_draw.MARKERS[k], color=f"C{k}",
                label=label if i == 0 else None,
            )  # fmt: skip
            rows.append((_WAYS[way], label, _draw.mean_text(share, "{:.0f} %")))
    axes.set(xlabel="killed units that came back (%)", xlim=(-4, 104), yticks=[-i for i in range(len(_WAYS))])
    axes.set_yticklabels([_WAYS[way] for way in comes_back.way])
    axes.legend(loc="center right")
    return Picture(fig, Numbers(("training", "killed in", "came back"), rows))


@figure
def counted_by_samples(sampling: Any) -> Picture:
    """Units counted dead, by the number of samples looked at"""
    fig, axes = _draw.panels(height=2.8)
    _draw.band(axes, sampling.samples, sampling.counted, label="counted dead")
    axes.set_xscale("log")
    axes.set_xticks(sampling.samples, [f"{size:,}" for size in sampling.samples])
    axes.minorticks_off()
    axes.set(xlabel="samples", ylabel=f"units counted dead, of {sampling.units}", ylim=(-15, sampling.units))
    rows = [
        (f"{size:,}", _draw.mean_text(sampling.counted[:, i], "{:.0f}"))
        for i, size in enumerate(sampling.samples)
    ]
    return Picture(fig, Numbers(("samples", f"counted dead, of {sampling.units}"), rows))


@figure
def born_dead(start: Any) -> Picture:
    """Dead units before any training, by layer and by how the weights begin"""
    fig, axes = _draw.panels(height=2.8)
    layers = range(1, len(start.default) + 1)
    _draw.band(axes, layers, start.default.T * 100, label="PyTorch's default", series=0)
    _draw.band(axes, layers, start.kaiming.T * 100, label="Kaiming, biases 0", series=1)
    axes.set(xlabel="layer", ylabel="dead units (%)", xticks=list(layers))
    axes.legend(loc="upper left")
    rows = [
        (
            layer,
            *(_draw.mean_text(one[layer - 1] * 100, "{:.0f} %") for one in (start.default, start.kaiming)),
        )
        for layer in layers
    ]
    return Picture(fig, Numbers(("layer", "PyTorch's default", "Kaiming, biases 0"), rows))


@claim(
    "C17",
    said="A unit that is zero for every conceivable input can be removed.",
    where=SAFE_THREAD,
    verdict="right",
    because="Cutting {cut} of 64 units that were dead on the data changed no output there by more than {cut_change} "
    "of the largest. But dead on your data is not dead on every conceivable input: on inputs three times as large, "
    "outputs changed by {cut_change_far} of the largest.",
)
def cutting_changes_nothing_on_the_data(removed: Any) -> Check:
    return Check(
        bool(removed.on_data.max() < 1e-4 and removed.cut.min() > 0 and removed.far.max() > 0.01),
        {"change on the data": removed.on_data.max(), "change far away": removed.far.mean()},
    )


@claim(
    "C31",
    said="Dead units are counted by a hook on every nn.ReLU that looks where its output is all zeros.",
    where=TUTORIAL,
    verdict="wrong",
    because="It holds for fully connected layers. For a healthy convolution it finds {usual.convolution_dead} of "
    "{usual.convolution_units} units dead, for sequences {usual.sequences_dead} of {usual.sequences_units}; of "
    "`F.relu`, and of all but the last use of a shared `nn.ReLU`, it sees nothing. And on ten samples it counts "
    "{counted.at_10} of {units_looked_at} dead where none is.",
)
def the_usual_count_is_wrong(counting: Any, sampling: Any) -> Check:
    rights = (counting.dead == counting.doctor_dead) & (counting.units == counting.doctor_units)
    wrongs = (counting.dead != counting.usual_dead) | (counting.units != counting.usual_units)
    falling = bool((np.diff(sampling.counted, axis=1) <= 0).all())
    return Check(
        bool(rights.all() and wrongs[1:].all() and not wrongs[0] and falling),
        {
            "models the doctor counts rightly": int(rights.sum()),
            "models the usual way does not": int(wrongs.sum()),
        },
    )


@claim(
    "C32",
    said="With a bias of −5 most units of the first layer will be negative, and many behind it dead.",
    where=TUTORIAL,
    verdict="wrong",
    because="Not most: {deep.first} of 64, so that {deep.outputs} output is left for 200 inputs. The {deep.second} of "
    "32 units that look dead behind it only get the same input every time; with first biases of `0` it is "
    "{deep_healthy}.",
)
def the_whole_layer_dies(deep_bias: Any) -> Check:
    return Check(
        bool(
            (deep_bias.first == deep_bias.units[0]).all()
            and (deep_bias.outputs == 1).all()
            and deep_bias.second.mean() > 5
            and deep_bias.second_at_zero.mean() < 1
        ),
        {"dead in the first layer": deep_bias.first.mean(), "counted behind": deep_bias.second.mean(),
         "behind, with biases 0": deep_bias.second_at_zero.mean()},
    )  # fmt: skip


@claim(
    "C33",
    said="A dead unit is off for ever.",
    where=SAFE_THREAD,
    verdict="right if",
    because="In a first layer, on the same data, under plain SGD: {same.sgd} of killed units kept their weights bit "
    "for bit, {back.sgd_first} came back. In the second layer {back.sgd_second} did, because the layer before it moved; "
    "with the first layer held still, the returns of dead units fell from {returns.second} a network to {returns.held}.",
)
def first_layers_stay_dead(comes_back: Any, mechanism: Any) -> Check:
    ways = {way: i for i, way in enumerate(comes_back.way)}
    first, second = comes_back.back[:, 0], comes_back.back[:, 1]
    return Check(
        bool(
            first[ways["sgd"]].max() == first[ways["adam"]].max() == first[ways["decay"]].max() == 0
            and comes_back.same[ways["sgd"], 0].min() == comes_back.same[ways["adam"], 0].min() == 1
            and second[ways["sgd"]].mean() > 0.05
            and first[ways["bias_decay"]].mean() > 0.5
            and np.max(mechanism.free[0]) == np.max(mechanism.held) == 0
            and np.sum(mechanism.free[1]) > 0
        ),
        {"first layer, back": first[ways["sgd"]].mean(), "second layer, back": second[ways["sgd"]].mean(),
         "first layer, biases decayed": first[ways["bias_decay"]].mean(),
         "returns with the first layer held": float(np.sum(mechanism.held[1]))},
    )  # fmt: skip


@claim(
    "C34",
    said="Dead units are unlikely if the learning rate is not too large and the weights begin properly.",
    where=SAFE_THREAD,
    verdict="right",
    because="Both matter. Up to a rate of `1` no more than {dead_at.at_1} of units died, at `3` it was {dead_at.at_3}. "
    "Ten layers deep, {born.default} of units are dead before training with PyTorch's default, {born.kaiming} with "
    "Kaiming's start.",
)
def rate_and_start_decide(rates: Any, start: Any) -> Check:
    dead = rates.quiet[0].mean(1)
    last = start.default[-1] - start.kaiming[-1]
    return Check(
        bool(dead[-1] > dead[0] + 0.3 and dead[:3].max() < 0.2 and last.min() > 0),
        {
            "dead at the smallest rate": dead[0],
            "at the largest": dead[-1],
            "default above Kaiming, least": last.min(),
        },
    )


@claim(
    "C35",
    said="LeakyReLU fixes dead units, and so do ELU and GELU.",
    where=TUTORIAL,
    verdict="right if",
    because="From biases of `-3` ReLU stays at {low.relu}, which is chance, and LeakyReLU reaches {low.leaky_relu}, ELU "
    "{low.elu}, GELU {low.gelu}. But where the rate is too large, dying is a symptom: at `3` LeakyReLU reaches "
    "{accuracy_leaky.at_3}, ReLU {accuracy_relu.at_3} and GELU {accuracy_gelu.at_3}; at `5` {diverged.leaky_relu} of {diverged.of} LeakyReLU and "
    "{diverged.gelu} GELU networks diverge outright.",
)
def leaky_helps_the_start_not_the_rate(low_start: Any, rates: Any) -> Check:
    accuracy = dict(zip(low_start.activation, low_start.accuracy.mean(1)))
    at_three = [float(one[list(rates.lr).index(3.0)].mean()) for one in rates.accuracy]
    stuck = float(np.abs(low_start.loss - np.asarray(low_start.start)).max())
    return Check(
        bool(
            stuck == 0
            and min(accuracy["elu"], accuracy["silu"], accuracy["gelu"]) > accuracy["relu"] + 0.2
            and accuracy["leaky_relu"] > accuracy["relu"]
            and at_three[1] < 0.95
            and rates.lost[1, -1] > 0
        ),
        {"ReLU's loss moved by": stuck, "LeakyReLU at too large a rate": at_three[1]},
    )


@claim(
    "C37",
    said="For negative inputs there is no learning signal for that unit.",
    where=TUTORIAL,
    verdict="right if",
    because="For that sample. A unit of the first layer is off for {off} of the images before training, and gets its "
    "gradient from the others; it is dead only if it is off for all of them.",
)
def off_is_not_dead(start: Any) -> Check:
    return Check(
        bool(0.4 < start.off.mean() < 0.6 and start.kaiming[0].max() == 0),
        {"off": start.off.mean(), "dead in the first layer": start.kaiming[0].max()},
    )


def _by_rate(rates: Any, values: Any) -> dict[str, Any]:
    return {f"at_{rate:g}".replace(".", "_"): values[i] for i, rate in enumerate(rates.lr)}


def _pairs(dead: Any, units: Any) -> dict[str, int]:
    out = {}
    for name, some, every in zip(_MODELS, dead, units):
        out[f"{name}_dead"], out[f"{name}_units"] = int(some), int(every)
    return out
