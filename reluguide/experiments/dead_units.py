"""What is a dead unit, do I have any, and can it come back? How units die, and what moves them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reluguide.data import digits, spirals
from reluguide.device import generator
from reluguide.doctor import diagnose, prune_dead, revive
from reluguide.evidence.declare import experiment
from reluguide.experiments._counted import planted, usual_count
from reluguide.sweep import SweepResult, grid, sweep

SIZES = [2, 32, 32, 1]
RATES = [0.1, 0.3, 1.0, 2.0, 3.0, 5.0]
TOO_LARGE = 3.0  # of RATES: many units die, and no ReLU network diverges


def never_active(run: SweepResult) -> Any:
    """Share of the hidden units of each network that are positive on no sample."""
    return np.concatenate(run.never_active, axis=1).mean(axis=1)


@dataclass
class Rates:
    """By activation, rate and seed: units never positive, and accuracy on the training data (chance is a half).

    Where a network diverged both stand at 0 and at chance; `lost` counts these, (activations, rates).
    """

    activation: list[str]
    lr: list[float]
    quiet: list[list[list[float]]]
    accuracy: list[list[list[float]]]
    lost: list[list[int]]


@experiment(seeds=range(16))
def rates(*, seeds: Sequence[int], device: str) -> Rates:
    """Two spirals learned by SGD with six learning rates, by networks of ReLU, LeakyReLU and GELU."""
    names = ["relu", "leaky_relu", "gelu"]
    crossed = grid(activation=names, lr=RATES, seeds=seeds)
    run = sweep(SIZES, data=spirals(128), steps=300, device=device, **crossed)
    quiet = np.where(run.diverged, 0.0, never_active(run))
    accuracy = np.where(run.diverged, 0.5, run.accuracy)
    lost = crossed.shaped(run.diverged).sum(axis=2)
    return Rates(
        names, RATES, crossed.shaped(quiet).tolist(), crossed.shaped(accuracy).tolist(), lost.tolist()
    )


@dataclass
class Fixes:
    """By way of training and seed: share of dead units, and accuracy; `lost` counts diverged networks."""

    way: list[str]
    dead: list[list[float]]
    accuracy: list[list[float]]
    lost: int


@experiment(seeds=range(16))
def fixes(*, seeds: Sequence[int], device: str) -> Fixes:
    """The same ReLU networks with too large a rate, and with what is said to help."""
    ways: dict[str, dict[str, Any]] = {
        "nothing": {"lr": TOO_LARGE},
        "lower": {"lr": 1.0},
        "clip": {"lr": TOO_LARGE, "clip": 0.3},
        "leaky": {"lr": TOO_LARGE, "activation": "leaky_relu"},
        "decay": {"lr": TOO_LARGE, "weight_decay": 0.01},
        "adam": {"lr": 0.01, "optimizer": "adam"},
    }
    runs = [
        sweep(SIZES, data=spirals(128), steps=300, seeds=seeds, device=device, **way) for way in ways.values()
    ]
    return Fixes(
        list(ways),
        [never_active(run).tolist() for run in runs],
        [run.accuracy.tolist() for run in runs],
        sum(int(run.diverged.sum()) for run in runs),
    )


@dataclass
class Low:
    """Accuracy by activation and seed where all hidden biases begin at -3; `loss` is ReLU's, by seed."""

    activation: list[str]
    accuracy: list[list[float]]
    loss: list[float]
    start: list[float]


@experiment(seeds=range(16))
def low_start(*, seeds: Sequence[int], device: str) -> Low:
    """Spirals learned by Adam from hidden biases of -3, where hardly any unit is on."""
    names = ["relu", "leaky_relu", "elu", "gelu", "silu"]
    crossed = grid(activation=names, bias_init=[-3.0], seeds=seeds)
    runs = [
        sweep(SIZES, data=spirals(128), optimizer="adam", lr=0.01, steps=steps, device=device, **crossed)
        for steps in (0, 300)
    ]
    accuracy = crossed.shaped(runs[1].accuracy)[:, 0]
    before, after = (crossed.shaped(run.final_loss)[0, 0].tolist() for run in runs)
    return Low(names, accuracy.tolist(), after, before)


WAYS: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.3},
    "adam": {"lr": 0.01, "optimizer": "adam"},
    "decay": {"lr": 0.3, "weight_decay": 0.01},
    "bias_decay": {"lr": 0.3, "weight_decay": 0.0, "bias_decay": 0.01},
}


@dataclass
class Return:
    """Half of a layer's units pushed to where they are off on every sample, then trained.

    `back` (ways, layers, seeds) is the share of them that is on for some sample in the end, `same` the share
    with the same weights and bias, bit for bit. `shifted` (scales, seeds) is the share of first-layer units
    still dead on inputs multiplied by each of `scale`, without training.
    """

    way: list[str]
    back: list[list[list[float]]]
    same: list[list[list[float]]]
    scale: list[float]
    shifted: list[list[float]]
    lost: int


@experiment(seeds=range(16))
def comes_back(*, seeds: Sequence[int], device: str) -> Return:
    """Units killed in the first or in the second layer: which of them are on again after 600 steps."""
    data = spirals(128)
    fresh = sweep(SIZES, data=data, seeds=seeds, lr=0.1, steps=0, record=["parameters"], device=device)
    assert fresh.parameters is not None
    half, lost = SIZES[1] // 2, 0
    back, same = np.zeros((len(WAYS), 2, len(fresh))), np.zeros((len(WAYS), 2, len(fresh)))
    scale, shifted = [1.0, 1.5, 2.0, 3.0], []
    for layer in (0, 1):
        killed = [(weights.copy(), biases.copy()) for weights, biases in fresh.parameters]
        z, _ = fresh.layers(data.x)[layer]
        killed[layer][1][:, :half] -= z.max(axis=1)[:, :half] + 0.5  # half a unit below zero on every sample
        if layer == 0:
            weights, biases = killed[0]
            for factor in scale:
                moved = factor * data.x.numpy() @ weights[:, :, :half] + biases[:, None, :half]
                shifted.append((moved.max(axis=1) <= 0).mean(axis=1).tolist())
        for i, way in enumerate(WAYS.values()):
            run = sweep(
                SIZES, data=data, seeds=seeds, steps=600, initial=killed, record=["parameters"],
                device=device, **way,
            )  # fmt: skip
            assert run.parameters is not None
            pairs = zip(run.parameters[layer], killed[layer])
            equal = [
                (np.atleast_2d(after) == before).reshape(len(run), -1, SIZES[1]).all(axis=1)
                for after, before in pairs
            ]
            back[i, layer] = (~run.never_active[layer][:, :half]).mean(axis=1)
            same[i, layer] = (equal[0] & equal[1])[:, :half].mean(axis=1)
            lost += int(run.diverged.sum())
    return Return(list(WAYS), back.tolist(), same.tolist(), scale, shifted, lost)


@dataclass
class Mechanism:
    """Units that died by a large step and were on again later: events a network in 200 further steps, by layer.

    `free` with all layers learning, `held` with the first layer held still from then on; `adam` for Adam with
    too large a rate, from the beginning.
    """

    free: list[list[int]]
    held: list[list[int]]
    adam: list[list[int]]
    dead: list[list[float]]


@experiment(seeds=range(16))
def mechanism(*, seeds: Sequence[int], device: str) -> Mechanism:
    """ReLU networks after 100 steps of too large a rate: who comes back, and who if the first layer is held."""
    options: dict[str, Any] = {"data": spirals(128), "seeds": seeds, "lr": TOO_LARGE, "device": device}
    begun = sweep(SIZES, steps=100, record=["parameters"], **options)
    free, held = (
        sweep(SIZES, steps=200, initial=begun.parameters, frozen=frozen, record=["revivals"], **options)
        for frozen in ((), (0,))
    )
    adam = sweep(SIZES, steps=300, optimizer="adam", record=["revivals"], **{**options, "lr": 0.1})
    events = [[layer.sum(axis=1).tolist() for layer in run.revivals or []] for run in (free, held, adam)]
    return Mechanism(
        events[0],
        events[1],
        events[2],
        [layer.mean(axis=1).tolist() for layer in begun.dead],
    )


@dataclass
class Start:
    """Before training, ten layers deep: dead units by layer and seed, and how often first-layer units are off."""

    default: list[list[float]]
    kaiming: list[list[float]]
    off: list[float]


@experiment(seeds=range(16))
def start(*, seeds: Sequence[int], device: str) -> Start:
    """Digits through ten untrained ReLU layers, begun as PyTorch begins them and as Kaiming says."""
    default, kaiming = (
        sweep([64] * 11 + [10], data=digits(), seeds=seeds, lr=0.1, steps=0, weight_init=init, device=device)
        for init in ("default", "kaiming")
    )
    share = [[layer.mean(axis=1).tolist() for layer in run.dead] for run in (default, kaiming)]
    return Start(share[0], share[1], (1 - kaiming.active_share[0].mean(axis=1)).tolist())


@dataclass
class Sampling:
    """Units counted dead by number of samples, (seeds, sizes), out of `units`, none of which is."""

    samples: list[int]
    counted: list[list[int]]
    units: int


@experiment(seeds=range(16))
def sampling(*, seeds: Sequence[int], device: str) -> Sampling:
    """Units that are rarely on, counted on 10 to 30,000 samples."""
    sizes, units, counted = [10, 100, 1000, 10_000, 30_000], 512, []
    for seed in seeds:
        draw = generator(seed)
        weight = (torch.rand(16, units, generator=draw) * 2 - 1) / 4  # as nn.Linear(16, 512) begins
        z = (torch.randn(sizes[-1], 16, generator=draw) @ weight - 1.5).to(device)
        counted.append([int((z[:size] <= 0).all(dim=0).sum()) for size in sizes])
    return Sampling(sizes, counted, units)


@dataclass
class Counting:
    """Dead units in models where it is known: truly, by the usual way, by the doctor; and units likewise."""

    model: list[str]
    dead: list[int]
    units: list[int]
    usual_dead: list[int]
    usual_units: list[int]
    doctor_dead: list[int]
    doctor_units: list[int]


@experiment(seeds=range(1))
def counting(*, seeds: Sequence[int], device: str) -> Counting:
    """Five models with units made dead by their bias, counted in two ways."""
    rows = []
    for case in planted(generator(seeds[0])):
        model, batch = case.model.to(device), case.batch.to(device)
        usual = list(usual_count(model, batch).values())
        seen = [(len(layer.dead_units), layer.units) for layer in diagnose(model, batch)]
        rows.append((case.name, case.dead, case.units, *_sums(usual), *_sums(seen)))
    return Counting(*(list(column) for column in zip(*rows)))


@dataclass
class DeepBias:
    """Hidden biases of the first layer set to -5, by seed: dead units of it, distinct outputs, and dead units
    counted in the second layer; then the same count with biases of 0. `samples` inputs were sent through.
    """

    first: list[int]
    outputs: list[int]
    second: list[int]
    second_at_zero: list[int]
    units: list[int]
    samples: int


@experiment(seeds=range(16))
def deep_bias(*, seeds: Sequence[int], device: str) -> DeepBias:
    """A network begun as PyTorch begins it, with first biases of -5: what dies, and what only looks dead."""
    samples, found = 200, []
    for seed in seeds:
        draw = generator(seed)
        x = torch.randn(samples, 16, generator=draw)
        # As nn.Linear begins; the last row of each holds the biases.
        weights = [
            (torch.rand(inside + 1, outside, generator=draw) * 2 - 1) / inside**0.5
            for inside, outside in ((16, 64), (64, 32), (32, 1))
        ]
        first, second, out = _through(x, weights, -5.0)
        _, healthy, _ = _through(x, weights, 0.0)
        dead = [int((layer == 0).all(dim=0).sum()) for layer in (first, second, healthy)]
        found.append((dead[0], len(set(out.flatten().tolist())), dead[1], dead[2]))
    first_dead, outputs, second_dead, at_zero = (list(column) for column in zip(*found))
    return DeepBias(first_dead, outputs, second_dead, at_zero, [64, 32], samples)


def _through(x: Tensor, weights: Sequence[Tensor], bias: float) -> tuple[Tensor, Tensor, Tensor]:
    """Both hidden layers and the output, with this bias in all units of the first layer."""
    one, two, three = weights
    first = torch.relu(x @ one[:-1] + bias)
    second = torch.relu(first @ two[:-1] + two[-1])
    return first, second, second @ three[:-1] + three[-1]


@dataclass
class Removed:
    """Networks with dead units, by seed: units cut out, and the largest change of the output over its size.

    `on_data` on the samples that were diagnosed, `far` on these times three. `as_is` and `revived` are the
    accuracies after 300 more steps at a smaller rate, without and with the dead units begun afresh;
    `changed` is the largest change of the output by `revive` itself.
    """

    units: int
    cut: list[int]
    on_data: list[float]
    far: list[float]
    died: list[float]
    as_is: list[float]
    revived: list[float]
    changed: list[float]


@experiment(seeds=range(16), cpu_only=True)
def removed(*, seeds: Sequence[int], device: str) -> Removed:
    """Dead units of networks trained too fast: cut out, or begun afresh and trained on."""
    data = spirals(128)
    options: dict[str, Any] = {"data": data, "seeds": seeds, "steps": 300, "record": ["parameters"]}
    begun = sweep(SIZES, lr=TOO_LARGE, **options)
    cut, on_data, far, changed, fresh = [], [], [], [], []
    for k, seed in enumerate(seeds):
        model = begun.module(k)
        report = diagnose(model, data.x)
        smaller = prune_dead(model, report)
        cut.append(sum(len(layer.dead_units) for layer in report))
        on_data.append(_change(model, smaller, data.x))
        far.append(_change(model, smaller, 3 * data.x))
        revived = revive(begun.module(k), report, seed=seed)
        changed.append(_change(model, revived, data.x))
        fresh.append([part for part in revived.children() if isinstance(part, nn.Linear)])
    layers = list(zip(*fresh))
    initial = [
        (np.stack([_array(net.weight.T) for net in nets]), np.stack([_array(net.bias) for net in nets]))
        for nets in layers
    ]
    as_is = sweep(SIZES, lr=0.3, initial=begun.parameters, **options)
    again = sweep(SIZES, lr=0.3, initial=initial, **options)
    return Removed(
        sum(SIZES[1:-1]), cut, on_data, far, begun.accuracy.tolist(), as_is.accuracy.tolist(),
        again.accuracy.tolist(), changed,
    )  # fmt: skip


def _sums(pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(dead for dead, _ in pairs), sum(units for _, units in pairs)


def _change(one: nn.Module, other: nn.Module, x: Tensor) -> float:
    """Largest difference of two models' outputs, over the largest output."""
    with torch.no_grad():
        a, b = one(x), other(x)
    return float((a - b).abs().max() / a.abs().max())


def _array(tensor: Tensor) -> Any:
    return tensor.detach().numpy()
