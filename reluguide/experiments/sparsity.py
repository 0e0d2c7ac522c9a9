"""Half the units are off: is that good, and is it faster? Zeros before and after training, and skipping them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import SweepResult, grid, sweep

SIZES = [64, 64, 64, 10]
# How a network is trained: name -> optimizer, rate, steps.
TRAININGS = {"start": ("sgd", 0.0, 0), "sgd": ("sgd", 0.1, 400), "adam": ("adam", 1e-3, 400)}
STRENGTHS = (0.0, 0.3, 1.0, 3.0, 10.0)


@cache
def trained(name: str, seeds: tuple[int, ...], device: str) -> SweepResult:
    """Networks with two hidden layers, every seed on every split of the digits, trained in one of the ways."""
    optimizer, lr, steps = TRAININGS[name]
    return sweep(
        SIZES, optimizer=optimizer, lr=lr, steps=steps, batch_size=64, record=["parameters"], device=device,
        **grid(data=splits(), seeds=seeds),
    )  # fmt: skip


@experiment(seeds=range(8))
def zeros(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Share of zeros in both hidden layers of 64 units on digits, before and after training."""
    made = [trained(name, tuple(seeds), device) for name in TRAININGS]
    shape = (len(TRAININGS), 2, len(SPLITS), len(seeds))
    on = np.array([one.active_share for one in made], dtype=float).mean(3).reshape(shape)
    never = np.array([one.never_active for one in made], dtype=float).mean(3).reshape(shape)
    axes: dict[str, Any] = {"training": TRAININGS, "layer": (1, 2), "split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "off": labelled(1 - on, "Zeros among the activations of a hidden layer on digits", unit="share", **axes),
        "never": labelled(never, "Units that are off for every training digit", unit="share", **axes),
    })  # fmt: skip


@experiment(seeds=range(8))
def teams(*, seeds: Sequence[int], device: str, images: int = 300) -> xr.DataArray:
    """Whether two digits of one class switch on the same units more than two digits of different classes."""
    data = grid(data=splits(), seeds=seeds)["data"]
    x, y = (torch.stack([getattr(one, part)[:images] for one in data]) for part in ("test_x", "test_y"))
    alike = y[:, :, None] == y[:, None, :]
    pairs = torch.stack([alike & ~torch.eye(images, dtype=torch.bool), ~alike])
    agreed = []
    for name in ("start", "sgd"):
        sign = torch.from_numpy(trained(name, tuple(seeds), device).layers(x)[1][0] > 0).float() * 2 - 1
        agree = (1 + sign @ sign.mT / sign.shape[2]) / 2  # (networks, samples, samples)
        agreed.append((agree * pairs).sum((2, 3), dtype=torch.float64) / pairs.sum((2, 3)))
    return labelled(
        torch.stack(agreed).reshape(2, 2, len(SPLITS), len(seeds)),
        "Second-layer units in the same state, on or off, for two unseen digits", unit="share",
        training=("start", "sgd"), classes=("same", "different"), split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(4))
def penalty(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Networks that are paid for zeros: a penalty on the mean activation, from none to strong."""
    crossed = grid(activation_l1=STRENGTHS, data=splits(), seeds=seeds)
    made = sweep(SIZES, lr=0.1, steps=400, batch_size=64, device=device, **crossed)
    off = 1 - np.array(made.active_share, dtype=float).mean((0, 2))
    told = {
        "off": (off, "Zeros among the activations of both hidden layers on digits", "share"),
        "train": (made.accuracy, "Accuracy on the digits trained on", "share"),
        "test": (made.test_accuracy, "Accuracy on unseen digits", "share"),
        "diverged": (made.diverged, "Networks whose training diverged", ""),
    }
    axes: dict[str, Any] = {"strength": STRENGTHS, "split": SPLITS, "seed": seeds}
    return xr.Dataset({
        name: labelled(crossed.shaped(values), what, unit=unit, **axes) for name, (values, what, unit) in told.items()
    })  # fmt: skip


@experiment(seeds=range(4))
def penalty_adam(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """The same strong penalty under another optimizer, Adam, against none."""
    strengths = (0.0, 3.0)
    crossed = grid(activation_l1=strengths, data=splits(), seeds=seeds)
    made = sweep(SIZES, optimizer="adam", lr=1e-3, steps=400, batch_size=64, device=device, **crossed)
    return labelled(
        crossed.shaped(made.test_accuracy), "Accuracy on unseen digits of networks trained with Adam",
        unit="share", strength=strengths, split=SPLITS, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(8), cpu_only=True)
def skipping(*, seeds: Sequence[int], device: str, width: int = 1024) -> xr.Dataset:
    """Whether leaving out the rows of the weights that meet a zero changes a product, in double precision."""
    shares, difference, size = (0.5, 0.9, 0.99), [], []
    for share in shares:
        for seed in seeds:
            draw = generator(seed)
            x = torch.randn(width, generator=draw, dtype=torch.float64)
            x[torch.randperm(width, generator=draw)[: round(share * width)]] = 0
            weights = torch.randn(width, 256, generator=draw, dtype=torch.float64)
            dense = x @ weights
            difference.append((dense - skip(x, weights)).abs().max())
            size.append(dense.abs().max())
    return xr.Dataset({
        "difference": labelled(max(difference), "Largest difference between a dense product and one that skips the zeros"),
        "largest": labelled(max(size), "Largest number in the dense products"),
        "products": labelled(len(size), "Products computed twice, dense and without the rows that meet a zero"),
    })  # fmt: skip


def skip(x: Tensor, weights: Tensor) -> Tensor:
    """x @ weights for x (in,) and weights (in, out), reading only the rows that do not meet a zero."""
    on = x.nonzero()[:, 0]
    return x[on] @ weights[on]
