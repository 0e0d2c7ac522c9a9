"""Train many small networks at once: all seeds and settings of an experiment as one batched computation.

Examples:
    >>> from reluguide.data import spirals
    >>> from reluguide.sweep import grid, sweep
    >>> runs = grid(lr=[0.1, 1.0, 3.0], seeds=range(8))
    >>> result = sweep([2, 32, 32, 1], data=spirals(128), steps=300, **runs)
    >>> runs.shaped(result.accuracy).shape  # rates by seeds
    (3, 8)
    >>> dead = runs.shaped(result.dead[1]).mean(axis=(1, 2))  # of layer 2, by rate
    >>> (dead > 0.5).tolist()
    [False, False, True]

A network's result depends on its own seed, settings and data alone: it is the same to the last bit
whatever the other networks, their order, the number of threads and the size of the chunks.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from reluguide import device as devices
from reluguide.data import Data
from reluguide.sweep import _plan as plans
from reluguide.sweep._grid import Grid, grid
from reluguide.sweep._pool import run
from reluguide.sweep._result import SweepResult, collect
from reluguide.sweep._samples import collect as collect_data

__all__ = ["Grid", "SweepResult", "grid", "sweep"]


def sweep(
    sizes: Sequence[int],
    *,
    data: Data | Sequence[Data] | Callable[[int], Data],
    seeds: Iterable[int],
    lr: Any,
    steps: int,
    activation: Any = "relu",
    optimizer: str = "sgd",
    loss: str | None = None,
    batch_size: int | None = None,
    weight_init: Any = "kaiming",
    weight_scale: Any = 1.0,
    bias_init: Any = 0.0,
    threshold: Any = 0.0,
    momentum: Any = 0.0,
    weight_decay: Any = 0.0,
    bias_decay: Any = None,
    clip: Any = None,
    activation_l1: Any = 0.0,
    initial: plans.Parameters | None = None,
    frozen: Iterable[int] = (),
    record: Iterable[str] = (),
    record_every: int = 1,
    revival_after: int = 1,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    threads: int | None = None,
    chunk: int | None = None,
    progress: bool | None = None,
) -> SweepResult:
    """Train one network for each entry of `seeds`; all have the layer widths `sizes`.

    A setting "per network" is one value for all networks or a list with one entry a network (`grid` makes
    such lists).

    Args:
        sizes: widths of inputs, hidden layers and outputs, as [2, 16, 1].
        data: a `Data` that all networks share; a list with one a network, in which a set that stands several
            times is kept once (`grid(data=[...], seeds=...)` crosses splits with seeds); or a function
            seed -> `Data`, called once for each seed.
        seeds: one a network; the same seed gives the same first weights and the same order of batches.
        lr (per network): the learning rate, not negative.
        steps: updates of each network; 0 only evaluates the networks as they begin.
        activation (per network): a name of `reluguide.activations`, or an elementwise function of a tensor,
            which autograd differentiates. "prelu" learns one slope a hidden layer, from 0.25.
        optimizer: "sgd", "adam" or "adamw", with `torch.optim`'s formulas and defaults.
        loss: "bce" (one output, classes 0 and 1), "cross_entropy" or "mse", each the mean over samples;
            chosen by the data and the outputs where not given.
        batch_size: samples a step, drawn without replacement, each epoch in a new order that depends on the
            seed alone; None is all samples. A last batch that would be smaller is left out.
        weight_init (per network): "kaiming" (normal, He et al. 2015), "kaiming_uniform", "xavier" (normal,
            Glorot and Bengio 2010), "xavier_uniform", "lecun" (normal, variance 1 / inputs), "default" (what
            `nn.Linear` does, drawn biases included), or a function (generator, fan_in, fan_out) -> weights
            (fan_in, fan_out).
        weight_scale (per network): multiplies the first weights.
        bias_init (per network): first bias of the hidden units (under "default" added to the drawn one); an
            entry of the list may be a tuple with one number a hidden layer. Outputs begin at 0.
        threshold (per network): c in max(z, c), for "relu".
        momentum (per network): of SGD, as in `torch.optim.SGD` without dampening.
        weight_decay (per network): L2 added to the gradient ("sgd", "adam") or decoupled ("adamw").
        bias_decay (per network): the same for biases; None decays them like weights.
        clip (per network): largest norm of a network's whole gradient, or None.
        activation_l1 (per network): this times the mean absolute activation of every hidden layer is added
            to the loss.
        initial: parameters to begin with in place of drawn ones, as `SweepResult.parameters`.
        frozen: layers (0 is the first) whose weights, biases and slopes stay as they begin.
        record: any of "curves", "revivals", "gradient_norms", "parameters"; see `SweepResult`.
        record_every: steps from one look for curves and revivals to the next; a look sees all training
            samples.
        revival_after: looks in a row at which a unit was never active before its return counts as a revival.
        device: as `reluguide.device.choose`; random numbers are drawn on the CPU wherever it computes.
        dtype: of parameters and data, float32 or float64.
        threads: Python threads, each with one torch thread; by default `torch.get_num_threads()`.
        chunk: networks computed as one, at least 2; by default what fits a core's cache, or the GPU.
        progress: True, False, or None for a bar on terminals where rich is installed and it takes seconds.

    Raises ValueError or TypeError that names the argument, its value and what is allowed. A network that
    diverges raises nothing: see `SweepResult.diverged`.
    """
    all_seeds = [_seed(seed) for seed in seeds]
    if not all_seeds:
        raise ValueError("seeds is empty; a sweep needs at least one, one a network.")
    count, widths = len(all_seeds), plans.check_sizes(sizes)
    activations = plans.check_activations(activation, count)
    momenta = plans.numbers("momentum", momentum, count)
    decays = plans.numbers("weight_decay", weight_decay, count)
    no_clip = [float("inf") if entry is None else entry for entry in plans.spread("clip", clip, count)]
    rows, tensors, chosen = collect_data(data, all_seeds, widths, loss)
    columns = zip(
        all_seeds,
        rows,
        activations,
        plans.check_thresholds(threshold, activations),
        plans.check_inits(weight_init, count),
        plans.numbers("weight_scale", weight_scale, count),
        plans.check_bias_inits(bias_init, count, len(widths) - 2),
        plans.numbers("lr", lr, count),
        momenta,
        decays,
        decays if bias_decay is None else plans.numbers("bias_decay", bias_decay, count),
        plans.check_clips(no_clip),
        plans.numbers("activation_l1", activation_l1, count),
        strict=True,
    )
    plan = plans.Plan(
        sizes=widths,
        networks=tuple(plans.Network(*column) for column in columns),
        **tensors,
        loss=chosen,
        optimizer=plans.check_optimizer(optimizer, momenta),
        steps=plans.whole("steps", steps, 0),
        batch_size=None if batch_size is None else plans.whole("batch_size", batch_size, 1),
        record=plans.check_record(record),
        record_every=plans.whole("record_every", record_every, 1),
        revival_after=plans.whole("revival_after", revival_after, 1),
        frozen=plans.check_frozen(frozen, len(widths) - 1),
        initial=plans.check_initial(initial, count, widths),
        device=devices.choose(device),
        dtype=plans.check_dtype(dtype),
    )
    parts = run(
        plan,
        threads=torch.get_num_threads() if threads is None else plans.whole("threads", threads, 1),
        chunk=None if chunk is None else plans.whole("chunk", chunk, 2),
        progress=progress,
    )
    return collect(plan, parts)


def _seed(seed: Any) -> int:
    try:
        number = int(seed)
    except (TypeError, ValueError):
        raise TypeError(f"seeds has {seed!r}; every seed is a whole number.") from None
    if number != seed or number < 0:
        raise ValueError(f"seeds has {seed!r}; every seed is a whole number, at least 0.")
    return number
