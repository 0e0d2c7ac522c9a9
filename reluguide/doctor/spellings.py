"""The calls that are activations, and where the gradient of each of them is zero.

A spelling is a function that PyTorch shows to a `TorchFunctionMode`: `F.relu`, `torch.relu_`,
`Tensor.clamp(min=0)`, `torch.maximum(x, 0)` ... Modules such as `nn.ReLU` call one of these. The zone
of zero gradient is not typed in: autograd is asked, in the dtype and on the device of the model, so
that a GELU at -7 counts as dead in float32 and does not in float64, where its gradient is not zero.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.doctor.handmade import Step, known_as

Arguments = tuple[Any, ...]
Options = Mapping[str, Any]
Reader = Callable[[Arguments, Options], Tensor | None]
INF = math.inf


@dataclass(frozen=True)
class Spelling:
    """How one function is read: `read` gives the preactivation, or None where a call is no activation.

    `linear` is the open interval of z in which the activation is z times a constant plus another;
    "live" where that is all of the interval with a gradient; None where there is no such interval.
    """

    kind: str
    read: Reader
    linear: tuple[float, float] | str | None


@dataclass(frozen=True)
class Kind:
    """An activation as one call uses it, its arguments included.

    `low` and `high`: the gradient is zero at z <= low and at z >= high (infinite where it never is;
    `low` has one entry a unit for a PReLU of which some slopes are zero). `floor`: what the activation
    gives at every z <= low, or None where that is not one number. `by_slope`: the gradient is zero in
    places that no two ends enclose, or that differ from entry to entry, and autograd is asked each time.
    """

    name: str
    low: float | Tensor
    high: float
    linear: tuple[float, float] | None
    floor: float | None
    by_slope: bool = False

    @property
    def never(self) -> bool:
        """Whether the gradient is zero everywhere."""
        return isinstance(self.low, float) and self.low == INF

    @property
    def cuts(self) -> bool:
        """Whether the gradient is zero anywhere."""
        return self.by_slope or isinstance(self.low, Tensor) or self.low > -INF or self.high < INF


def kind_of(
    spelling: Spelling, func: Callable[..., Any], args: Arguments, kwargs: Options, z: Tensor
) -> Kind:
    """The kind of this call, probed with autograd in the dtype and on the device of `z`."""
    if isinstance(func, Step):
        if func.loose:  # not remembered, for it holds tensors
            return Kind(HANDMADE.kind, -INF, INF, None, None, by_slope=True)
        return _handmade(func, z.dtype, z.device)
    weight = _argument(args, kwargs, 1, "weight") if spelling.kind == "prelu" else None
    if weight is not None:
        never = torch.where(weight.detach() == 0, 0.0, -INF).to(weight.device)
        low = never.item() if never.numel() == 1 else never
        return Kind("prelu", low, INF, (0.0, INF), None)

    def stand_in(value: Any) -> Any:
        if value is z:
            return _Z
        return _Number(value.flatten()[0].item()) if isinstance(value, Tensor) else value

    rest = tuple((key, stand_in(value)) for key, value in kwargs.items() if key != "out")
    low, high, floor = _zone(func, tuple(map(stand_in, args)), rest, z.dtype, z.device)
    linear = (low, high) if spelling.linear == "live" else spelling.linear
    name = "relu6" if (low, high) == (0.0, 6.0) else spelling.kind
    if spelling.kind == "gelu" and _argument(args, kwargs, 9, "approximate") == "tanh":
        name = "gelu_tanh"
    return Kind(name, low, high, linear if isinstance(linear, tuple) else None, floor)


@lru_cache(maxsize=256)
def _handmade(step: Step, dtype: torch.dtype, device: torch.device) -> Kind:
    low, high, floor = zero_gradient(step, dtype=dtype, device=device)
    name = known_as(step) or HANDMADE.kind
    if low < INF and has_gaps(step, low, high, dtype=dtype, device=device):
        return Kind(name, -INF, INF, None, floor, by_slope=True)
    same = next((one for one in SPELLINGS.values() if one.kind == name), None)
    linear = same.linear if same is not None else None
    if linear == "live":
        linear = (low, high)
    return Kind(name, low, high, linear if isinstance(linear, tuple) else None, floor)


_Z = object()  # in the arguments of a call, where the preactivations stood


@dataclass(frozen=True)
class _Number:
    """A tensor argument, such as the 0 of `maximum(x, zeros)`, by its one value."""

    value: float


@lru_cache(maxsize=256)  # a few milliseconds a probe, and most models use one or two kinds
def _zone(
    func: Callable[..., Any], args: Arguments, kwargs: Arguments, dtype: torch.dtype, device: torch.device
) -> tuple[float, float, float | None]:
    def alone(grid: Tensor) -> Tensor:
        def back(value: Any) -> Any:
            if isinstance(value, _Number):
                return grid.new_tensor(value.value)
            return grid if value is _Z else value

        out: Tensor = func(*map(back, args), **{key: back(value) for key, value in kwargs})
        return out

    return zero_gradient(alone, dtype=dtype, device=device)


def op_name(func: Callable[..., Any], args: Arguments, kwargs: Options) -> str:
    """What the call is called in a report: the function as written; `nn.ReLU6` calls a hardtanh."""
    name = str(func.__name__).strip("_")
    if name == "hardtanh":
        ends = (_argument(args, kwargs, 1, "min_val"), _argument(args, kwargs, 2, "max_val"))
        return "relu6" if ends == (0.0, 6.0) else name
    return name


def zero_gradient(
    fn: Callable[[Tensor], Tensor], *, dtype: torch.dtype, device: torch.device
) -> tuple[float, float, float | None]:
    """(low, high, floor): autograd gives 0 at z <= low and at z >= high, and fn(z) = floor below low.

    Found on a grid over [-1024, 1024] and refined to neighbouring numbers of the dtype.
    """

    def slope(z: Tensor) -> Tensor:
        z = z.detach().to(device, dtype, copy=True).requires_grad_()
        (gradient,) = torch.autograd.grad(fn(z.clone()).sum(), z)
        return gradient != 0

    with apart(), torch.autocast(device.type, enabled=False):
        grid = torch.linspace(-1024, 1024, 16385, dtype=torch.float64 if device.type == "cpu" else None)
        alive = slope(grid).cpu().nonzero().flatten()
        if not len(alive):
            return INF, -INF, None
        first, last = int(alive[0]), int(alive[-1])
        low = _edge(slope, grid[first - 1], grid[first], dtype) if first else -INF
        high = _edge(slope, grid[last + 1], grid[last], dtype) if last + 1 < len(grid) else INF
    with torch.no_grad():
        below = fn(torch.tensor([-1024.0, low if first else 0.0], dtype=dtype, device=device)).tolist()
    return low, high, below[0] if first and below[0] == below[1] else None


def has_gaps(
    fn: Callable[[Tensor], Tensor], low: float, high: float, *, dtype: torch.dtype, device: torch.device
) -> bool:
    """Whether the gradient is also zero on a stretch between `low` and `high`."""
    ends = max(low, -32.0), min(high, 32.0)
    with apart(), torch.autocast(device.type, enabled=False):
        z = torch.linspace(ends[0], ends[1], 8193, dtype=torch.float64)[1:-1].to(device, dtype)
        z = torch.unique(z).requires_grad_()
        (gradient,) = torch.autograd.grad(fn(z.clone()).sum(), z)
    zero = (gradient == 0) & (z > low) & (z < high)
    return bool((zero[1:-2] & zero[2:-1] & (zero[:-3] | zero[3:])).any())


@contextmanager
def apart() -> Iterator[None]:
    """Autograd for ourselves, whatever runs around us: no_grad, inference mode, or a checkpoint's hooks."""
    own = torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor)
    with torch.inference_mode(False), torch.enable_grad(), own:
        yield


def _edge(slope: Callable[[Tensor], Tensor], dead: Tensor, live: Tensor, dtype: torch.dtype) -> float:
    """The last number on the way from `dead` to `live` at which the gradient is still zero."""
    for _ in range(6):
        steps = torch.linspace(0, 1, 1025, dtype=dead.dtype)
        points = (dead + steps * (live - dead)).to(dtype).to(dead.dtype)
        at = int(slope(points).cpu().nonzero().flatten()[0])
        if not at:
            break
        dead, live = points[at - 1], points[at]
    beside = torch.nextafter(live.to(dtype), dead.to(dtype))  # clamp has a gradient at its corner itself
    return float(dead if slope(beside.expand(64)).any() else beside)


def _first(args: Arguments, kwargs: Options) -> Tensor | None:
    z = args[0] if args else kwargs.get("input")
    return z if isinstance(z, Tensor) and z.is_floating_point() else None


def _argument(args: Arguments, kwargs: Options, position: int, name: str) -> Any:
    return args[position] if len(args) > position else kwargs.get(name)


def _clamp(args: Arguments, kwargs: Options) -> Tensor | None:
    """`clamp(min=0)`, with or without a maximum; clamps from elsewhere guard a number, and are left out."""
    low, high = _argument(args, kwargs, 1, "min"), _argument(args, kwargs, 2, "max")
    return _first(args, kwargs) if _is_zero(low) and not _is_zero(high) else None


def _maximum(args: Arguments, kwargs: Options) -> Tensor | None:
    """`maximum(x, 0)` and `maximum(0, x)`."""
    one, other = _first(args, kwargs), _argument(args, kwargs, 1, "other")
    if one is None or not isinstance(other, Tensor):
        return None
    if _is_zero(other):
        return one
    return other if _is_zero(one) and other.is_floating_point() else None


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() > 0 and not value.requires_grad and not bool(value.any())
    return isinstance(value, (int, float)) and value == 0


def _table() -> dict[Callable[..., Any], Spelling]:
    relu = Spelling("relu", _first, (0.0, INF))
    clamp = Spelling("relu", _clamp, "live")
    maximum = Spelling("relu", _maximum, (0.0, INF))
    rows: dict[Spelling, list[tuple[Any, str]]] = {
        relu: [(F, "relu"), (torch, "relu relu_"), (torch.Tensor, "relu relu_")],
        Spelling("threshold", _first, "live"): [(F, "threshold threshold_"), (torch, "threshold threshold_")],
        clamp: [(owner, "clamp clamp_ clip clip_ clamp_min clamp_min_") for owner in (torch, torch.Tensor)],
        maximum: [(owner, "maximum max fmax") for owner in (torch, torch.Tensor)],
        Spelling("relu6", _first, "live"): [(F, "relu6")],
        Spelling("hardtanh", _first, "live"): [(F, "hardtanh hardtanh_")],
        Spelling("hardsigmoid", _first, "live"): [(F, "hardsigmoid")],
        Spelling("hardswish", _first, (3.0, INF)): [(F, "hardswish")],
        Spelling("leaky_relu", _first, (0.0, INF)): [(F, "leaky_relu leaky_relu_")],
        Spelling("prelu", _first, (0.0, INF)): [(F, "prelu"), (torch, "prelu"), (torch.Tensor, "prelu")],
        Spelling("rrelu", _first, (0.0, INF)): [(F, "rrelu rrelu_")],
        Spelling("elu", _first, (0.0, INF)): [(F, "elu elu_")],
        Spelling("celu", _first, (0.0, INF)): [(F, "celu"), (torch, "celu celu_")],
        Spelling("selu", _first, (0.0, INF)): [(F, "selu"), (torch, "selu selu_")],
        Spelling("gelu", _first, None): [(F, "gelu")],
        Spelling("silu", _first, None): [(F, "silu")],
        Spelling("mish", _first, None): [(F, "mish")],
        Spelling("softplus", _first, None): [(F, "softplus")],
        Spelling("tanh", _first, None): [(F, "tanh")]
        + [(owner, "tanh tanh_") for owner in (torch, torch.Tensor)],
        Spelling("sigmoid", _first, None): [(F, "sigmoid"), (torch.special, "expit")]
        + [(owner, "sigmoid sigmoid_") for owner in (torch, torch.Tensor)],
    }
    return {
        getattr(owner, name): spelling
        for spelling, places in rows.items()
        for owner, names in places
        for name in names.split()
        if hasattr(owner, name)
    }


SPELLINGS: Mapping[Callable[..., Any], Spelling] = _table()
HANDMADE = Spelling("hand-written", _first, None)
