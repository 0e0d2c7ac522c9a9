"""Follows functions of each entry, and judges what they make of a layer's output once it is used.

So long as a tensor is a function of each entry of one layer's output, nothing is decided. When a layer, a
sum, a reshape or the end of the model reads it, the whole chain is an activation if its slope is zero
somewhere and not everywhere.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reluguide.doctor.calls import Calls
from reluguide.doctor.flow import SAME, Feed, Trail
from reluguide.doctor.handmade import (
    INPUT_OF_CHAIN,
    LONGEST,
    Chain,
    Root,
    Step,
    Steps,
    chained,
    only_exponential,
)
from reluguide.doctor.spellings import HANDMADE, kind_of
from reluguide.doctor.tracks import Tracks, tensors

Claims = dict[str, list[tuple[str, str]]]


class Chains:
    """The chains of one model."""

    def __init__(self, tracks: Tracks, calls: Calls) -> None:
        self.tracks, self.calls = tracks, calls
        self.steps = Steps()
        self.claims: Claims = {}  # an activation call -> (layer, call or function) that reads its output

    def start_pass(self) -> None:
        self.settle()

    def settle(self) -> None:
        """What calls that were no part of another told of their layers, goes into the wiring."""
        for name, claims in self.claims.items():
            if name not in self.calls.absorbed:
                for layer, reader in claims:
                    table = self.tracks.wiring.answers if reader == name else self.tracks.wiring.leaks
                    table.setdefault(layer, set()).add(reader)
        self.claims.clear()

    def of(self, tensor: Tensor) -> Chain | None:
        """The chain of a tensor; one of no steps where it is itself at the start of one."""
        trail = self.tracks.trail(tensor)
        if (
            trail is None
            or tensor.is_nested
            or (trail.chain is None and (trail.layout is None or trail.producer is None))
        ):
            return None
        if trail.chain is not None:
            return trail.chain
        if trail.root is None:
            trail.root = Root(tensor, trail)
            if self.calls.gradients is not None and tensor.requires_grad:
                self.calls.gradients.listen_at_root(trail.root)
        return Chain(trail.root, INPUT_OF_CHAIN, None, "", frozenset())

    def link(self, func: Any, name: str, args: Any, kwargs: Mapping[str, Any]) -> Chain | None:
        """The chain of what this function will give; None where it is not one of a single root's entries."""
        if not chained(name, args) or kwargs.get("out") is not None:
            return None
        found: dict[int, Chain] = {}
        root: Root | None = None
        shape: Any = None
        self.tracks.borrow(args, kwargs)
        for tensor in tensors(args, kwargs):
            if tensor.is_nested:
                return None
            if self.tracks.trail(tensor) is None:
                if shape is not None and tensor.ndim > len(shape):
                    return None
                continue
            chain = self.of(tensor)
            if chain is None or (root is not None and chain.root is not root):
                return None
            if shape is not None and tensor.shape != shape:
                return None
            root, shape = chain.root, tensor.shape
            found[id(tensor)] = chain
        if root is None:
            return None
        step = self.steps.make(func, args, kwargs, found)
        if step is None or step.length > LONGEST:
            return None
        calls = frozenset().union(*(chain.calls for chain in found.values()))
        one = next(iter(found.values()))
        if step.straight:
            core, path = None, self.tracks.path
        elif step.line and len(found) == 1:
            core, path = one.core, one.path
        else:
            core, path = step, self.tracks.path
        return Chain(root, step, core, path, calls)

    def overwrites(self, tensor: Tensor) -> None:
        """A function is about to write into this tensor: chains that start at it keep what it was."""
        trail = self.tracks.trail(tensor)
        root = trail.root if trail is not None else None
        if root is not None and root.value is tensor and root.chains:
            root.value = tensor.detach().clone()

    def mark(self, out: Tensor, chain: Chain, func: Any, known: list[tuple[Tensor, Trail]]) -> None:
        """Give a result its chain."""
        chain.root.chains += 1
        trail: Trail = chain.root.trail
        kept = func in SAME
        feed = known[0][1].feed if kept else None
        direct = known[0][1].direct if kept else False
        new = trail.but(trail.layout, direct, feed)
        new.pending = frozenset().union(*(one.pending for _, one in known))
        new.root, new.chain = chain.root, chain
        self.tracks.mark(out, new)

    def close(self, trail: Trail, reader: str) -> None:
        """The tensor of this trail is read by something else than a function of each entry."""
        chain = trail.chain
        if chain is None:
            return
        source: Trail = chain.root.trail
        name = self.judge(chain)
        if name is not None and chain.step is chain.core and name not in chain.calls:
            trail.feed = Feed(name)
        if name is not None:
            self.tracks.wiring.answered |= trail.pending | source.pending
            trail.pending = frozenset()
            if trail.feed is None:
                self.tracks.escape(Feed(name), chain.step.name.strip("_"))
        elif not trail.direct:
            self.tracks.leak(source, chain.step.name.strip("_"))

    def judge(self, chain: Chain) -> str | None:
        """Show the chain's core to the observer if it is an activation; the name of the call."""
        core, root = chain.core, chain.root
        if core is None:
            return None
        if id(core) not in root.judged:
            # The step is kept with its name: another one could be given its id.
            root.judged[id(core)] = (core, self._judged(core, chain))
        return root.judged[id(core)][1]

    def _judged(self, core: Step, chain: Chain) -> str | None:
        root, trail = chain.root, chain.root.trail
        calls = chain.calls
        if len(calls) == 1 and core.spelled and core.plain:
            return next(iter(calls))
        z = root.value
        if not z.dtype.is_floating_point or (not calls and only_exponential(core)):
            return None
        try:
            kind = kind_of(HANDMADE, core, (z,), {}, z)
        except Exception:  # a chain that autograd cannot follow, as through a comparison alone
            return None
        if kind.never:
            return None
        if not calls and not kind.cuts and kind.name == HANDMADE.kind:
            return None
        if len(calls) == 1 and not kind.by_slope and (inner := _spelled(core)) is not None and inner.plain:
            before = kind_of(HANDMADE, inner, (z,), {}, z)
            if (before.low, before.high, before.by_slope) == (kind.low, kind.high, kind.by_slope):
                return next(iter(calls))
        usual = kind.name if kind.name != HANDMADE.kind else None
        op = usual or core.name.strip("_") or "activation"
        name = self.calls.name(chain.path, op, trail, core.words)
        for part in calls:
            self.calls.absorb(part)
        root.told += self.calls.tell(name, op, trail, z, HANDMADE, core, (z,), {})
        if (maker := trail.maker) is not None:
            self.claims.setdefault(name, []).append((maker.name, name))
        return name


def _spelled(step: Step) -> Step | None:
    """The one activation with a name inside a chain."""
    found = [one for one in step.inside() if one.spelled]
    return found[0] if len(found) == 1 else None
