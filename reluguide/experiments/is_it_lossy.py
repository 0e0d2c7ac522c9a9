"""Is it safe to throw the negatives away? What a ReLU layer keeps of its input, by width."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reluguide.data import digits
from reluguide.device import generator
from reluguide.evidence.declare import experiment
from reluguide.sweep import sweep

INPUTS = 16
DRAWS = 100
RATIOS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
WIDTHS = (64, 128, 256, 512)


@dataclass
class Recovery:
    """`share` is (seeds, ratios): inputs recovered exactly from a layer `ratio` times as wide as its input."""

    ratio: list[float]
    share: list[list[float]]


@experiment(seeds=range(32), cpu_only=True)
def recovery(*, seeds: Sequence[int], device: str) -> Recovery:
    """Random inputs recovered exactly from the output of one random ReLU layer, by its width."""
    share = [[recovered_share(seed, width=round(ratio * INPUTS)) for ratio in RATIOS] for seed in seeds]
    return Recovery(list(RATIOS), share)


def recovered_share(seed: int, *, width: int) -> float:
    """Share of `DRAWS` inputs that can be computed back from relu(W x), each with a random W of its own."""
    draw = generator(seed)
    weight = torch.randn(DRAWS, width, INPUTS, generator=draw, dtype=torch.float64)
    x = torch.randn(DRAWS, INPUTS, 1, generator=draw, dtype=torch.float64)
    y = torch.relu(weight @ x)
    # Each unit that is on gives one linear equation for x; a unit that is off only says "not positive".
    equations = weight * (y > 0)
    guess = torch.linalg.pinv(equations) @ y
    return float(((guess - x).abs().amax(dim=(1, 2)) < 1e-6).double().mean())


@dataclass
class Decoding:
    """How well a linear map gives the pixels back: R² on unseen digits, (seeds,) before, (seeds, widths) after.

    `picture` is one unseen digit, 8 × 8, and `decoded` its reconstructions, (widths, 8, 8), first seed.
    """

    width: list[int]
    before: list[float]
    after: list[list[float]]
    picture: list[list[float]]
    decoded: list[list[list[float]]]


@experiment(seeds=range(16), cpu_only=True)
def decoding(*, seeds: Sequence[int], device: str) -> Decoding:
    """Digits decoded linearly from the output of one random ReLU layer, by its width."""
    images = digits(standardise=False)
    assert images.test_x is not None
    train, test = images.x.double(), images.test_x.double()
    before, after, decoded = [], [], []
    for seed in seeds:
        draw = generator(seed)
        row = []
        for width in WIDTHS:
            weight = torch.randn(64, width, generator=draw, dtype=torch.float64) / 8
            if width == 64:
                before.append(r_squared(linear_decoder(train @ weight, train)(test @ weight), test))
            decode = linear_decoder(torch.relu(train @ weight), train)
            back = decode(torch.relu(test @ weight))
            row.append(r_squared(back, test))
            if seed == seeds[0]:
                decoded.append(back[0].reshape(8, 8).tolist())
        after.append(row)
    return Decoding(list(WIDTHS), before, after, test[0].reshape(8, 8).tolist(), decoded)


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


@dataclass
class Pair:
    """A unit and its mirror: numbers tried, numbers given back bit for bit, by the pair and by one unit."""

    tried: int
    exact_pair: int
    exact_one: int


@experiment(seeds=range(8))
def mirror_pair(*, seeds: Sequence[int], device: str) -> Pair:
    """A number computed back from relu(z) and relu(-z), and from relu(z) alone."""
    z = torch.cat([torch.randn(100_000, generator=generator(seed)) for seed in seeds]).to(device)
    back = torch.relu(z) - torch.relu(-z)
    return Pair(z.numel(), int((back == z).sum()), int((torch.relu(z) == z).sum()))


@dataclass
class Silence:
    """What a unit at zero passes on: largest change downstream when its outgoing weights are redrawn.

    `zero` over units that are off, `on` over units that are on.
    """

    zero: float
    on: float


@experiment(seeds=range(8))
def silence(*, seeds: Sequence[int], device: str) -> Silence:
    """A next-layer preactivation when the outgoing weight of one unit is replaced, off or on."""
    largest = {"zero": 0.0, "on": 0.0}
    for seed in seeds:
        draw = generator(seed)
        hidden = torch.relu(torch.randn(1000, 32, generator=draw))
        weight, other = torch.randn(2, 32, generator=draw)
        hidden, weight, other = hidden.to(device), weight.to(device), other.to(device)
        change = (hidden * (other - weight)).abs()
        largest["zero"] = max(largest["zero"], float(change[hidden == 0].max()))
        largest["on"] = max(largest["on"], float(change[hidden > 0].max()))
    return Silence(**largest)


@dataclass
class OnShare:
    """Per trained unit, the share of digits it is on for: 5 % and 95 % quantiles over units, (seeds, layers).

    `never` is the share of units that are on for none of them.
    """

    low: list[list[float]]
    high: list[list[float]]
    never: list[list[float]]


@experiment(seeds=range(16))
def on_share(*, seeds: Sequence[int], device: str) -> OnShare:
    """How often each unit of a trained digits network is on."""
    images = digits()
    trained = sweep(
        [64, 64, 64, 10], data=images, seeds=seeds, lr=0.1, steps=400, batch_size=128, device=device
    )
    shares = [torch.from_numpy(layer).double() for layer in trained.active_share]
    return OnShare(
        low=torch.stack([layer.quantile(0.05, dim=1) for layer in shares], 1).tolist(),
        high=torch.stack([layer.quantile(0.95, dim=1) for layer in shares], 1).tolist(),
        never=torch.stack([(layer == 0).double().mean(1) for layer in shares], 1).tolist(),
    )
