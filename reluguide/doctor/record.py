"""Sees every activation call of a forward pass, in whatever way it is written.

A `TorchFunctionMode` sees functions and methods before they run, so an in-place ReLU cannot hide its
preactivations, and the fused path of `nn.TransformerEncoderLayer` steps aside. Forward hooks serve
only to know in which module we are. It does not see TorchScript, fused RNNs, other threads, and
arithmetic that happens to be an activation, such as x * (x > 0).
"""

import sys
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.overrides import TorchFunctionMode

from reluguide.doctor.flow import (
    CONVOLUTIONS,
    INPUT,
    NORMS,
    NOWHERE,
    PRODUCTS,
    Feed,
    Norm,
    Producer,
    Trail,
    inherited,
)
from reluguide.doctor.naming import tidy
from reluguide.doctor.spellings import SPELLINGS, Spelling, op_name
from reluguide.doctor.wiring import Call, Consumer, Observer, Wiring


@dataclass(frozen=True)
class _Place:
    """A module's name, and whether it is a layer with parameters of its own (norms aside)."""

    path: str
    layer: bool


class Recorder(TorchFunctionMode):
    """While active (see `recording`), tells `observer` of each activation call inside `root`."""

    def __init__(self, root: nn.Module, observer: Observer, only: list[str], ignore: list[str]) -> None:
        super().__init__()
        self.observer, self.only, self.ignore = observer, only, ignore
        self.wiring = Wiring()
        self.places = {
            module: _Place(tidy(name), layer=bool(name) and _makes_units(module))
            for name, module in root.named_modules()
        }
        self.stack: list[str] = []
        self.trails: dict[int, tuple[weakref.ref[Tensor], Trail]] = {}
        self.counter: Counter[str] = Counter()
        self.used: Counter[str] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        spelling = SPELLINGS.get(func)
        z = spelling.read(args, kwargs) if spelling else None
        if spelling is not None and z is not None and z.ndim:
            return self._activation(spelling, z, func, args, kwargs)
        out = func(*args, **kwargs)
        if isinstance(out, Tensor):
            self._follow(func, args, kwargs, out)
        elif isinstance(out, (tuple, list)) and type(out) is not torch.Size:
            for part in out:
                if isinstance(part, Tensor):
                    self._follow(func, args, kwargs, part)
        return out

    def start_pass(self) -> None:
        """Forget the tensors and the call numbers of the last forward pass."""
        for name, times in self.used.items():
            self.wiring.uses[name] = max(self.wiring.uses[name], times)
        self.trails.clear()
        self.counter.clear()
        self.used.clear()

    def trail(self, tensor: Tensor) -> Trail | None:
        known = self.trails.get(id(tensor))
        # An id may have been given to another tensor since; the weak reference tells.
        return known[1] if known is not None and known[0]() is tensor else None

    def mark(self, tensor: Tensor, trail: Trail) -> None:
        self.trails[id(tensor)] = (weakref.ref(tensor), trail)

    def _activation(self, spelling: Spelling, z: Tensor, func: Any, args: Any, kwargs: Any) -> Any:
        trail = self.trail(z) or NOWHERE
        op = op_name(func, args, kwargs)
        name = self._name(op)
        if trail.feed is not None:
            self._escape(trail.feed, func.__name__)
        self.wiring.answered |= trail.pending
        if trail.producer is not None and trail.direct:
            self.wiring.answers.setdefault(trail.producer.name, set()).add(name)
        axis, inner = trail.axis, trail.inner
        traced = axis is not None and z.shape[axis] % inner == 0
        if axis is None or not traced:
            axis, inner = (1 - z.ndim if z.ndim in (4, 5) else -1), 1
        call = Call(name, op, axis, inner, z.shape[axis] // inner, traced, trail)
        seen = self._wanted(name)
        if seen:
            self.observer.before(call, z, spelling, func, args, kwargs)
        out = func(*args, **kwargs)
        if seen and isinstance(out, Tensor):
            self.observer.after(call, out)
        self.mark(out, Trail(axis if traced else None, inner, feed=Feed(name)))
        return out

    def _name(self, op: str) -> str:
        path = self.stack[-1] if self.stack else ""
        base = path if path.rpartition(".")[2] == op else f"{path}.{op}".lstrip(".")
        self.counter[base] += 1
        return base if self.counter[base] == 1 else f"{base}#{self.counter[base]}"

    def _wanted(self, name: str) -> bool:
        if self.only and not any(fnmatchcase(name, pattern) for pattern in self.only):
            return False
        return not any(fnmatchcase(name, pattern) for pattern in self.ignore)

    def _follow(self, func: Any, args: Any, kwargs: Any, out: Tensor) -> None:
        known = [(tensor, trail) for tensor in _tensors(args, kwargs) if (trail := self.trail(tensor))]
        if func in CONVOLUTIONS or func in PRODUCTS:
            self.mark(out, self._produced(func, args, kwargs, known))
        elif func in NORMS:
            self.mark(out, self._normed(func, args, kwargs, out, known))
        elif known:
            self.mark(out, self._passed(func, out, known))

    def _passed(self, func: Any, out: Tensor, known: list[tuple[Tensor, Trail]]) -> Trail:
        """The trail behind a function that is neither activation, layer nor norm."""
        # Of several, the first with the shape of the result: a residual sum, not the scale of it.
        before, trail = next(((t, k) for t, k in known if t.shape == out.shape), known[0])
        new = inherited(trail, func, before, out)
        if new.axis is None:
            new = next((n for t, k in known if (n := inherited(k, func, t, out)).axis is not None), new)
        if len(known) > 1:
            new = new.but(new.axis, new.inner, False, None)
            new.pending = frozenset().union(*(k.pending for _, k in known))
        for _, trail in known:
            if not new.direct:
                self._leak(trail, func.__name__)
            if trail.feed is not None and new.feed is None:
                self._escape(trail.feed, func.__name__)
        return new

    def _produced(self, func: Any, args: Any, kwargs: Any, known: list[tuple[Tensor, Trail]]) -> Trail:
        path = self.stack[-1] if self.stack else ""
        self.used[path] += 1
        simple = func in CONVOLUTIONS or func is nn.functional.linear
        weight = (args[1] if len(args) > 1 else kwargs.get("weight")) if simple else None
        bias = (args[2] if len(args) > 2 else kwargs.get("bias")) if simple else None
        axis = CONVOLUTIONS.get(func, -1)
        sources = set()
        for tensor, trail in known:
            self._leak(trail, func.__name__)
            if trail.feed is None:
                continue
            sources.add(trail.feed.source)
            given = args[0] if args else kwargs.get("input")
            if simple and tensor is given and trail.axis in (axis, None):
                consumer = Consumer(path, trail.feed.through, trail.inner)
                self.wiring.consumers.setdefault(trail.feed.source, set()).add(consumer)
            else:
                self._escape(trail.feed, func.__name__)
        source = sources.pop() if len(sources) == 1 else None
        return Trail(axis, producer=Producer(path, func.__name__, weight, bias, source))

    def _normed(self, func: Any, args: Any, kwargs: Any, out: Tensor, known: Any) -> Trail:
        name = func.__name__
        path = self.stack[-1] if self.stack else ""
        self.used[path] += 1
        trail = known[0][1] if known else NOWHERE
        last = name in ("layer_norm", "rms_norm")
        places = {"batch_norm": 3, "instance_norm": 3, "group_norm": 2, "layer_norm": 2, "rms_norm": 2}
        at = places[name]
        scale, shift = (
            args[k] if len(args) > k else kwargs.get(key) for k, key in ((at, "weight"), (at + 1, "bias"))
        )
        if name == "rms_norm":
            shift = None
        one = scale is None or scale.ndim == 1
        axis = (trail.axis if not one else -1) if last else 1 - out.ndim
        inner = trail.inner if axis == trail.axis else 1
        feed = trail.feed
        if feed is not None and name == "batch_norm" and trail.inner == 1:
            feed = Feed(feed.source, (*feed.through, path))
        elif feed is not None:
            self._escape(feed, name)
            feed = None
        # The layer's own bias cannot matter to a unit of the norm; where two norms follow, the last decides.
        norm = Norm(path, scale if one else None, shift if one else None)
        return replace(trail, axis=axis, inner=inner, norm=norm, feed=feed, direct=True)

    def _escape(self, feed: Feed, name: str) -> None:
        self.wiring.escapes.setdefault(feed.source, set()).add(name)

    def _leak(self, trail: Trail, name: str) -> None:
        if trail.producer is not None and trail.direct:
            self.wiring.leaks.setdefault(trail.producer.name, set()).add(name)

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        path = self.places[module].path
        if not path:
            for tensor in _tensors(args, kwargs):
                self.mark(tensor, Trail(feed=Feed(INPUT)))
        self.stack.append(path)
        self.wiring.ran.add(path)

    def leave(self, module: nn.Module, args: Any, out: Any) -> None:
        """Called after a module, also where it raised. Returns None: anything else would replace `out`."""
        path = self.stack.pop()
        place = self.places[module]
        if place.layer:
            self.wiring.unanswered.setdefault(path)
        elif path:
            return
        if not path:
            self.gives(out)
            return
        for tensor in _tensors((out,), {}):
            trail = self.trail(tensor) or NOWHERE
            self.mark(tensor, replace(trail, pending=trail.pending | {path}))

    def gives(self, out: Any) -> None:
        """Note that `out` leaves the model: whoever reads it there is out of sight."""
        for tensor in _tensors((out,), {}):
            trail = self.trail(tensor) or NOWHERE
            self._leak(trail, "the model's output")
            if trail.feed:
                self._escape(trail.feed, "the model's output")


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """The recorder at work: hooks are in place and gone afterwards, compiled models run uncompiled."""
    with ExitStack() as stack:
        for module in recorder.places:
            if isinstance(module, torch.jit.ScriptModule):
                continue
            before = module.register_forward_pre_hook(recorder.enter, with_kwargs=True)
            stack.callback(before.remove)
            after = module.register_forward_hook(recorder.leave, always_call=True)
            stack.callback(after.remove)
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and asking would load it for seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(recorder)
        yield recorder


def _makes_units(module: nn.Module) -> bool:
    if isinstance(module, ParametrizationList):  # what it gives is a weight of the layer around it
        return False
    return "norm" not in type(module).__name__.lower() and any(True for _ in module.parameters(recurse=False))


def _tensors(args: Iterable[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors among arguments or outputs, also those one level down in tuples, lists and dicts."""
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list, Mapping)):
            inside = value.values() if isinstance(value, Mapping) else value
            yield from (part for part in inside if isinstance(part, Tensor))
