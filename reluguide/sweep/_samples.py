"""The data of a sweep: one set for all networks, one a seed or one a network, checked and stacked."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from reluguide.data import Data
from reluguide.sweep._losses import LOSSES, Loss
from reluguide.sweep._plan import spread

# One for all networks, one a network, or what makes one of each seed.
Source = Data | Sequence[Data] | Callable[[int], Data]


def collect(
    data: Source, seeds: Sequence[int], sizes: tuple[int, ...], loss: str | None
) -> tuple[list[int], dict[str, Any], Loss]:
    """Each network's row in the stacked data; x, y, test_x and test_y, stacked by data set; the loss.

    A set that stands several times in a list (the same object, as `grid` repeats it) is stacked once.
    """
    if isinstance(data, Data):
        given = [data] * len(seeds)
    elif callable(data):
        made = {seed: _made(data, seed) for seed in dict.fromkeys(seeds)}
        given = [made[seed] for seed in seeds]
    elif isinstance(data, list | tuple):
        given = _one_a_network(data, len(seeds))
    else:
        raise TypeError(
            f"data is a {type(data).__name__}; it must be a Data, a list with one Data a network, or a "
            "function seed -> Data."
        )
    sets = list({id(one): one for one in given}.values())
    places = {id(one): row for row, one in enumerate(sets)}
    rows = [places[id(one)] for one in given]
    name, chosen = _choose_loss(loss, sets[0], sizes[-1])
    stacked = {part: _stack(part, sets) for part in ("x", "y", "test_x", "test_y")}
    for prefix in ("", "test_"):
        x, y = stacked[prefix + "x"], stacked[prefix + "y"]
        if x is not None and y is not None:
            stacked[prefix + "y"] = _check_samples(x, y, prefix, sizes, name, chosen)
        elif x is not None or y is not None:
            there, absent = ("x", "y") if y is None else ("y", "x")
            raise ValueError(f"data has {prefix}{there} without {prefix}{absent}.")
    return rows, stacked, chosen


def _made(make: Callable[[int], Data], seed: int) -> Data:
    out = make(seed)
    if not isinstance(out, Data):
        raise TypeError(f"data gives a {type(out).__name__} for seed {seed}; it must be a Data.")
    return out


def _one_a_network(data: Sequence[Any], networks: int) -> list[Data]:
    out = spread("data", data, networks)
    for k, one in enumerate(out):
        if not isinstance(one, Data):
            raise TypeError(f"data of network {k} is a {type(one).__name__}; it must be a Data.")
    return out


def _stack(part: str, sets: Sequence[Data]) -> Tensor | None:
    tensors = [tensor for one in sets if (tensor := getattr(one, part)) is not None]
    if not tensors:
        return None
    if len(tensors) < len(sets):
        without = next(one for one in sets if getattr(one, part) is None)
        raise ValueError(
            f"data has {part} in {len(tensors)} of {len(sets)} sets, but not in {without}; give it to all "
            "of them or to none."
        )
    if len({tensor.shape for tensor in tensors}) > 1:
        shapes = sorted({tuple(tensor.shape) for tensor in tensors})
        raise ValueError(
            f"data gives {part} of different shapes to different networks: {shapes}. The networks of one "
            "sweep see as many samples, of as many features; make one sweep of each shape."
        )
    if len({tensor.dtype for tensor in tensors}) > 1:
        kinds = sorted({str(tensor.dtype) for tensor in tensors})
        raise ValueError(f"data gives {part} of different kinds to different networks: {', '.join(kinds)}.")
    return torch.stack(tensors)


def _choose_loss(loss: str | None, data: Data, outputs: int) -> tuple[str, Loss]:
    name = loss or ("mse" if data.y.is_floating_point() else "bce" if outputs == 1 else "cross_entropy")
    if name not in LOSSES:
        raise ValueError(f"loss is {loss!r}; it can be {', '.join(LOSSES)}.")
    if (name == "bce") != (outputs == 1) and name != "mse":
        raise ValueError(
            f"loss {name!r} does not go with {outputs} outputs; 'bce' takes 1, 'cross_entropy' 2 or more."
        )
    return name, LOSSES[name]


def _check_samples(
    x: Tensor, y: Tensor, prefix: str, sizes: tuple[int, ...], name: str, loss: Loss
) -> Tensor:
    """`y` as the loss takes it, after checking both."""
    inputs, outputs = sizes[0], sizes[-1]
    if x.ndim != 3 or x.shape[2] != inputs or x.shape[1] == 0:
        raise ValueError(
            f"data.{prefix}x is {tuple(x.shape[1:])}; sizes {list(sizes)} need (samples, {inputs})."
        )
    if not torch.isfinite(x).all() or not torch.isfinite(y).all():
        raise ValueError(
            f"data.{prefix}x or .{prefix}y has NaN or infinite entries; a sweep needs finite data."
        )
    if loss.integer_targets and y.is_floating_point():
        raise ValueError(f"data.{prefix}y is {y.dtype}, but loss {name!r} needs classes: int64.")
    wanted = x.shape[1:2] if loss.integer_targets else (x.shape[1], outputs)
    if y.shape[1:] != wanted:
        raise ValueError(f"data.{prefix}y is {tuple(y.shape[1:])}; loss {name!r} needs {tuple(wanted)}.")
    classes = max(2, outputs)
    if loss.integer_targets and (int(y.min()) < 0 or int(y.max()) >= classes):
        raise ValueError(
            f"data.{prefix}y has classes {int(y.min())} to {int(y.max())}; {outputs} outputs and loss "
            f"{name!r} allow 0 to {classes - 1}."
        )
    return y.float() if name == "bce" else y
