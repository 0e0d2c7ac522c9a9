"""One table of activations: value, derivative, formula, spellings, constants, paper.

Everything else reads this table: the sweeps train with it, the doctor decides with its derivatives
whether a unit is dead, the pages draw it. Every function maps a tensor of preactivations z, of any
shape, to a tensor of the same shape and dtype. Derivatives agree with autograd, which is their oracle
in the tests; at a corner they take the value that `torch.nn.functional` takes (for ReLU: 0 at 0).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

Elementwise = Callable[[Tensor], Tensor]

# Klambauer et al. 2017, to double precision: the (mean 0, variance 1) fixed point.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
LEAKY_SLOPE = 0.01
PRELU_START = 0.25


@dataclass(frozen=True)
class Activation:
    """One row of the table.

    `fn` and `derivative` map preactivations to activations and to slopes. `spellings` are the ways to
    write it in PyTorch, the module first. `constants` are fixed numbers in the formula. `paper` is a
    key of the bibliography. `kinks` are the z at which the derivative jumps.
    """

    name: str
    label: str
    fn: Elementwise
    derivative: Elementwise
    formula: str
    spellings: tuple[str, ...]
    paper: str
    constants: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    kinks: tuple[float, ...] = ()


def _gelu_derivative(z: Tensor) -> Tensor:
    density = torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return 0.5 * torch.erfc(-z / math.sqrt(2)) + z * density


def _gelu_tanh_derivative(z: Tensor) -> Tensor:
    scale, cubic = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(scale * (z + cubic * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * scale * (1 + 3 * cubic * z * z)


def _silu_derivative(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 + z * (1 - s))


def _mish_derivative(z: Tensor) -> Tensor:
    t = torch.tanh(F.softplus(z))
    return t + z * (1 - t * t) * torch.sigmoid(z)


def _step(z: Tensor, left: float = 0.0) -> Tensor:
    return torch.where(z > 0, torch.ones_like(z), torch.full_like(z, left))


def _inside(z: Tensor, low: float, high: float) -> Tensor:
    return ((z > low) & (z < high)).to(z.dtype)


_ROWS = (
    Activation(
        "relu", "ReLU", F.relu, _step,
        "max(0, z)",
        ("torch.nn.ReLU", "torch.nn.functional.relu", "torch.relu", "Tensor.relu", "Tensor.clamp(min=0)"),
        "nair2010", kinks=(0.0,),
    ),
    Activation(
        "leaky_relu", "LeakyReLU", F.leaky_relu, lambda z: _step(z, LEAKY_SLOPE),
        "z if z > 0, else 0.01 z",
        ("torch.nn.LeakyReLU", "torch.nn.functional.leaky_relu"),
        "maas2013", {"slope": LEAKY_SLOPE}, kinks=(0.0,),
    ),
    Activation(
        "prelu", "PReLU",
        lambda z: torch.where(z > 0, z, PRELU_START * z), lambda z: _step(z, PRELU_START),
        "z if z > 0, else a z, with a learned (it starts at 0.25)",
        ("torch.nn.PReLU", "torch.nn.functional.prelu"),
        "he2015", {"a at the start": PRELU_START}, kinks=(0.0,),
    ),
    Activation(
        "elu", "ELU", F.elu, lambda z: torch.exp(z.clamp(max=0)),
        "z if z > 0, else exp(z) - 1",
        ("torch.nn.ELU", "torch.nn.functional.elu"),
        "clevert2016", {"alpha": 1.0},
    ),
    Activation(
        "celu", "CELU", F.celu, lambda z: torch.exp(z.clamp(max=0)),
        "z if z > 0, else alpha (exp(z / alpha) - 1); the same as ELU at alpha = 1",
        ("torch.nn.CELU", "torch.nn.functional.celu"),
        "barron2017", {"alpha": 1.0},
    ),
    Activation(
        "selu", "SELU", F.selu,
        lambda z: torch.where(z > 0, torch.ones_like(z), SELU_ALPHA * torch.exp(z.clamp(max=0))) * SELU_SCALE,
        "1.0507 z if z > 0, else 1.0507 · 1.6733 (exp(z) - 1)",
        ("torch.nn.SELU", "torch.nn.functional.selu"),
        "klambauer2017", {"alpha": SELU_ALPHA, "scale": SELU_SCALE}, kinks=(0.0,),
    ),
    Activation(
        "gelu", "GELU", F.gelu, _gelu_derivative,
        "z times the share of a standard normal below z",
        ("torch.nn.GELU", "torch.nn.functional.gelu"),
        "hendrycks2016",
    ),
    Activation(
        "gelu_tanh", "GELU (tanh)", lambda z: F.gelu(z, approximate="tanh"), _gelu_tanh_derivative,
        "z / 2 · (1 + tanh(√(2/π) (z + 0.044715 z³)))",
        ("torch.nn.GELU(approximate='tanh')", "torch.nn.functional.gelu(approximate='tanh')"),
        "hendrycks2016", {"cubic": 0.044715},
    ),
    Activation(
        "silu", "SiLU", F.silu, _silu_derivative,
        "z · sigmoid(z)",
        ("torch.nn.SiLU", "torch.nn.functional.silu"),
        "elfwing2018",
    ),
    Activation(
        "mish", "Mish", F.mish, _mish_derivative,
        "z · tanh(softplus(z))",
        ("torch.nn.Mish", "torch.nn.functional.mish"),
        "misra2019",
    ),
    Activation(
        "hardswish", "Hardswish", F.hardswish,
        lambda z: torch.where(z >= 3, torch.ones_like(z), (z / 3 + 0.5) * (z > -3)),
        "z · clip(z + 3, 0, 6) / 6",
        ("torch.nn.Hardswish", "torch.nn.functional.hardswish"),
        "howard2019", kinks=(-3.0, 3.0),
    ),
    Activation(
        "softplus", "Softplus", F.softplus, torch.sigmoid,
        "log(1 + exp(z))",
        ("torch.nn.Softplus", "torch.nn.functional.softplus"),
        "dugas2000",
    ),
    Activation(
        "relu_squared", "ReLU²", lambda z: F.relu(z).square(), lambda z: 2 * F.relu(z),
        "max(0, z)²",
        ("torch.nn.functional.relu(z).square()",),
        "so2021",
    ),
    Activation(
        "relu6", "ReLU6", F.relu6, lambda z: _inside(z, 0.0, 6.0),
        "min(max(0, z), 6)",
        ("torch.nn.ReLU6", "torch.nn.functional.relu6"),
        "krizhevsky2010", {"ceiling": 6.0}, kinks=(0.0, 6.0),
    ),
    Activation(
        "tanh", "tanh", torch.tanh, lambda z: 1 - torch.tanh(z).square(),
        "(exp(z) - exp(-z)) / (exp(z) + exp(-z))",
        ("torch.nn.Tanh", "torch.tanh", "Tensor.tanh"),
        "lecun1998",
    ),
    Activation(
        "sigmoid", "sigmoid", torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z),
        "1 / (1 + exp(-z))",
        ("torch.nn.Sigmoid", "torch.sigmoid", "Tensor.sigmoid"),
        "rumelhart1986",
    ),
    Activation(
        "identity", "identity", lambda z: z.clone(), torch.ones_like,
        "z",
        ("torch.nn.Identity",),
        "rumelhart1986",
    ),
)  # fmt: skip

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({row.name: row for row in _ROWS})


def named(name: str) -> Activation:
    """The row called `name`; a KeyError that lists all names where there is none."""
    try:
        return ACTIVATIONS[name]
    except KeyError:
        raise KeyError(
            f"there is no activation {name!r} in the table; it has {', '.join(ACTIVATIONS)}"
        ) from None
