"""Why zero, and not another number? What changes, and what does not, when the floor of max(z, c) moves."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import grid, sweep

Layer = tuple[Tensor, Tensor]  # weights (out, in) and biases

FLOORS = (-1.0, 0.0, 1.0, 2.0)
ENDS = (0.0, 2.0)  # the floors that are trained in other ways too
SHAPES: dict[str, Callable[[Tensor], Tensor] | str] = {
    "max": "relu", "min": lambda z: z.clamp(max=0), "abs": torch.abs, "sin": torch.sin,
}  # fmt: skip


@experiment(seeds=range(16), cpu_only=True)
def same_function(
    *, seeds: Sequence[int], device: str, floors: tuple[float, ...] = (-1.0, 1.0, 3.0)
) -> xr.Dataset:
    """A two-layer network with max(z, c), rewritten with max(z, 0) and other biases, on random inputs."""
    with_floors, rewritten = [], []
    for seed in seeds:
        draw = generator(seed)
        x, w1, w2 = (
            torch.randn(*shape, generator=draw, dtype=torch.float64)
            for shape in ((500, 20), (50, 20), (10, 50))
        )
        one, two = ((w, torch.randn(len(w), generator=draw).double()) for w in (w1, w2))
        with_floors.append(torch.stack([with_floor(x, one, two, c) for c in floors]))
        rewritten.append(torch.stack([as_relu(x, one, two, c) for c in floors]))
    out, ours = torch.stack(with_floors, dim=1), torch.stack(rewritten, dim=1)
    return xr.Dataset({
        "difference": labelled(
            (out - ours).abs().amax(dim=(1, 2, 3)),
            "Largest difference between networks with floor c and their rewriting with ReLU", floor=floors,
        ),
        "largest": labelled(out.abs().max(), "Largest output of the networks that were rewritten, in size"),
        "lowest": labelled(ours.min(), "Lowest output of the networks rewritten with ReLU"),
    })  # fmt: skip


def with_floor(x: Tensor, one: Layer, two: Layer, c: float) -> Tensor:
    """W2 max(W1 x + b1, c) + b2 for rows x; weights are (out, in)."""
    (w1, b1), (w2, b2) = one, two
    return (x @ w1.T + b1).clamp(min=c) @ w2.T + b2


# --8<-- [start:shift]
def as_relu(x: Tensor, one: Layer, two: Layer, c: float) -> Tensor:
    """The same with ReLU: max(z, c) = relu(z - c) + c, both c go into biases."""
    (w1, b1), (w2, b2) = one, two
    return torch.relu(x @ w1.T + (b1 - c)) @ w2.T + (b2 + c * w2.sum(dim=1))


# --8<-- [end:shift]


@experiment(seeds=range(8), cpu_only=True)
def padding(*, seeds: Sequence[int], device: str, floor: float = 1.0) -> xr.Dataset:
    """Two padded convolutions with max(z, 1), rewritten with ReLU: the difference at every pixel."""
    errors = []
    for seed in seeds:
        draw = generator(seed)
        x = torch.randn(8, 3, 12, 12, generator=draw, dtype=torch.float64)
        first = torch.randn(6, 3, 3, 3, generator=draw, dtype=torch.float64) / 5
        second = torch.randn(4, 6, 3, 3, generator=draw, dtype=torch.float64) / 7
        z = F.conv2d(x, first, padding=1)
        wanted = F.conv2d(z.clamp(min=floor), second, padding=1)
        shift = (floor * second.sum(dim=(1, 2, 3)))[:, None, None]
        hidden = torch.relu(z - floor)
        plain = F.conv2d(hidden, second, padding=1) + shift
        repaired = F.conv2d(F.pad(hidden, (1, 1, 1, 1), value=-floor), second) + shift
        errors.append(torch.stack([wanted - plain, wanted - repaired]).abs())
    off = torch.cat(errors, dim=1)  # (padding, samples of all seeds, channels, rows, columns)
    axes: dict[str, Any] = {"padding": ("zeros", "moved"), "row": range(12), "column": range(12)}
    what = "difference after two padded convolutions with a moved floor, rewritten with ReLU, at a pixel"
    return xr.Dataset({
        "average": labelled(off.mean(dim=(1, 2)), f"Mean {what}", **axes),
        "largest": labelled(off.amax(dim=(1, 2)), f"Largest {what}", **axes),
    })  # fmt: skip


@experiment(seeds=range(4))
def floors(
    *, seeds: Sequence[int], device: str, width: int = 32, steps: int = 300, rate: float = 0.1
) -> xr.Dataset:
    """Digits networks trained with max(z, c), with biases that begin at 0 and at c."""
    crossed = grid(threshold=FLOORS, data=splits(), seeds=seeds)
    runs = [
        sweep(
            [64, width, width, 10], lr=rate, steps=steps, batch_size=64, bias_init=bias, device=device,
            **crossed,
        )
        for bias in (0.0, crossed["threshold"])
    ]  # fmt: skip
    axes: dict[str, Any] = {"biases": ("zero", "floor"), "floor": FLOORS, "split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "accuracy": labelled(
            [crossed.shaped(run.test_accuracy) for run in runs],
            "Test accuracy on digits with floor c, by where the biases begin", unit="share", **axes,
        ),
        "diverged": labelled(
            [crossed.shaped(run.diverged) for run in runs], "Networks whose loss became infinite", **axes
        ),
    })  # fmt: skip


@experiment(seeds=range(4))
def longer(
    *, seeds: Sequence[int], device: str, width: int = 32, steps: int = 2000, every: int = 100
) -> xr.Dataset:
    """The same with floors of 0 and 2, biases at 0, and many more steps: learning curves."""
    crossed = grid(threshold=ENDS, data=splits(), seeds=seeds)
    run = sweep(
        [64, width, width, 10], lr=0.1, steps=steps, batch_size=64, record=["curves"], record_every=every,
        device=device, **crossed,
    )  # fmt: skip
    assert run.curves is not None
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "curve": labelled(
            np.moveaxis(crossed.shaped(run.curves["accuracy"]), -1, 1),
            "Accuracy on the digits learned from, during training, by the floor", unit="share",
            floor=ENDS, step=run.curves["step"].tolist(), **networks,
        ),
        "accuracy": labelled(
            crossed.shaped(run.test_accuracy), "Test accuracy on digits after the longer training, by the floor",
            unit="share", floor=ENDS, **networks,
        ),
    })  # fmt: skip


@experiment(seeds=range(4))
def recipes(
    *,
    seeds: Sequence[int],
    device: str,
    width: int = 32,
    steps: int = 300,
    adam: float = 0.01,
    fast: float = 0.3,
) -> xr.DataArray:
    """Floors of 0 and 2, biases at 0, trained with Adam and with larger steps of SGD."""
    crossed = grid(threshold=ENDS, data=splits(), seeds=seeds)
    runs = [
        sweep(
            [64, width, width, 10], optimizer=optimizer, lr=rate, steps=steps, batch_size=64, device=device,
            **crossed,
        )
        for optimizer, rate in (("adam", adam), ("sgd", fast))
    ]  # fmt: skip
    return labelled(
        [crossed.shaped(run.test_accuracy) for run in runs],
        "Test accuracy on digits with Adam, and with SGD at the larger learning rate, by the floor", unit="share",
        recipe=("adam", "fast"), floor=ENDS, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(16))
def open_at_start(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Preactivations of unit variance that lie above the floor before any training."""
    share = []
    for seed in seeds:
        draw = generator(seed)
        x, weight = torch.randn(500, 64, generator=draw), torch.randn(64, 256, generator=draw) / 8
        z = x.to(device) @ weight.to(device)
        share.append([float((z > c).double().mean()) for c in FLOORS])
    return labelled(
        share, "Units above the floor c before training, for preactivations of mean 0 and variance 1",
        unit="share", seed=seeds, floor=FLOORS,
    )  # fmt: skip


@experiment(seeds=range(4))
def shapes(
    *, seeds: Sequence[int], device: str, rates: tuple[float, ...] = (0.03, 0.1, 0.3), steps: int = 300
) -> xr.DataArray:
    """Digits networks with other functions in the place of ReLU, each at the best of three learning rates."""
    crossed = grid(activation=list(SHAPES.values()), lr=rates, data=splits(), seeds=seeds)
    trained = sweep([64, 32, 32, 10], steps=steps, batch_size=64, device=device, **crossed)
    loss = torch.from_numpy(crossed.shaped(trained.final_loss)).nan_to_num(nan=math.inf)
    best = loss.mean(dim=(2, 3)).argmin(dim=1)  # by the loss in training, not by the accuracy
    return labelled(
        crossed.shaped(trained.test_accuracy)[range(len(SHAPES)), best],
        "Test accuracy on digits with another function in the place of ReLU, best of three learning rates",
        unit="share", activation=SHAPES, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(cpu_only=True)
def tails(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Slopes of every activation of the table far from zero, in double precision."""
    ends = (-20, 20)
    slopes = [row.derivative(torch.tensor(ends, dtype=torch.float64)) for row in ACTIVATIONS.values()]
    return labelled(
        torch.stack(slopes),
        "Slope of an activation far to the left and right",
        activation=ACTIVATIONS,
        z=ends,
    )
