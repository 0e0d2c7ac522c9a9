"""What the explorables start from, and what their arithmetic is held against.

Each explorable computes in the reader's browser (`docs/assets/explorables/maths.js`). Here PyTorch
computes the same in float64: the browser tests compare the two, number by number. Starting weights
and samples are drawn here too, so that every reader sees the same ones.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, Elementwise
from reluguide.evidence.declare import experiment

SLOPES = (-1.0, -0.5, 0.0, 0.1, 1.0)
FLOORS = (-1.0, 0.0, 0.5)
UNITS = (1, 2, 4, 8, 16, 32)
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
LEAKS = (0.0, 0.1)
STEPS = 300
EVERY = 10  # steps between two compared losses
WIDTH = 16
PIXELS = 3 * 28 * 28  # as many numbers as a small colour image has
DEPTH = 20

TARGETS: dict[str, Elementwise] = {
    "wave": lambda x: torch.sin(math.pi / 2 * x + 1),
    "hill": lambda x: torch.exp(-2 * x * x),
    "step": lambda x: torch.tanh(6 * x),
}


@dataclass(frozen=True)
class Curves:
    """Values and slopes of every activation on one grid, and of the door."""

    grid: list[float]
    values: dict[str, list[float]]
    slopes: dict[str, list[float]]
    door: list[dict]


@dataclass(frozen=True)
class Folds:
    """Sums of n units on 81 points by target and n, and the largest gap to the target on 401."""

    points: list[float]
    target: dict[str, list[float]]
    sums: dict[str, dict[str, list[float]]]
    gap: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Runs:
    """Training runs of a 1-16-1 network: the starts, the task, and how each run went.

    `losses[start][rate][leak]` and `off` hold one number each `every` steps, up to and not including
    the first loss that is no finite number; `off` counts units that are off on every input. A large
    rate makes a run chaotic: `steady` is how many of those numbers a second run, which starts one part
    in 10¹⁴ away, shares with the first to ten digits. Only those can be asked of another program.
    """

    inputs: list[float]
    targets: list[float]
    starts: list[dict]
    rates: tuple[float, ...]
    leaks: tuple[float, ...]
    steps: int
    every: int
    losses: list[list[list[list[float]]]]
    off: list[list[list[list[int]]]]
    steady: list[list[list[int]]]


@dataclass(frozen=True)
class Directions:
    """What n units, looking in directions spread evenly over the circle, tell of points on a circle.

    `tells[n]` is how many independent numbers are known of each point (the rank of the rows that are
    on); `error[n]` the least-squares reconstruction's error where that is 2, else None.
    """

    points: list[list[float]]
    tells: dict[str, list[int]]
    error: dict[str, list[float | None]]


@dataclass(frozen=True)
class Crowd:
    """Normal samples (times 256, rounded), moments after each activation, and layer statistics.

    `spread[activation][start]` and `zeros` hold one number a layer, layer 0 being the input: the root
    mean square and the share of exact zeros.
    """

    samples: list[int]
    moments: dict[str, list[float]]
    spread: dict[str, dict[str, list[float]]]
    zeros: dict[str, dict[str, list[float]]]


@experiment(cpu_only=True)
def curves(*, seeds: tuple[int, ...], device: str) -> Curves:
    """Every activation and its derivative by autograd, in float64, on a grid with 0 and points beside it."""
    beside = torch.tensor([-1e-12, 1e-12, -3 + 1e-12, 3 - 1e-12], dtype=torch.float64)
    grid = torch.cat([torch.linspace(-6, 6, 97, dtype=torch.float64), beside]).sort().values
    values, slopes = {}, {}
    for name, row in ACTIVATIONS.items():
        z = grid.clone().requires_grad_()
        y = row.fn(z)
        values[name] = y.tolist()
        slopes[name] = torch.autograd.grad(y.sum(), z)[0].tolist()
    door = []
    for slope in SLOPES:
        for floor in FLOORS:
            z = grid.clone().requires_grad_()
            y = floor + F.leaky_relu(z - floor, slope)
            back = torch.autograd.grad(y.sum(), z)[0]
            door.append({"slope": slope, "floor": floor, "values": y.tolist(), "slopes": back.tolist()})
    return Curves(grid.tolist(), values, slopes, door)


@experiment(cpu_only=True)
def folds(*, seeds: tuple[int, ...], device: str) -> Folds:
    """Largest gap between a curve and n ReLU units that meet it at evenly spaced folds."""
    points = torch.linspace(-2, 2, 81, dtype=torch.float64)
    fine = torch.linspace(-2, 2, 401, dtype=torch.float64)
    sums: dict[str, dict[str, list[float]]] = {}
    gap: dict[str, dict[str, float]] = {}
    for name, target in TARGETS.items():
        nets = {n: _meeting(target, n) for n in UNITS}
        sums[name] = {str(n): net(points[:, None])[:, 0].tolist() for n, net in nets.items()}
        gap[name] = {
            str(n): float((net(fine[:, None])[:, 0] - target(fine)).abs().max()) for n, net in nets.items()
        }
    return Folds(points.tolist(), {name: f(points).tolist() for name, f in TARGETS.items()}, sums, gap)


@experiment(seeds=range(4), cpu_only=True)
def runs(*, seeds: tuple[int, ...], device: str) -> Runs:
    """Full-batch gradient descent at rising learning rates: loss, and units off on all 64 inputs."""
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
    for step in range(STEPS + 1):
        w1, b1, w2, b2 = weights = [w.detach().requires_grad_() for w in weights]
        z = x[None, :, None] * w1[:, None, :] + b1[:, None, :]
        h = torch.where(z > 0, z, leak[:, None, None] * z)
        loss = (((h * w2[:, None, :]).sum(-1) + b2 - t) ** 2).mean(-1)
        if step % EVERY == 0:
            losses.append(loss.detach())
            off.append((~(z > 0).any(dim=1)).sum(-1))
        back = torch.autograd.grad(loss.sum(), weights)
        weights = [w - rate[:, None] * g for w, g in zip(weights, back)]
    table = torch.stack(losses, dim=1)
    one, other = table[: len(kinds)], table[len(kinds) :]
    kept = [int(row.isfinite().cumprod(0).sum()) for row in one]
    close = ((one - other).abs() <= 1e-10 * one.abs()).cumprod(1).sum(1).tolist()
    counts = torch.stack(off, dim=1)[: len(kinds)]
    named = [dict(zip(("w1", "b1", "w2", "b2"), (w.tolist() for w in start))) for start in starts]
    return Runs(
        x.tolist(), t.tolist(), [{**start, "b2": start["b2"][0]} for start in named],
        RATES, LEAKS, STEPS, EVERY,
        _by_kind([row[:n].tolist() for row, n in zip(one, kept)]),
        _by_kind([row[:n].tolist() for row, n in zip(counts, kept)]),
        _by_kind([min(n, c) for n, c in zip(kept, close)]),
    )  # fmt: skip


@experiment(cpu_only=True)
def looks(*, seeds: tuple[int, ...], device: str) -> Directions:
    """What one to six units, each looking in a direction of its own, tell of a point in the plane."""
    turns = (torch.arange(72, dtype=torch.float64) + 0.3) / 72 * 2 * math.pi
    points = torch.stack([turns.cos(), turns.sin()], dim=1) * 1.3
    tells: dict[str, list[int]] = {}
    error: dict[str, list[float | None]] = {}
    for n in range(1, 7):
        angles = torch.arange(n, dtype=torch.float64) / n * 2 * math.pi
        units = torch.stack([angles.cos(), angles.sin()], dim=1)
        tells[str(n)], error[str(n)] = ranks, errors = [], []
        for point in points:
            z = units @ point
            seen = units[z > 0]
            rank = int(torch.linalg.matrix_rank(seen)) if len(seen) else 0
            ranks.append(rank)
            back = torch.linalg.lstsq(seen, z[z > 0]).solution if rank == 2 else None
            errors.append(None if back is None else float((back - point).abs().max()))
    return Directions(points.tolist(), tells, error)


@experiment(seeds=[0], cpu_only=True)
def crowd(*, seeds: tuple[int, ...], device: str) -> Crowd:
    """Normal numbers through one activation, and through 20 layers 256 wide with two kinds of start."""
    generator = torch.Generator().manual_seed(seeds[0])
    counts = (torch.randn(PIXELS, generator=generator, dtype=torch.float64) * 256).round()
    samples = counts / 256
    moments = {}
    for name, row in ACTIVATIONS.items():
        y = row.fn(samples)
        moments[name] = [float(y.mean()), float(y.std(unbiased=False)), float((y == 0).double().mean())]
    spread: dict[str, dict[str, list[float]]] = {}
    zeros: dict[str, dict[str, list[float]]] = {}
    for name in ("relu", "leaky_relu", "gelu", "selu", "tanh", "sigmoid"):
        spread[name], zeros[name] = {}, {}
        # PyTorch's own start has weights of variance 1/(3n); He et al. 2015 take 2/n.
        for start, scale in {"default": math.sqrt(1 / 3), "he": math.sqrt(2)}.items():
            h = torch.randn(256, 256, generator=generator, dtype=torch.float64)
            rms, none = [float(h.square().mean().sqrt())], [0.0]
            for _ in range(DEPTH):
                w = torch.randn(256, 256, generator=generator, dtype=torch.float64) * scale / 16
                h = ACTIVATIONS[name].fn(h @ w)
                rms.append(float(h.square().mean().sqrt()))
                none.append(float((h == 0).double().mean()))
            spread[name][start], zeros[name][start] = rms, none
    return Crowd([int(c) for c in counts.tolist()], moments, spread, zeros)


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


def _by_kind(flat: list) -> list:
    """From one entry a run to [start][rate][leak]."""
    pairs = [flat[i : i + len(LEAKS)] for i in range(0, len(flat), len(LEAKS))]
    return [pairs[i : i + len(RATES)] for i in range(0, len(pairs), len(RATES))]
