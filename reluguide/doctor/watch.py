"""Looks on while a model trains: which units die, which come back, at which step."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.record import Recorder, recording
from reluguide.doctor.spellings import INF, Kind, Spelling, kind_of
from reluguide.doctor.statistics import by_unit
from reluguide.doctor.wiring import Call
from reluguide.doctor.words import listed

Event = tuple[int, list[int]]


@dataclass
class Watched:
    """One activation call during training. `deaths` and `revivals` hold (step, units) where there are any."""

    name: str
    kind: Kind
    units: int
    quiet: Tensor  # steps since the last gradient, a unit
    dead: Tensor
    deaths: list[Event] = field(default_factory=list)
    revivals: list[Event] = field(default_factory=list)
    dead_counts: list[int] = field(default_factory=list)  # at each step at which the call was made

    def step(self, alive: Tensor, number: int, patience: int) -> None:
        self.quiet = torch.where(alive, 0, self.quiet + 1)
        back, gone = self.dead & alive, self.quiet == patience
        self.dead = (self.dead & ~alive) | gone
        for units, events in ((gone, self.deaths), (back, self.revivals)):
            if bool(units.any()):
                events.append((number, [int(unit) for unit in units.nonzero().flatten()]))
        self.dead_counts.append(int(self.dead.sum()))


class Seen:
    """What `watch` saw so far; `seen["name"]` is a Watched, `print(seen)` a table."""

    def __init__(self, patience: int) -> None:
        self.patience, self.steps = patience, 0
        self.layers: dict[str, Watched] = {}

    def __getitem__(self, name: str) -> Watched:
        if name not in self.layers:
            raise KeyError(
                f"no activation call is named {name!r}; there is {', '.join(self.layers) or 'none'}"
            )
        return self.layers[name]

    def __iter__(self) -> Iterator[Watched]:
        return iter(self.layers.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers: for each call its deaths and revivals as [step, units], and dead units by step."""
        return {
            "steps": self.steps,
            "patience": self.patience,
            "layers": {
                one.name: {
                    "units": one.units,
                    "deaths": [list(event) for event in one.deaths],
                    "revivals": [list(event) for event in one.revivals],
                    "dead_by_step": one.dead_counts,
                }
                for one in self
            },
        }

    def __str__(self) -> str:
        lines = [
            f"{self.steps} training steps; a unit counts as dead after {self.patience} "
            f"{'step' if self.patience == 1 else 'steps in a row'} without a gradient."
        ]
        for one in self:
            gone, back = (sum(len(units) for _, units in events) for events in (one.deaths, one.revivals))
            now = [int(unit) for unit in one.dead.nonzero().flatten()]
            lines.append(
                f"  {one.name}: {gone} deaths, {back} revivals, {len(now)} of {one.units} dead now"
                + (f" (units {listed(now)})" if now else "")
            )
        return "\n".join(lines)


@contextmanager
def watch(
    model: nn.Module, *, patience: int = 10, only: str | Iterable[str] = (), ignore: str | Iterable[str] = ()
) -> Iterator[Seen]:
    """Inside the block, follow each training step of `model`: `with watch(model) as seen: train()`.

    A step is a forward pass of `model` in training mode with gradients on; others are not looked at. A unit
    counts as dead once its gradient was zero on every sample of `patience` steps in a row (1 for
    full-batch training), and as revived at the first step with a gradient after that. Training itself
    is not changed, except that a compiled model runs uncompiled meanwhile.
    """
    if patience < 1:
        raise DiagnosisError(f"patience is {patience}; it is a number of steps, at least 1.")
    root = unwrapped(model)
    onlooker = _Onlooker(root, Seen(patience))
    patterns = ([given] if isinstance(given, str) else list(given) for given in (only, ignore))
    recorder = Recorder(root, onlooker, *patterns)
    start = root.register_forward_pre_hook(lambda *_: onlooker.start(recorder))
    end = root.register_forward_hook(lambda *_: onlooker.stop(), always_call=True)
    try:
        with recording(recorder):
            yield onlooker.seen
    finally:
        start.remove()
        end.remove()


class _Onlooker:
    """The recorder's observer: what happens outside a training step is not looked at."""

    def __init__(self, root: nn.Module, seen: Seen) -> None:
        self.root, self.seen, self.inside = root, seen, False

    def start(self, recorder: Recorder) -> None:
        recorder.start_pass()
        self.inside = self.root.training and torch.is_grad_enabled()
        self.seen.steps += self.inside

    def stop(self) -> None:
        self.inside = False

    def before(
        self, call: Call, z: Tensor, spelling: Spelling, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if not self.inside or not z.numel():
            return
        known = self.seen.layers.get(call.name)
        if known is None:
            kind = kind_of(spelling, func, args, kwargs, z)
            nobody = torch.zeros(call.units, dtype=torch.bool, device=z.device)
            known = self.seen.layers[call.name] = Watched(
                call.name, kind, call.units, quiet=torch.zeros_like(nobody, dtype=torch.int64), dead=nobody
            )
        with torch.no_grad():
            known.step(
                _alive(by_unit(z.detach(), axis=call.axis, inner=call.inner), known.kind),
                self.seen.steps,
                self.seen.patience,
            )

    def after(self, call: Call, out: Tensor) -> None:
        """Only preactivations matter here."""


def _alive(rows: Tensor, kind: Kind) -> Tensor:
    """bool (units,): whether the gradient is non-zero anywhere."""
    if kind.high == INF:
        highest = rows.amax(dim=(0, 2)) if rows.ndim == 3 else rows.amax(dim=0)
        return highest.float() > kind.low
    live = (rows > kind.low) & (rows < kind.high)
    return live.any(dim=2).any(dim=0) if rows.ndim == 3 else live.any(dim=0)
