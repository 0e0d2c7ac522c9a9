"""Which call is which, and telling the observer of it.

A call is known by where it stands and by whose output it is given: the layer, the part of it (an expert,
one half of its units) and the norm in between. Not by the order of calls, which differs from pass to pass
where a model leaves early or drops layers. The same function of the same layer's output is one call however
often it runs.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.flow import Trail
from reluguide.doctor.gradients import Gradients
from reluguide.doctor.layout import fits, on_axis
from reluguide.doctor.spellings import Spelling
from reluguide.doctor.tracks import Tracks
from reluguide.doctor.wiring import Call, Observer


class Calls:
    """Names calls, and shows them to the observer."""

    def __init__(
        self,
        tracks: Tracks,
        observer: Observer,
        only: list[str],
        ignore: list[str],
        gradients: Gradients | None = None,
    ) -> None:
        self.gradients = gradients
        self.tracks, self.observer, self.only, self.ignore = tracks, observer, only, ignore
        self.numbers: dict[str, dict[Any, int]] = {}
        self.anonymous: dict[str, int] = {}
        self.absorbed: set[str] = set()  # parts of activations written by hand
        self.failed: dict[str, str] = {}  # calls that could not be judged, and why
        self.experts: dict[str, tuple[set[int], int]] = {}

    def start_pass(self) -> None:
        self.anonymous.clear()

    def name(self, path: str, op: str, trail: Trail, signature: Any) -> str:
        """The name of a call: its module and function, "#2" for the second layer that it serves."""
        base = path if path.rpartition(".")[2] == op else f"{path}.{op}".lstrip(".")
        made = trail.producer
        if made is None:
            # Nobody is known who made it, and only the order is left.
            self.anonymous[base] = self.anonymous.get(base, 0) + 1
            key: Any = self.anonymous[base]
        else:
            norm = trail.norm.name if trail.norm is not None else ""
            label = made.part.partition("[")[0]
            key = (made.name, made.op, label, norm, trail.cut, signature)
            index = made.part[len(label) :]
            if made.of and index[1:-1].isdigit():
                self._reached(base, int(index[1:-1]), made.of)
            base += index
        known = self.numbers.setdefault(base, {})
        number = known.setdefault(key, len(known) + 1)
        return base if number == 1 else f"{base}#{number}"

    def named(self) -> list[str]:
        """Every call so far."""
        return [
            base if number == 1 else f"{base}#{number}"
            for base, known in self.numbers.items()
            for number in known.values()
        ]

    def chosen(self, name: str) -> bool:
        """Whether `only` lets a call through."""
        return not self.only or any(fnmatchcase(name, pattern) for pattern in self.only)

    def wanted(self, name: str) -> bool:
        if name in self.absorbed or name in self.failed:
            return False
        return self.chosen(name) and not any(fnmatchcase(name, pattern) for pattern in self.ignore)

    def tell(
        self,
        name: str,
        op: str,
        trail: Trail,
        z: Tensor,
        spelling: Spelling,
        func: Any,
        args: Any,
        kwargs: Any,
        source: Tensor | None = None,
    ) -> list[Call]:
        """Show a call to the observer before it runs; the calls that it was told of.

        `source` is the tensor at which the gradient of these units arrives.
        """
        if not self.wanted(name):
            return []
        told: list[Call] = []
        try:
            for call, part in self._parts(name, op, trail, z):
                swapped = [part if one is z else one for one in args]
                named = {key: part if one is z else one for key, one in kwargs.items()}
                with torch.no_grad():
                    self.observer.before(call, part, spelling, func, swapped, named)
                told.append(call)
                if self.gradients is not None and source is not None:
                    self.gradients.listen(source, call, call.name)
        except DiagnosisError:
            raise
        except Exception as error:  # a fault of ours, or a tensor of a kind that cannot be counted
            self._fail(name, error)
        return told

    def gave(self, told: list[Call], out: Any, name: str) -> None:
        """Show what came of a call."""
        try:
            for call in told:
                out = out.detach()
                part = _plain(out) if call.rows is None else _plain(out)[call.rows]
                self.observer.after(call, part)
        except Exception as error:
            self._fail(name, error)

    def _fail(self, name: str, error: Exception) -> None:
        """No half of an answer is given for a call that could not be judged on every batch."""
        self.failed.setdefault(name, f"{type(error).__name__}: {error}".partition("\n")[0][:120])
        self._drop(name)

    def _drop(self, name: str) -> None:
        drop: Callable[[str], None] | None = getattr(self.observer, "drop", None)
        if drop is not None:
            drop(name)

    def absorb(self, name: str) -> None:
        """This call turned out to be a part of a larger activation."""
        if name not in self.absorbed:
            self.absorbed.add(name)
            self._drop(name)

    def _parts(self, name: str, op: str, trail: Trail, z: Tensor) -> list[tuple[Call, Tensor]]:
        plain = _plain(z)
        layout = trail.layout
        if z.is_nested and layout is not None:
            layout = on_axis(plain.ndim, -1, plain.shape[-1])
        traced = layout is not None and fits(layout, plain.shape)
        if layout is None or not traced:
            axis = 1 - plain.ndim if plain.ndim in (4, 5) else -1
            layout = on_axis(plain.ndim, axis, plain.shape[axis])
        if trail.groups is None or len(trail.groups) != len(plain):
            grouped = trail.groups is not None
            return [(Call(name, op, layout, traced and not grouped, trail), plain)]
        out = []
        made = trail.producer
        for group in torch.unique(trail.groups).tolist():
            rows = (trail.groups == group).nonzero().flatten()
            call = Call(f"{name}[{group}]", op, layout, traced, trail, rows)
            out.append((call, plain.index_select(0, rows)))
            self._reached(name, group, made.of if made is not None else 0)
        return out

    def _reached(self, name: str, group: int, of: int) -> None:
        if of:
            self.experts.setdefault(name, (set(), of))[0].add(group)

    def unreached(self) -> list[str]:
        """The experts of which no row was seen."""
        return [
            f"{name}[{group}]"
            for name, (reached, of) in self.experts.items()
            for group in range(of)
            if group not in reached
        ]


def _plain(z: Tensor) -> Tensor:
    """A tensor that can be counted: nested ones by the values in them."""
    if torch._C._functorch.is_functorch_wrapped_tensor(z):
        raise TypeError("inside torch.func.vmap or grad, where no value can be looked at")
    if z.is_nested:
        if z.layout == torch.jagged:
            return z.values()
        return torch.cat([one.reshape(-1, one.shape[-1]) for one in z.unbind()])
    if z.layout != torch.strided:
        raise TypeError(f"a tensor of layout {z.layout}")
    return z
