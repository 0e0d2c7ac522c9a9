"""Half the units are off: is that good, and is it faster? Zeros before and after training, and skipping them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reluguide.data import digits
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

SIZES = [64, 64, 64, 10]
# How a network is trained: name -> optimizer, rate, steps.
TRAININGS = {"start": ("sgd", 0.0, 0), "sgd": ("sgd", 0.1, 400), "adam": ("adam", 1e-3, 400)}


@dataclass
class Zeros:
    """Share of a layer's activations that are 0 on the training digits, (trainings, seeds, layers).

    `never` is the share of units that are off for every training digit.
    """

    training: list[str]
    off: list[Any]
    never: list[Any]


@experiment(seeds=range(16))
def zeros(*, seeds: Sequence[int], device: str) -> Zeros:
    """Share of zeros in both hidden layers of 64 units on digits, before and after training."""
    off, never = [], []
    for optimizer, lr, steps in TRAININGS.values():
        trained = sweep(
            SIZES,
            data=digits(),
            seeds=seeds,
            optimizer=optimizer,
            lr=lr,
            steps=steps,
            batch_size=64,
            device=device,
        )
        off.append([[1 - float(share) for share in one] for one in zip(*map(_mean, trained.active_share))])
        never.append([[float(share) for share in one] for one in zip(*map(_mean, trained.never_active))])
    return Zeros(list(TRAININGS), off, never)


@dataclass
class Teams:
    """Share of second-layer units that are in the same state, on or off, for two test digits, by seed.

    Each list is (trainings, seeds): of pairs of the same class and of pairs of different classes.
    """

    training: list[str]
    same: list[Any]
    different: list[Any]


@experiment(seeds=range(16))
def teams(*, seeds: Sequence[int], device: str) -> Teams:
    """Whether two digits of one class switch on the same units more than two digits of different classes."""
    data = digits()
    assert data.test_x is not None and data.test_y is not None
    x, y = data.test_x[:300], data.test_y[:300]
    alike = y[:, None] == y[None, :]
    off_diagonal = ~torch.eye(len(y), dtype=torch.bool)
    same, different = [], []
    for name in ("start", "sgd"):
        optimizer, lr, steps = TRAININGS[name]
        trained = sweep(
            SIZES, data=data, seeds=seeds, optimizer=optimizer, lr=lr, steps=steps, batch_size=64,
            record=["parameters"], device=device,
        )  # fmt: skip
        sign = torch.from_numpy(trained.layers(x)[1][0] > 0).float() * 2 - 1  # (seeds, samples, units)
        agree = (1 + sign @ sign.transpose(1, 2) / sign.shape[2]) / 2
        same.append(agree[:, alike & off_diagonal].mean(dim=1).double().tolist())
        different.append(agree[:, ~alike].mean(dim=1).double().tolist())
    return Teams(["start", "sgd"], same, different)


@dataclass
class Penalty:
    """Share of zeros in both hidden layers together and accuracy on digits, (strengths, seeds)."""

    strength: list[float]
    off: list[Any]
    test: list[Any]
    train: list[Any]
    lost: int


@experiment(seeds=range(16))
def penalty(*, seeds: Sequence[int], device: str) -> Penalty:
    """Networks that are paid for zeros: a penalty on the mean activation, from none to strong."""
    strengths = [0.0, 0.3, 1.0, 3.0, 10.0]
    crossed = grid(activation_l1=strengths, seeds=seeds)
    trained = sweep(SIZES, data=digits(), lr=0.1, steps=400, batch_size=64, device=device, **crossed)
    shares = sum(_mean(layer) for layer in trained.active_share) / len(trained.active_share)
    return Penalty(
        strengths,
        (1 - crossed.shaped(shares)).tolist(),
        crossed.shaped(trained.test_accuracy).tolist(),
        crossed.shaped(trained.accuracy).tolist(),
        int(trained.diverged.sum()),
    )


@dataclass
class Skipping:
    """Dense products against products of the rows that are not multiplied by 0, by share of zeros.

    `difference` is the largest over seeds, `size` the largest result, `products` how many were compared.
    """

    zeros: list[float]
    difference: list[float]
    size: float
    products: int


@experiment(seeds=range(8), cpu_only=True)
def skipping(*, seeds: Sequence[int], device: str) -> Skipping:
    """Whether leaving out the rows of the weights that meet a zero changes a product, in double precision."""
    shares, worst, size = [0.5, 0.9, 0.99], [], 0.0
    for share in shares:
        differences = []
        for seed in seeds:
            draw = generator(seed)
            x = torch.randn(1024, generator=draw, dtype=torch.float64)
            x[torch.randperm(1024, generator=draw)[: round(share * 1024)]] = 0
            weights = torch.randn(1024, 256, generator=draw, dtype=torch.float64)
            dense = x @ weights
            differences.append(float((dense - skip(x, weights)).abs().max()))
            size = max(size, float(dense.abs().max()))
        worst.append(max(differences))
    return Skipping(shares, worst, size, len(shares) * len(seeds))


def skip(x: Tensor, weights: Tensor) -> Tensor:
    """x @ weights for x (in,) and weights (in, out), reading only the rows that do not meet a zero."""
    on = x.nonzero()[:, 0]
    return x[on] @ weights[on]


def _mean(layer: Any) -> Any:
    return layer.mean(axis=1)
