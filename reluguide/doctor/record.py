"""Sees every activation of a forward pass, in whatever way it is written.

A `TorchFunctionMode` sees functions and methods before they run, so an in-place ReLU cannot hide its
preactivations, and the fused path of `nn.TransformerEncoderLayer` steps aside. Forward hooks serve
only to know in which module we are. Functions with a name are judged as they run (`spellings`), chains of
functions of each entry where their result is used (`chains`). It does not see TorchScript, fused RNNs
and other threads.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.overrides import TorchFunctionMode

from reluguide.doctor.calls import Calls
from reluguide.doctor.chains import Chains
from reluguide.doctor.flow import CONVOLUTIONS, INPUT, NORMS, NOWHERE, Feed, Norm, Producer, Trail, inherited
from reluguide.doctor.gradients import Gradients
from reluguide.doctor.handmade import BLANK, Chain
from reluguide.doctor.layout import on_axis, units_of
from reluguide.doctor.makers import Known, produced, weight_made
from reluguide.doctor.naming import tidy
from reluguide.doctor.products import KEEPS_ITS_RESULT, is_product
from reluguide.doctor.spellings import SPELLINGS, Spelling, op_name
from reluguide.doctor.tracks import Tracks, tensors, tensors_within
from reluguide.doctor.wiring import Observer, Wiring

OUT_OF_SIGHT = frozenset(("numpy", "tolist", "item", "__array__", "__float__", "__int__", "__dlpack__"))


@dataclass(frozen=True)
class _Place:
    """A module's name, and whether it is a layer with parameters of its own (norms aside)."""

    path: str
    layer: bool


class Recorder(TorchFunctionMode):
    """While active (see `recording`), tells `observer` of each activation call inside `root`."""

    def __init__(
        self,
        root: nn.Module,
        observer: Observer,
        only: list[str],
        ignore: list[str],
        gradients: Gradients | None = None,
    ) -> None:
        super().__init__()
        self.tracks = Tracks(root)
        self.gradients = gradients
        self.calls = Calls(self.tracks, observer, only, ignore, gradients)
        self.chains = Chains(self.tracks, self.calls)
        self.deaf = False  # while it does sums of its own
        self.places = {
            module: _Place(tidy(name), layer=bool(name) and _makes_units(module))
            for name, module in root.named_modules()
        }

    @property
    def wiring(self) -> Wiring:
        return self.tracks.wiring

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.deaf:
            return func(*args, **kwargs)
        spelling = SPELLINGS.get(func)
        z = spelling.read(args, kwargs) if spelling else None
        if spelling is not None and z is not None and z.ndim:
            return self._activation(spelling, z, func, args, kwargs)
        name = getattr(func, "__name__", "")
        if name in BLANK:
            return func(*args, **kwargs)
        if name == "__get__" and self.tracks.trail(args[0]) is None and self.tracks.weight(args[0]) is None:
            return func(*args, **kwargs)
        target = _target(name, args, kwargs)
        chain = self.chains.link(func, name, args, kwargs)
        if target is not None:
            chain = self._before_overwriting(target, chain)
        out = func(*args, **kwargs)
        if chain is not None and isinstance(out if target is None else target, Tensor):
            given = out if target is None else target
            if given.shape == chain.root.value.shape:
                self.chains.mark(given, chain, func, self._known(args, kwargs))
                return out
        if target is not None and out is None:
            self._follow(func, name, args, kwargs, target, None)
        elif isinstance(out, Tensor):
            if self.gradients is not None and target is None and _gives_units(func, name):
                out = self.gradients.anchored(out)
            self._follow(func, name, args, kwargs, out, None)
        elif isinstance(out, (tuple, list)) and type(out) is not torch.Size:
            for index, part in enumerate(out):
                if isinstance(part, Tensor):
                    self._follow(func, name, args, kwargs, part, index)
        elif name in OUT_OF_SIGHT:
            self._lost(name, args, kwargs)
        return out

    def start_pass(self) -> None:
        """Forget the tensors of the last forward pass."""
        tracks = self.tracks
        for name, times in tracks.used.items():
            tracks.wiring.uses[name] = max(tracks.wiring.uses[name], times)
        tracks.used.clear()
        tracks.clear()
        self.calls.start_pass()
        self.chains.settle()

    def _activation(self, spelling: Spelling, z: Tensor, func: Any, args: Any, kwargs: Any) -> Any:
        tracks, chains = self.tracks, self.chains
        trail = tracks.trail(z) or NOWHERE
        op = op_name(func, args, kwargs)
        before = chains.of(z)
        numbers = [one for one in (*args, *kwargs.items()) if not isinstance(one, Tensor)]
        signature = (op, repr(numbers), before.step.words if before is not None else "")
        name = self.calls.name(tracks.path, op, trail, signature)
        if trail.feed is not None:
            tracks.escape(trail.feed, func.__name__)
        tracks.wiring.answered |= trail.pending
        if (maker := trail.maker) is not None:
            chains.claims.setdefault(name, []).append((maker.name, name))
        elif before is not None and (maker := before.root.trail.maker) is not None:
            chains.claims.setdefault(name, []).append((maker.name, before.step.name.strip("_")))
        told = self.calls.tell(name, op, trail, z, spelling, func, args, kwargs, z)
        chain = self._spelled(name, z, before, func, args, kwargs)
        out = func(*args, **kwargs)
        if told and isinstance(out, Tensor):
            self.calls.gave(told, out, name)
        if isinstance(out, Tensor):
            new = behind(trail, name)
            if chain is not None and chain.root.value is not out:
                chain.root.chains += 1
                new.root, new.chain = chain.root, chain
            tracks.mark(out, new)
        return out

    def _spelled(
        self, name: str, z: Tensor, before: Chain | None, func: Any, args: Any, kwargs: Any
    ) -> Chain | None:
        """The chain that goes on behind an activation with a name, which may be a part of a larger one."""
        if before is None:
            return None
        if str(func.__name__).endswith("_") or kwargs.get("inplace") or _in_place(func, args):
            self.chains.overwrites(z)
        step = self.chains.steps.make(func, args, kwargs, {id(z): before})
        if step is None:
            return None
        step.spelled = True
        return Chain(before.root, step, step, self.tracks.path, before.calls | {name})

    def _before_overwriting(self, target: Tensor, chain: Chain | None) -> Chain | None:
        """What is at hand before a function writes into a tensor; the chain that is left afterwards."""
        trail = self.tracks.trail(target)
        if chain is not None and chain.root.value is target:
            if chain.core is not None:
                self.chains.overwrites(target)
                if chain.root.value is target:  # nothing else needs it, and it is about to go
                    name = self.chains.judge(chain)
                    self._renew(target, chain, name)
                    return None
                return chain
            self.chains.overwrites(target)
            return chain if chain.root.value is not target else None
        if chain is None and trail is not None:
            self.chains.overwrites(target)
        return chain

    def _renew(self, target: Tensor, chain: Chain, name: str | None) -> None:
        """A tensor that an activation was written into starts a new chain."""
        source: Trail = chain.root.trail
        if name is not None:
            self.wiring.answered |= source.pending
            self.tracks.mark(target, behind(source, name))
        else:
            self.tracks.leak(source, chain.step.name.strip("_"))
            self.tracks.mark(target, source.but(source.layout, False, None))

    def _known(self, args: Any, kwargs: Any) -> Known:
        trail = self.tracks.trail
        return [(one, known) for one in tensors(args, kwargs) if (known := trail(one)) is not None]

    def _follow(self, func: Any, name: str, args: Any, kwargs: Any, out: Tensor, index: int | None) -> None:
        known = self._known(args, kwargs)
        if known and self._chosen(name, args):
            known = []
        for _, trail in known:
            if trail.chain is not None:
                self.chains.close(trail, name)
        if out.is_nested and out.layout == torch.strided:  # these have no shape to speak of
            maker = known[0][1].producer if known else None
            if func is nn.functional.linear:
                maker = Producer(self.tracks.path, name, args[1], None, None, weighs=True)
            self.tracks.mark(out, Trail(on_axis(out.dim(), -1, out.size(-1)), producer=maker))
        elif func in CONVOLUTIONS or is_product(func, name):
            if not known and self._made_of_weights(func, args, kwargs, out, index):
                return
            made = produced(self.tracks, func, args, kwargs, known, out)
            self.tracks.mark(out, made)
            if self.gradients is not None:
                name_of = made.producer.name if made.producer is not None else self.tracks.path
                self.gradients.listen_at_layer(name_of, out, made, self.wiring.answered)
        elif func in NORMS:
            self.tracks.mark(out, self._normed(func, args, kwargs, out, known))
        elif known:
            self.tracks.borrow(args, kwargs)
            self.tracks.mark(out, self._passed(func, name, args, kwargs, out, known, index))
        else:
            self.tracks.borrow(args, kwargs)
            self._made_of_weights(func, args, kwargs, out, index)

    def _chosen(self, name: str, args: Any) -> bool:
        """Whether data choose among the entries of a weight, as a router among experts."""
        return name in ("__getitem__", "index_select", "select") and self.tracks.weight(args[0]) is not None

    def _made_of_weights(self, func: Any, args: Any, kwargs: Any, out: Tensor, index: int | None) -> bool:
        """Whether a function was given parameters alone; then its result is marked as such."""
        first = None
        for tensor in tensors(args, kwargs):
            mark = self.tracks.weight(tensor)
            if mark is not None:
                if mark.rows is not None and is_product(func, getattr(func, "__name__", "")):
                    return False  # a table that data were looked up in
                first = first or (tensor, mark)
            elif tensor.is_floating_point() and tensor.numel() > 1 and id(tensor) not in self.tracks.buffers:
                return False  # perhaps data that came in by another way
        if first is None:
            return False
        self.tracks.mark_weight(out, weight_made(func, args, kwargs, out, index, first[1], first[0]))
        return True

    def _passed(
        self, func: Any, name: str, args: Any, kwargs: Any, out: Tensor, known: Known, index: int | None
    ) -> Trail:
        """The trail behind a function that is neither activation, layer nor norm."""
        # Of several, the first with the shape of the result: a residual sum, not the scale of it.
        before, trail = next(((t, k) for t, k in known if t.shape == out.shape), known[0])
        new = inherited(trail, func, before, out, args, kwargs)
        if new.layout is None:
            new = next(
                (n for t, k in known if (n := inherited(k, func, t, out, args, kwargs)).layout is not None),
                new,
            )
        if (
            new.layout is not None
            and trail.layout is not None
            and units_of(new.layout) != units_of(trail.layout)
        ):
            at = args[1:] if name == "__getitem__" else index
            new.cut = f"{trail.cut}/{at!r:.60}"
        if len(known) == 2 and name in ("mul", "mul_", "multiply") and (gated := self._gated(known)):
            return replace(new, direct=False, feed=gated, pending=known[0][1].pending | known[1][1].pending)
        if len(known) > 1:
            new = replace(new, direct=False, feed=None)
            new.pending = frozenset().union(*(one.pending for _, one in known))
        for _, one in known:
            if not new.direct:
                self.tracks.leak(one, name)
            if one.feed is not None and new.feed is None:
                self.tracks.escape(one.feed, name)
        return new

    def _gated(self, known: Known) -> Feed | None:
        """The activations that a layer's output, unit by unit, is multiplied onto: units that give 0 still do."""
        for (act, values), (other, gate) in (known, known[::-1]):
            made, feed = gate.maker, values.feed
            if feed is None or feed.source == INPUT or feed.through or made is None or gate.feed is not None:
                continue
            alike = act.shape == other.shape and values.layout == gate.layout
            if (
                alike
                and gate.layout is not None
                and not gate.cut
                and gate.norm is None
                and values.groups is None
            ):
                self.wiring.partners.setdefault(feed.source, set()).add(made.name)
                return feed
        return None

    def _normed(self, func: Any, args: Any, kwargs: Any, out: Tensor, known: Known) -> Trail:
        name = str(func.__name__)
        path = self.tracks.path
        self.tracks.used[path] += 1
        trail = known[0][1] if known else NOWHERE
        places = {"batch_norm": 3, "instance_norm": 3, "group_norm": 2, "layer_norm": 2, "rms_norm": 2}
        at = places[name]
        scale, shift = (
            args[k] if len(args) > k else kwargs.get(key) for k, key in ((at, "weight"), (at + 1, "bias"))
        )
        if name == "rms_norm":
            shift = None
        one = scale is None or scale.ndim == 1
        if name in ("layer_norm", "rms_norm"):
            layout = trail.layout if not one else None
            if layout is None:
                kept = trail.layout
                last = (
                    kept is not None
                    and all(factors is None for factors in kept[:-1])
                    and kept[-1] is not None
                )
                layout = kept if last else on_axis(out.ndim, -1, out.shape[-1])
        else:
            features = out.shape[1] if out.ndim > 1 else 1
            layout = trail.layout
            if layout is None or layout[1:2] != (((features, 1),),):
                layout = on_axis(out.ndim, 1 - out.ndim, features)
        whole = layout == trail.layout
        feed = trail.feed
        if feed is not None and name == "batch_norm" and whole:
            feed = Feed(feed.source, (*feed.through, path))
        elif feed is not None:
            self.tracks.escape(feed, name)
            feed = None
        # The layer's own bias cannot matter to a unit of the norm; where two norms follow, the last decides.
        norm = Norm(path, scale if one else None, shift if one else None)
        return replace(
            trail, layout=layout, norm=norm, feed=feed, direct=True, root=None, chain=None,
            groups=trail.groups if whole else None,
        )  # fmt: skip

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.deaf:  # a checkpoint runs it again
            return
        path = self.places[module].path
        if not path:
            for tensor in tensors_within((args, kwargs)):
                if self.tracks.trail(tensor) is None:
                    self.tracks.mark(tensor, Trail(feed=Feed(INPUT)))
        self.tracks.stack.append(path)
        self.wiring.ran.add(path)

    def leave(self, module: nn.Module, args: Any, out: Any) -> None:
        """Called after a module, also where it raised. Returns None: anything else would replace `out`."""
        if self.deaf:
            return
        path = self.tracks.stack.pop()
        place = self.places[module]
        if place.layer:
            self.wiring.unanswered.setdefault(path)
        elif path:
            return
        if not path:
            self.gives(out)
            return
        for tensor in tensors((out,), {}):
            trail = self.tracks.trail(tensor) or NOWHERE
            self.tracks.mark(tensor, replace(trail, pending=trail.pending | {path}))

    def _lost(self, name: str, args: Any, kwargs: Any) -> None:
        """Values go where no tensor is, and whatever becomes of them there cannot be seen."""
        for _, trail in self._known(args, kwargs):
            self.chains.close(trail, name)
            self.tracks.leak(trail, name)
            if trail.feed is not None:
                self.tracks.escape(trail.feed, name)

    def gives(self, out: Any) -> None:
        """Note that `out` leaves the model: whoever reads it there is out of sight."""
        self.deaf = True
        try:
            for tensor in tensors_within(out):
                trail = self.tracks.trail(tensor) or NOWHERE
                self.chains.close(trail, "the model's output")
                self.tracks.leak(trail, "the model's output")
                if trail.feed:
                    self.tracks.escape(trail.feed, "the model's output")
        finally:
            self.deaf = False

    def pull(self, out: Any) -> None:
        """Send a random cotangent back from what the model gave, where gradients are looked at."""
        if self.gradients is None:
            return
        self.deaf = True
        try:
            self.gradients.pull(out)
        finally:
            self.deaf = False


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


def _gives_units(func: Any, name: str) -> bool:
    return func in CONVOLUTIONS or (is_product(func, name) and func not in KEEPS_ITS_RESULT)


def behind(trail: Trail, name: str) -> Trail:
    """The trail of what an activation made of a tensor of this trail."""
    made = trail.producer
    itself = (
        None
        if made is None
        else Producer(made.name, name, None, None, None, made.part, layer=False, of=made.of)
    )
    return Trail(
        trail.layout, producer=itself, norm=trail.norm, direct=True, feed=Feed(name), cut=trail.cut,
        groups=trail.groups,
    )  # fmt: skip


def _target(name: str, args: Any, kwargs: Any) -> Tensor | None:
    """The tensor that a function writes into, where it does."""
    if isinstance(out := kwargs.get("out"), Tensor):
        return out
    in_place = name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))
    if in_place and name not in ("requires_grad_", "retain_grad_") and args and isinstance(args[0], Tensor):
        return args[0]
    return None


def _in_place(func: Any, args: Any) -> bool:
    """Whether a functional activation was asked to write into its input, as `F.relu(x, True)`."""
    return any(one is True for one in args[1:])
