"""Does ReLU cure vanishing gradients? What reaches the first layer, and what reaches the last."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, named
from reluguide.data import digits
from reluguide.device import generators
from reluguide.evidence.declare import experiment
from reluguide.sweep import grid, sweep

# How the weights of each network begin: name -> activation and scheme.
SETTINGS = {
    "relu_kaiming": ("relu", "kaiming"),
    "relu_default": ("relu", "default"),
    "tanh_xavier": ("tanh", "xavier"),
    "sigmoid_xavier": ("sigmoid", "xavier"),
}
DEPTH, WIDTH = 15, 64


@dataclass
class Profile:
    """Norm of the loss's gradient by the weights of each hidden layer, (settings, seeds, layers)."""

    setting: list[str]
    norm: list[Any]


@experiment(seeds=range(32))
def profile(*, seeds: Sequence[int], device: str) -> Profile:
    """Gradient of every layer's weights before training, 15 hidden layers of 64, on digits."""
    norms = [
        gradient_norms(activation, scheme, DEPTH, WIDTH, seeds, device)[:, :DEPTH].tolist()
        for activation, scheme in SETTINGS.values()
    ]
    return Profile(list(SETTINGS), norms)


def gradient_norms(
    activation: str, scheme: str, depth: int, width: int, seeds: Sequence[int], device: str
) -> Tensor:
    """Norm of the cross-entropy's gradient by each layer's weights, (seeds, depth + 1), on 64 digits."""
    data = digits(train=64)
    x, y = data.x.to(device), data.y.to(device)
    sizes = [data.features, *[width] * depth, data.classes]
    draws = generators(seeds)
    weights, h = [], x.expand(len(draws), *x.shape)
    for fan_in, fan_out in pairwise(sizes):
        drawn = [layer(scheme, fan_in, fan_out, draw) for draw in draws]
        weights.append(torch.stack([w for w, _ in drawn]).to(device).requires_grad_())
        z = h @ weights[-1] + torch.stack([b for _, b in drawn]).to(device)[:, None]
        h = named(activation).fn(z)
    # One sum over networks: no network's loss depends on another's weights.
    losses = F.cross_entropy(z.flatten(0, 1), y.repeat(len(draws)), reduction="sum") / len(y)
    found = torch.autograd.grad(losses, weights)
    return torch.stack([one.double().norm(dim=(1, 2)) for one in found], dim=1)


def layer(scheme: str, fan_in: int, fan_out: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weights (in, out) and biases (out,) as PyTorch's own functions draw them; biases 0 except "default"."""
    weight, bias = torch.empty(fan_out, fan_in), torch.zeros(fan_out)
    if scheme == "default":  # what nn.Linear does by itself
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=draw)
        bias.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=draw)
    elif scheme == "kaiming":
        nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=draw)
    else:
        nn.init.xavier_normal_(weight, generator=draw)
    return weight.T, bias


@dataclass
class Spread:
    """Norm of the first layer's gradient, (shapes, seeds), by depth and width of the network."""

    depth: list[int]
    width: list[int]
    norm: list[Any]


@experiment(seeds=range(32))
def spread(*, seeds: Sequence[int], device: str) -> Spread:
    """Gradient of the first layer over seeds, for deeper and for wider ReLU networks, Kaiming weights."""
    shapes = [(15, 64), (50, 64), (100, 64), (50, 192)]
    norms = [gradient_norms("relu", "kaiming", *shape, seeds, device)[:, 0].tolist() for shape in shapes]
    return Spread([depth for depth, _ in shapes], [width for _, width in shapes], norms)


@dataclass
class Alike:
    """Mean cosine between the layer's outputs for two different inputs, (activations, seeds, layers).

    Layer 0 is the input. `predicted` is the value for ReLU layers of infinite width (Cho and Saul 2009).
    """

    activation: list[str]
    cosine: list[Any]
    predicted: list[float]


@experiment(seeds=range(16))
def alike(*, seeds: Sequence[int], device: str) -> Alike:
    """Cosine between what different random inputs have become, layer by layer, 30 layers of 256."""
    names = ["relu", "gelu", "tanh"]
    different = ~torch.eye(16, dtype=torch.bool, device=device)
    found = []
    for name in names:
        cosines = []
        for h in outputs(named(name).fn, gain(name), 30, 256, 16, seeds, device):
            unit = h / h.norm(dim=2, keepdim=True)
            cosines.append((unit @ unit.transpose(1, 2))[:, different].mean(dim=1))
        found.append(torch.stack(cosines, dim=1).double())
    predicted = [float(found[0][:, 0].mean())]
    for _ in range(30):
        predicted.append(arc_cosine(predicted[-1]))
    return Alike(names, [one.tolist() for one in found], predicted)


def arc_cosine(cosine: float) -> float:
    """The cosine behind a very wide ReLU layer of random weights, from the one in front (Cho and Saul 2009)."""
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    return (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi


def outputs(
    fn: Callable[[Tensor], Tensor],
    scale: float,
    layers: int,
    width: int,
    samples: int,
    seeds: Sequence[int],
    device: str,
) -> list[Tensor]:
    """Normal inputs and the outputs of every layer, each (seeds, samples, width); weights of sd scale/√width."""
    draws = generators(seeds)
    found = [torch.stack([torch.randn(samples, width, generator=draw) for draw in draws]).to(device)]
    for _ in range(layers):
        weights = torch.stack([torch.randn(width, width, generator=draw) for draw in draws]).to(device)
        found.append(fn(found[-1] @ weights * (scale / math.sqrt(width))))
    return found


def size(h: Tensor) -> list[float]:
    """Root mean square of each network's outputs, for h (seeds, samples, width)."""
    sizes: list[float] = h.double().square().mean(dim=(1, 2)).sqrt().tolist()
    return sizes


@dataclass
class Scale:
    """Root mean square of the last of 20 layers' outputs, (activations, scales, seeds)."""

    activation: list[str]
    scale: list[float]
    rms: list[Any]


@experiment(seeds=range(16))
def scale(*, seeds: Sequence[int], device: str) -> Scale:
    """Size of the activations after 20 layers of 128 whose weights are 0.5, 1 and 2 times Kaiming's."""
    names, scales = ["relu", "tanh"], [0.5, 1.0, 2.0]
    rms = [
        [size(outputs(named(name).fn, by * math.sqrt(2), 20, 128, 32, seeds, device)[-1]) for by in scales]
        for name in names
    ]
    return Scale(names, scales, rms)


def gain(name: str) -> float:
    """√(1 / E[f(z)²]) for a standard normal z, by quadrature in double precision; √2 for ReLU (He et al. 2015)."""
    z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return 1 / math.sqrt(float(torch.trapezoid(named(name).fn(z).square() * density, z)))


@dataclass
class Gains:
    """The gain that keeps a layer's mean square, by activation, and what 20 layers leave, (activations, seeds).

    `rms` is with the gain for ReLU, `rms_own` with the activation's own.
    """

    activation: list[str]
    gain: list[float]
    rms: list[Any]
    rms_own: list[Any]


@experiment(seeds=range(16))
def gains(*, seeds: Sequence[int], device: str) -> Gains:
    """Size of the activations after 20 layers of 256 with the gain for ReLU and with each one's own."""
    names = ["relu", "gelu", "silu"]
    plain, own = (
        [size(outputs(named(name).fn, by(name), 20, 256, 32, seeds, device)[-1]) for name in names]
        for by in (lambda name: math.sqrt(2), gain)
    )
    return Gains(names, [gain(name) for name in names], plain, own)


@dataclass
class Slopes:
    """Largest and smallest slope between -10 and 10, by activation."""

    activation: list[str]
    largest: list[float]
    smallest: list[float]


@experiment(cpu_only=True)
def slopes(*, seeds: Sequence[int], device: str) -> Slopes:
    """The largest and the smallest slope of five activations, in double precision."""
    z = torch.linspace(-10, 10, 200_001, dtype=torch.float64)
    found = {name: ACTIVATIONS[name].derivative(z) for name in ("relu", "tanh", "sigmoid", "gelu", "silu")}
    return Slopes(
        list(found),
        [float(one.max()) for one in found.values()],
        [float(one.min()) for one in found.values()],
    )


@dataclass
class Training:
    """Test accuracy on digits of deep networks at the better of two rates, (settings, seeds).

    The rate is chosen by mean training loss; `lost` counts networks that diverged at the chosen rate.
    """

    setting: list[str]
    lr: list[float]
    accuracy: list[Any]
    lost: list[int]


@experiment(seeds=range(16))
def training(*, seeds: Sequence[int], device: str) -> Training:
    """Networks of 15 hidden layers of 32 after 200 steps of plain SGD, each at the better of two rates."""
    rates = [0.03, 0.1]
    lr, accuracy, lost = [], [], []
    for activation, scheme in SETTINGS.values():
        crossed = grid(lr=rates, seeds=seeds)
        trained = sweep(
            [64, *[32] * DEPTH, 10], data=digits(), steps=200, batch_size=32, activation=activation,
            weight_init=scheme, device=device, **crossed,
        )  # fmt: skip
        loss = torch.from_numpy(crossed.shaped(trained.final_loss)).nan_to_num(nan=math.inf).mean(1)
        best = int(loss.argmin())
        lr.append(rates[best])
        accuracy.append(crossed.shaped(trained.test_accuracy)[best].tolist())
        lost.append(int(crossed.shaped(trained.diverged)[best].sum()))
    return Training(list(SETTINGS), lr, accuracy, lost)


# Name -> activation and the factor on Kaiming's weights; None is the identity matrix (Le et al. 2015).
RECURRENT: dict[str, tuple[str, float | None]] = {
    "relu_low": ("relu", 0.8),
    "relu": ("relu", 1.0),
    "relu_high": ("relu", 1.25),
    "tanh_high": ("tanh", 1.25),
    "relu_identity": ("relu", None),
}


@dataclass
class Recurrent:
    """One matrix applied 50 times: norm of the state behind divided by the norm in front, (cases, seeds)."""

    case: list[str]
    growth: list[Any]


@experiment(seeds=range(32))
def recurrent(*, seeds: Sequence[int], device: str) -> Recurrent:
    """The state of a recurrent layer of 64 units after 50 steps without input."""
    growth = []
    for name, factor in RECURRENT.values():
        draws = generators(seeds)
        start = torch.stack([torch.rand(1, 64, generator=draw) for draw in draws]).to(device)
        matrix = torch.stack([torch.randn(64, 64, generator=draw) for draw in draws]).to(device)
        matrix = torch.eye(64, device=device) if factor is None else matrix * factor * math.sqrt(2 / 64)
        h = start
        for _ in range(50):
            h = named(name).fn(h @ matrix)
        growth.append((h.norm(dim=(1, 2)) / start.norm(dim=(1, 2))).double().tolist())
    return Recurrent(list(RECURRENT), growth)
