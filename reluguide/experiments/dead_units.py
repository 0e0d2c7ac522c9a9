"""What is a dead unit, do I have any, and can it come back? How units die, and what moves them again."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

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
ACCURACY = "Accuracy on two spirals"


def on_spirals(seeds: Sequence[int], *, width: int, points: int, **options: Any) -> SweepResult:
    """Networks with two hidden layers after training on two spirals, which are drawn anew for each seed."""
    return sweep([2, width, width, 1], data=lambda seed: spirals(points, seed=seed), seeds=seeds, **options)


def never_active(run: SweepResult) -> Any:
    """Share of the hidden units of each network that are positive on no sample."""
    return np.concatenate(run.never_active, axis=1).mean(axis=1)


@experiment(seeds=range(16))
def rates(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 300
) -> xr.Dataset:
    """Two spirals learned by SGD with six learning rates, by networks of ReLU, LeakyReLU and GELU."""
    names = ("relu", "leaky_relu", "gelu")
    crossed = grid(activation=names, lr=RATES, seeds=seeds)
    run = on_spirals(width=width, points=points, steps=steps, device=device, **crossed)
    accuracy = np.where(run.diverged, 0.5, run.accuracy)
    axes: dict[str, Any] = {"activation": names, "rate": RATES, "seed": seeds}
    return xr.Dataset({
        "dead": labelled(
            crossed.shaped(never_active(run))[0], "Units that are dead in ReLU networks after training, by "
            "learning rate", unit="share", rate=RATES, seed=seeds,
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
    "bias_decay": {"lr": 0.3, "weight_decay": 0.0, "bias_decay": 0.01},
}


@experiment(seeds=range(16))
def comes_back(
    *, seeds: Sequence[int], device: str, width: int = WIDTH, points: int = POINTS, steps: int = 600
) -> xr.Dataset:
    """Units killed in the first or in the second layer: which of them are on again after training."""
    options: dict[str, Any] = {"width": width, "points": points, "record": ["parameters"], "device": device}
    fresh = on_spirals(seeds, lr=0.1, steps=0, **options)
    assert fresh.parameters is not None
    x = torch.stack([spirals(points, seed=seed).x for seed in seeds])
    half, scales = width // 2, (1.0, 1.5, 2.0, 3.0)
    back, same = np.zeros((2, len(WAYS), 2, len(seeds)))
    for layer, (z, _) in enumerate(fresh.layers(x)[:2]):
        killed = [(weights.copy(), biases.copy()) for weights, biases in fresh.parameters]
        killed[layer][1][:, :half] -= z.max(axis=1)[:, :half] + 0.5  # half a unit below zero on every sample
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
