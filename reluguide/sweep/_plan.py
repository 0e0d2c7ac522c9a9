"""Check what a sweep is asked for, and spread it: one entry a network for everything that may vary."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reluguide.activations import ACTIVATIONS
from reluguide.sweep._init import WEIGHT_INITS, WeightInit
from reluguide.sweep._losses import Loss
from reluguide.sweep._network import Elementwise
from reluguide.sweep._optimizers import NAMES

RECORDS = ("curves", "revivals", "gradient_norms", "parameters")

Activation = str | Elementwise
Parameters = list[tuple[Any, Any]]  # per layer: weights (K, in, out), biases (K, out)


@dataclass(frozen=True)
class Network:
    """The settings of one network; `data` is its row in the sweep's data."""

    seed: int
    data: int
    activation: Activation
    threshold: float
    weight_init: str | WeightInit
    weight_scale: float
    bias_init: tuple[float, ...]
    lr: float
    momentum: float
    weight_decay: float
    bias_decay: float
    clip: float
    activation_l1: float

    @property
    def kind(self) -> tuple[Any, ...]:
        """Networks in one chunk share these: one activation, and the same optional steps of the work."""
        name = self.activation if isinstance(self.activation, str) else id(self.activation)
        decays, moves = self.weight_decay != 0 or self.bias_decay != 0, self.momentum != 0
        return name, self.threshold, decays, moves, math.isfinite(self.clip), self.activation_l1 != 0


@dataclass(frozen=True)
class Plan:
    """Everything a sweep does, checked. `x` is (data sets, samples, features), `y` and the rest alike."""

    sizes: tuple[int, ...]
    networks: tuple[Network, ...]
    x: Tensor
    y: Tensor
    test_x: Tensor | None
    test_y: Tensor | None
    loss: Loss
    optimizer: str
    steps: int
    batch_size: int | None
    record: frozenset[str]
    record_every: int
    revival_after: int
    frozen: frozenset[int]
    initial: Parameters | None
    device: torch.device
    dtype: torch.dtype

    @property
    def samples(self) -> int:
        return self.x.shape[1]


def spread(name: str, value: Any, networks: int) -> list[Any]:
    """`value` for each network: one for all, or a list with one entry a network."""
    if isinstance(value, str) or callable(value) or not isinstance(value, Iterable):
        return [value] * networks
    values = value.tolist() if isinstance(value, np.ndarray | Tensor) else list(value)
    if not isinstance(values, list):  # an array without axes
        return [values] * networks
    if len(values) != networks:
        raise ValueError(
            f"{name} has {len(values)} entries, but there are {networks} seeds; give one value for all "
            f"networks or one a network (`grid(seeds=..., {name}=...)` crosses them)."
        )
    return values


def numbers(name: str, value: Any, networks: int, *, least: float | None = 0.0) -> list[float]:
    """As `spread`, for finite numbers that are at least `least`."""
    out = []
    for k, entry in enumerate(spread(name, value, networks)):
        try:
            number = float(entry)
        except (TypeError, ValueError):
            raise TypeError(f"{name} of network {k} is {entry!r}; it must be a number.") from None
        if not math.isfinite(number) or (least is not None and number < least):
            allowed = "finite" if least is None else f"finite and at least {least:g}"
            raise ValueError(f"{name} of network {k} is {number:g}; it must be {allowed}.")
        out.append(number)
    return out


def whole(name: str, value: Any, least: int) -> int:
    """A whole number that is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number, at least {least}.")
    return int(value)


def check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """The widths of all layers: inputs, hidden ones, outputs."""
    widths = tuple(whole(f"sizes[{i}]", width, 1) for i, width in enumerate(sizes))
    if len(widths) < 2:
        raise ValueError(f"sizes is {list(widths)}; it needs at least inputs and outputs, like [2, 16, 1].")
    return widths


def check_activations(value: Any, networks: int) -> list[Activation]:
    """Names of the table, or functions that map a tensor to one of the same shape and dtype, elementwise."""
    out = spread("activation", value, networks)
    for k, entry in enumerate(out):
        if not callable(entry) and entry not in ACTIVATIONS:
            raise ValueError(
                f"activation of network {k} is {entry!r}; it can be {', '.join(ACTIVATIONS)}, "
                "or a function of a tensor."
            )
    for fn in {id(entry): entry for entry in out if callable(entry)}.values():
        _try(fn)
    return out


def _try(fn: Elementwise) -> None:
    """Raise ValueError unless `fn` is elementwise, keeps the dtype, and is followed by autograd."""
    name = f"activation {getattr(fn, '__name__', fn)!r}"
    try:
        with torch.inference_mode(False), torch.enable_grad():
            z = torch.linspace(-4, 4, 128).requires_grad_()
            h, left, right = fn(z), fn(z[:64]), fn(z[64:])
    except RuntimeError as error:
        raise ValueError(
            f"{name} fails on a tensor of 128 numbers that requires a gradient: {error}"
        ) from error
    if not isinstance(h, Tensor) or h.shape != z.shape or h.dtype != z.dtype:
        got = f"{tuple(h.shape)} {h.dtype}" if isinstance(h, Tensor) else type(h).__name__
        raise ValueError(f"{name} maps 128 float32 numbers to {got}; it must keep shape and dtype.")
    if not torch.allclose(h, torch.cat([left, right]), equal_nan=True):
        raise ValueError(
            f"{name} gives a number another value when others stand beside it; it must be elementwise."
        )
    if not h.requires_grad:
        raise ValueError(
            f"{name} is not followed by autograd, as a comparison is not; write it so that it is."
        )


def check_thresholds(value: Any, activations: list[Activation]) -> list[float]:
    """c in max(z, c); only ReLU has one."""
    out = numbers("threshold", value, len(activations), least=None)
    for k, (threshold, activation) in enumerate(zip(out, activations)):
        if threshold and activation != "relu":
            raise ValueError(
                f"threshold of network {k} is {threshold:g}, but its activation is {activation!r}; "
                "max(z, threshold) is a variant of 'relu' only."
            )
    return out


def check_inits(value: Any, networks: int) -> list[str | WeightInit]:
    """Names of schemes, or functions (generator, fan_in, fan_out) -> weights."""
    out = spread("weight_init", value, networks)
    for k, entry in enumerate(out):
        if not callable(entry) and entry not in WEIGHT_INITS:
            raise ValueError(
                f"weight_init of network {k} is {entry!r}; it can be {', '.join(WEIGHT_INITS)}, or a "
                "function (generator, fan_in, fan_out) -> weights of shape (fan_in, fan_out)."
            )
    return out


def check_bias_inits(value: Any, networks: int, hidden: int) -> list[tuple[float, ...]]:
    """Starting biases of the hidden layers: a number, one a network, or (networks, hidden layers)."""
    entries = [np.asarray(entry, dtype=float) for entry in spread("bias_init", value, networks)]
    for k, entry in enumerate(entries):
        if entry.shape not in ((), (hidden,)) or not np.isfinite(entry).all():
            raise ValueError(
                f"bias_init of network {k} is {entry.tolist()}; it must be a finite number, or one a hidden "
                f"layer ({hidden})."
            )
    return [tuple(np.broadcast_to(entry, (hidden,)).tolist()) for entry in entries]


def check_optimizer(name: str, momentum: Sequence[float]) -> str:
    """One of the optimisers; a momentum is SGD's alone."""
    if name not in NAMES:
        raise ValueError(f"optimizer is {name!r}; it can be {', '.join(NAMES)}.")
    if name != "sgd" and any(momentum):
        raise ValueError(f"momentum is {max(momentum):g} with optimizer {name!r}; only 'sgd' takes one.")
    if any(entry >= 1 for entry in momentum):
        raise ValueError(f"momentum is {max(momentum):g}; it must be below 1.")
    return name


def check_clips(limits: Sequence[Any]) -> list[float]:
    """Positive limits of the gradient's norm; infinity stands for none."""
    for k, limit in enumerate(limits):
        if not isinstance(limit, int | float | np.number) or not limit > 0:
            raise ValueError(
                f"clip of network {k} is {limit!r}; it must be above 0, or None for no clipping."
            )
    return [float(limit) for limit in limits]


def check_frozen(layers: Iterable[int], count: int) -> frozenset[int]:
    """Places of layers, from 0."""
    out = frozenset(layers)
    if wrong := sorted(out - set(range(count)), key=str):
        raise ValueError(f"frozen has {wrong[0]!r}; the layers of this network are 0 to {count - 1}.")
    return out


def check_initial(initial: Parameters | None, networks: int, sizes: tuple[int, ...]) -> Parameters | None:
    """Weights and biases of every layer, one row a network."""
    if initial is None:
        return None
    pairs = list(pairwise(sizes))
    wanted = [((networks, fan_in, fan_out), (networks, fan_out)) for fan_in, fan_out in pairs]
    got = [(tuple(weights.shape), tuple(biases.shape)) for weights, biases in initial]
    if got != wanted:
        raise ValueError(
            f"initial has shapes {got}; for {networks} networks of sizes {list(sizes)} it must have "
            f"{wanted}: per layer weights (networks, in, out) and biases (networks, out)."
        )
    return initial


def check_dtype(dtype: torch.dtype) -> torch.dtype:
    """Single or double precision."""
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype is {dtype}; it can be torch.float32 or torch.float64.")
    return dtype


def check_record(record: Iterable[str]) -> frozenset[str]:
    """What to keep beyond the summary of each network."""
    asked = frozenset([record] if isinstance(record, str) else record)
    if unknown := sorted(asked - set(RECORDS)):
        raise ValueError(f"record has {', '.join(map(repr, unknown))}; it can have {', '.join(RECORDS)}.")
    return asked
