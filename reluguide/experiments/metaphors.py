"""Noise gate, zip, dropout, transistor: each comparison put to a test that it could fail."""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from reluguide.data import Data, sparse_signal, spirals
from reluguide.device import generator
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.experiments.hidden_values import by_network, crossed, pictures, probe
from reluguide.experiments.is_it_lossy import linear_decoder, r_squared
from reluguide.sweep import SweepResult, sweep

NOISES = (0.1, 0.2, 0.3, 0.5)
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(25))
SHADES = 17  # ink of the digits, from 0 to 16
SIZES = (64, 64, 64, 10)
NARROWING = (64, 32, 16, 10)
QUANTILES = (0.05, 0.95)  # over the units of a layer


@experiment(seeds=range(16))
def noise_gate(
    *, seeds: Sequence[int], device: str, samples: int = 20_000, density: float = 0.1
) -> xr.Dataset:
    """One ReLU with a threshold against the best straight line, on a rare signal in noise."""
    gate, line, untouched = [], [], []
    for seed in seeds:
        for spread in NOISES:
            data = sparse_signal(samples, features=1, density=density, noise=spread, seed=seed)
            x, signal = data.x[:, 0].double(), data.y[:, 0].double()
            gate.append([gated_error(x, signal, threshold) for threshold in THRESHOLDS])
            slope = torch.cov(torch.stack([x, signal]))
            straight = signal.mean() + slope[0, 1] / slope[0, 0] * (x - x.mean())
            line.append(float((signal - straight).square().mean()))
            untouched.append(float((signal - x).square().mean()))
    axes: dict[str, Any] = {"seed": seeds, "noise": NOISES}
    error = "Mean squared error on a rare signal in noise, of"
    shape = (len(seeds), len(NOISES))
    return xr.Dataset({
        "gate": labelled(
            np.reshape(gate, (*shape, -1)), f"{error} the best a · relu(x − threshold)", **axes,
            threshold=THRESHOLDS,
        ),
        "line": labelled(np.reshape(line, shape), f"{error} the best straight line", **axes),
        "untouched": labelled(np.reshape(untouched, shape), f"{error} the noisy signal itself", **axes),
    })  # fmt: skip


def gated_error(x: Tensor, signal: Tensor, threshold: float) -> float:
    """Mean squared error of the best a · relu(x - threshold) against the signal."""
    passed = torch.relu(x - threshold)
    gain = (passed * signal).sum() / passed.square().sum()
    return float((signal - gain * passed).square().mean())


@experiment(seeds=range(16))
def learned_gate(*, seeds: Sequence[int], device: str, steps: int = 400) -> xr.Dataset:
    """One ReLU unit that begins without a threshold and is trained to give the rare signal back."""
    thresholds, errors = [], []
    for spread in NOISES:
        made = sweep(
            [1, 1, 1], data=partial(noisy, spread=spread), seeds=seeds, optimizer="adam", lr=0.02, steps=steps,
            weight_init=ones, record=["parameters"], device=device,
        )  # fmt: skip
        assert made.parameters is not None
        weight, bias = (torch.from_numpy(part).double().flatten() for part in made.parameters[0])
        thresholds.append(-bias / weight)
        errors.append(made.test_loss)
    axes: dict[str, Any] = {"noise": NOISES, "seed": seeds}
    return xr.Dataset({
        "threshold": labelled(torch.stack(thresholds), "Threshold (−bias / weight) of a trained unit", **axes),
        "error": labelled(errors, "Mean squared error of a trained unit on unseen samples", **axes),
    })  # fmt: skip


def noisy(seed: int, *, spread: float) -> Data:
    """A rare signal of one feature in noise of this spread."""
    return sparse_signal(1000, test_samples=4000, features=1, noise=spread, seed=seed)


def ones(draw: torch.Generator, fan_in: int, fan_out: int) -> Tensor:
    """First weights of 1: every unit begins as ReLU itself, without a threshold."""
    return torch.ones(fan_in, fan_out)


@cache
def trained(sizes: tuple[int, ...], seeds: tuple[int, ...], device: str, *, steps: int = 300) -> SweepResult:
    """Digits networks of these widths, every seed on every split."""
    return sweep(
        list(sizes),
        lr=0.1,
        steps=steps,
        batch_size=64,
        record=["parameters"],
        device=device,
        **crossed(seeds),
    )


@experiment(seeds=range(8))
def keeping(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """How much of the picture, and how much of the digit, is left in each layer of a narrowing classifier."""
    x, y, test_x, test_y = pictures(seeds)
    made = trained(NARROWING, tuple(seeds), device)
    goal, truth = x.double(), test_x.double()
    places = list(zip([goal, *activations(made, x)], [truth, *activations(made, test_x)]))
    picture = [
        [r_squared(linear_decoder(a, goal[k])(b), truth[k]) for k, (a, b) in enumerate(zip(seen, unseen))]
        for seen, unseen in places
    ]
    label = torch.stack([probe(seen, y, unseen, test_y) for seen, unseen in places], dim=1)
    layer = "a layer of a trained classifier, by the layer's width"
    return xr.Dataset({
        "picture": by_network(
            np.transpose(picture), f"Variance of the pixels of unseen digits that a linear map gives back from {layer}",
            seeds, unit="share", width=NARROWING,
        ),
        "label": by_network(
            label, f"Unseen digits that a linear probe names from {layer}", seeds, unit="share", width=NARROWING
        ),
    })  # fmt: skip


def activations(made: SweepResult, x: Tensor) -> list[Tensor]:
    """Activations of every hidden layer, and the outputs, (networks, samples, width) in double precision."""
    return [torch.from_numpy(h).double() for _, h in made.layers(x)]


@experiment(seeds=range(4))
def coding(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Pictures written down without loss: the better the prediction of the next pixel, the fewer bits."""
    counted, network = [], []
    for images in splits(standardise=False):
        assert images.test_x is not None
        ink, unseen = (torch.round(16 * x).long() for x in (images.x, images.test_x))
        counts = F.one_hot(ink, SHADES).sum(0).double() + 0.5
        shares = counts / counts.sum(1, keepdim=True)
        counted.append(-shares.log2()[torch.arange(64), unseen].sum(1).mean())
        made = sweep(
            [128, 64, SHADES], data=pixel_by_pixel(ink, unseen), seeds=seeds, optimizer="adam", lr=0.01,
            steps=500, batch_size=128, device=device,
        )  # fmt: skip
        network.append(64 * made.test_loss / math.log(2))
    bits = "Bits that an ideal coder needs for one unseen picture of 8 by 8 pixels,"
    return xr.Dataset({
        "plain": labelled(64 * math.log2(SHADES), f"{bits} every shade as likely as any other"),
        "counted": labelled(
            torch.stack(counted), f"{bits} each pixel's shades as likely as in the training pictures", split=SPLITS
        ),
        "network": labelled(
            network, f"{bits} with a small ReLU network that predicts each pixel from those before it",
            split=SPLITS, seed=seeds,
        ),
    })  # fmt: skip


def pixel_by_pixel(ink: Tensor, unseen: Tensor) -> Data:
    """Each pixel as a sample: the pixels before it and its place go in (128), its shade is the class."""

    def samples(shades: Tensor) -> tuple[Tensor, Tensor]:
        before = torch.ones(64, 64).tril(diagonal=-1)
        known = (shades[:, None, :] / 16) * before
        place = torch.eye(64).expand(len(shades), 64, 64)
        return torch.cat([known, place], dim=2).reshape(-1, 128), shades.reshape(-1)

    return Data("digits, pixel by pixel", *samples(ink), SHADES, *samples(unseen))


@experiment(seeds=range(16), cpu_only=True)
def dropout(*, seeds: Sequence[int], device: str, numbers: int = 10_000) -> xr.Dataset:
    """Which numbers ReLU and dropout set to zero, and whether they do so again."""
    related, repeated, off, evaluated = [], [], [], []
    for seed in seeds:
        draw = generator(seed)
        z = torch.randn(numbers, generator=draw, dtype=torch.float64)
        first, second = (torch.rand(numbers, generator=draw) < 0.5 for _ in range(2))
        on = torch.relu(z) > 0
        related.append([correlation(on, z), correlation(first, z)])
        repeated.append([share(torch.relu(z) == torch.relu(z.clone())), share(z * first == z * second)])
        off.append([share(~on), share(~first)])
        evaluated.append(share(F.dropout(z, 0.5, training=False) != z))
    axes: dict[str, Any] = {"seed": seeds, "by": ("relu", "dropout")}
    return xr.Dataset({
        "correlation": labelled(related, "Correlation between a standard normal number and its being passed on", **axes),
        "repeated": labelled(repeated, "Entries that come out the same when the same numbers go in twice", unit="share", **axes),
        "off": labelled(off, "Numbers from a standard normal that are set to zero", unit="share", **axes),
        "evaluated": labelled(evaluated, "Entries that dropout changes at test time", unit="share", seed=seeds),
    })  # fmt: skip


def correlation(mask: Tensor, values: Tensor) -> float:
    """Pearson's correlation between a mask and values of the same shape."""
    return float(torch.corrcoef(torch.stack([mask.to(values), values]))[0, 1])


def share(mask: Tensor) -> float:
    """Share of the entries that are true."""
    return float(mask.double().mean())


@experiment(seeds=range(8))
def masks(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Whether it matters which units are off, and how much the on/off pattern alone says."""
    x, y, test_x, test_y = pictures(seeds)
    made = trained(SIZES, tuple(seeds), device)
    seen, unseen = activations(made, x)[1], activations(made, test_x)[1]
    read = [
        probe((seen > 0).double(), y, (unseen > 0).double(), test_y),
        probe(seen, y, unseen, test_y),
    ]
    own = [layer > 0 for layer in activations(made, test_x)[:-1]]
    draws = [generator(seed) for seed in crossed(seeds)["seeds"]]
    orders = [torch.randperm(test_x.shape[1], generator=draw) for draw in draws]
    borrowed = [torch.stack([on[order] for on, order in zip(layer, orders)]) for layer in own]
    coins = [
        torch.stack([torch.rand(layer.shape[1:], generator=draw) < 0.5 for draw in draws]) for layer in own
    ]
    right = [(switched(made, test_x, on).argmax(2) == test_y).double() for on in (own, borrowed, coins)]
    return xr.Dataset({
        "accuracy": by_network(
            torch.stack(right).mean(2).T, "Accuracy on unseen digits with the on/off pattern of the image itself, "
            "of another image, or of coins", seeds, unit="share", by=("own", "borrowed", "coins"),
        ),
        "read": by_network(
            torch.stack(read, dim=1), "Unseen digits that a linear probe names from the last hidden layer: its "
            "on/off pattern, its values", seeds, unit="share", of=("pattern", "values"),
        ),
    })  # fmt: skip


@experiment(seeds=range(16), cpu_only=True)
def coins(*, seeds: Sequence[int], device: str, steps: int = 300) -> xr.DataArray:
    """Networks trained with the toss of a coin in place of ReLU, on digits and on two spirals, beside ReLU."""
    images = splits()
    tasks = {
        "digits": [images[seed % len(images)] for seed in seeds],
        "spirals": [spirals(512, test_samples=1000, seed=seed) for seed in seeds],
    }
    return labelled(
        torch.stack([tossed(data, seeds, steps=steps) for data in tasks.values()]),
        "Accuracy on unseen samples of networks trained with ReLU, with coins in its place (none at test time), "
        "and of the latter with the coins tossed at test time too", unit="share", task=tasks,
        trained=("relu", "coins", "tossed"), seed=seeds,
    )  # fmt: skip


def tossed(data: Sequence[Data], seeds: Sequence[int], *, steps: int) -> Tensor:
    """Test accuracy (3, networks): trained with ReLU, with coins, with coins that are tossed at test time too."""
    parts = [torch.stack([getattr(one, part) for one in data]) for part in ("x", "y", "test_x", "test_y")]
    x, test_x = parts[0], parts[2]
    y, test_y = (part.long().reshape(len(data), -1) for part in (parts[1], parts[3]))
    sizes = (x.shape[2], 64, 64, int(y.max()) + 1)
    draws = [generator(seed) for seed in seeds]

    def coin(z: Tensor) -> Tensor:
        """Half of the numbers, doubled, as dropout does."""
        return 2 * z * torch.stack([torch.rand(z.shape[1:], generator=draw) < 0.5 for draw in draws])

    def put_out(h: Tensor, parameters: list[Tensor], gate: Callable[[Tensor], Tensor]) -> Tensor:
        for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2]):
            h = gate(h @ weight + bias)
        return h @ parameters[-2] + parameters[-1]

    def right(outputs: Tensor) -> Tensor:
        return (outputs.argmax(2) == test_y).double().mean(1)

    found = []
    for gate in (torch.relu, coin):
        parameters = []
        for a, b in pairwise(sizes):
            weight = torch.stack([torch.randn(a, b, generator=draw) for draw in draws]) * math.sqrt(2 / a)
            parameters += [weight.requires_grad_(), torch.zeros(len(data), 1, b, requires_grad=True)]
        optimizer = torch.optim.Adam(parameters, lr=0.003)
        for _ in range(steps):
            batch = torch.stack([torch.randint(x.shape[1], (64,), generator=draw) for draw in draws])
            inputs = x.gather(1, batch[:, :, None].expand(-1, -1, x.shape[2]))
            outputs = put_out(inputs, parameters, gate)
            loss = F.cross_entropy(outputs.flatten(0, 1), y.gather(1, batch).flatten(), reduction="sum") / 64
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        with torch.no_grad():
            if gate is coin:
                found.append(right(put_out(test_x, parameters, lambda z: z)))
            found.append(right(put_out(test_x, parameters, gate)))
    return torch.stack(found)


def switched(made: SweepResult, x: Tensor, on: Sequence[Tensor]) -> Tensor:
    """Outputs (networks, samples, classes) where `on` (one mask a hidden layer) takes the place of ReLU."""
    assert made.parameters is not None
    *hidden, last = [[torch.from_numpy(part).double() for part in layer] for layer in made.parameters]
    h = x.double()
    for (weight, bias), mask in zip(hidden, on):
        h = (h @ weight + bias[:, None]) * mask
    return h @ last[0] + last[1][:, None]


@experiment(seeds=range(8))
def gates(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Negative signals passed and positive ones stopped, by ReLU and by a switch with its own control."""
    signal, control = (
        torch.cat([torch.randn(10_000, generator=generator(seed + k)) for seed in seeds]).to(device)
        for k in (0, 500_000)
    )
    passed = {"relu": torch.relu(signal), "switch": signal * (control > 0)}
    return labelled(
        [[share(out[signal < 0] != 0), share(out[signal > 0] == 0)] for out in passed.values()],
        "Negative signals that are passed and positive ones that are stopped, by ReLU and by a switch with a "
        "control of its own", unit="share", by=list(passed), signal=("negative", "positive"),
    )  # fmt: skip


@experiment(seeds=range(8))
def discarded(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """How much of its input ReLU discards, before and after training."""
    made = [trained(SIZES, tuple(seeds), device, steps=steps) for steps in (0, 300)]
    off = 1 - np.array([one.active_share for one in made], dtype=float)  # (state, layer, network, unit)
    return xr.Dataset({
        "zeroed": by_network(
            np.moveaxis(off.mean(3), 2, 0), "Preactivations on digits that ReLU sets to zero", seeds, unit="share",
            state=("before", "after"), layer=(1, 2),
        ),
        "units": by_network(
            np.quantile(off[1, 1], QUANTILES, axis=1).T, "Digits that a trained second-layer unit is off for: "
            "quantiles over units", seeds, unit="share", quantile=QUANTILES,
        ),
    })  # fmt: skip
