"""Does ReLU cure vanishing gradients? What reaches the first layer, and what reaches the last."""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, named
from reluguide.data import digits
from reluguide.device import generators
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.experiments._moments import normal_moments
from reluguide.sweep import grid, sweep

# How the weights of each network begin: name -> activation and scheme.
INITS = {
    "relu_kaiming": ("relu", "kaiming"),
    "relu_default": ("relu", "default"),
    "tanh_xavier": ("tanh", "xavier"),
    "sigmoid_xavier": ("sigmoid", "xavier"),
}
SHAPES = {f"{depth} layers of {width}": (depth, width) for depth, width in ((15, 64), (50, 64), (100, 64), (50, 192))}  # fmt: skip


@experiment(seeds=range(32))
def profile(*, seeds: Sequence[int], device: str, depth: int = 15, width: int = 64) -> xr.DataArray:
    """Gradient of every layer's weights before training, 15 hidden layers of 64, on digits."""
    norms = [gradient_norms(*init, depth, width, seeds, device)[:, :depth] for init in INITS.values()]
    return labelled(
        torch.stack(norms), "Norm of the loss's gradient by the weights of a hidden layer, before training",
        init=INITS, seed=seeds, layer=range(1, depth + 1),
    )  # fmt: skip


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


@experiment(seeds=range(32))
def spread(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Gradient of the first layer over seeds, for deeper and for wider ReLU networks, Kaiming weights."""
    norms = [gradient_norms("relu", "kaiming", *shape, seeds, device)[:, 0] for shape in SHAPES.values()]
    return labelled(
        torch.stack(norms), "Norm of the loss's gradient by the weights of the first layer, before training",
        layers=SHAPES, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(16))
def alike(
    *, seeds: Sequence[int], device: str, layers: int = 30, width: int = 256, inputs: int = 16
) -> xr.Dataset:
    """Cosine between what different random inputs have become, layer by layer, 30 layers of 256."""
    names = ("relu", "gelu", "tanh")
    made = [outputs(named(name).fn, gain(name), layers, width, inputs, seeds, device) for name in names]
    cosine = torch.stack([torch.stack([mean_cosine(h) for h in one], dim=1) for one in made]).double()
    start = float(cosine[0, :, 0].mean())
    predicted = list(accumulate(range(layers), lambda before, _: arc_cosine(before), initial=start))
    by_layer = range(layers + 1)  # 0 is the input
    return xr.Dataset({
        "cosine": labelled(
            cosine, "Mean cosine between what two different random inputs have become",
            activation=names, seed=seeds, layer=by_layer,
        ),
        "predicted": labelled(
            predicted, "The same for ReLU layers of infinite width (Cho and Saul 2009)", layer=by_layer
        ),
    })  # fmt: skip


def mean_cosine(h: Tensor) -> Tensor:
    """Mean cosine between the rows of each network's outputs, for h (seeds, samples, width)."""
    unit = F.normalize(h, dim=2)
    different = ~torch.eye(h.shape[1], dtype=torch.bool, device=h.device)
    return (unit @ unit.transpose(1, 2))[:, different].mean(dim=1)


def arc_cosine(cosine: float) -> float:
    """The cosine behind a very wide ReLU layer of random weights, from the one in front (Cho and Saul 2009)."""
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    return (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi


def outputs(
    fn: Callable[[Tensor], Tensor], scale: float, layers: int, width: int, samples: int,
    seeds: Sequence[int], device: str,
) -> list[Tensor]:  # fmt: skip
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


@experiment(seeds=range(16))
def scale(
    *, seeds: Sequence[int], device: str, layers: int = 20, width: int = 128, inputs: int = 32
) -> xr.DataArray:
    """Size of the activations after 20 layers of 128 whose weights are 0.5, 1 and 2 times Kaiming's."""
    names, factors, shape = ("relu", "tanh"), (0.5, 1.0, 2.0), (layers, width, inputs)
    rms = [
        [size(outputs(named(name).fn, by * math.sqrt(2), *shape, seeds, device)[-1]) for by in factors]
        for name in names
    ]
    return labelled(
        rms, "Root mean square of the activations behind a stack of layers, by factor on Kaiming's weights",
        activation=names, factor=factors, seed=seeds,
    )  # fmt: skip


def gain(name: str) -> float:
    """√(1 / E[f(z)²]) for a standard normal z: what keeps the mean square; √2 for ReLU (He et al. 2015)."""
    return 1 / math.sqrt(normal_moments(ACTIVATIONS[name])["mean_square"])


@experiment(seeds=range(16))
def gains(
    *, seeds: Sequence[int], device: str, layers: int = 20, width: int = 256, inputs: int = 32
) -> xr.Dataset:
    """Size of the activations after 20 layers of 256 with the gain for ReLU and with each one's own."""
    gain_of = {name: gain(name) for name in ("relu", "gelu", "silu")}
    rms = [
        [size(outputs(named(name).fn, by, layers, width, inputs, seeds, device)[-1]) for by in (math.sqrt(2), own)]
        for name, own in gain_of.items()
    ]  # fmt: skip
    return xr.Dataset({
        "gain": labelled(
            list(gain_of.values()),
            "What the weights' standard deviation must be, times 1/√(number of inputs), to keep the mean square",
            activation=gain_of,
        ),
        "rms": labelled(
            rms, "Root mean square of the activations behind a stack of layers, with the gain for ReLU and with the own one",
            activation=gain_of, init=("kaiming", "own"), seed=seeds,
        ),
    })  # fmt: skip


@experiment(cpu_only=True)
def slopes(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """The largest slope of four activations between -10 and 10, in double precision."""
    z = torch.linspace(-10, 10, 200_001, dtype=torch.float64)
    names = ("relu", "sigmoid", "gelu", "silu")
    largest = [float(ACTIVATIONS[name].derivative(z).max()) for name in names]
    return labelled(largest, "Largest slope of an activation", activation=names)


@experiment(seeds=range(8))
def training(
    *, seeds: Sequence[int], device: str, depth: int = 15, width: int = 32, steps: int = 200
) -> xr.Dataset:
    """Networks of 15 hidden layers of 32 after 200 steps of plain SGD, each at the better of two rates."""
    accuracy, diverged = [], []
    for activation, scheme in INITS.values():
        crossed = grid(lr=[0.03, 0.1], data=splits(), seeds=seeds)
        trained = sweep(
            [64, *[width] * depth, 10], steps=steps, batch_size=32, activation=activation, weight_init=scheme,
            device=device, **crossed,
        )  # fmt: skip
        loss = torch.from_numpy(crossed.shaped(trained.final_loss)).nan_to_num(nan=math.inf)
        best = int(loss.mean(dim=(1, 2)).argmin())
        accuracy.append(crossed.shaped(trained.test_accuracy)[best])
        diverged.append(crossed.shaped(trained.diverged)[best])
    axes: dict[str, Any] = {"init": INITS, "split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "accuracy": labelled(
            accuracy, "Test accuracy on digits at the rate with the lower mean loss", unit="share", **axes
        ),
        "diverged": labelled(diverged, "Diverged at that rate", **axes),
    })  # fmt: skip


@experiment(seeds=range(32))
def recurrent(
    *, seeds: Sequence[int], device: str, steps: int = 50, width: int = 64, low: float = 0.8, high: float = 1.25
) -> xr.DataArray:  # fmt: skip
    """The state of a recurrent layer of 64 units after 50 steps without input."""
    # Activation and the factor on Kaiming's weights; None is the identity matrix (Le et al. 2015).
    cases: dict[str, tuple[str, float | None]] = {
        "relu_low": ("relu", low), "relu": ("relu", 1.0), "relu_high": ("relu", high),
        "tanh_high": ("tanh", high), "relu_identity": ("relu", None),
    }  # fmt: skip
    growth = []
    for name, factor in cases.values():
        draws = generators(seeds)
        start = torch.stack([torch.rand(1, width, generator=draw) for draw in draws]).to(device)
        matrix = torch.stack([torch.randn(width, width, generator=draw) for draw in draws]).to(device)
        matrix = torch.eye(width, device=device) if factor is None else matrix * factor * math.sqrt(2 / width)
        h = start
        for _ in range(steps):
            h = named(name).fn(h @ matrix)
        growth.append((h.norm(dim=(1, 2)) / start.norm(dim=(1, 2))).double())
    return labelled(
        torch.stack(growth), "Size of a recurrent state after 50 steps divided by its first size",
        case=cases, seed=seeds,
    )  # fmt: skip
