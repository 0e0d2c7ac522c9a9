"""A second judgement, of another kind: does a gradient reach each unit when the output is pulled at random?

The first judgement looks at preactivations and at the slope of the function that they are given to. This
one takes a random cotangent at the model's output and reads the gradient that arrives at each layer. Where
no function is overlooked, both agree; where they do not, the report says so.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from reluguide.doctor.flow import Trail
from reluguide.doctor.handmade import Root
from reluguide.doctor.layer import Layer
from reluguide.doctor.layout import fits
from reluguide.doctor.statistics import reduced
from reluguide.doctor.tracks import THE_MODEL, tensors_within
from reluguide.doctor.unseen import ROUND, STOPPED, UNPULLED, UNSEEN_DEAD, Unseen
from reluguide.doctor.wiring import Call
from reluguide.doctor.words import listed


class Gradients:
    """Listens at layers and calls during forward passes, and keeps which units a gradient reached."""

    def __init__(self) -> None:
        # Every tensor that a layer gives depends on it, so that gradients flow also where weights are frozen.
        self.anchor = torch.zeros((), requires_grad=True)
        self.calls: dict[str, Tensor] = {}
        self.layers: dict[str, Tensor] = {}
        self.unpulled = False

    def anchored(self, out: Tensor) -> Tensor:
        """`out`, with a way to the anchor."""
        if not out.dtype.is_floating_point or not torch.is_grad_enabled():
            return out
        anchor = self.anchor.to(out.device)
        # In place where that is allowed: it costs nothing and leaves the tensor the same object.
        tied: Tensor = out + anchor.to(out.dtype) if out._is_view() else _Tie.apply(out, anchor)  # type: ignore[no-untyped-call]
        return tied

    def listen(self, z: Tensor, call: Call, name: str) -> None:
        """Keep which units of this call a gradient reaches."""
        if z.requires_grad and not z.is_nested:
            _hook(z, lambda gradient: self._reached(self.calls, name, call, gradient))

    def listen_at_root(self, root: Root) -> None:
        """Keep which units a gradient reaches, of the chains that turn out to be activations."""

        def hook(gradient: Tensor) -> None:
            for call in root.told:
                self._reached(self.calls, call.name, call, gradient)

        _hook(root.value, hook)

    def listen_at_layer(self, name: str, out: Tensor, trail: Trail, answered: set[str]) -> None:
        """Keep which outputs of this layer a gradient reaches, if no activation call answers to it."""
        if trail.layout is None or trail.groups is not None or not fits(trail.layout, out.shape):
            return
        if out.requires_grad:
            call = Call(name, "", trail.layout, True, trail)

            def hook(gradient: Tensor) -> None:
                if not answered.intersection((name, name or THE_MODEL)):  # known by the time it runs
                    self._reached(self.layers, name or THE_MODEL, call, gradient)

            _hook(out, hook)

    def pull(self, out: Any) -> None:
        """Send a random cotangent back from the model's output."""
        ends = [one for one in tensors_within(out) if one.requires_grad and one.dtype.is_floating_point]
        if not ends:
            self.unpulled = True
            return
        draws = torch.Generator().manual_seed(len(ends))
        cotangents = [torch.randn(one.shape, generator=draws).to(one) for one in ends]
        torch.autograd.grad(ends, self.anchor, cotangents, allow_unused=True)

    def disagreements(self, layers: Iterable[Layer], quiet: Iterable[str]) -> tuple[Unseen, ...]:
        """Where the gradient says something else than the look at preactivations did."""
        if self.unpulled:
            return (Unseen(UNPULLED, ("the whole model",)),)
        round_about: list[str] = []
        stopped: list[str] = []
        elsewhere: list[str] = []
        for layer in layers:
            reached = self.calls.get(layer.name)
            if reached is None or len(reached) != layer.units:
                continue
            for found, units in ((round_about, layer.dead & reached), (stopped, ~layer.dead & ~reached)):
                if bool(units.any()):
                    found.append(_line(layer.name, units))
        for name in quiet:
            reached = self.layers.get(name)
            if reached is not None and not bool(reached.all()):
                elsewhere.append(_line(name, ~reached))
        lines = ((ROUND, round_about), (STOPPED, stopped), (UNSEEN_DEAD, elsewhere))
        return tuple(Unseen(why, tuple(names)) for why, names in lines if names)

    def _reached(self, table: dict[str, Tensor], name: str, call: Call, gradient: Tensor) -> None:
        with torch.no_grad():
            if call.rows is not None:
                gradient = gradient[call.rows]
            rows = call.by_unit(gradient)
            # Largest and smallest, which is quicker than to compare each with 0; NaN is not 0 either.
            reached = ((reduced(rows, torch.amax) != 0) | (reduced(rows, torch.amin) != 0)).cpu()
        known = table.get(name)
        if known is None or known.shape == reached.shape:
            table[name] = reached if known is None else reached | known


class _Tie(torch.autograd.Function):
    """Gives its input as it is, with a gradient also towards the anchor."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, anchor: Tensor) -> Tensor:
        ctx.mark_dirty(out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], None


def _hook(tensor: Tensor, hear: Callable[[Tensor], None]) -> None:
    tensor.register_hook(hear)  # type: ignore[no-untyped-call]


def _line(name: str, units: Tensor) -> str:
    found = [int(unit) for unit in units.nonzero().flatten()]
    return f"{name} ({len(found)} of {len(units)}, units {listed(found)})"
