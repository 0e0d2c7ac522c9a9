"""How `watch` looks at a training step: the recorder is at work during those steps only, and then gone.

Between two looks one hook on the model remains, so that looking at every hundredth step costs next to
nothing. What begins and ends a step is not decided here: a forward pass of the model for `watch`, a batch
for Lightning.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from reluguide.doctor.naming import tidy
from reluguide.doctor.record import Recorder
from reluguide.doctor.seen import Seen, Watched
from reluguide.doctor.slopes import alive_units
from reluguide.doctor.spellings import Spelling, kind_of
from reluguide.doctor.wiring import Call


class Watcher:
    """Opens and closes looks at training steps of `root`, and keeps in `seen` what they show.

    `called` is the module that is called, where it is another than the root: one that is compiled.
    """

    def __init__(
        self,
        root: nn.Module,
        seen: Seen,
        *,
        every: int = 1,
        log: Callable[[Mapping[str, float], int], object] | None = None,
        only: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
        called: nn.Module | None = None,
        uncompile: bool = True,
    ) -> None:
        self.root, self.seen, self.every, self.log = root, seen, every, log
        self.called, self.uncompile = root if called is None else called, uncompile
        patterns = [[given] if isinstance(given, str) else list(given) for given in (only, ignore)]
        seen.filtered = any(patterns)
        self.onlooker = _Onlooker(seen)
        self.recorder = Recorder(root, self.onlooker, patterns[0], patterns[1])
        self.inside = False
        self.look: ExitStack | None = None
        self.whole = False  # whether the present look is at more than a call of the root
        self.looked = False  # whether there is something new to log

    def begin(self, args: Any = None, kwargs: Mapping[str, Any] | None = None) -> None:
        """A step begins; every n-th is looked at. `args` and `kwargs` are those that the root was called with.

        Without them a step is more than a call of the root: only what runs inside its modules counts, and a
        loss that is computed between them does not.
        """
        if self.inside:  # a pass within a pass
            return
        self.inside = True
        if not self.root.training:
            self.seen.passed_over["in eval mode (model.train() comes first)"] += 1
        elif not torch.is_grad_enabled():
            self.seen.passed_over["without gradients"] += 1
        else:
            self.seen.steps += 1
            if (self.seen.steps - 1) % self.every == 0:
                self.whole = args is None
                self._open(args or (), kwargs or {})

    def end(self, out: Any = None) -> None:
        """The step is over, also after an exception."""
        if not self.inside:
            return
        self.inside = False
        if self.look is not None:
            if not self.whole:
                self.recorder.leave(self.root, (), out)
            self.recorder.start_pass()  # nothing of this pass is kept
            self.close()
            self.onlooker.finish()  # its arithmetic is none of the recorder's business
            self.looked = True
            if self.log is not None:
                self.log(self.seen.scalars(), self.seen.steps)

    def close(self) -> None:
        """Take the recorder out of the model, if it is there."""
        look, self.look = self.look, None
        if look is not None:
            look.close()

    def before_forward(self, module: nn.Module, args: Any, kwargs: Mapping[str, Any]) -> None:
        if module is self.called:
            self.begin(args, kwargs)
        else:
            self.seen.passed_over["of copies of it (DataParallel; watch one process of DDP instead)"] += 1

    def after_forward(self, module: nn.Module, args: Any, out: Any) -> None:
        if module is self.called:
            self.end(out)

    @contextmanager
    def noticing_parts(self) -> Iterator[None]:
        """Inside, note which direct parts of the model run by themselves: one call each is looked at."""
        hooks: dict[nn.Module, tuple[str, RemovableHandle]] = {}

        def note(part: nn.Module, args: Any) -> None:
            name, hook = hooks[part]
            hook.remove()
            if not self.inside:
                self.seen.parts[name] = None

        for name, part in self.root.named_children():
            if not isinstance(part, torch.jit.ScriptModule):
                hooks[part] = (tidy(name), part.register_forward_pre_hook(note))
        try:
            yield
        finally:
            for _, hook in hooks.values():
                hook.remove()

    def _open(self, args: Any, kwargs: Mapping[str, Any]) -> None:
        self.recorder.start_pass()
        leave = self._leave if self.whole else self.recorder.leave
        with ExitStack() as stack:
            for module in self.recorder.places:
                # A root that is being called gets no hooks: PyTorch goes through them while we are here.
                if (module is self.root and not self.whole) or isinstance(module, torch.jit.ScriptModule):
                    continue
                stack.callback(module.register_forward_pre_hook(self.recorder.enter, with_kwargs=True).remove)
                stack.callback(module.register_forward_hook(leave, always_call=True).remove)
            if self.uncompile:
                stack.enter_context(uncompiled())
            stack.enter_context(self.recorder)
            if not self.whole:
                self.recorder.enter(self.root, args, dict(kwargs))
            self.look = stack.pop_all()

    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:
        """A module is left; outside of all of them what becomes of its output is not followed."""
        self.recorder.leave(module, args, out)
        if not self.recorder.tracks.stack:
            self.recorder.gives(out)
            self.recorder.tracks.clear()
            self.recorder.chains.settle()


class _Onlooker:
    """The recorder's observer: what the activation calls of one step say of their units."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.alive: dict[str, Tensor] = {}

    def before(
        self, call: Call, z: Tensor, spelling: Spelling, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if not z.numel():
            return
        known = self.seen.layers.get(call.name)
        if known is not None and known.units != call.units:
            # The data decides how wide this call is, as with attention scores: each width is a row.
            call.name = f"{call.name} ({call.units} wide)"
            known = self.seen.layers.get(call.name)
        if known is None:
            kind = kind_of(spelling, func, args, kwargs, z)
            nobody = torch.zeros(call.units, dtype=torch.bool, device=z.device)
            known = self.seen.layers[call.name] = Watched(
                call.name, kind, call.units, quiet=torch.zeros_like(nobody, dtype=torch.int64), dead=nobody
            )
        with torch.no_grad():
            alive = alive_units(call, known.kind, z, func, args, kwargs)
        before = self.alive.get(call.name)  # a call may run several times in one step
        self.alive[call.name] = alive if before is None else alive | before

    def after(self, call: Call, out: Tensor) -> None:
        """Only preactivations matter here."""

    def drop(self, name: str) -> None:
        """A call was but a part of an activation that is judged as a whole, or cannot be judged."""
        for kept in (self.alive, self.seen.layers):
            for known in [one for one in kept if one == name or one.startswith(f"{name}[")]:
                del kept[known]

    def finish(self) -> None:
        """The step is over."""
        for name, alive in self.alive.items():
            self.seen.layers[name].step(alive, self.seen.steps, self.seen.patience)
        self.alive.clear()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Inside, compiled models run as they were written."""
    if "torch._dynamo" not in sys.modules:  # else nothing is compiled, and asking would load it for seconds
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
