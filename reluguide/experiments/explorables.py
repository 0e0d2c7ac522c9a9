"""What the explorables start from, and what their arithmetic is held against.

Each explorable computes in the reader's browser (`docs/assets/explorables/maths.js`). Here PyTorch
computes the same in float64: the browser tests compare the two, number by number. Starting weights
and samples are drawn here too, so that every reader sees the same ones.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, Elementwise
from reluguide.evidence.experiments import experiment, labelled

SLOPES = (-1.0, -0.5, 0.0, 0.1, 1.0)
FLOORS = (-1.0, 0.0, 0.5)
UNITS = (1, 2, 4, 8, 16, 32)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
LEAKS = (0.0, 0.1)
WIDTH = 16
PIXELS = 3 * 28 * 28  # as many numbers as a small colour image has
DEPTH = 20
DEEP = ("relu", "leaky_relu", "gelu", "selu", "tanh", "sigmoid")
# PyTorch's own start has weights of variance 1/(3n); He et al. 2015 take 2/n.
STARTS = {"default": math.sqrt(1 / 3), "he": math.sqrt(2)}

TARGETS: dict[str, Elementwise] = {
    "wave": lambda x: torch.sin(math.pi / 2 * x + 1),
    "hill": lambda x: torch.exp(-2 * x * x),
    "step": lambda x: torch.tanh(6 * x),
}


@experiment(cpu_only=True)
def curves(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Every activation and its derivative by autograd, in float64, on a grid with 0 and points beside it."""
    beside = torch.tensor([-1e-12, 1e-12, -3 + 1e-12, 3 - 1e-12], dtype=torch.float64)
    z = torch.cat([torch.linspace(-6, 6, 97, dtype=torch.float64), beside]).sort().values
    of_all = torch.stack([_with_slope(row.fn, z) for row in ACTIVATIONS.values()])
    of_door = torch.stack([
        torch.stack([
            _with_slope(functools.partial(_door, slope=slope, floor=floor), z) for floor in FLOORS
        ])
        for slope in SLOPES
    ])  # fmt: skip
    rows: dict[str, Any] = {"activation": list(ACTIVATIONS), "z": z.tolist()}
    doors: dict[str, Any] = {"below": SLOPES, "floor": FLOORS, "z": z.tolist()}
    return xr.Dataset({
        "value": labelled(of_all[:, 0], "Value of each activation", **rows),
        "slope": labelled(of_all[:, 1], "Slope of each activation", **rows),
        "door": labelled(of_door[:, :, 0], "What comes through, by the slope below the floor", **doors),
        "door_slope": labelled(of_door[:, :, 1], "What is passed back, by the slope below the floor", **doors),
    })  # fmt: skip


@experiment(cpu_only=True)
def folds(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Largest gap between a curve and n ReLU units that meet it at evenly spaced folds."""
    points, fine = (torch.linspace(-2, 2, count, dtype=torch.float64) for count in (81, 401))
    nets = [[_meeting(target, n) for n in UNITS] for target in TARGETS.values()]
    targets: dict[str, Any] = {"target": list(TARGETS)}
    gaps = [
        [float((net(fine[:, None])[:, 0] - target(fine)).abs().max()) for net in row]
        for target, row in zip(TARGETS.values(), nets)
    ]
    return xr.Dataset({
        "curve": labelled(
            torch.stack([target(points) for target in TARGETS.values()]), "The curve", **targets, x=points.tolist()
        ),
        "sums": labelled(
            torch.stack([torch.stack([net(points[:, None])[:, 0] for net in row]) for row in nets]),
            "Sum of so many units", **targets, units=UNITS, x=points.tolist(),
        ),
        "gap": labelled(
            gaps, "Largest gap between a curve and the sum of so many ReLU units that meets it at even spacing",
            **targets, units=UNITS,
        ),
    })  # fmt: skip


@experiment(seeds=range(4), cpu_only=True)
def runs(*, seeds: Sequence[int], device: str, steps: int = 300, every: int = 10) -> xr.Dataset:
    """Full-batch gradient descent at rising learning rates: loss, and units off on all 64 inputs.

    A large rate makes a run chaotic: `steady` is how many looks a second run, which begins one part in 10¹⁴
    away, shares with the first to ten digits. Only those can be asked of another program.
    """
    x = torch.linspace(-2, 2, 64, dtype=torch.float64)
    t = torch.sin(2 * x)
    starts = [_start(seed) for seed in seeds]
    kinds = [(s, rate, leak) for s in range(len(starts)) for rate in RATES for leak in LEAKS]
    # All runs at once: one row of every tensor a run, and once more from a hair's breadth beside.
    again = [*kinds, *kinds]
    weights = [torch.stack([starts[s][i] for s, _, _ in again]) for i in range(4)]
    weights[0][len(kinds) :] *= 1 + 1e-14
    rate, leak = (torch.tensor([kind[i] for kind in again], dtype=torch.float64) for i in (1, 2))
    losses, off = [], []
    for step in range(steps + 1):
        w1, b1, w2, b2 = weights = [w.detach().requires_grad_() for w in weights]
        z = x[None, :, None] * w1[:, None, :] + b1[:, None, :]
        h = torch.where(z > 0, z, leak[:, None, None] * z)
        loss = (((h * w2[:, None, :]).sum(-1) + b2 - t) ** 2).mean(-1)
        if step % every == 0:
            losses.append(loss.detach())
            off.append((~(z > 0).any(dim=1)).sum(-1))
        back = torch.autograd.grad(loss.sum(), weights)
        weights = [w - rate[:, None] * g for w, g in zip(weights, back)]
    table, counts = torch.stack(losses, dim=1), torch.stack(off, dim=1)[: len(kinds)].double()
    one, other = table[: len(kinds)], table[len(kinds) :]
    finite = one.isfinite().cumprod(1).bool()
    steady = (((one - other).abs() <= 1e-10 * one.abs()) & finite).cumprod(1).sum(1)
    looks = range(0, steps + 1, every)
    of_runs: dict[str, Any] = {"seed": seeds, "rate": RATES, "leak": LEAKS}
    shape = (len(starts), len(RATES), len(LEAKS))
    first = [torch.stack([start[i] for start in starts]) for i in range(4)]
    return xr.Dataset({
        "inputs": labelled(x, "Inputs", sample=range(64)),
        "targets": labelled(t, "What is to be learned", sample=range(64)),
        "start": labelled(torch.stack(first[:3]), "First weights", of=("w1", "b1", "w2"), seed=seeds, unit_of=range(WIDTH)),
        "b2": labelled(first[3][:, 0], "First bias of the output", seed=seeds),
        "loss": labelled(
            one.where(finite, torch.nan).reshape(*shape, -1), "Mean squared error", missing="it blew up",
            **of_runs, step=looks,
        ),
        "off": labelled(
            counts.where(finite, torch.nan).reshape(*shape, -1), "Units that are off on every input",
            missing="it blew up", **of_runs, step=looks,
        ),
        "steady": labelled(steady.reshape(shape), "Looks that do not depend on rounding", **of_runs),
    })  # fmt: skip


@experiment(cpu_only=True)
def looks(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """What one to six units, looking in directions spread evenly over the circle, tell of points around it."""
    turns = (torch.arange(72, dtype=torch.float64) + 0.3) / 72 * 2 * math.pi
    points = torch.stack([turns.cos(), turns.sin()], dim=1) * 1.3
    ranks = []
    for n in range(1, 7):
        angles = torch.arange(n, dtype=torch.float64) / n * 2 * math.pi
        units = torch.stack([angles.cos(), angles.sin()], dim=1)
        on = units @ points.T > 0
        ranks.append([int(torch.linalg.matrix_rank(units[row])) if row.any() else 0 for row in on.T])
    return xr.Dataset({
        "place": labelled(points, "The points", point=range(72), axis=("x", "y")),
        "tells": labelled(
            ranks, "Independent numbers that are known of a point", units=range(1, 7), point=range(72)
        ),
    })  # fmt: skip


@experiment(seeds=[0], cpu_only=True)
def crowd(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Normal numbers through one activation, and through 20 layers 256 wide with two kinds of start."""
    generator = torch.Generator().manual_seed(seeds[0])
    counts = (torch.randn(PIXELS, generator=generator, dtype=torch.float64) * 256).round()
    moments = []
    for row in ACTIVATIONS.values():
        y = row.fn(counts / 256)
        moments.append([float(y.mean()), float(y.std(unbiased=False)), float((y == 0).double().mean())])
    layers = torch.zeros(2, len(DEEP), len(STARTS), DEPTH + 1, dtype=torch.float64)
    for i, name in enumerate(DEEP):
        for j, scale in enumerate(STARTS.values()):
            h = torch.randn(256, 256, generator=generator, dtype=torch.float64)
            layers[0, i, j, 0] = h.square().mean().sqrt()
            for depth in range(1, DEPTH + 1):
                w = torch.randn(256, 256, generator=generator, dtype=torch.float64) * scale / 16
                h = ACTIVATIONS[name].fn(h @ w)
                layers[0, i, j, depth] = h.square().mean().sqrt()
                layers[1, i, j, depth] = (h == 0).double().mean()
    deep: dict[str, Any] = {"deep": DEEP, "init": list(STARTS), "layer": range(DEPTH + 1)}
    return xr.Dataset({
        "samples": labelled(counts.long(), "Normal samples, times 256 and rounded", sample=range(PIXELS)),
        "moments": labelled(
            moments, "Mean, standard deviation and share of exact zeros after one activation",
            activation=list(ACTIVATIONS), moment=("mean", "spread", "zeros"),
        ),
        "spread": labelled(layers[0], "Root mean square, layer by layer", **deep),
        "zeros": labelled(layers[1], "Share of exact zeros, layer by layer", **deep),
    })  # fmt: skip


def _door(z: Tensor, *, slope: float, floor: float) -> Tensor:
    return floor + F.leaky_relu(z - floor, slope)


def _with_slope(fn: Elementwise, z: Tensor) -> Tensor:
    """Value and slope of a function, stacked."""
    z = z.clone().requires_grad_()
    y = fn(z)
    return torch.stack([y.detach(), torch.autograd.grad(y.sum(), z)[0]])


def _meeting(target: Elementwise, n: int) -> torch.nn.Sequential:
    """A 1-n-1 ReLU network that meets the target at n + 1 evenly spaced points of [-2, 2]."""
    knots = torch.linspace(-2, 2, n + 1, dtype=torch.float64)
    slopes = target(knots).diff() / knots.diff()
    into, out = torch.nn.Linear(1, n).double(), torch.nn.Linear(n, 1).double()
    with torch.no_grad():
        into.weight.fill_(1.0)
        into.bias.copy_(-knots[:-1])
        out.weight.copy_(slopes.diff(prepend=torch.zeros(1, dtype=torch.float64))[None])
        out.bias.copy_(target(knots[:1]))
    return torch.nn.Sequential(into, torch.nn.ReLU(), out).requires_grad_(False)


def _start(seed: int) -> list[Tensor]:
    """w1, b1, w2, b2 of a 1-16-1 network as `torch.nn.Linear` draws them: uniform, ± 1/√inputs."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(count: int, bound: float) -> Tensor:
        return (2 * torch.rand(count, generator=generator, dtype=torch.float64) - 1) * bound

    out = 1 / math.sqrt(WIDTH)
    return [uniform(WIDTH, 1.0), uniform(WIDTH, 1.0), uniform(WIDTH, out), uniform(1, out)]
