"""Activations that nobody named: whatever a model does to each entry of a tensor by itself.

`x * sigmoid(1.702 * x)`, `0.5 * x * (1 + tanh(...))`, `x * (x > 0)` and `where(x > 0, x, 0)` are chains of
functions of each entry. The chain is noted as it runs, with its numbers; autograd is asked later, on a
stand-in, where the slope of the whole chain is zero. So an activation is found by what it does to its
input, and a sigmoid that is but a part of one is not taken for one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# A straight line of the one operand that is a chain, if the others are numbers.
STRAIGHT = frozenset(
    [
        "add",
        "add_",
        "__radd__",
        "__iadd__",
        "sub",
        "sub_",
        "subtract",
        "rsub",
        "__rsub__",
        "mul",
        "mul_",
        "multiply",
        "__rmul__",
        "neg",
        "neg_",
        "negative",
        "div",
        "div_",
        "divide",
        "true_divide",
        "clone",
        "contiguous",
        "to",
        "float",
        "double",
        "half",
        "bfloat16",
        "type",
        "type_as",
        "positive",
        "__add__",
        "__sub__",
        "__mul__",
        "__truediv__",
        "__neg__",
    ]
)
BENT = frozenset(
    [
        "pow",
        "pow_",
        "__pow__",
        "__rpow__",
        "square",
        "square_",
        "sqrt",
        "rsqrt",
        "exp",
        "exp_",
        "exp2",
        "expm1",
        "log",
        "log1p",
        "log2",
        "sin",
        "cos",
        "tanh",
        "tanh_",
        "sigmoid",
        "sigmoid_",
        "expit",
        "erf",
        "erfc",
        "arctan",
        "atan",
        "sinh",
        "cosh",
        "asinh",
        "arcsinh",
        "abs",
        "abs_",
        "absolute",
        "sign",
        "sgn",
        "relu",
        "relu_",
        "relu6",
        "elu",
        "elu_",
        "selu",
        "selu_",
        "celu",
        "celu_",
        "gelu",
        "silu",
        "mish",
        "softplus",
        "softsign",
        "logsigmoid",
        "tanhshrink",
        "softshrink",
        "hardshrink",
        "hardtanh",
        "hardtanh_",
        "hardsigmoid",
        "hardswish",
        "leaky_relu",
        "leaky_relu_",
        "threshold",
        "threshold_",
        "prelu",
        "clamp",
        "clamp_",
        "clip",
        "clip_",
        "clamp_min",
        "clamp_min_",
        "clamp_max",
        "clamp_max_",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "max",
        "min",
        "where",
        "masked_fill",
        "masked_fill_",
        "gt",
        "lt",
        "ge",
        "le",
        "eq",
        "ne",
        "greater",
        "less",
        "greater_equal",
        "less_equal",
        "__gt__",
        "__lt__",
        "__ge__",
        "__le__",
        "__eq__",
        "__ne__",
        "logical_and",
        "logical_or",
        "logical_not",
        "logical_xor",
        "bitwise_and",
        "bitwise_or",
        "bitwise_not",
        "__and__",
        "__or__",
        "__invert__",
        "__rdiv__",
        "__rtruediv__",
        "reciprocal",
        "heaviside",
        "xlogy",
        "floor",
        "ceil",
        "round",
        "trunc",
        "frac",
        "fmod",
        "remainder",
        "bool",
        "int",
        "long",
        "addcmul",
        "addcdiv",
        "logaddexp",
        "hypot",
        "lerp",
        "nan_to_num",
        "detach",
        "__setitem__",
    ]
)
IN_PLACE = frozenset(["__setitem__", "__iadd__", "__imul__"])
# They take no more than the shape and the dtype of what they are given.
BLANK = frozenset(
    [
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
        "rand_like",
        "randn_like",
        "randint_like",
        "bernoulli",
        "new_zeros",
        "new_ones",
        "new_full",
        "new_empty",
        "new_tensor",
        "size",
        "shape",
        "dim",
        "numel",
        "is_floating_point",
    ]
)
MANY = 4096  # steps that are remembered
LONGEST = 48  # functions in one chain; what goes on longer is cut here


def _leaves(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from _leaves(value)
        else:
            yield value


class Step:
    """One function of a chain.

    `straight`: its result is a line in the chain's input. `line`: it is a line in what it is given.
    `loose`: its numbers differ from entry to entry, and no one curve stands for it. `spelled`: it is an
    activation with a name; `plain`: it is given the chain's input along straight steps.
    """

    __slots__ = (
        "__name__", "args", "func", "kwargs", "length", "line", "loose", "name", "plain", "spelled", "straight",
        "words",
    )  # fmt: skip

    def __init__(self, func: Any, args: tuple[Any, ...], kwargs: tuple[tuple[str, Any], ...]) -> None:
        self.func, self.args, self.kwargs = func, args, kwargs
        self.length: int
        self.loose: bool
        self.straight: bool
        self.words: str
        self.name: str = getattr(func, "__name__", "") if func is not None else ""
        self.__name__ = self.name
        values = list(_leaves((*args, *(value for _, value in kwargs))))
        steps = [value for value in values if isinstance(value, Step)]
        self.length = 1 + sum(one.length for one in steps)
        self.loose = any(isinstance(value, Tensor) for value in values) or any(one.loose for one in steps)
        self.plain = all(one.straight for one in steps)
        self.line = self.name in STRAIGHT and len(steps) == 1
        if self.name in ("div", "div_", "divide", "true_divide"):
            self.line = self.line and args[0] is steps[0]
        if self.name in ("masked_fill", "masked_fill_", "where", "__setitem__"):  # a mask from elsewhere
            at = 0 if self.name == "where" else 1
            self.line = len(steps) == 1 and len(args) > at and not isinstance(args[at], Step)
        sums = self.name.strip("_").lstrip("ri") in ("add", "sub", "subtract")
        self.straight = func is None or (self.plain and (self.line or (self.name in STRAIGHT and sums)))
        self.spelled = False
        # What it is, without its numbers: which may differ from pass to pass, as a scale made of the data.
        self.words = "" if func is None else f"{self.name.strip('_')}({','.join(one.words for one in steps)})"

    def inside(self) -> list["Step"]:
        """This step and those that it is made of, each once."""
        found: dict[int, Step] = {}

        def walk(one: Step) -> None:
            if id(one) not in found:
                found[id(one)] = one
                for value in _leaves((*one.args, *(value for _, value in one.kwargs))):
                    if isinstance(value, Step):
                        walk(value)

        walk(self)
        return list(found.values())

    def __call__(self, z: Tensor) -> Tensor:
        """The chain applied to `z`."""
        out: Tensor = self._value(z, {})
        return out

    def _value(self, z: Tensor, known: dict[int, Any]) -> Any:
        if self.func is None:
            return z
        if id(self) not in known:

            def back(value: Any) -> Any:
                if isinstance(value, Step):
                    return value._value(z, known)
                if isinstance(value, Number):
                    return torch.tensor(value.value, dtype=value.dtype, device=z.device)
                if isinstance(value, tuple):
                    return tuple(map(back, value))
                return value

            args, kwargs = [back(value) for value in self.args], {k: back(v) for k, v in self.kwargs}
            if (self.name.endswith("_") and not self.name.endswith("__")) or self.name in IN_PLACE:
                args[0] = args[0].clone()  # what it overwrites is read elsewhere in the chain
            known[id(self)] = (
                args[0] if self.name == "__setitem__" and _set(args) else self.func(*args, **kwargs)
            )
        return known[id(self)]


INPUT_OF_CHAIN = Step(None, (), ())


class Number:
    """A tensor of one entry, by its value."""

    __slots__ = ("dtype", "value")

    def __init__(self, tensor: Tensor) -> None:
        self.value, self.dtype = tensor.item(), tensor.dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and (self.value, self.dtype) == (other.value, other.dtype)

    def __hash__(self) -> int:
        return hash((self.value, self.dtype))


class Root:
    """The tensor at the start of chains. `value` is a copy once the tensor has been overwritten.

    `told`: the calls that the observer was told of.
    """

    __slots__ = ("chains", "judged", "told", "trail", "value")

    def __init__(self, value: Tensor, trail: Any) -> None:
        self.value, self.trail = value, trail
        self.chains = 0
        self.told: list[Any] = []
        self.judged: dict[
            int, tuple[Step, str | None]
        ] = {}  # the chain's core -> the call that it was reported as


class Chain:
    """A tensor as a function of the entries of its root.

    `core` is its last step that bends, `path` the module that it ran in, `calls` the activation calls
    within it. The straight steps behind the core change nothing about where its slope is zero.
    """

    __slots__ = ("calls", "core", "path", "root", "step")

    def __init__(self, root: Root, step: Step, core: Step | None, path: str, calls: frozenset[str]) -> None:
        self.root, self.step, self.core, self.path, self.calls = root, step, core, path, calls


class Steps:
    """Makes steps, and gives the same one for the same function of the same things: so that what autograd
    said of a chain is asked once, however often the chain runs."""

    def __init__(self) -> None:
        self.known: dict[Any, Step] = {}

    def make(self, func: Any, args: Any, kwargs: Any, chains: dict[int, Chain]) -> Step | None:
        """The step of this call; None where an argument is nothing that a chain can hold."""

        # The other branch of a choice is often a tensor of zeros, which is one number.
        chooses = getattr(func, "__name__", "") in (
            "where",
            "maximum",
            "minimum",
            "max",
            "min",
            "fmax",
            "fmin",
        )

        def held(value: Any) -> Any:
            if isinstance(value, Tensor):
                if id(value) in chains:
                    return chains[id(value)].step
                one = value.numel() == 1 or (
                    chooses and value.numel() and bool((value == value.flatten()[0]).all())
                )
                return Number(value.flatten()[0]) if one else value
            if isinstance(value, (tuple, list)):
                return tuple(map(held, value))
            return value

        given = tuple(map(held, args))
        named = tuple(sorted((key, held(value)) for key, value in kwargs.items() if key != "out"))
        step = Step(func, given, named)
        if step.loose:
            return step
        if len(self.known) > MANY:  # numbers that differ from pass to pass make new steps each time
            self.known.clear()
        try:
            return self.known.setdefault((func, _key(given), _key(named)), step)
        except TypeError:  # an argument that cannot be hashed
            return None


def chained(name: str, args: Any) -> bool:
    """Whether the function of this name works entry by entry on what it is given."""
    if name in ("max", "min"):
        return len(args) > 1 and isinstance(args[1], Tensor)
    return name in STRAIGHT or name in BENT


def only_exponential(step: Step) -> bool:
    """Whether a chain is an exponential of a line: part of a softmax or a scale, not an activation."""
    if step.func is None or step.straight:
        return True
    inside = [one for one in _leaves((*step.args, *(v for _, v in step.kwargs))) if isinstance(one, Step)]
    if step.name in ("exp", "exp_"):
        return all(one.straight for one in inside)
    return step.name in STRAIGHT and len(inside) == 1 and only_exponential(inside[0])


KNOWN: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "quick_gelu": lambda z: z * torch.sigmoid(1.702 * z),
    "silu": F.silu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "softplus": F.softplus,
    "elu": F.elu,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu_squared": lambda z: F.relu(z).square(),
}


def known_as(step: Step) -> str | None:
    """The usual name of the curve, where it has one, whatever it is multiplied by."""
    z = torch.linspace(-7, 9, 161, dtype=torch.float64)
    try:
        curve = step(z)
    except Exception:  # a chain with a dtype of its own
        return None
    if not isinstance(curve, Tensor) or curve.shape != z.shape:
        return None
    for name, fn in KNOWN.items():
        usual = fn(z)
        times = float(curve[-16] / usual[-16])  # straight steps behind the chain scale it
        if times > 0 and torch.allclose(curve.double(), times * usual, rtol=1e-4, atol=1e-5 * times):
            return name
    return None


def _set(args: list[Any]) -> bool:
    args[0][args[1]] = args[2]
    return True


def _key(values: Any) -> Any:
    if isinstance(values, tuple):
        return tuple(map(_key, values))
    if isinstance(values, Step):
        return ("step", id(values))
    return (type(values), values)  # 1, 1.0 and True are not the same argument
