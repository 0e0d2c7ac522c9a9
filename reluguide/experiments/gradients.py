"""Does ReLU cure vanishing gradients? What reaches the first layer, and what reaches the last."""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, named
from reluguide.data import digits
from reluguide.device import generators
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._digits import SPLITS, splits
from reluguide.experiments._moments import normal_moments
from reluguide.sweep import SweepResult, grid, sweep

# How the weights of each network begin: name -> activation and scheme.
INITS = {
    "relu_kaiming": ("relu", "kaiming"),
    "relu_default": ("relu", "default"),
    "tanh_xavier": ("tanh", "xavier"),
    "sigmoid_xavier": ("sigmoid", "xavier"),
    "relu_mirrored": ("relu", "mirrored"),
}
SHAPES = {f"{depth} layers of {width}": (depth, width) for depth, width in ((15, 64), (50, 64), (100, 64), (50, 192))}  # fmt: skip

Layer = tuple[Tensor, Tensor]  # weights (in, out) and biases (out,)


@experiment(seeds=range(32))
def profile(*, seeds: Sequence[int], device: str, depth: int = 15, width: int = 64) -> xr.Dataset:
    """Gradient by every layer's preactivations and by its weights before training, on digits."""
    found = [gradient_norms(*init, depth, width, seeds, device) for init in INITS.values()]
    signal, weights = (torch.stack(one)[:, :, :depth] for one in zip(*found))
    axes: dict[str, Any] = {"init": INITS, "seed": seeds, "layer": range(1, depth + 1)}
    return xr.Dataset({
        "signal": labelled(
            signal, "Norm of the loss's gradient by the preactivations of a hidden layer, before training", **axes
        ),
        "weights": labelled(
            weights, "Norm of the loss's gradient by the weights of a hidden layer, before training", **axes
        ),
    })  # fmt: skip


def gradient_norms(
    activation: str, scheme: str, depth: int, width: int, seeds: Sequence[int], device: str
) -> tuple[Tensor, Tensor]:
    """Norms of the cross-entropy's gradient by each layer's preactivations and weights, on 64 digits.

    Each is (seeds, depth + 1). The first is the learning signal itself; the second is that signal times what
    the layer is fed, so that it depends on the size of the layer's inputs too.
    """
    data = digits(train=64)
    x, y = data.x.to(device), data.y.to(device)
    draws = generators(seeds)
    drawn = [all_layers(scheme, [data.features, *[width] * depth, data.classes], draw) for draw in draws]
    weights, sums, h = [], [], x.expand(len(draws), *x.shape)
    for same in zip(*drawn):  # one layer of every network
        weights.append(torch.stack([w for w, _ in same]).to(device).requires_grad_())
        sums.append(h @ weights[-1] + torch.stack([b for _, b in same]).to(device)[:, None])
        h = named(activation).fn(sums[-1])
    # One sum over networks: no network's loss depends on another's weights.
    losses = F.cross_entropy(sums[-1].flatten(0, 1), y.repeat(len(draws)), reduction="sum") / len(y)
    found = [one.double().norm(dim=(1, 2)) for one in torch.autograd.grad(losses, sums + weights)]
    return torch.stack(found[: len(sums)], dim=1), torch.stack(found[len(sums) :], dim=1)


def all_layers(scheme: str, sizes: Sequence[int], draw: torch.Generator) -> list[Layer]:
    """A network's layers as a scheme begins them."""
    if scheme == "mirrored":
        return [(weight, torch.zeros(weight.shape[1])) for weight in mirrored(sizes, draw)]
    return [layer(scheme, fan_in, fan_out, draw) for fan_in, fan_out in pairwise(sizes)]


def layer(scheme: str, fan_in: int, fan_out: int, draw: torch.Generator) -> Layer:
    """Weights (in, out) and biases (out,) as PyTorch's own functions draw them; biases 0 except "default"."""
    weight, bias = torch.empty(fan_out, fan_in), torch.zeros(fan_out)
    if scheme == "default":  # what nn.Linear does by itself
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=draw)
        bias.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=draw)
    elif scheme == "kaiming":
        nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=draw)
    elif scheme == "orthogonal":
        nn.init.orthogonal_(weight, gain=math.sqrt(2), generator=draw)
    else:
        nn.init.xavier_normal_(weight, generator=draw)
    return weight.T, bias


# --8<-- [start:mirrored]
def mirrored(sizes: Sequence[int], draw: torch.Generator) -> list[Tensor]:
    """Weights (in, out) of ReLU layers of mirror pairs, linear at the start.

    Each pair of hidden units gets z and -z. The next layer subtracts the one
    from the other, and relu(z) - relu(-z) = z (Balduzzi et al. 2017).
    """
    pairs = [sizes[0], *[size // 2 for size in sizes[1:-1]], sizes[-1]]
    weights = []
    for i, (before, after) in enumerate(pairwise(pairs)):
        square = torch.empty(after, before)
        weight = nn.init.orthogonal_(square, generator=draw).T
        if i > 0:  # from pairs
            weight = torch.cat([weight, -weight], dim=0)
        if i < len(pairs) - 2:  # to pairs
            weight = torch.cat([weight, -weight], dim=1)
        weights.append(weight)
    return weights


# --8<-- [end:mirrored]


@experiment(seeds=range(16), cpu_only=True)
def isometry(*, seeds: Sequence[int], device: str, depth: int = 30, width: int = 64) -> xr.DataArray:
    """Singular values of the map from inputs to outputs that a random ReLU network is at a random input."""
    schemes, inputs = ("kaiming", "orthogonal", "mirrored"), width // 2
    sizes = [inputs, *[width] * depth, inputs]
    found = torch.stack([torch.stack([singular_values(one, sizes, draw) for draw in generators(seeds)]) for one in schemes])  # fmt: skip
    return labelled(
        torch.quantile(found, torch.tensor([0, 0.5, 1], dtype=found.dtype), dim=2).permute(1, 2, 0),
        "Singular values of the derivative of the outputs by the inputs, before training",
        init=schemes, seed=seeds, quantile=("smallest", "median", "largest"),
    )  # fmt: skip


def singular_values(scheme: str, sizes: Sequence[int], draw: torch.Generator) -> Tensor:
    """Of the derivative of a ReLU network's outputs by one random input, in double precision."""
    *hidden, output = [weight.double() for weight, _ in all_layers(scheme, sizes, draw)]
    h = torch.randn(sizes[0], generator=draw, dtype=torch.float64)
    slope = torch.eye(sizes[0], dtype=torch.float64)
    for weight in hidden:
        on = h @ weight > 0
        h, slope = torch.relu(h @ weight), slope @ weight * on
    values: Tensor = torch.linalg.svdvals(slope @ output)
    return values


@experiment(seeds=range(32))
def spread(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Gradient of the first layer over seeds, for deeper and for wider ReLU networks, Kaiming weights."""
    norms = [gradient_norms("relu", "kaiming", *shape, seeds, device)[1][:, 0] for shape in SHAPES.values()]
    return labelled(
        torch.stack(norms), "Norm of the loss's gradient by the weights of the first layer, before training",
        layers=SHAPES, seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(16))
def alike(
    *, seeds: Sequence[int], device: str, layers: int = 30, width: int = 256, inputs: int = 16
) -> xr.Dataset:
    """Cosine between what different random inputs have become, layer by layer, 30 layers of 256."""
    usual, shape = ("relu", "gelu", "tanh"), (layers, width, inputs)
    made = [outputs(named(name).fn, gain(name), *shape, generators(seeds), device) for name in usual]
    names, made = (*usual, "mirrored"), [*made, mirrored_outputs(*shape, seeds, device)]
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
    draws: Sequence[torch.Generator], device: str, *, gradient: bool = False,
) -> list[Tensor]:  # fmt: skip
    """Normal inputs and the outputs of every layer, each (draws, samples, width); weights of sd scale/√width."""
    first = torch.stack([torch.randn(samples, width, generator=draw) for draw in draws])
    found = [first.to(device).requires_grad_(gradient)]
    for _ in range(layers):
        weights = torch.stack([torch.randn(width, width, generator=draw) for draw in draws]).to(device)
        found.append(fn(found[-1] @ weights * (scale / math.sqrt(width))))
    return found


def mirrored_outputs(
    layers: int, width: int, samples: int, seeds: Sequence[int], device: str
) -> list[Tensor]:
    """The same for ReLU layers of mirror pairs."""
    found = []
    for draw in generators(seeds):
        h = [torch.randn(samples, width, generator=draw)]
        for weight in mirrored([width] * (layers + 2), draw)[:-1]:
            h.append(torch.relu(h[-1] @ weight))
        found.append(torch.stack(h))
    return list(torch.stack(found, dim=1).to(device))


def size(h: Tensor) -> Tensor:
    """Root mean square of each network's numbers, for h (seeds, samples, width)."""
    return h.double().square().mean(dim=(1, 2)).sqrt()


@experiment(seeds=range(16))
def scale(
    *, seeds: Sequence[int], device: str, layers: int = 20, width: int = 128, inputs: int = 32
) -> xr.Dataset:
    """Size of activations and of gradients through 20 layers whose weights are 0.5, 1 and 2 times Kaiming's."""
    names, factors = ("relu", "tanh"), (0.5, 1.0, 2.0)
    sizes = torch.zeros(2, len(names), len(factors), len(seeds), dtype=torch.float64)
    for i, name in enumerate(names):
        for j, factor in enumerate(factors):
            draws = generators(seeds)
            first, *_, last = outputs(
                named(name).fn, factor * math.sqrt(2), layers, width, inputs, draws, device, gradient=True
            )
            sent = torch.stack([torch.randn(inputs, width, generator=draw) for draw in draws]).to(device)
            (arrived,) = torch.autograd.grad(last, first, sent)
            sizes[:, i, j] = torch.stack([size(last.detach()), size(arrived) / size(sent)])
    axes: dict[str, Any] = {"activation": names, "factor": factors, "seed": seeds}
    return xr.Dataset({
        "rms": labelled(
            sizes[0], "Root mean square of the activations behind a stack of layers, by factor on Kaiming's weights",
            **axes,
        ),
        "gradient": labelled(
            sizes[1], "Size of a random gradient that was sent back through a stack of layers, over its first size, "
            "by factor on Kaiming's weights", **axes,
        ),
    })  # fmt: skip


def gain(name: str) -> float:
    """√(1 / E[f(z)²]) for a standard normal z: what keeps the mean square; √2 for ReLU (He et al. 2015)."""
    return 1 / math.sqrt(normal_moments(ACTIVATIONS[name])["mean_square"])


@experiment(seeds=range(16))
def gains(
    *, seeds: Sequence[int], device: str, layers: int = 20, width: int = 128, inputs: int = 32
) -> xr.Dataset:
    """Size of the activations after 20 layers of 128 with the gain for ReLU and with each one's own."""
    gain_of = {name: gain(name) for name in ("relu", "gelu", "silu")}
    shape = (layers, width, inputs)
    rms = torch.stack([
        torch.stack([
            size(outputs(named(name).fn, by, *shape, generators(seeds), device)[-1]) for by in (math.sqrt(2), own)
        ])
        for name, own in gain_of.items()
    ])  # fmt: skip
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


# The better of 0.03 and 0.1 for each, in a trial with more steps than the page has.
RATES = {
    "relu_kaiming": 0.03, "relu_default": 0.03, "tanh_xavier": 0.1, "sigmoid_xavier": 0.1, "relu_mirrored": 0.03,
}  # fmt: skip


@experiment(seeds=range(4))
def training(
    *, seeds: Sequence[int], device: str, depth: int = 15, width: int = 32, batch: int = 16,
    steps: Sequence[int] = (60, 600),
) -> xr.Dataset:  # fmt: skip
    """Networks of 15 hidden layers of 32 after few and after ten times as many steps of plain SGD."""
    sizes, crossed = [64, *[width] * depth, 10], grid(data=splits(), seeds=seeds)
    runs = {
        (name, budget): sweep(
            sizes, steps=budget, batch_size=batch, activation=activation, lr=RATES[name], device=device,
            **initial(scheme, sizes, crossed["seeds"]), **crossed,
        )
        for name, (activation, scheme) in INITS.items() for budget in steps
    }  # fmt: skip
    axes: dict[str, Any] = {"init": INITS, "steps": steps, "split": SPLITS, "seed": seeds}

    def by_budget(of: Callable[[SweepResult], Any]) -> NDArray[Any]:
        found = [[crossed.shaped(of(runs[name, budget])) for budget in steps] for name in INITS]
        return np.array(found)

    return xr.Dataset({
        "accuracy": labelled(
            by_budget(lambda run: run.test_accuracy), "Test accuracy on digits of 15 hidden layers after so many steps",
            unit="share", **axes,
        ),
        "diverged": labelled(by_budget(lambda run: run.diverged), "Diverged by then", **axes),
    })  # fmt: skip


def initial(scheme: str, sizes: Sequence[int], seeds: Sequence[int]) -> dict[str, Any]:
    """How a sweep is told to begin: with a scheme of its own, or with given parameters."""
    if scheme != "mirrored":
        return {"weight_init": scheme}
    drawn = zip(*[all_layers(scheme, sizes, draw) for draw in generators(seeds)])
    return {"initial": [tuple(torch.stack(part) for part in zip(*same)) for same in drawn]}


@experiment(seeds=range(4))
def with_adam(
    *, seeds: Sequence[int], device: str, depth: int = 15, width: int = 32, batch: int = 16, rate: float = 0.003,
    steps: int = 300,
) -> xr.DataArray:  # fmt: skip
    """ReLU networks of 15 hidden layers of 32 with PyTorch's default weights, trained by Adam."""
    crossed = grid(data=splits(), seeds=seeds)
    trained = sweep(
        [64, *[width] * depth, 10], steps=steps, batch_size=batch, lr=rate, optimizer="adam", weight_init="default",
        device=device, **crossed,
    )  # fmt: skip
    return labelled(
        crossed.shaped(trained.test_accuracy), "Test accuracy on digits of 15 hidden ReLU layers with default "
        "weights, trained by Adam", unit="share", split=SPLITS, seed=seeds,
    )  # fmt: skip


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
