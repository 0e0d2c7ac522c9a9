"""Is ReLU really cheaper? What the recorded times say, alone and inside of a network."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw, _recorded
from reluguide.findings._threads import TUTORIAL

LABELS = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "relu6": "ReLU6", "relu_squared": "ReLU²",
    "hardswish": "Hardswish", "sigmoid": "sigmoid", "silu": "SiLU", "gelu": "GELU", "gelu_tanh": "GELU (tanh)",
    "elu": "ELU", "celu": "CELU", "selu": "SELU", "softplus": "Softplus", "tanh": "tanh", "mish": "Mish",
}  # fmt: skip
# At most four lines a panel: those that people ask about, from cheap to dear.
LINES = ("sigmoid", "gelu", "elu", "tanh")
PLACES = {
    "forward_16k": "alone, in the\ncache",
    "forward_16m": "alone, in\nmemory",
    "step_64": "step, 64\nunits wide",
    "step_256": "step, 256\nwide",
    "step_1024": "step, 1024\nwide",
    "step_conv": "step, small\nconvolutions",
}
SIZES = ("1k", "16k", "128k", "1m", "16m")


def _by_activation(benchmark: str, recorded: Any) -> dict[str, float]:
    one = _recorded.quoted(recorded)
    return {name: one.ratio(benchmark, name) for name in LABELS}


@fact(digits=1)
def alone(recorded: Any) -> dict[str, float]:
    """Time of an activation on 16,384 numbers, which fit the cache, as a multiple of ReLU's, on the quoted CPU."""
    return _by_activation("forward_16k", recorded)


@fact(digits=1)
def in_memory(recorded: Any) -> dict[str, float]:
    """Time of an activation on 16.8 million numbers, which fit no cache, as a multiple of ReLU's, on the quoted CPU."""
    return _by_activation("forward_16m", recorded)


@fact(digits=1)
def reused(recorded: Any) -> dict[str, float]:
    """As `in_memory`, but with the result written into memory that is at hand already, on the quoted CPU."""
    one = _recorded.quoted(recorded)
    return {name: one.ratio("reused_16m", name) for name in ("sigmoid", "gelu", "silu", "elu", "tanh")}


@fact(digits=1)
def with_gradient(recorded: Any) -> dict[str, float]:
    """Time of value and gradient of 1 million numbers, as a multiple of ReLU's, on the quoted CPU."""
    return _by_activation("both_1m", recorded)


@fact(digits=2)
def step_256(recorded: Any) -> dict[str, float]:
    """Time of a training step of a network 256 units wide, as a multiple of the one with ReLU, on the quoted CPU."""
    return _by_activation("step_256", recorded)


@fact(digits=2)
def step_1024(recorded: Any) -> dict[str, float]:
    """Time of a training step of a network 1024 units wide, as a multiple of the one with ReLU, on the quoted CPU."""
    return _by_activation("step_1024", recorded)


@fact(digits=2)
def step_conv(recorded: Any) -> dict[str, float]:
    """Time of a training step of a small convolution net, as a multiple of the one with ReLU, on the quoted CPU."""
    return _by_activation("step_conv", recorded)


@fact(digits=2)
def nothing(recorded: Any) -> dict[str, float]:
    """Time of a training step without any activation, as a multiple of the one with ReLU, on the quoted CPU."""
    one = _recorded.quoted(recorded)
    return {name: one.ratio(name, "identity") for name in ("step_256", "step_1024", "step_conv")}


@fact(digits=1)
def by_hand(recorded: Any) -> dict[str, float]:
    """Value and gradient written out in steps, as a multiple of PyTorch's own function, on the quoted CPU."""
    one = _recorded.quoted(recorded)
    names = ("relu", "silu", "gelu_tanh", "mish")
    return {name: one.ratio("by_hand", f"{name}_by_hand") / one.ratio("by_hand", name) for name in names}


@fact(digits=0)
def beside(work: Any) -> dict[str, float]:
    """Multiplications for each activation in the forward pass of a network that is timed."""
    return {name: work.multiplications[i] / work.activations[i] for i, name in enumerate(work.network)}


@fact()
def by_hand_error(agreement: Any) -> float:
    """Largest difference, of value or gradient, between an activation by hand and PyTorch's, in double precision."""
    return float(max(agreement.value.max(), agreement.gradient.max()))


@figure
def where_it_counts(recorded: Any) -> Picture:
    """Time with four activations divided by the time with ReLU, alone and in whole training steps, by device"""
    fig, axes = _panels(recorded, height=3.6)
    for panel, one in zip(axes, recorded):
        for series, name in enumerate(LINES):
            ratios = [one.ratio(place, name) for place in PLACES]
            panel.plot(
                range(len(PLACES)), ratios, label=LABELS[name], color=f"C{series}",
                linestyle=_draw.DASHES[series], marker=_draw.MARKERS[series],
            )  # fmt: skip
        panel.axhline(1, color="0.5", linewidth=0.8)
        panel.set(yscale="log", ylabel="time / time with ReLU", xticks=range(len(PLACES)))
        panel.set_xticklabels(PLACES.values(), fontsize="small")
        panel.legend(loc="upper right")
        _recorded.plain_ticks(panel.yaxis)
    rows = [
        (
            words.replace("\n", " "),
            *(_recorded.around(one, place, name) for one in recorded for name in LINES),
        )
        for place, words in PLACES.items()
    ]
    columns = tuple(f"{LABELS[name]}, {one.device}" for one in recorded for name in LINES)
    return Picture(fig, Numbers(("where", *columns), rows))


@figure
def by_size(recorded: Any) -> Picture:
    """Time of four activations alone divided by ReLU's, by how many numbers they are given, by device"""
    fig, axes = _panels(recorded, height=3.0)
    for panel, one in zip(axes, recorded):
        elements = [one.times[f"forward_{size}"]["elements"] for size in SIZES]
        for series, name in enumerate(LINES):
            ratios = [one.ratio(f"forward_{size}", name) for size in SIZES]
            panel.plot(
                elements, ratios, label=LABELS[name], color=f"C{series}", linestyle=_draw.DASHES[series],
                marker=_draw.MARKERS[series],
            )  # fmt: skip
        panel.axhline(1, color="0.5", linewidth=0.8)
        panel.set(xscale="log", yscale="log", xlabel="numbers", ylabel="time / ReLU's time")
        panel.legend(loc="lower center", ncols=2)
        _recorded.plain_ticks(panel.yaxis)
    rows = [
        (
            f"{recorded[0].times[f'forward_{size}']['elements']:,}",
            *(
                text
                for one in recorded
                for text in (
                    _recorded.times(one.times[f"forward_{size}"]["seconds"]["relu"]),
                    *(f"{one.ratio(f'forward_{size}', name):.2f}" for name in LINES),
                )
            ),
        )
        for size in SIZES
    ]
    columns = tuple(
        f"{word}, {one.device}" for one in recorded for word in ("ReLU", *(LABELS[name] for name in LINES))
    )
    return Picture(fig, Numbers(("numbers", *columns), rows))


@figure
def whole_steps(recorded: Any) -> Picture:
    """A training step of a network 256 units wide with each activation, divided by the one with ReLU, by device"""
    fig, axes = _panels(recorded, height=4.2)
    names = [name for name in LABELS if name != "relu"]
    for panel, one in zip(axes, recorded):
        middle = np.array([one.ratio("step_256", name) for name in names])
        low, high = np.array([one.spread("step_256", name) for name in names]).T
        panel.errorbar(
            middle,
            range(len(names)),
            xerr=[middle - low, high - middle],
            linestyle="none",
            color="C0",
            marker="o",
        )
        panel.axvline(1, color="0.5", linewidth=0.8)
        panel.set(xlabel="time / time with ReLU (median and quartiles)", yticks=range(len(names)))
        panel.set_yticklabels([LABELS[name] for name in names])
        panel.invert_yaxis()
    places = ("forward_16k", "forward_16m", "step_256", "step_1024")
    rows = [
        (LABELS[name], *(_recorded.around(one, place, name) for one in recorded for place in places))
        for name in names
    ]
    words = ("alone, in the cache", "alone, in memory", "step, 256 wide", "step, 1024 wide")
    return Picture(
        fig, Numbers(("activation", *(f"{w}, {one.device}" for one in recorded for w in words)), rows)
    )


@claim(
    "C52",
    said="ReLU is cheap, because it needs no exponential; sigmoid and tanh are costly.",
    where=TUTORIAL,
    verdict="right if",
    because="Alone it is the cheapest: tanh takes {alone.tanh} times as long, GELU {alone.gelu}, a sigmoid {alone.sigmoid}. "
    "But beside each activation stand hundreds of multiplications: a training step of a network 256 units wide takes "
    "{step_256.tanh} times as long with tanh, {step_256.gelu} with GELU, {step_256.sigmoid} with a sigmoid; of one 1024 "
    "wide {step_1024.tanh}, {step_1024.gelu} and {step_1024.sigmoid} times.",
)
def cheap_alone_and_alike_in_a_network(recorded: Any) -> Check:
    one = _recorded.quoted(recorded)
    alone, wide = (
        {name: one.ratio(benchmark, name) for name in ("sigmoid", "gelu", "tanh")}
        for benchmark in ("forward_16k", "step_1024")
    )
    return Check(
        alone["tanh"] > 4
        and 1.3 < alone["sigmoid"] < alone["tanh"] / 2
        and max(wide.values()) < 1.25
        and all(one.ratio("step_256", name) < max(1.5, alone[name] / 2) for name in alone),
        {f"{name} alone": value for name, value in alone.items()}
        | {f"{name} in a step, 1024 wide": value for name, value in wide.items()},
    )


def _panels(recorded: Any, *, height: float) -> tuple[Any, list[Any]]:
    """One panel a recording, under a title that says on what and when it was made."""
    fig, axes = _draw.panels(rows=len(recorded), height=height * len(recorded), squeeze=False)
    for panel, one in zip(axes[:, 0], recorded):
        panel.set_title(_recorded.named(one), fontsize="medium")
    return fig, list(axes[:, 0])
