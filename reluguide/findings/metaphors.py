"""Noise gate, zip, dropout, transistor: what is left of each comparison after its test."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Claim, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import DOUBT_THREAD, RELU_THREAD

_NOISES = {0.1: "at_10", 0.2: "at_20", 0.3: "at_30", 0.5: "at_50"}  # spread of the noise, in hundredths
_SHOWN = 2  # the noise that the picture shows: 0.3


@fact(digits=3)
def gate_error(noise_gate: Any) -> dict[str, Any]:
    """Mean squared error of one ReLU at its best threshold on a rare signal, by spread of the noise."""
    return _by_noise(noise_gate, noise_gate.gate.min(2))


@fact(digits=2)
def gate_threshold(noise_gate: Any) -> dict[str, Any]:
    """The threshold that is best for one ReLU on a rare signal, by spread of the noise."""
    return _by_noise(noise_gate, noise_gate.threshold[noise_gate.gate.argmin(2)])


@fact(digits=3)
def gate_at_zero(noise_gate: Any) -> dict[str, Any]:
    """Mean squared error of one ReLU without a threshold on a rare signal, by spread of the noise."""
    return _by_noise(noise_gate, noise_gate.gate[:, :, 0])


@fact(digits=3)
def line_error(noise_gate: Any) -> dict[str, Any]:
    """Mean squared error of the best straight line on a rare signal, by spread of the noise."""
    return _by_noise(noise_gate, noise_gate.line)


@fact(digits=3)
def noisy_error(noise_gate: Any) -> dict[str, Any]:
    """Mean squared error of the noisy signal itself, by spread of the noise."""
    return _by_noise(noise_gate, noise_gate.untouched)


@fact(digits=2)
def learned_threshold(learned_gate: Any) -> dict[str, Any]:
    """Threshold (minus bias over weight) that one trained ReLU unit ends with, by spread of the noise."""
    return _by_noise(learned_gate, learned_gate.threshold.T)


@fact(digits=3)
def learned_error(learned_gate: Any) -> dict[str, Any]:
    """Mean squared error of one trained ReLU unit on unseen samples, by spread of the noise."""
    return _by_noise(learned_gate, learned_gate.error.T)


@fact(unit="%", digits=1)
def picture_left(keeping: Any) -> dict[str, Any]:
    """Variance of the pixels that a linear map gives back from a trained classifier, by width of the layer."""
    return {f"from_{width}": keeping.picture[:, i] for i, width in enumerate(keeping.width)}


@fact(unit="%", digits=1)
def label_left(keeping: Any) -> dict[str, Any]:
    """Unseen digits that a linear probe names from a trained classifier, by width of the layer."""
    return {f"from_{width}": keeping.label[:, i] for i, width in enumerate(keeping.width)}


@fact(digits=0)
def bits_plain(coding: Any) -> float:
    """Bits for one picture when every shade of every pixel counts as equally likely."""
    return float(coding.plain)


@fact(digits=0)
def bits_counted(coding: Any) -> float:
    """Bits for one unseen picture when each pixel's shades are as likely as in the training pictures."""
    return float(coding.counted)


@fact(digits=0)
def bits_network(coding: Any) -> Any:
    """Bits for one unseen picture when a small ReLU network predicts each pixel from those before it."""
    return coding.network


@fact(digits=2)
def mask_correlation(dropout: Any) -> dict[str, Any]:
    """Correlation between a number and its being passed on, for numbers from a standard normal."""
    return {"relu": dropout.correlation_relu, "dropout": dropout.correlation_dropout}


@fact(unit="%", digits=0)
def off(dropout: Any) -> dict[str, Any]:
    """Numbers from a standard normal that are set to zero."""
    return {"relu": dropout.off_relu, "dropout": dropout.off_dropout}


@fact(unit="%", digits=0)
def repeated(dropout: Any) -> dict[str, Any]:
    """Entries that come out the same when the same numbers go in twice, in training."""
    return {"relu": dropout.repeated_relu, "dropout": dropout.repeated_dropout}


@fact(unit="%", digits=0)
def dropout_evaluated(dropout: Any) -> Any:
    """Entries that dropout changes at test time."""
    return dropout.evaluated


@fact(unit="%", digits=1)
def switched(masks: Any) -> dict[str, Any]:
    """Accuracy on unseen digits with the on/off pattern of the image itself, of another image, or of coins."""
    return {"own": masks.own, "borrowed": masks.borrowed, "random": masks.random}


@fact(unit="%", digits=1)
def read(masks: Any) -> dict[str, Any]:
    """Unseen digits that a linear probe names from the last hidden layer: its on/off pattern, its values."""
    return {"pattern": masks.pattern, "values": masks.values}


@fact(unit="%", digits=0)
def negative_passed(gates: Any) -> dict[str, Any]:
    """Signals that are negative and passed on, by ReLU and by a switch with a control of its own."""
    return {"relu": gates.negative_passed[0], "switch": gates.negative_passed[1]}


@fact(unit="%", digits=0)
def positive_stopped(gates: Any) -> dict[str, Any]:
    """Signals that are positive and stopped, by ReLU and by a switch with a control of its own."""
    return {"relu": gates.positive_stopped[0], "switch": gates.positive_stopped[1]}


@fact(unit="%", digits=0)
def zeroed(discarded: Any) -> dict[str, Any]:
    """Preactivations on digits that ReLU sets to zero, by layer, before and after training."""
    return {
        "layer_1_before": discarded.before[:, 0],
        "layer_2_before": discarded.before[:, 1],
        "layer_1_after": discarded.after[:, 0],
        "layer_2_after": discarded.after[:, 1],
        "least": discarded.least,
        "most": discarded.most,
    }


@figure
def noise_by_threshold(noise_gate: Any) -> Picture:
    """What is left of the noise behind one ReLU, by its threshold"""
    fig, axes = _draw.panels(height=3.5)
    ends = [noise_gate.threshold[0], noise_gate.threshold[-1]]
    _draw.band(
        axes,
        noise_gate.threshold,
        noise_gate.gate[:, _SHOWN],
        label="one ReLU with this threshold",
        marker="",
    )
    best = noise_gate.gate[:, _SHOWN].mean(0)
    at = int(best.argmin())
    axes.plot(noise_gate.threshold[at], best[at], "o", color="C0")
    axes.annotate(
        "best", (noise_gate.threshold[at], best[at]), (0, -13), textcoords="offset points", ha="center"
    )
    for i, (label, values) in enumerate(
        (("best straight line", noise_gate.line), ("the noisy signal itself", noise_gate.untouched)), 1
    ):
        _draw.band(axes, ends, np.repeat(values[:, [_SHOWN]], 2, axis=1), label=label, series=i, marker="")
    axes.set(xlabel="threshold", ylabel="mean squared error", ylim=(0, 0.1), xlim=(0, 1.2))
    axes.legend(loc="center left", bbox_to_anchor=(0, 0.68))
    rows = [
        (
            f"{noise:g}",
            _draw.mean_text(noise_gate.untouched[:, i]),
            _draw.mean_text(noise_gate.line[:, i]),
            _draw.mean_text(noise_gate.gate[:, i].min(1)),
            _draw.mean_text(noise_gate.threshold[noise_gate.gate[:, i].argmin(1)], "{:.2f}"),
        )
        for i, noise in enumerate(noise_gate.noise)
    ]
    columns = ("spread of the noise", "noisy signal", "best line", "one ReLU at its best", "best threshold")
    return Picture(fig, Numbers(columns, rows))


@figure
def what_is_kept(keeping: Any) -> Picture:
    """What a trained classifier keeps of a picture, layer by layer"""
    fig, axes = _draw.panels(height=3.3)
    at = np.arange(len(keeping.width))
    _draw.band(axes, at, keeping.label * 100, label="digits that can be named", series=0)
    _draw.band(axes, at, keeping.picture * 100, label="picture that can be redrawn (variance)", series=1)
    names = [
        "64 pixels",
        *(f"{width} units" for width in keeping.width[1:-1]),
        f"{keeping.width[-1]} outputs",
    ]
    axes.set_xticks(at, names)
    axes.set(ylabel="share (%)", ylim=(0, 104))
    axes.legend(loc="lower left")
    rows = [
        (
            name,
            _draw.mean_text(keeping.label[:, i] * 100, "{:.1f} %"),
            _draw.mean_text(keeping.picture[:, i] * 100, "{:.1f} %"),
        )
        for i, name in enumerate(names)
    ]
    return Picture(fig, Numbers(("read from", "digits named", "variance of the pixels explained"), rows))


@claim(
    "C25",
    said="ReLU discards noise that is below its threshold.",
    where=RELU_THREAD,
    verdict="right if",
    because="The threshold is the bias, and it has to be learned. On a rare positive signal in noise of spread 0.3 "
    "one ReLU at its best threshold leaves an error of {gate_error.at_30}, the best straight line {line_error.at_30}; "
    "without a threshold ReLU leaves {gate_at_zero.at_30}.",
)
def a_threshold_removes_noise(noise_gate: Any, learned_gate: Any) -> Check:
    best = noise_gate.gate.min(2)
    at = noise_gate.threshold[noise_gate.gate.argmin(2)].mean(0)
    return Check(
        bool(
            (best < noise_gate.line).all()
            and (best < noise_gate.gate[:, :, 0]).all()
            and at[0] > 0
            and (np.diff(at) > 0).all()
            and (learned_gate.error.mean(1) < noise_gate.line.mean(0)).all()
        ),
        {
            "largest share of the line's error": float((best / noise_gate.line).max()),
            "largest share of the error without threshold": float((best / noise_gate.gate[:, :, 0]).max()),
            "best threshold at the least noise": float(at[0]),
            "smallest rise of the best threshold": float(np.diff(at).min()),
        },
    )


@claim(
    "C26",
    said="ReLU discards half of its input values.",
    where=RELU_THREAD,
    verdict="right if",
    because="At the start, with biases at 0: {zeroed.layer_1_before} in the first layer. After training the second "
    "layer discards {zeroed.layer_2_after}, and nine of ten of its units between {zeroed.least} and {zeroed.most}.",
)
def half_at_the_start_only(discarded: Any) -> Check:
    start = float(np.abs(discarded.before[:, 0].mean() - 0.5))
    moved = float(discarded.before[:, 1].mean() - discarded.after[:, 1].mean())
    spread = float(discarded.most.mean() - discarded.least.mean())
    return Check(
        start < 0.02 and moved > 0.02 and spread > 0.3,
        {
            "first layer's distance from a half": start,
            "change by training": moved,
            "spread over units": spread,
        },
    )


@claim(
    "C27",
    said="A network is a smart zip.",
    where=RELU_THREAD,
    verdict="right if",
    because="A classifier compresses with loss and for one task: from its ten outputs a linear reader names "
    "{label_left.from_10} of digits, but redraws only {picture_left.from_10} of the picture's variance. As a predictor "
    "in front of a coder it compresses without loss, as zip does: {bits_network} bits a picture in place of "
    "{bits_plain} [@deletang2023].",
)
def a_classifier_cannot_unzip(keeping: Any, coding: Any) -> Check:
    faded = np.diff(keeping.picture, axis=1).max()
    kept = keeping.label.mean(0).min() - keeping.label[:, 0].mean()
    return Check(
        bool(
            faded < 0
            and kept > -0.02
            and keeping.picture[:, -1].max() < 0.6
            and coding.network.max() < coding.counted < coding.plain
        ),
        {
            "largest change of the picture from one layer to the next": faded,
            "largest loss of digits": kept,
            "most of the picture at the end": keeping.picture[:, -1].max(),
            "bits saved against counting": coding.counted - coding.network.max(),
        },
    )


C28 = Claim(
    "C28",
    said="Zip works by LZW.",
    where=RELU_THREAD,
    verdict="wrong",
    because="Zip files and gzip use DEFLATE, which joins LZ77 and Huffman coding [@deutsch1996]. LZW [@welch1984] is "
    "another method, known from GIF pictures and the old Unix program compress. The prize for compressing human "
    "knowledge that the thread mentions is Hutter's.",
)


@claim(
    "C29",
    said="We throw negatives away, so ReLU is like dropout.",
    where=DOUBT_THREAD,
    verdict="wrong",
    because="Both set about half to zero, and there it ends. Dropout tosses a coin: its choice has correlation "
    "{mask_correlation.dropout} with the number, ReLU's {mask_correlation.relu}. Switching a trained network's units "
    "by coins in place of ReLU takes accuracy from {switched.own} to {switched.random}; at test time dropout "
    "changes {dropout_evaluated} of the numbers.",
)
def relu_tosses_no_coin(dropout: Any, masks: Any) -> Check:
    lost = masks.own - np.maximum(masks.random, masks.borrowed)
    return Check(
        bool(
            dropout.correlation_relu.min() > 0.7
            and np.abs(dropout.correlation_dropout).max() < 0.05
            and (dropout.repeated_relu == 1).all()
            and dropout.repeated_dropout.max() < 0.6
            and (dropout.evaluated == 0).all()
            and lost.min() > 0.1
        ),
        {
            "smallest correlation, ReLU": dropout.correlation_relu.min(),
            "largest correlation, dropout": np.abs(dropout.correlation_dropout).max(),
            "smallest loss of accuracy with another pattern": lost.min(),
        },
    )


@claim(
    "C30",
    said="ReLUs are like transistors, opened and closed.",
    where=RELU_THREAD,
    verdict="right if",
    because="The on/off pattern alone says much: {read.pattern} of digits can be read from it, {read.values} from the "
    "values. But in a transistor one signal controls another; in ReLU the signal controls itself, so it stops "
    "{positive_stopped.relu} of positive signals. The device with a control of its own is the gated linear unit "
    "[@dauphin2017; @shazeer2020].",
)
def the_signal_is_its_own_gate(gates: Any, masks: Any) -> Check:
    relu, switch = gates.negative_passed + gates.positive_stopped
    more = masks.values - masks.pattern
    return Check(
        bool(relu == 0 and switch > 0.4 and masks.pattern.min() > 0.7 and more.mean() > 0),
        {
            "signals that ReLU treats against their sign": relu,
            "signals that a switch treats so": switch,
            "fewest digits read from the pattern": masks.pattern.min(),
            "more read from the values": more.mean(),
        },
    )


def _by_noise(result: Any, values: Any) -> dict[str, Any]:
    """One entry a noise of `values` (seeds, noises)."""
    return {_NOISES[round(float(noise), 2)]: values[:, i] for i, noise in enumerate(result.noise)}
