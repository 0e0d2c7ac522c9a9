"""Half the units are off: is that good, and is it faster? What the measurements say of zeros."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure, mean_interval
from reluguide.findings import _draw, _recorded
from reluguide.findings._threads import TUTORIAL

DOUBT = "Doubtful ReLU use (thread in a framework's forum)"

_BY_PERCENT = {"50": "half", "90": "nine tenths", "99": "99 of 100"}


@fact(unit="%", digits=0)
def off(zeros: Any) -> dict[str, Any]:
    """Share of zeros among the activations of a hidden layer on the training digits."""
    return {
        f"{name}_{layer}": zeros.off[i][:, k]
        for i, name in enumerate(zeros.training)
        for k, layer in enumerate(("first", "second"))
    }


@fact(unit="%", digits=1)
def never(zeros: Any) -> dict[str, float]:
    """Share of units that are off for every training digit: the layer and training that have most."""
    return {"most": float(zeros.never.mean(axis=1).max())}


@fact(unit="%", digits=0)
def same_team(teams: Any) -> dict[str, Any]:
    """Share of second-layer units in the same state, on or off, for two digits."""
    pairs = {f"{name}_same": teams.same[i] for i, name in enumerate(teams.training)}
    return pairs | {f"{name}_different": teams.different[i] for i, name in enumerate(teams.training)}


@fact(unit="%", digits=0)
def off_paid(penalty: Any) -> dict[str, Any]:
    """Share of zeros in both hidden layers, without a penalty on activations and with the strongest."""
    return {"none": penalty.off[0], "most": penalty.off[-1], "strong": penalty.off[-2]}


@fact(unit="%", digits=1)
def test_paid(penalty: Any) -> dict[str, Any]:
    """Test accuracy on digits, without a penalty on activations and with the two strongest."""
    return {"none": penalty.test[0], "most": penalty.test[-1], "strong": penalty.test[-2]}


@fact(digits=2)
def gain(penalty: Any) -> Any:
    """Points of test accuracy that a penalty of 3 on the mean activation gains over none, seed by seed."""
    return (penalty.test[-2] - penalty.test[0]) * 100


@fact()
def skip_error(skipping: Any) -> float:
    """Largest difference between a dense product and one that skips the zeros, in double precision."""
    return float(skipping.difference.max())


@fact(digits=0)
def products(skipping: Any) -> int:
    """Products computed twice, dense and without the rows that meet a zero."""
    return int(skipping.products)


@fact(digits=2)
def dense(recorded: Any) -> dict[str, float]:
    """Time of a dense product whose left factor is mostly zeros, divided by the time with none, on the quoted CPU."""
    one = _recorded.quoted(recorded)
    return {f"at_{percent}": one.ratio("zeros", f"dense_{percent}") for percent in _BY_PERCENT}


@fact(digits=2)
def one_row(recorded: Any) -> dict[str, float]:
    """Time of one row's product over the rows that do not meet a zero, divided by the dense one's, on the quoted CPU."""
    one = _recorded.quoted(recorded)
    return {
        f"{what}_{percent}": one.ratio("one_row", f"{what}_{percent}")
        for what in ("gather", "ready")
        for percent in _BY_PERCENT
    }


@figure
def zeros_by_layer(zeros: Any) -> Picture:
    """Share of zeros in two hidden layers, before training and after it"""
    fig, axes = _draw.panels(height=2.7)
    labels = {"start": "before training", "sgd": "after SGD", "adam": "after Adam"}
    rows = []
    for series, (name, label) in enumerate(labels.items()):
        shares = zeros.off[zeros.training.index(name)] * 100
        nudge = (series - 1) * 0.2
        for k in range(shares.shape[1]):
            axes.plot(
                shares[:, k], k + nudge + np.linspace(-0.05, 0.05, len(shares)), linestyle="none", alpha=0.7,
                markersize=5, color=f"C{series}", marker=_draw.MARKERS[series], label=label if k == 0 else None,
            )  # fmt: skip
        rows.append((label, *(_draw.mean_text(shares[:, k], "{:.1f} %") for k in range(shares.shape[1]))))
    axes.axvline(50, color="C3", linestyle=":", linewidth=1.2)
    axes.set(xlabel="zeros among the activations (%)", yticks=[0, 1], ylim=(1.45, -0.45))
    axes.set_yticklabels(["layer 1", "layer 2"])
    axes.legend(loc="upper left")
    return Picture(fig, Numbers(("network", "layer 1", "layer 2"), rows))


@figure
def paid_for_zeros(penalty: Any) -> Picture:
    """Test accuracy of networks that were paid for zeros, by the share of zeros that they ended with"""
    fig, axes = _draw.panels(height=3.0)
    rows = []
    for series, (what, values) in enumerate((("training", penalty.train), ("test", penalty.test))):
        middle, low, high = np.array([mean_interval(one * 100) for one in values]).T
        axes.errorbar(
            penalty.off.mean(1) * 100, middle, yerr=[middle - low, high - middle], color=f"C{series}", capsize=3,
            linestyle=_draw.DASHES[series], marker=_draw.MARKERS[series], label=f"{what} digits",
        )  # fmt: skip
    for strength, share, test in zip(penalty.strength, penalty.off, penalty.test):
        rows.append(
            (
                f"{strength:g}",
                _draw.mean_text(share * 100, "{:.0f} %"),
                _draw.mean_text(test * 100, "{:.1f} %"),
            )
        )
    axes.set(xlabel="zeros among the activations (%)", ylabel="accuracy (%)", ylim=(0, 103))
    axes.legend(loc="lower left")
    return Picture(fig, Numbers(("strength of the penalty", "zeros", "test accuracy"), rows))


@figure
def skipping_time(recorded: Any) -> Picture:
    """Time of a product with zeros, divided by the time of the dense one, by device"""
    fig, axes = _draw.panels(rows=len(recorded), height=2.9 * len(recorded), squeeze=False)
    percents = list(_BY_PERCENT)
    rows = []
    for panel, one in zip(axes[:, 0], recorded):
        series = {
            "dense, zeros and all": [one.ratio("zeros", f"dense_{percent}") for percent in percents],
            "one row, gathered": [one.ratio("one_row", f"gather_{percent}") for percent in percents],
            "one row, gathered before": [one.ratio("one_row", f"ready_{percent}") for percent in percents],
        }
        for i, (label, ratios) in enumerate(series.items()):
            panel.plot(
                range(len(percents)), ratios, label=label, color=f"C{i}", linestyle=_draw.DASHES[i],
                marker=_draw.MARKERS[i],
            )  # fmt: skip
        panel.set(
            yscale="log", title=_recorded.named(one), ylabel="time / time of dense", xticks=range(len(percents)),
            xlabel="zeros among the activations",
        )  # fmt: skip
        panel.set_xticklabels([f"{percent} %" for percent in percents])
        _recorded.plain_ticks(panel.yaxis)
        panel.legend(loc="lower left")
        rows += [
            (
                f"{one.device}, {percent} % zeros", _recorded.around(one, "zeros", f"dense_{percent}"),
                _recorded.around(one, "one_row", f"gather_{percent}"),
                _recorded.around(one, "one_row", f"ready_{percent}"),
            )
            for percent in percents
        ]  # fmt: skip
    return Picture(fig, Numbers(("device", "dense", "one row, gathered", "one row, gathered before"), rows))


@claim(
    "C44",
    said="Typically half of the units are off: ReLU makes networks sparse.",
    where=TUTORIAL,
    verdict="right if",
    because="Half is where random weights and zero biases begin: {off.start_first} and {off.start_second} of two layers. "
    "Training moves it: here the second layer ends with {off.sgd_second} (SGD) and {off.adam_second} (Adam), fewer "
    "zeros, not more. In large transformers it is the other way round: only a few in a hundred are on [@li2023].",
)
def half_is_the_start(zeros: Any) -> Check:
    start, sgd, adam = (zeros.off[zeros.training.index(name)] for name in ("start", "sgd", "adam"))
    moved = float(start[:, 1].mean() - max(sgd[:, 1].mean(), adam[:, 1].mean()))
    return Check(
        bool(np.abs(start[:, 0] - 0.5).max() < 0.02 and moved > 0.03),
        {
            "first layer at the start, farthest from half": np.abs(start[:, 0] - 0.5).max(),
            "fewer zeros later": moved,
        },
    )


@claim(
    "C45",
    said="Sparse activations regularise: sparser networks generalise better.",
    where=DOUBT,
    verdict="unproven",
    because="Paid for zeros, networks went from {off_paid.none} to {off_paid.strong} of them, and the test accuracy from "
    "{test_paid.none} to {test_paid.strong}, a change of {gain} points: no evidence of a gain on this task. That the brain is sparse is "
    "explained by its supply of energy [@lennie2003].",
)
def no_gain_here(penalty: Any) -> Check:
    rise = float(penalty.off[-2].mean() - penalty.off[0].mean())
    change = float(penalty.test[-2].mean() - penalty.test[0].mean())
    return Check(rise > 0.3 and -0.03 < change < 0.01, {"more zeros": rise, "test accuracy gained": change})


@claim(
    "C45b",
    said="The zeros are sparse in mathematics, but not in storage or computation.",
    where=DOUBT,
    verdict="right if",
    because="A dense product takes {dense.at_99} times as long with 99 of 100 zeros: nobody looks at them. Collecting the "
    "rows that are needed first takes {one_row.gather_90} times the dense time at nine tenths; with these rows at "
    "hand it is {one_row.ready_90} times. Systems built for it do win [@liu2023; @mirzadeh2024].",
)
def zeros_are_multiplied(recorded: Any) -> Check:
    one = _recorded.quoted(recorded)
    full = one.ratio("zeros", "dense_99")
    gather, ready = one.ratio("one_row", "gather_90"), one.ratio("one_row", "ready_90")
    half = one.ratio("one_row", "gather_50")
    return Check(
        0.7 < full < 1.4 and ready < 0.5 and gather > 2 * ready and half > 1.2,
        {
            "dense, 99 % zeros": full,
            "gathered, 90 %": gather,
            "rows at hand, 90 %": ready,
            "gathered, 50 %": half,
        },
    )
