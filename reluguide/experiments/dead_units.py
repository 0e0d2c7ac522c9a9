"""What is a dead unit, do I have any, and can it come back? How units die, and what moves them again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.data import spirals
from reluguide.device import generator
from reluguide.doctor import diagnose, prune_dead, revive
from reluguide.evidence.experiments import experiment, labelled
from reluguide.experiments._counted import planted, usual_count
from reluguide.experiments._digits import SPLITS, splits
from reluguide.sweep import SweepResult, grid, sweep

WIDTH, POINTS = 32, 128  # of the networks that tell two spirals apart: units in each of two layers; samples
RATES = (0.1, 0.3, 1.0, 2.0, 3.0, 5.0)
TOO_LARGE = 3.0  # of RATES: many units die, and no ReLU network diverges
ADAM_TOO_LARGE = 0.3
ACCURACY = "Accuracy on two spirals"
ENOUGH = 0.95  # of the points right: the network has learned
LEARNED = "Networks that tell at least 95 % of the points right"


def on_spirals(seeds: Sequence[int], *, width: int, points: int, **options: Any) -> SweepResult:
    """Networks with two hidden layers after training on two spirals, which are drawn anew for each seed."""
    return sweep([2, width, width, 1], data=lambda seed: spirals(points, seed=seed), seeds=seeds, **options)


def never_active(run: SweepResult) -> Any:
    """Share of the hidden units of each network that are positive on no sample."""
    return np.concatenate(run.never_active, axis=1).mean(axis=1)


def learned(run: SweepResult) -> Any:
    """Which networks tell at least 95 % of their points right."""
    return ~run.diverged & (run.accuracy >= ENOUGH)


@experiment(seeds=range(16))
def rates(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 300
) -> xr.Dataset:
    """Two spirals learned by SGD with six learning rates, by networks of ReLU, LeakyReLU and GELU."""
    names = ("relu", "leaky_relu", "gelu")
    crossed = grid(activation=names, lr=RATES, seeds=seeds)
    options: dict[str, Any] = {"width": width, "points": points, "device": device}
    run, fresh = on_spirals(steps=steps, **options, **crossed), on_spirals(seeds, lr=1.0, steps=0, **options)
    accuracy = np.where(run.diverged, 0.5, run.accuracy)
    born, dead = np.concatenate(fresh.never_active, axis=1), np.concatenate(run.never_active, axis=1)
    axes: dict[str, Any] = {"activation": names, "rate": RATES, "seed": seeds}
    return xr.Dataset({
        "dead": labelled(
            crossed.shaped(never_active(run))[0], "Units that are dead in ReLU networks after training, by "
            "learning rate", unit="share", rate=RATES, seed=seeds,
        ),
        "died": labelled(
            (crossed.shaped(dead)[0] & ~born).mean(axis=-1), "Units that are dead in ReLU networks after "
            "training and were not before, by learning rate", unit="share", rate=RATES, seed=seeds,
        ),
        "born": labelled(
            born.mean(axis=-1), "Units that are dead before the first step", unit="share", seed=seeds
        ),
        "accuracy": labelled(
            crossed.shaped(accuracy), f"{ACCURACY}, by learning rate; chance where a network diverged",
            unit="share", **axes,
        ),
        "diverged": labelled(crossed.shaped(run.diverged), "Networks whose loss became infinite", **axes),
    })  # fmt: skip


@experiment(seeds=range(16))
def fixes(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, lr: float = TOO_LARGE,
    lower: float = 1.0, clip: float = 0.3, decay: float = 0.01, adam: float = 0.01,
) -> xr.Dataset:  # fmt: skip
    """The same ReLU networks with too large a rate, and with what is said to help."""
    ways: dict[str, dict[str, Any]] = {
        "nothing": {"lr": lr},
        "lower": {"lr": lower},
        "clip": {"lr": lr, "clip": clip},
        "leaky": {"lr": lr, "activation": "leaky_relu"},
        "decay": {"lr": lr, "weight_decay": decay},
        "adam": {"lr": adam, "optimizer": "adam"},
    }
    options: dict[str, Any] = {"width": width, "points": points, "steps": 300, "device": device}
    runs = [on_spirals(seeds, **options, **way) for way in ways.values()]
    axes: dict[str, Any] = {"way": list(ways), "seed": seeds}
    return xr.Dataset({
        "dead": labelled(
            [never_active(run) for run in runs], "Units that are positive on no sample after training, by "
            "what was done about it", unit="share", **axes,
        ),
        "accuracy": labelled(
            [run.accuracy for run in runs], f"{ACCURACY} after training, by what was done about dead units",
            unit="share", **axes,
        ),
        "diverged": labelled([run.diverged for run in runs], "Networks whose loss became infinite", **axes),
    })  # fmt: skip


# 8 seeds: the two heaps, those that learn and those that do not, are what is told.
@experiment(seeds=range(8))
def bears(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 300,
    sgd: float = TOO_LARGE, adam: float = ADAM_TOO_LARGE,
) -> xr.Dataset:  # fmt: skip
    """Six activations with steps that are too large for ReLU, by SGD and by Adam."""
    names = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh")
    crossed = grid(activation=names, seeds=seeds)
    runs = [
        on_spirals(width=width, points=points, steps=steps, optimizer=name, lr=lr, device=device, **crossed)
        for name, lr in (("sgd", sgd), ("adam", adam))
    ]
    axes: dict[str, Any] = {"optimizer": ("sgd", "adam"), "activation": names, "seed": seeds}
    return xr.Dataset({
        "learned": labelled([crossed.shaped(learned(run)) for run in runs], LEARNED, **axes),
        "diverged": labelled(
            [crossed.shaped(run.diverged) for run in runs], "Networks whose loss became infinite", **axes
        ),
    })  # fmt: skip


# The same question elsewhere: activation, optimizer, learning rate, times the steps, times the width.
ELSEWHERE: dict[str, tuple[str, str, float, int, int]] = {
    "good_long": ("relu", "sgd", 1.0, 10, 1),
    "good_wide": ("relu", "sgd", 1.0, 1, 4),
    "fast_long": ("relu", "sgd", TOO_LARGE, 10, 1),
    "adam_wide": ("relu", "adam", 0.1, 1, 4),
    "adam_fast_wide": ("relu", "adam", ADAM_TOO_LARGE, 1, 4),
    "adam_fast_long": ("relu", "adam", ADAM_TOO_LARGE, 10, 1),
    "leaky_fast_long": ("leaky_relu", "adam", ADAM_TOO_LARGE, 10, 1),
}


# 8 seeds: ten times the steps cost ten times as much, and what is told is an order, not a number.
@experiment(seeds=range(8))
def elsewhere(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 300
) -> xr.Dataset:
    """Dead units and accuracy with ten times the steps, four times the width, and the other optimizer."""
    runs = [
        on_spirals(
            seeds, width=wide * width, points=points, steps=long * steps, activation=name, optimizer=optimizer,
            lr=lr, device=device,
        )
        for name, optimizer, lr, long, wide in ELSEWHERE.values()
    ]  # fmt: skip
    axes: dict[str, Any] = {"cell": list(ELSEWHERE), "seed": seeds}
    return xr.Dataset({
        "dead": labelled(
            [never_active(run) for run in runs], "Units that are positive on no sample after training",
            unit="share", **axes,
        ),
        "accuracy": labelled(
            [np.where(run.diverged, 0.5, run.accuracy) for run in runs], ACCURACY, unit="share", **axes
        ),
        "learned": labelled([learned(run) for run in runs], LEARNED, **axes),
    })  # fmt: skip


@experiment(seeds=range(16))
def normalised(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 300
) -> xr.Dataset:
    """The same ReLU networks with batch norm before each ReLU, at rates that are too large without it."""
    lrs, data = (TOO_LARGE, 5.0), [spirals(points, seed=seed) for seed in seeds]
    x, y = (torch.stack(2 * part).to(device) for part in ([one.x for one in data], [one.y for one in data]))
    nets = len(x)
    draws, parts = [generator(seed) for seed in seeds], []
    for fan_in, fan_out in ((2, width), (width, width), (width, 1)):
        drawn = [torch.randn(fan_in, fan_out, generator=draw) * (2 / fan_in) ** 0.5 for draw in draws]
        weights = torch.stack(2 * drawn).to(device).requires_grad_()
        # Scale and shift of the norm; the outputs have a bias alone.
        scale, shift = (torch.full((nets * fan_out,), value, device=device) for value in (1.0, 0.0))
        parts.append((weights, scale.requires_grad_(), shift.requires_grad_()))
    optimizer = torch.optim.SGD([one for part in parts for one in part], lr=1.0)
    lr = torch.tensor(lrs, device=device).repeat_interleave(len(seeds))

    def through() -> tuple[Tensor, Tensor]:
        """Outputs, and which hidden units are positive on no sample."""
        h, dead = x, []
        for weights, scale, shift in parts[:-1]:
            # All networks side by side: a column for each unit of each.
            z = (h @ weights).transpose(0, 1).reshape(points, -1)
            z = F.batch_norm(z, None, None, scale, shift, training=True)
            dead.append((z <= 0).all(dim=0).view(nets, -1))
            h = z.relu().view(points, nets, -1).transpose(0, 1)
        weights, _, bias = parts[-1]
        return (h @ weights)[..., 0] + bias[:, None], torch.cat(dead, dim=1).double().mean(dim=1)

    _, born = through()
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(through()[0], y.to(x.dtype), reduction="none").mean(dim=1)
        optimizer.zero_grad()
        torch.autograd.backward((lr * loss).sum())  # a rate for each network
        optimizer.step()
    out, dead = through()
    right = ((out > 0) == (y > 0)).double().mean(dim=1)
    axes: dict[str, Any] = {"rate": lrs, "seed": seeds}
    shape = (len(lrs), len(seeds))
    return xr.Dataset({
        "born": labelled(
            born.view(shape)[0], "Units that are dead before the first step, with batch norm", unit="share",
            seed=seeds,
        ),
        "dead": labelled(
            dead.view(shape), "Units that are dead after training with batch norm", unit="share", **axes
        ),
        "accuracy": labelled(right.detach().view(shape), f"{ACCURACY}, with batch norm", unit="share", **axes),
        "learned": labelled((right >= ENOUGH).view(shape), LEARNED, **axes),
    })  # fmt: skip


@experiment(seeds=range(16))
def low_start(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, bias: float = -3.0
) -> xr.Dataset:
    """Spirals learned by Adam from low hidden biases, where hardly any unit is on."""
    names, steps = ("relu", "leaky_relu", "elu", "gelu", "silu"), (0, 300)
    crossed = grid(activation=names, seeds=seeds)
    options: dict[str, Any] = {"width": width, "points": points, "bias_init": bias, "device": device}
    runs = [on_spirals(**options, optimizer="adam", lr=0.01, steps=count, **crossed) for count in steps]
    return xr.Dataset({
        "accuracy": labelled(
            crossed.shaped(runs[1].accuracy), f"{ACCURACY} where hidden biases began low", unit="share",
            activation=names, seed=seeds,
        ),
        "loss": labelled(
            [crossed.shaped(run.final_loss)[0] for run in runs], "ReLU's loss before and after training",
            step=steps, seed=seeds,
        ),
    })  # fmt: skip


WAYS: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.3},
    "adam": {"lr": 0.01, "optimizer": "adam"},
    "decay": {"lr": 0.3, "weight_decay": 0.01},
    "weight_decay": {"lr": 0.3, "weight_decay": 0.01, "bias_decay": 0.0},
    "bias_decay": {"lr": 0.3, "weight_decay": 0.0, "bias_decay": 0.01},
    "adam_decay": {"lr": 0.01, "optimizer": "adam", "weight_decay": 1e-4},
}


@experiment(seeds=range(16))
def comes_back(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 600
) -> xr.Dataset:
    """Units killed in the first or in the second layer: which of them are on again after training."""
    options: dict[str, Any] = {"width": width, "points": points, "record": ["parameters"], "device": device}
    x = torch.stack([spirals(points, seed=seed).x for seed in seeds])
    half, scales = width // 2, (1.0, 1.5, 2.0, 3.0)
    back, same = np.zeros((2, len(WAYS), 2, len(seeds)))
    for layer in range(2):
        killed = half_killed(seeds, layer, **options)
        before = [part[..., :half] for part in killed[layer]]
        if layer == 0:
            scaled = [scale * x.numpy() @ before[0] + before[1][:, None] for scale in scales]
            still_dead = [(one.max(axis=1) <= 0).mean(axis=1) for one in scaled]
        for i, way in enumerate(WAYS.values()):
            run = on_spirals(seeds, steps=steps, initial=killed, **options, **way)
            assert run.parameters is not None
            after = [part[..., :half] for part in run.parameters[layer]]
            kept = (after[0] == before[0]).all(axis=1) & (after[1] == before[1])
            back[i, layer] = (~run.never_active[layer][:, :half]).mean(axis=1)
            same[i, layer] = kept.mean(axis=1)
    axes: dict[str, Any] = {"way": list(WAYS), "layer": (1, 2), "seed": seeds}
    return xr.Dataset({
        "back": labelled(
            back, "Killed units that were on for some sample after training, by way of training and layer",
            unit="share", **axes,
        ),
        "same": labelled(
            same, "Killed units with the same weights, bit for bit, after training", unit="share", **axes
        ),
        "still_dead": labelled(
            still_dead, "Killed first-layer units that are dead on the same inputs multiplied by a number",
            unit="share", scale=scales, seed=seeds,
        ),
    })  # fmt: skip


# 8 seeds: ten times the steps, and nearly all units or none come back.
@experiment(seeds=range(8))
def decayed(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS,
    steps: tuple[int, ...] = (600, 6000),
) -> xr.DataArray:  # fmt: skip
    """First-layer units killed, then trained by Adam that decays weights and biases, for longer too."""
    options: dict[str, Any] = {"width": width, "points": points, "record": ["parameters"], "device": device}
    killed = half_killed(seeds, 0, **options)
    back = []
    for count in steps:
        run = on_spirals(seeds, steps=count, initial=killed, **options, **WAYS["adam_decay"])
        back.append((~run.never_active[0][:, : width // 2]).mean(axis=1))
    return labelled(
        back, "Killed first-layer units that were on after training by Adam with decay", unit="share",
        step=steps, seed=seeds,
    )  # fmt: skip


def half_killed(seeds: Sequence[int], layer: int, **options: Any) -> list[tuple[Any, Any]]:
    """Fresh parameters with half of a layer's units pushed down, to half below zero on every sample."""
    width, points = options["width"], options["points"]
    fresh = on_spirals(seeds, lr=0.1, steps=0, **options)
    assert fresh.parameters is not None
    z, _ = fresh.layers(torch.stack([spirals(points, seed=seed).x for seed in seeds]))[layer]
    killed = [(weights.copy(), biases.copy()) for weights, biases in fresh.parameters]
    killed[layer][1][:, : width // 2] -= z.max(axis=1)[:, : width // 2] + 0.5
    return killed


@experiment(seeds=range(16))
def mechanism(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, further: int = 200
) -> xr.DataArray:
    """ReLU networks after 100 steps of too large a rate: who comes back, and who if the first layer is held."""
    options: dict[str, Any] = {"width": width, "points": points, "device": device}
    begun = on_spirals(seeds, lr=TOO_LARGE, steps=100, record=["parameters"], **options)
    options["record"] = ["revivals"]
    later = {"lr": TOO_LARGE, "steps": further, "initial": begun.parameters, **options}
    runs = {
        "free": on_spirals(seeds, **later),
        "held": on_spirals(seeds, frozen=[0], **later),
        "adam": on_spirals(seeds, lr=0.1, steps=300, optimizer="adam", **options),
    }
    return labelled(
        [[layer.sum(axis=1) for layer in run.revivals or []] for run in runs.values()],
        "Times that a dead unit was on again, a network: with all layers learning, with the first layer held "
        "still, and under Adam with too large a rate", way=list(runs), layer=(1, 2), seed=seeds,
    )  # fmt: skip


@experiment(seeds=range(8))
def start(*, seeds: Sequence[int], device: str) -> xr.Dataset:
    """Digits through ten untrained ReLU layers, begun as PyTorch begins them and as Kaiming says."""
    inits, layers = ("default", "kaiming"), range(1, 11)
    crossed = grid(weight_init=inits, data=splits(), seeds=seeds)
    run = sweep([64] * 11 + [10], lr=0.1, steps=0, device=device, **crossed)
    dead = [crossed.shaped(layer.mean(axis=1)) for layer in run.dead]
    off = 1 - crossed.shaped(run.active_share[0].mean(axis=1))[1]
    networks: dict[str, Any] = {"split": SPLITS, "seed": seeds}
    return xr.Dataset({
        "dead": labelled(
            dead, "Dead units before any training, by layer and by how the weights begin", unit="share",
            layer=layers, init=inits, **networks,
        ),
        "off": labelled(
            off, "Images for which a first-layer unit is off before training, on average", unit="share",
            **networks,
        ),
    })  # fmt: skip


@experiment(seeds=range(16))
def sampling(*, seeds: Sequence[int], device: str, width: int = 512) -> xr.DataArray:
    """Units that are rarely on, counted on 10 to 30,000 samples."""
    sizes, counted = (10, 100, 1000, 10_000, 30_000), []
    for seed in seeds:
        draw = generator(seed)
        weight = (torch.rand(16, width, generator=draw) * 2 - 1) / 4  # as nn.Linear(16, 512) begins
        z = (torch.randn(sizes[-1], 16, generator=draw) @ weight - 1.5).to(device)
        counted.append([int((z[:size].amax(0) <= 0).sum()) for size in sizes])
    return labelled(
        counted, "Units counted dead by the number of samples looked at; none is", seed=seeds, samples=sizes
    )


@experiment(seeds=range(1))
def counting(*, seeds: Sequence[int], device: str) -> xr.DataArray:
    """Five models with units made dead by their bias, counted in two ways."""
    counts = []
    for case in planted(generator(seeds[0])):
        model, batch = case.model.to(device), case.batch.to(device)
        usual = list(usual_count(model, batch).values())
        seen = [(len(layer.dead_units), layer.units) for layer in diagnose(model, batch)]
        counts.append(
            [(case.dead, case.units), *(np.sum(found or [(0, 0)], axis=0) for found in (usual, seen))]
        )
    return labelled(
        counts, "Dead units, and units, in models where it is known: truly, by the usual way, by the doctor",
        model=("fully", "convolution", "sequences", "functional", "reused"),
        by=("truly", "usual", "doctor"), of=("dead", "units"),
    )  # fmt: skip


@experiment(seeds=range(16))
def deep_bias(
    *, seeds: Sequence[int], device: str, bias: float = -5.0, first: int = 64, second: int = 32,
    inputs: int = 200,
) -> xr.Dataset:  # fmt: skip
    """A network begun as PyTorch begins it, with low first biases: what dies, and what only looks dead."""
    biases, found = (bias, 0.0), []
    for seed in seeds:
        draw = generator(seed)
        x = torch.randn(inputs, 16, generator=draw)
        # As nn.Linear begins; the last row of each holds the biases.
        weights = [
            (torch.rand(fan_in + 1, fan_out, generator=draw) * 2 - 1) / fan_in**0.5
            for fan_in, fan_out in ((16, first), (first, second), (second, 1))
        ]
        found.append([_through(x, weights, one) for one in biases])
    axes: dict[str, Any] = {"seed": seeds, "bias": biases}
    counts = torch.tensor(found)
    return xr.Dataset({
        "dead": labelled(
            counts[..., :2], "Units that are 0 on every input, by the biases of the first layer, and by layer",
            valid_min=0, **axes, layer=(1, 2),
        ),
        "outputs": labelled(counts[..., 2], "Distinct outputs, by the biases of the first layer", **axes),
    })  # fmt: skip


def _through(x: Tensor, weights: Sequence[Tensor], bias: float) -> tuple[int, int, int]:
    """With this bias in all units of the first layer: units at 0 in both hidden layers, and distinct outputs."""
    one, two, three = weights
    first = torch.relu(x @ one[:-1] + bias)
    second = torch.relu(first @ two[:-1] + two[-1])
    out = second @ three[:-1] + three[-1]
    dead = [int((layer == 0).all(dim=0).sum()) for layer in (first, second)]
    return dead[0], dead[1], len(set(out.flatten().tolist()))


@experiment(seeds=range(16), cpu_only=True)
def removed(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, lr: float = 0.3,
    steps: int = 300,
) -> xr.Dataset:  # fmt: skip
    """Dead units of networks trained too fast: cut out, or begun afresh and trained on at a smaller rate."""
    options: dict[str, Any] = {"width": width, "points": points, "steps": steps, "record": ["parameters"]}
    begun = on_spirals(seeds, lr=TOO_LARGE, **options)
    cut, changes, fresh = [], [], []
    for k, seed in enumerate(seeds):
        model, x = begun.module(k), spirals(points, seed=seed).x
        report = diagnose(model, x)
        smaller, revived = prune_dead(model, report), revive(begun.module(k), report, seed=seed)
        cut.append(sum(len(layer.dead_units) for layer in report))
        changes.append([_change(model, *other) for other in ((smaller, x), (smaller, 3 * x), (revived, x))])
        fresh.append([part for part in revived.children() if isinstance(part, nn.Linear)])
    initial = [
        (np.stack([_array(net.weight.T) for net in nets]), np.stack([_array(net.bias) for net in nets]))
        for nets in zip(*fresh)
    ]
    ends = [on_spirals(seeds, lr=lr, initial=one, **options) for one in (begun.parameters, initial)]
    return xr.Dataset({
        "cut": labelled(cut, "Dead units taken out of a network", seed=seeds),
        "change": labelled(
            changes, "Largest change of the output, over the largest output: by cutting dead units, on the "
            "diagnosed samples and on three times these, and by reviving dead units",
            seed=seeds, by=("cut", "cut_far", "revive"),
        ),
        "accuracy": labelled(
            [run.accuracy for run in (begun, *ends)], f"{ACCURACY} of networks full of dead units, and after "
            "more steps at a smaller rate, without and with revival", unit="share",
            when=("before", "as_is", "revived"), seed=seeds,
        ),
    })  # fmt: skip


def _change(one: nn.Module, other: nn.Module, x: Tensor) -> float:
    """Largest difference of two models' outputs, over the largest output."""
    with torch.no_grad():
        a, b = one(x), other(x)
    return float((a - b).abs().max() / a.abs().max())


def _array(tensor: Tensor) -> Any:
    return tensor.detach().numpy()
