"""What happens during a step, function by function: a tape, and the recording that fills it."""

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from reluguide.doctor.naming import tidy
from reluguide.doctor.spellings import SPELLINGS

LAYERS = {F.linear} | {getattr(torch, f"conv{kind}{d}d") for d in (1, 2, 3) for kind in ("", "_transpose")}
CLIPS = ("relu", "relu6", "threshold")
# Functions that give the same values in another shape or dtype: what was known of their input holds on.
SAME = frozenset(
    (
        "view", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "contiguous", "to", "float",
        "double", "half", "bfloat16", "clone", "__getitem__", "swapaxes", "movedim", "view_as", "expand", "unflatten",
    )
)  # fmt: skip


@dataclass
class Mark:
    """What is known of a tensor: which function made it, in which module."""

    what: str
    path: str
    bias: bool = False
    first: bool = False


@dataclass
class Tape:
    """What happened during a forward pass and the loss."""

    inputs_of_first: Tensor | None = None  # what the first layer with weights was given
    first_layer: str = ""
    first_is_normalised: bool = False
    useless_biases: dict[str, None] = field(default_factory=dict)  # layers with a bias before a batch norm
    mismatches: list[tuple[str, Mark]] = field(default_factory=list)  # function, and what it should not get
    broadcasts: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    overwritten: list[tuple[str, str, str]] = field(
        default_factory=list
    )  # function, path, maker of the values
    cut: tuple[str, str] | None = None  # the last function that let no gradient through, and where
    first_inf: tuple[str, str, float] | None = None  # function, path, largest input
    first_nan: tuple[str, str, float] | None = None
    bad_gradient: list[tuple[str, str]] = field(
        default_factory=list
    )  # functions of the first value without one
    flattened: tuple[str, str] | None = None  # the last function that gave the same for every sample


class Recording(TorchFunctionMode):
    """Fills a tape while functions run; `numbers` also looks for NaN, inf and what is the same in all samples."""

    def __init__(self, model: nn.Module, *, samples: int, numbers: bool) -> None:
        super().__init__()
        self.tape, self.samples, self.numbers = Tape(), samples, numbers
        self.names = {module: tidy(name) for name, module in model.named_modules()}
        self.stack: list[str] = []
        self.marks: dict[int, tuple[weakref.ref[Tensor], Mark]] = {}
        self.in_loss = False
        self.readers: dict[int, list[tuple[str, str]]] = {}
        self.handles: list[RemovableHandle] = []

    @property
    def path(self) -> str:
        return self.stack[-1] if self.stack else ""

    @property
    def place(self) -> str:
        """The module we are in, in words."""
        return "the loss" if self.in_loss else self.path or "the model's forward"

    def mark_of(self, value: Any) -> Mark | None:
        known = self.marks.get(id(value))
        return known[1] if known is not None and known[0]() is value else None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = str(getattr(func, "__name__", func))
        given = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
        if name in ("__get__", "__set__"):
            out = func(*args, **kwargs)
            if func is getattr(torch.Tensor.data, "__get__", None) and args[0].requires_grad:
                self.tape.cut = (".data", self.place)
            return out
        makers = [_maker(one) for one in given]
        versions = [version_of(one) for one in given]
        largest = _largest(given) if self.numbers else 0.0
        varied = self.numbers and any(varies(one, self.samples) for one in given)
        self._before(func, name, args, kwargs)
        if self.numbers:
            for one in given:
                self._await_gradient(one, name)
        out = func(*args, **kwargs)
        for one, maker, version in zip(given, makers, versions):
            if version_of(one) > version:
                self.tape.overwritten.append((name, self.place, maker))
        for one in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(one, Tensor) and one.is_floating_point():
                self._after(func, name, args, kwargs, given, one, largest, varied)
        return out

    def _before(self, func: Any, name: str, args: Any, kwargs: Any) -> None:
        tape, z = self.tape, args[0] if args else kwargs.get("input")
        if func in LAYERS and tape.inputs_of_first is None and isinstance(z, Tensor):
            tape.inputs_of_first, tape.first_layer = z.detach(), self.path
        mark = self.mark_of(z)
        if mark is not None:
            if name in ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"):
                tape.first_is_normalised |= mark.first
                training = name == "batch_norm" and (kwargs.get("training") or args[5:6] == (True,))
                if training and mark.bias:
                    tape.useless_biases[mark.path] = None
            wrong = {
                "cross_entropy": ("relu", "softmax"), "binary_cross_entropy_with_logits": ("relu", "sigmoid"),
                "softmax": ("relu",), "log_softmax": ("relu",), "sigmoid": ("relu",),
            }  # fmt: skip
            if mark.what in wrong.get(name, ()):
                tape.mismatches.append((name, mark))
        if self.in_loss:
            self._compared(name, args, kwargs)

    def _await_gradient(self, value: Tensor, name: str) -> None:
        """The first value whose gradient is not finite, going backward, tells which function made it so."""
        if not value.requires_grad:
            return
        readers = self.readers.setdefault(id(value), [])
        readers.append((name, self.place))
        if len(readers) > 1:
            return

        def look(gradient: Tensor, kept: Tensor = value) -> None:  # kept, so that its id is not given away
            if not self.tape.bad_gradient and not bool(gradient.isfinite().all()):
                self.tape.bad_gradient = readers

        self.handles.append(value.register_hook(look))  # type: ignore[no-untyped-call]

    def _compared(self, name: str, args: Any, kwargs: Any) -> None:
        """Outputs of shape (N, 1) against targets of shape (N,) are N² differences."""
        if name not in (
            "mse_loss",
            "l1_loss",
            "smooth_l1_loss",
            "huber_loss",
            "sub",
            "__sub__",
            "__rsub__",
            "rsub",
        ):
            return
        pair = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)][:2]
        if len(pair) == 2 and pair[0].ndim and pair[1].ndim and pair[0].shape != pair[1].shape:
            shapes = (tuple(pair[0].shape), tuple(pair[1].shape))
            both = np.broadcast_shapes(*shapes)
            if both not in shapes:
                self.tape.broadcasts.append((name, *shapes))

    def _after(
        self,
        func: Any,
        name: str,
        args: Any,
        kwargs: Any,
        given: list[Tensor],
        out: Tensor,
        largest: float,
        varied: bool,
    ) -> None:
        tape = self.tape
        if any(one.requires_grad for one in given) and not out.requires_grad and torch.is_grad_enabled():
            tape.cut = (name, self.place)
        spelling = SPELLINGS.get(func)
        clips = spelling is not None and spelling.kind in CLIPS and spelling.read(args, kwargs) is not None
        old = self.mark_of(args[0]) if args else None
        new: Mark | None = None
        if clips:
            new = Mark("relu", self.path)
        elif name in ("softmax", "sigmoid"):
            new = Mark(name, self.place)
        elif func in LAYERS:
            bias = (args[2] if len(args) > 2 else kwargs.get("bias")) is not None
            new = Mark("layer", self.path, bias=bias, first=self.path == tape.first_layer)
        elif name in SAME:
            new = old
        if new is not None:
            self.marks[id(out)] = (weakref.ref(out), new)
        else:
            self.marks.pop(id(out), None)
        if self.numbers:
            if tape.first_nan is None and bool(out.isnan().any()):
                tape.first_nan = (name, self.place, largest)
            if tape.first_inf is None and name not in FILLS and bool(out.isinf().any()):
                tape.first_inf = (name, self.place, largest)
            if varied and out.ndim and len(out) == self.samples and not varies(out, self.samples):
                tape.flattened = (name, self.place)

    def enter(self, module: nn.Module, args: Any) -> None:
        self.stack.append(self.names[module])

    def leave(self, module: nn.Module, args: Any, out: Any) -> None:
        self.stack.pop()


FILLS = ("masked_fill", "masked_fill_", "fill_", "full", "full_like", "new_full", "where")  # masks hold -inf


@contextmanager
def recorded(recording: Recording) -> Iterator[Recording]:
    """The recording at work; hooks tell it in which module we are, and are gone afterwards."""
    with ExitStack() as stack:
        for module in recording.names:
            if not isinstance(module, torch.jit.ScriptModule):
                stack.callback(module.register_forward_pre_hook(recording.enter).remove)
                stack.callback(module.register_forward_hook(recording.leave, always_call=True).remove)
        stack.enter_context(recording)
        yield recording


def varies(value: Tensor, samples: int) -> bool:
    """Whether a tensor with one entry a sample differs between samples by more than rounding."""
    if not value.ndim or len(value) != samples or samples < 2:
        return False
    if not value.is_floating_point():
        return bool((value != value[:1]).any())
    spread, size = (value - value[:1]).abs().amax(), value.abs().amax()
    return bool(spread > 8 * torch.finfo(value.dtype).eps * size)


def version_of(value: Tensor) -> int:
    return 0 if value.is_inference() else value._version


def _maker(value: Tensor) -> str:
    return type(value.grad_fn).__name__ if value.grad_fn is not None else ""


def _largest(given: list[Tensor]) -> float:
    sizes = [float(one.detach().abs().amax()) for one in given if one.is_floating_point() and one.numel()]
    return max(sizes, default=0.0)
