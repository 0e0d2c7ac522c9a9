"""Is ReLU really cheaper? What the recorded times say, alone and inside of a network."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reluguide.evidence.checks import above, below
from reluguide.evidence.findings import Condition, Numbers, Picture, check, fact, figure
from reluguide.findings import _draw, _recorded
from reluguide.recorded import Recording, quoted

LABELS = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "relu6": "ReLU6", "relu_squared": "ReLU²",
    "hardswish": "Hardswish", "sigmoid": "sigmoid", "silu": "SiLU", "gelu": "GELU", "gelu_tanh": "GELU (tanh)",
    "elu": "ELU", "celu": "CELU", "selu": "SELU", "softplus": "Softplus", "tanh": "tanh", "mish": "Mish",
}  # fmt: skip
# At most four lines a panel: those that people ask about, from cheap to dear.
LINES = ("sigmoid", "gelu", "elu", "tanh")
PLACES = {
    "forward_16k": "alone, in the\ncache", "forward_16m": "alone, in\nmemory", "step_64": "step, 64\nunits wide",
    "step_256": "step, 256\nwide", "step_1024": "step, 1024\nwide", "step_conv": "step, small\nconvolutions",
}  # fmt: skip
SIZES = tuple(f"forward_{size}" for size in ("1k", "16k", "128k", "1m", "16m"))


@fact(digits=1)
def alone(recorded: list[Recording]) -> xr.DataArray:
    """Time of an activation alone over ReLU's: numbers in the cache, from memory, with the gradient; quoted CPU."""
    found = quoted(recorded).ratios("forward_16k", "forward_16m", "both_1m")
    return found.assign_coords(benchmark=["cache", "memory", "gradient"])


@fact(digits=1)
def reused(recorded: list[Recording]) -> xr.DataArray:
    """Time of an activation over ReLU's, written into memory that is at hand already, on the quoted CPU."""
    return quoted(recorded).ratios("reused_16m")[0]


@fact(digits=2)
def step(recorded: list[Recording]) -> xr.DataArray:
    """Time of a whole training step over that with ReLU, by the network's width and activation, on the quoted CPU."""
    found = quoted(recorded).ratios("step_256", "step_1024", "step_conv")
    return found.assign_coords(benchmark=["256", "1024", "conv"])


@fact(digits=1)
def by_hand(recorded: list[Recording]) -> xr.DataArray:
    """Value and gradient written out in steps, over PyTorch's own function, on the quoted CPU."""
    found = quoted(recorded).ratios("by_hand")[0]
    names = [name for name in LABELS if f"{name}_by_hand" in found.case]
    by_hand = found.sel(case=[f"{name}_by_hand" for name in names]).assign_coords(case=names)
    return by_hand / found.sel(case=names)


@fact(digits=0)
def beside(work: xr.Dataset) -> xr.DataArray:
    """Multiplications for each activation in the forward pass of a network that is timed."""
    return work["multiplications"] / work["activations"]


@fact()
def by_hand_error(agreement: xr.DataArray) -> xr.DataArray:
    """Largest difference, of value or gradient, between an activation by hand and PyTorch's, in double precision."""
    return agreement.max()


@fact(digits=1, at_least=8)
def steps_of_relu(progress: xr.DataArray) -> xr.DataArray:
    """Steps with another activation until digits are learned, over those with ReLU."""
    return (progress / progress.sel(activation="relu", drop=True)).sel(activation=["tanh", "sigmoid"])


@figure
def where_it_counts(recorded: list[Recording]) -> Picture:
    """Time with four activations divided by the time with ReLU, alone and in whole training steps, by device"""
    fig, axes = _recorded.panels(recorded, height=3.6)
    for panel, one in zip(axes, recorded):
        _lines(panel, range(len(PLACES)), one.ratios(*PLACES))
        panel.set(yscale="log", ylabel="time / time with ReLU", xticks=range(len(PLACES)))
        panel.set_xticklabels(list(PLACES.values()), fontsize="small")
        panel.legend(loc="upper right")
        _recorded.plain_ticks(panel.yaxis)
    rows = [
        (
            words.replace("\n", " "),
            *(_recorded.around(one, place, name) for one in recorded for name in LINES),
        )
        for place, words in PLACES.items()
    ]
    columns = [f"{LABELS[name]}, {one.device}" for one in recorded for name in LINES]
    return Picture(fig, Numbers(("where", *columns), rows))


@figure
def by_size(recorded: list[Recording]) -> Picture:
    """Time of four activations alone divided by ReLU's, by how many numbers they are given, by device"""
    fig, axes = _recorded.panels(recorded, height=3.0)
    elements = [recorded[0].times[size]["elements"] for size in SIZES]
    for panel, one in zip(axes, recorded):
        _lines(panel, elements, one.ratios(*SIZES))
        panel.set(xscale="log", yscale="log", xlabel="numbers", ylabel="time / ReLU's time")
        panel.legend(loc="lower center", ncols=2)
        _recorded.plain_ticks(panel.yaxis)
    rows: list[tuple[str, ...]] = [(f"{number:,}",) for number in elements]
    for one in recorded:
        for i, size in enumerate(SIZES):
            seconds = _recorded.times(one.times[size]["seconds"]["relu"])
            rows[i] += (seconds, *(f"{one.ratio(size, name):.2f}" for name in LINES))
    columns = [f"{word}, {one.device}" for one in recorded for word in ("ReLU", *map(LABELS.get, LINES))]
    return Picture(fig, Numbers(("numbers", *columns), rows))


@figure
def whole_steps(recorded: list[Recording]) -> Picture:
    """A training step of a network 256 units wide with each activation, divided by the one with ReLU, by device"""
    fig, axes = _recorded.panels(recorded, height=4.2)
    names = [name for name in LABELS if name != "relu"]
    for panel, one in zip(axes, recorded):
        middle = one.ratios("step_256").sel(case=names)[0].values
        low, high = np.array([one.spread("step_256", name) for name in names]).T
        panel.errorbar(
            middle, range(len(names)), xerr=[middle - low, high - middle], linestyle="none", color="C0",
            marker="o",
        )  # fmt: skip
        panel.axvline(1, color="0.5", linewidth=0.8)
        panel.set(xlabel="time / time with ReLU (median and quartiles)", yticks=range(len(names)))
        panel.set_yticklabels([LABELS[name] for name in names])
        panel.invert_yaxis()
    told = {
        "forward_16k": "alone, in the cache", "forward_16m": "alone, in memory", "step_256": "step, 256 wide",
        "step_1024": "step, 1024 wide",
    }  # fmt: skip
    rows = [
        (LABELS[name], *(_recorded.around(one, place, name) for one in recorded for place in told))
        for name in names
    ]
    columns = [f"{words}, {one.device}" for one in recorded for words in told.values()]
    return Picture(fig, Numbers(("activation", *columns), rows))


def _lines(panel: Axes, x: Sequence[float], ratios: xr.DataArray) -> None:
    """Four activations' ratios by x, and ReLU's, which is one."""
    for series, name in enumerate(LINES):
        panel.plot(
            x, ratios.sel(case=name), label=LABELS[name], color=f"C{series}", linestyle=_draw.DASHES[series],
            marker=_draw.MARKERS[series],
        )  # fmt: skip
    panel.axhline(1, color="0.5", linewidth=0.8)


@check("C68")
def faster_than_a_sigmoid_not_than_tanh(progress: xr.DataArray) -> list[Condition]:
    steps = progress.median("seed")
    relu, tanh, sigmoid = (steps.sel(activation=name) for name in ("relu", "tanh", "sigmoid"))
    return [
        above("a sigmoid's steps over ReLU's", sigmoid / relu, 2),
        below("tanh's steps over ReLU's", tanh / relu, 1.1),
    ]


@check("C52")
def cheap_alone_and_alike_in_a_network(recorded: list[Recording]) -> list[Condition]:
    one = quoted(recorded)
    alone, middle, wide = one.ratios("forward_16k", "step_256", "step_1024").sel(
        case=["sigmoid", "gelu", "tanh"]
    )
    sigmoid, tanh = alone.sel(case="sigmoid"), alone.sel(case="tanh")
    return [
        above("tanh alone, in ReLU's time", tanh, 4),
        above("a sigmoid alone, in ReLU's time", sigmoid, 1.3),
        below("a sigmoid alone, in half of tanh's time", sigmoid / (tanh / 2), 1),
        below("a step 1024 wide with sigmoid, GELU or tanh, in the time with ReLU", wide, 1.25),
        below("a step 256 wide, against half of the price alone or 1.5", middle, np.maximum(1.5, alone / 2)),
    ]
