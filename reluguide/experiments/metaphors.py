"""Noise gate, zip, dropout, transistor: each comparison put to a test that it could fail."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.data import Data, digits, sparse_signal
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.experiments.hidden_values import forward, inside, probe, weights_of
from reluguide.experiments.is_it_lossy import linear_decoder, r_squared
from reluguide.sweep import SweepResult, sweep

NOISES = (0.1, 0.2, 0.3, 0.5)
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(25))
SHADES = 17  # ink of the digits, from 0 to 16


@dataclass
class NoiseGate:
    """Mean squared error of what comes out of a rare signal in noise, by spread of the noise.

    `gate` (seeds, noises, thresholds) is the best a · relu(x - threshold), `line` (seeds, noises) the best
    straight line a · x + b, `untouched` (seeds, noises) the noisy signal itself.
    """

    noise: list[float]
    threshold: list[float]
    gate: list[list[list[float]]]
    line: list[list[float]]
    untouched: list[list[float]]


@experiment(seeds=range(16))
def noise_gate(*, seeds: Sequence[int], device: str) -> NoiseGate:
    """One ReLU with a threshold against the best straight line, on a rare signal in noise."""
    gate, line, untouched = [], [], []
    for seed in seeds:
        rows = []
        for spread in NOISES:
            data = sparse_signal(20_000, features=1, noise=spread, seed=seed)
            x, signal = data.x[:, 0].double(), data.y[:, 0].double()
            rows.append([gated_error(x, signal, t) for t in THRESHOLDS])
            slope = torch.cov(torch.stack([x, signal]))
            straight = signal.mean() + slope[0, 1] / slope[0, 0] * (x - x.mean())
            line.append(float((signal - straight).square().mean()))
            untouched.append(float((signal - x).square().mean()))
        gate.append(rows)
    shape = (len(seeds), len(NOISES))
    return NoiseGate(
        list(NOISES),
        list(THRESHOLDS),
        gate,
        torch.tensor(line, dtype=torch.float64).reshape(shape).tolist(),
        torch.tensor(untouched, dtype=torch.float64).reshape(shape).tolist(),
    )


def gated_error(x: Tensor, signal: Tensor, threshold: float) -> float:
    """Mean squared error of the best a · relu(x - threshold) against the signal."""
    passed = torch.relu(x - threshold)
    gain = (passed * signal).sum() / passed.square().sum()
    return float((signal - gain * passed).square().mean())


@dataclass
class LearnedGate:
    """Where training puts the threshold of one ReLU unit, by spread of the noise; (noises, seeds).

    `threshold` is -bias / weight of the unit, `error` its mean squared error on unseen samples.
    """

    noise: list[float]
    threshold: list[list[float]]
    error: list[list[float]]


@experiment(seeds=range(16))
def learned_gate(*, seeds: Sequence[int], device: str) -> LearnedGate:
    """One ReLU unit that begins without a threshold and is trained to give the rare signal back."""
    thresholds, errors = [], []
    for spread in NOISES:
        made = sweep(
            [1, 1, 1], data=partial(noisy, spread=spread), seeds=seeds, optimizer="adam", lr=0.02, steps=400,
            weight_init=ones, record=["parameters"], device=device,
        )  # fmt: skip
        assert made.parameters is not None
        weight, bias = (torch.from_numpy(part).double().flatten() for part in made.parameters[0])
        thresholds.append((-bias / weight).tolist())
        errors.append(made.test_loss.tolist())
    return LearnedGate(list(NOISES), thresholds, errors)


def noisy(seed: int, *, spread: float) -> Data:
    """A rare signal of one feature in noise of this spread."""
    return sparse_signal(1000, test_samples=4000, features=1, noise=spread, seed=seed)


def ones(draw: torch.Generator, fan_in: int, fan_out: int) -> Tensor:
    """First weights of 1: every unit begins as ReLU itself, without a threshold."""
    return torch.ones(fan_in, fan_out)


@dataclass
class Keeping:
    """What a trained classifier keeps, layer by layer, on unseen digits; (seeds, places).

    `picture` is the share of the pixels' variance that a linear map gives back, `label` the share of digits
    that a linear probe names. Places are the pixels, both hidden layers after ReLU, and the ten outputs.
    """

    width: list[int]
    picture: list[list[float]]
    label: list[list[float]]


@experiment(seeds=range(16))
def keeping(*, seeds: Sequence[int], device: str) -> Keeping:
    """How much of the picture, and how much of the digit, is left in each layer of a narrowing classifier."""
    images, widths = digits(), (64, 32, 16, 10)
    assert images.test_x is not None and images.test_y is not None
    made = trained(widths, tuple(seeds), device)
    seen, unseen = ([*inside(made, x)[0::2], outputs(made, x)] for x in (images.x, images.test_x))
    goal, truth = images.x.double(), images.test_x.double()
    picture = [
        [r_squared(linear_decoder(a[k], goal)(b[k]), truth) for a, b in zip(seen, unseen)]
        for k in range(len(made))
    ]
    label = torch.stack([probe(a, images.y, b, images.test_y) for a, b in zip(seen, unseen)], dim=1)
    return Keeping(list(widths), picture, label.tolist())


@cache
def trained(widths: tuple[int, ...], seeds: tuple[int, ...], device: str, *, steps: int = 300) -> SweepResult:
    """Digits networks of these widths, one a seed."""
    return sweep(
        list(widths), data=digits(), seeds=seeds, lr=0.1, steps=steps, batch_size=64, record=["parameters"],
        device=device,
    )  # fmt: skip


def outputs(made: SweepResult, x: Tensor) -> Tensor:
    """The ten outputs for images x, (networks, samples, 10), in double precision."""
    return torch.from_numpy(made.layers(x)[-1][0]).double()


@dataclass
class Coding:
    """Bits that an ideal coder needs for one unseen 8x8 picture, exactly; `network` one entry a seed.

    `plain` counts every shade as equally likely, `counted` uses how often each pixel had each shade in the
    training pictures, `network` the shade that a small ReLU network expects after the pixels before it.
    """

    plain: float
    counted: float
    network: list[float]


@experiment(seeds=range(16))
def coding(*, seeds: Sequence[int], device: str) -> Coding:
    """Pictures written down without loss: the better the prediction of the next pixel, the fewer bits."""
    images = digits(standardise=False)
    assert images.test_x is not None
    ink, unseen = (torch.round(16 * x).long() for x in (images.x, images.test_x))
    counts = F.one_hot(ink, SHADES).sum(0).double() + 0.5
    shares = counts / counts.sum(1, keepdim=True)
    counted = -shares.log2()[torch.arange(64), unseen].sum(1).mean()
    made = sweep(
        [128, 64, SHADES], data=pixel_by_pixel(ink, unseen), seeds=seeds, optimizer="adam", lr=0.01,
        steps=500, batch_size=128, device=device,
    )  # fmt: skip
    bits = 64 * made.test_loss / math.log(2)
    return Coding(64 * math.log2(SHADES), float(counted), bits.tolist())


def pixel_by_pixel(ink: Tensor, unseen: Tensor) -> Data:
    """Each pixel as a sample: the pixels before it and its place go in (128), its shade is the class."""

    def samples(shades: Tensor) -> tuple[Tensor, Tensor]:
        before = torch.ones(64, 64).tril(diagonal=-1)
        known = (shades[:, None, :] / 16) * before
        place = torch.eye(64).expand(len(shades), 64, 64)
        return torch.cat([known, place], dim=2).reshape(-1, 128), shades.reshape(-1)

    return Data("digits, pixel by pixel", *samples(ink), SHADES, *samples(unseen))


@dataclass
class Dropout:
    """ReLU and dropout (p = 1/2) side by side on the same numbers; one entry a seed.

    `correlation_*` is between being passed on and the value, `repeated_*` the share of entries that are
    the same when the same input comes twice, `evaluated` the share of entries that dropout changes at test
    time, `off_*` the share set to zero.
    """

    correlation_relu: list[float]
    correlation_dropout: list[float]
    repeated_relu: list[float]
    repeated_dropout: list[float]
    evaluated: list[float]
    off_relu: list[float]
    off_dropout: list[float]


@experiment(seeds=range(16), cpu_only=True)
def dropout(*, seeds: Sequence[int], device: str) -> Dropout:
    """Which numbers ReLU and dropout set to zero, and whether they do so again."""
    rows = []
    for seed in seeds:
        draw = generator(seed)
        z = torch.randn(10_000, generator=draw, dtype=torch.float64)
        first, second = (torch.rand(len(z), generator=draw) < 0.5 for _ in range(2))
        on = torch.relu(z) > 0
        rows.append(
            (
                correlation(on, z),
                correlation(first, z),
                float((torch.relu(z) == torch.relu(z.clone())).double().mean()),
                float((2 * z * first == 2 * z * second).double().mean()),
                float((F.dropout(z, 0.5, training=False) != z).double().mean()),
                float((~on).double().mean()),
                float((~first).double().mean()),
            )
        )
    return Dropout(*(list(column) for column in zip(*rows)))


def correlation(mask: Tensor, values: Tensor) -> float:
    """Pearson's correlation between a mask and values of the same shape."""
    return float(torch.corrcoef(torch.stack([mask.to(values), values]))[0, 1])


@dataclass
class Masks:
    """Test accuracy of trained digits networks whose units are switched by somebody else; one entry a seed.

    `own` leaves the switching to ReLU, `borrowed` uses the on/off pattern of another image, `random` turns
    each unit on by the toss of a coin. `pattern` and `values` are linear probes for the digit that read the
    last hidden layer: its on/off pattern alone, and its activations.
    """

    own: list[float]
    borrowed: list[float]
    random: list[float]
    pattern: list[float]
    values: list[float]


@experiment(seeds=range(16))
def masks(*, seeds: Sequence[int], device: str) -> Masks:
    """Whether it matters which units are off, and how much the on/off pattern alone says."""
    images = digits()
    assert images.test_x is not None and images.test_y is not None
    made, x = trained((64, 64, 64, 10), tuple(seeds), device), images.test_x.double()
    found = Masks([], [], [], [], [])
    for k, seed in enumerate(seeds):
        draw, layers = generator(seed), weights_of(made, k)
        on = [forward(layers, x, stop=depth) > 0 for depth in (1, 2)]
        order = torch.randperm(len(x), generator=draw)
        coins = [torch.rand(mask.shape, generator=draw) < 0.5 for mask in on]
        for switched, into in (
            (on, found.own),
            ([m[order] for m in on], found.borrowed),
            (coins, found.random),
        ):
            h = x
            for (weight, bias), mask in zip(layers, switched):
                h = (h @ weight + bias) * mask
            guess = (h @ layers[-1][0] + layers[-1][1]).argmax(1)
            into.append(float((guess == images.test_y).double().mean()))
    last_seen, last = (inside(made, x)[-1] for x in (images.x, images.test_x))
    found.values = probe(last_seen, images.y, last, images.test_y).tolist()
    found.pattern = probe((last_seen > 0).double(), images.y, (last > 0).double(), images.test_y).tolist()
    return found


@dataclass
class Gates:
    """Signals that a switch of its own and a ReLU let through or stop, as shares of all; (kinds,) each.

    Kinds are ReLU, where the signal switches itself, and a switch with a signal of its own.
    """

    kind: list[str]
    negative_passed: list[float]
    positive_stopped: list[float]


@experiment(seeds=range(8))
def gates(*, seeds: Sequence[int], device: str) -> Gates:
    """Negative signals passed and positive ones stopped, by ReLU and by a switch with its own control."""
    signal, control = (
        torch.cat([torch.randn(10_000, generator=generator(seed + k)) for seed in seeds]).to(device)
        for k in (0, 500_000)
    )
    passed = {"ReLU": torch.relu(signal), "own control": signal * (control > 0)}
    return Gates(
        list(passed),
        [float(((signal < 0) & (out != 0)).double().mean()) for out in passed.values()],
        [float(((signal > 0) & (out == 0)).double().mean()) for out in passed.values()],
    )


@dataclass
class Discarded:
    """Share of preactivations that ReLU sets to zero on digits, (seeds, layers), before and after training.

    `least` and `most` are the 5 % and 95 % quantiles over second-layer units after training, (seeds,).
    """

    before: list[list[float]]
    after: list[list[float]]
    least: list[float]
    most: list[float]


@experiment(seeds=range(16))
def discarded(*, seeds: Sequence[int], device: str) -> Discarded:
    """How much of its input ReLU discards, before and after training."""
    before, after = (
        [1 - torch.from_numpy(layer).double() for layer in made.active_share]
        for made in (trained((64, 64, 64, 10), tuple(seeds), device, steps=steps) for steps in (0, 300))
    )
    return Discarded(
        before=torch.stack([layer.mean(1) for layer in before], dim=1).tolist(),
        after=torch.stack([layer.mean(1) for layer in after], dim=1).tolist(),
        least=after[1].quantile(0.05, dim=1).tolist(),
        most=after[1].quantile(0.95, dim=1).tolist(),
    )
