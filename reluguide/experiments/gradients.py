"""Does ReLU cure vanishing gradients? What reaches the first layer, and what reaches the last."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reluguide.activations import ACTIVATIONS, named
from reluguide.data import digits
from reluguide.device import generators
from reluguide.evidence import experiment
from reluguide.sweep import grid, sweep

# How the weights of each network begin: name -> activation and scheme.
SETTINGS = {
    "relu_kaiming": ("relu", "kaiming"),
    "relu_default": ("relu", "default"),
    "relu_xavier": ("relu", "xavier"),
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
        sweep(
            [64, *[WIDTH] * DEPTH, 10], data=digits(train=128), seeds=seeds, lr=0.0, steps=0,
            activation=activation, weight_init=scheme, record=["gradient_norms"], device=device,
        ).gradient_norms
        for activation, scheme in SETTINGS.values()
    ]  # fmt: skip
    return Profile(list(SETTINGS), [norm[:, :DEPTH].tolist() for norm in norms if norm is not None])


@dataclass
class Spread:
    """Norm of the first layer's gradient, (shapes, seeds), by depth and width of the network."""

    depth: list[int]
    width: list[int]
    norm: list[Any]


@experiment(seeds=range(16))
def spread(*, seeds: Sequence[int], device: str) -> Spread:
    """Gradient of the first layer over seeds, for deeper and for wider ReLU networks, Kaiming weights."""
    shapes = [(15, 64), (50, 64), (100, 64), (50, 256)]
    norms = [
        sweep(
            [64, *[width] * depth, 10], data=digits(train=32), seeds=seeds, lr=0.0, steps=0,
            record=["gradient_norms"], device=device,
        ).gradient_norms
        for depth, width in shapes
    ]  # fmt: skip
    first = [norm[:, 0].tolist() for norm in norms if norm is not None]
    return Spread([depth for depth, _ in shapes], [width for _, width in shapes], first)


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
    layers, width, samples = 30, 256, 16
    names = ["relu", "gelu", "tanh"]
    off_diagonal = ~torch.eye(samples, dtype=torch.bool, device=device)
    found = []
    for name in names:
        cosines = []
        for h in outputs(named(name).fn, gain(name), layers, width, samples, seeds, device):
            unit = h / h.norm(dim=2, keepdim=True)
            cosines.append((unit @ unit.transpose(1, 2))[:, off_diagonal].mean(dim=1))
        found.append(torch.stack(cosines, dim=1).double().tolist())
    start = sum(one[0] for one in found[0]) / len(found[0])
    predicted = [start]
    for _ in range(layers):
        predicted.append(arc_cosine(predicted[-1]))
    return Alike(names, found, predicted)


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
    h = torch.stack([torch.randn(samples, width, generator=draw) for draw in draws]).to(device)
    found = [h]
    for _ in range(layers):
        weights = torch.stack([torch.randn(width, width, generator=draw) for draw in draws]).to(device)
        found.append(fn(found[-1] @ weights * (scale / math.sqrt(width))))
    return found


def gain(name: str) -> float:
    """√(1 / E[f(z)²]) for a standard normal z: √2 for ReLU (He et al. 2015)."""
    return 1 / math.sqrt(mean_square(name))


def mean_square(name: str) -> float:
    """E[f(z)²] of an activation of the table for a standard normal z, by quadrature in double precision."""
    z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return float(torch.trapezoid(named(name).fn(z).square() * density, z))


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
    rms = []
    for name in names:
        last = [
            outputs(named(name).fn, factor * math.sqrt(2), 20, 128, 32, seeds, device)[-1]
            for factor in scales
        ]
        rms.append([h.double().square().mean(dim=(1, 2)).sqrt().tolist() for h in last])
    return Scale(names, scales, rms)


@dataclass
class Gains:
    """The gain that keeps a layer's mean square, by name; ReLU's own gain leaves 20 layers with `rms`.

    `rms_own` is what 20 layers leave with the activation's own gain. Both are (activations, seeds).
    """

    activation: list[str]
    mean_square: list[float]
    gain: list[float]
    rms: list[Any]
    rms_own: list[Any]


@experiment(seeds=range(16))
def gains(*, seeds: Sequence[int], device: str) -> Gains:
    """Size of the activations after 20 layers of 256 with the gain for ReLU and with each one's own."""
    names = ["relu", "gelu", "silu"]
    both = [
        [
            outputs(named(name).fn, by, 20, 256, 32, seeds, device)[-1]
            .double()
            .square()
            .mean(dim=(1, 2))
            .sqrt()
            for by in (math.sqrt(2), gain(name))
        ]
        for name in names
    ]
    squares = [mean_square(name) for name in names]
    return Gains(
        names, squares, [gain(name) for name in names],
        [plain.tolist() for plain, _ in both], [own.tolist() for _, own in both],
    )  # fmt: skip


@dataclass
class Slopes:
    """Largest and smallest slope of each activation of the table between -10 and 10."""

    activation: list[str]
    largest: list[float]
    smallest: list[float]


@experiment(cpu_only=True)
def slopes(*, seeds: Sequence[int], device: str) -> Slopes:
    """The largest and the smallest slope of every activation of the table, in double precision."""
    z = torch.linspace(-10, 10, 200_001, dtype=torch.float64)
    found = {name: row.derivative(z) for name, row in ACTIVATIONS.items() if name != "relu_squared"}
    return Slopes(
        list(found),
        [float(one.max()) for one in found.values()],
        [float(one.min()) for one in found.values()],
    )


@dataclass
class Training:
    """Test accuracy on digits of deep networks at the best of the rates, (settings, seeds).

    The rate is chosen by mean training loss; `lost` counts networks that diverged at the chosen rate.
    """

    setting: list[str]
    lr: list[float]
    accuracy: list[Any]
    lost: list[int]


@experiment(seeds=range(16))
def training(*, seeds: Sequence[int], device: str) -> Training:
    """Networks of 15 hidden layers of 32 after 300 steps of plain SGD, each at the best of two rates."""
    rates = [0.03, 0.1]
    lr, accuracy, lost = [], [], []
    for activation, scheme in SETTINGS.values():
        crossed = grid(lr=rates, seeds=seeds)
        trained = sweep(
            [64, *[32] * DEPTH, 10], data=digits(), steps=300, batch_size=32, activation=activation,
            weight_init=scheme, device=device, **crossed,
        )  # fmt: skip
        loss = torch.from_numpy(crossed.shaped(trained.final_loss)).nan_to_num(nan=math.inf).mean(1)
        best = int(loss.argmin())
        lr.append(rates[best])
        accuracy.append(crossed.shaped(trained.test_accuracy)[best].tolist())
        lost.append(int(crossed.shaped(trained.diverged)[best].sum()))
    return Training(list(SETTINGS), lr, accuracy, lost)


@dataclass
class Recurrent:
    """One matrix applied 50 times: growth of the state and of a gradient sent back, (cases, seeds).

    Each is the norm after 50 steps divided by the norm before; 0 where nothing is left.
    """

    case: list[str]
    state: list[Any]
    gradient: list[Any]


@experiment(seeds=range(16))
def recurrent(*, seeds: Sequence[int], device: str) -> Recurrent:
    """A recurrent layer of 64 units without input for 50 steps, forwards and backwards."""
    width, steps = 64, 50
    cases: dict[str, tuple[str, float]] = {
        "relu_low": ("relu", 0.8), "relu": ("relu", 1.0), "relu_high": ("relu", 1.25),
        "tanh_high": ("tanh", 1.25), "relu_identity": ("relu", 0.0),
    }  # fmt: skip
    state, gradient = [], []
    for name, factor in cases.values():
        draws = generators(seeds)
        start = torch.stack([torch.rand(1, width, generator=draw) for draw in draws]).to(device)
        weights = torch.stack([torch.randn(width, width, generator=draw) for draw in draws]).to(device)
        sent = torch.stack([torch.randn(1, width, generator=draw) for draw in draws]).to(device)
        # A factor of 0 stands for the identity matrix (Le et al. 2015).
        matrix = weights * (factor * math.sqrt(2 / width)) if factor else torch.eye(width, device=device)
        first = start.requires_grad_()
        h = first
        for _ in range(steps):
            h = named(name).fn(h @ matrix)
        (back,) = torch.autograd.grad(h, first, sent)
        state.append((h.detach().norm(dim=(1, 2)) / start.detach().norm(dim=(1, 2))).double().tolist())
        gradient.append((back.norm(dim=(1, 2)) / sent.norm(dim=(1, 2))).double().tolist())
    return Recurrent(list(cases), state, gradient)
