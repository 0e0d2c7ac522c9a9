"""Is it safe to throw the negatives away? What a ReLU layer keeps of its input, by width."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import grid, sweep

INPUTS = (4, 16, 64, 256)
RATIOS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
WIDTHS = (64, 128, 256, 512)


@experiment(seeds=range(32), cpu_only=True)
def recovery(*, seeds: Sequence[int], device: str, inputs: int = 16, draws: int = 100) -> xr.DataArray:
    """Random inputs recovered exactly from the output of one random ReLU layer, by its width."""
    share = [
        [recovered_share(seed, width=round(ratio * inputs), inputs=inputs, draws=draws) for ratio in RATIOS]
        for seed in seeds
    ]
    return labelled(
        share, "Inputs recovered exactly from a random ReLU layer, by units for each input number",
        unit="share", seed=seeds, ratio=RATIOS,
    )  # fmt: skip


@experiment(cpu_only=True)
def chance(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """The exact chance that a random layer has as many units on as its input has numbers."""
    return labelled(
        [[enough_on(round(ratio * inputs), inputs) for ratio in RATIOS] for inputs in INPUTS],
        "Chance that a random input can be recovered from a random ReLU layer without biases, by numbers in "
        "the input and units for each", unit="share", inputs=INPUTS, ratio=RATIOS,
    )  # fmt: skip


def enough_on(width: int, inputs: int) -> float:
    """Chance that at least `inputs` of `width` fair coins, one a unit, fall on "on"."""
    return float(sum(math.comb(width, on) for on in range(inputs, width + 1)) / 2**width)


def recovered_share(seed: int, *, width: int, inputs: int, draws: int) -> float:
    """Share of `draws` inputs that can be computed back from relu(W x), each with a random W of its own."""
    draw = generator(seed)
    weight = torch.randn(draws, width, inputs, generator=draw, dtype=torch.float64)
    x = torch.randn(draws, inputs, 1, generator=draw, dtype=torch.float64)
    y = torch.relu(weight @ x)
    # Each unit that is on gives one linear equation for x; a unit that is off only says "not positive".
    equations = weight * (y > 0)
    guess = torch.linalg.pinv(equations) @ y
    return float(((guess - x).abs().amax(dim=(1, 2)) < 1e-6).double().mean())


@experiment(seeds=range(8), cpu_only=True)
def decoding(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Digits decoded linearly from the output of one random ReLU layer, by its width."""
    before, after = torch.zeros(len(SPLITS), len(seeds)), torch.zeros(len(SPLITS), len(seeds), len(WIDTHS))
    pictures: list[Tensor] = []
    for i, images in enumerate(splits(standardise=False)):
        assert images.test_x is not None
        train, test = images.x.double(), images.test_x.double()
        for k, seed in enumerate(seeds):
            draw = generator(seed)
            for j, width in enumerate(WIDTHS):
                weight = torch.randn(64, width, generator=draw, dtype=torch.float64) / 8
                if width == 64:
                    before[i, k] = r_squared(linear_decoder(train @ weight, train)(test @ weight), test)
                back = linear_decoder(torch.relu(train @ weight), train)(torch.relu(test @ weight))
                after[i, k, j] = r_squared(back, test)
                if i == k == 0:
                    pictures.append(back[0].reshape(8, 8))
        if i == 0:
            pictures.insert(0, test[0].reshape(8, 8))
    explained = "Variance of the pixels of unseen digits that a linear map explains from a random"
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "before": labelled(before, f"{explained} linear layer of 64, before ReLU", unit="share", **networks),
        "after": labelled(after, f"{explained} ReLU layer", unit="share", **networks, width=WIDTHS),
        "picture": labelled(
            torch.stack(pictures), "One unseen digit (width 0), and what is decoded from each width",
            shown=(0, *WIDTHS), row=range(8), column=range(8),
        ),
    })  # fmt: skip


def linear_decoder(features: Tensor, target: Tensor) -> Callable[[Tensor], Tensor]:
    """The least-squares affine map from `features` (N, m) to `target` (N, n), as a function of features.

    A trace of ridge keeps it defined where features repeat each other.
    """
    mean, center = features.mean(0), target.mean(0)
    inside = features - mean
    gram = inside.T @ inside + 1e-6 * len(features) * torch.eye(features.shape[1], dtype=features.dtype)
    matrix = torch.linalg.solve(gram, inside.T @ (target - center))
    return lambda other: (other - mean) @ matrix + center


def r_squared(guess: Tensor, truth: Tensor) -> float:
    """Share of the variance of `truth` (N, n) that `guess` explains, over all entries."""
    left = (truth - guess).square().sum()
    return float(1 - left / (truth - truth.mean(0)).square().sum())


@experiment(seeds=range(8))
def mirror_pair(*, seeds: Sequence[int], device: str, numbers: int = 100_000) -> xr.Dataset:
    """A number computed back from relu(z) and relu(-z), and from relu(z) alone."""
    z = torch.cat([torch.randn(numbers, generator=generator(seed)) for seed in seeds]).to(device)
    back = {"pair": torch.relu(z) - torch.relu(-z), "one": torch.relu(z)}
    return xr.Dataset({
        "tried": labelled(z.numel(), "Random numbers sent through a ReLU unit and its mirror"),
        "exact": labelled(
            [float((guess == z).double().mean()) for guess in back.values()],
            "Random numbers given back bit for bit by a unit and its mirror, and by one unit", unit="share",
            by=list(back),
        ),
    })  # fmt: skip


@experiment(seeds=range(8))
def silence(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """A next-layer preactivation when the outgoing weight of one unit is replaced, off or on."""
    largest = {"off": 0.0, "on": 0.0}
    for seed in seeds:
        draw = generator(seed)
        hidden = torch.relu(torch.randn(1000, 32, generator=draw))
        weight, other = torch.randn(2, 32, generator=draw)
        hidden, weight, other = hidden.to(device), weight.to(device), other.to(device)
        change = (hidden * (other - weight)).abs()
        largest["off"] = max(largest["off"], float(change[hidden == 0].max()))
        largest["on"] = max(largest["on"], float(change[hidden > 0].max()))
    return labelled(
        list(largest.values()), "Largest change of a next-layer preactivation when a unit's weight is replaced",
        state=list(largest),
    )  # fmt: skip


@experiment(seeds=range(8))
def on_share(*, seeds: Sequence[int], device: str, lr: float = 0.1, steps: int = 400) -> xr.Dataset:
    """How often each unit of a trained digits network is on."""
    crossed = grid(data=splits(), seeds=seeds)
    trained = sweep([64, 64, 64, 10], lr=lr, steps=steps, batch_size=128, device=device, **crossed)
    shares = [torch.from_numpy(layer).double() for layer in trained.active_share]
    quantiles = [[layer.quantile(q, dim=1) for layer in shares] for q in (0.05, 0.95)]
    never = [(layer == 0).double().mean(1) for layer in shares]
    axes: dict[str, Any] = {"layer": (1, 2), "split": SPLITS, "seed": seeds}
    on = torch.stack([torch.stack(layers) for layers in quantiles])
    return xr.Dataset({
        "on": labelled(
            on.reshape(2, 2, len(SPLITS), len(seeds)),
            "Digits that a trained unit is on for: quantiles over the units of a layer", unit="share",
            quantile=(0.05, 0.95), **axes,
        ),
        "never": labelled(
            torch.stack(never).reshape(2, len(SPLITS), len(seeds)), "Trained units that are on for no digit",
            unit="share", **axes,
        ),
    })  # fmt: skip
