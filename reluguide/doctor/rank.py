"""In how many directions the activations of a layer vary: its effective rank, as plasticity is judged by."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.batches import batches, moved
from reluguide.doctor.batches import forward as usual_forward
from reluguide.doctor.diagnose import Forward
from reluguide.doctor.errors import DiagnosisError, whole
from reluguide.doctor.keep import as_it_was
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.record import Recorder, recording
from reluguide.doctor.spellings import Spelling
from reluguide.doctor.table import grid
from reluguide.doctor.wiring import Call

WIDEST = 8192  # units; a table of units by units is kept for each layer


@dataclass(frozen=True)
class Rank:
    """One activation call: `effective` is between 0 and its units; `to_99` counts directions, of `values` seen."""

    units: int
    values: int
    effective: float
    to_99: int


@dataclass(frozen=True)
class Ranks:
    """The rank of each activation call; print it to read it."""

    layers: dict[str, Rank]

    def __getitem__(self, name: str) -> Rank:
        if name not in self.layers:
            raise KeyError(
                f"no activation call is named {name!r}; there is {', '.join(self.layers) or 'none'}"
            )
        return self.layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        header = ["activation call", "units", "effective rank", "directions for 99 %"]
        rows = [[name, str(r.units), f"{r.effective:.1f}", str(r.to_99)] for name, r in self.layers.items()]
        return grid([header, *rows])


def ranks(
    model: nn.Module,
    data: Any,
    *,
    forward: Forward | None = None,
    training: bool = False,
    max_batches: int | None = None,
    only: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
) -> Ranks:
    """The effective rank of each layer's activations on `data`.

    Of the singular values of the matrix (values, units) of activations, as they are, without taking a mean away:
    `effective` is exp of the entropy of their shares (Roy and Vetterli 2007), `to_99` how many make up 99 % of
    their sum (Kumar et al. 2021). It cannot be larger than the number of values, so give many times more
    samples than there are units. A table of units by units is kept for each layer.

    Args:
        model: as for `diagnose`; it is left as it was.
        data: as for `diagnose`.
        forward: as for `diagnose`.
        training: training mode instead of eval mode.
        max_batches: stop after this many.
        only: a pattern, or patterns, of the names of activation calls to look at.
        ignore: a pattern, or patterns, of the names of calls to leave out.

    Returns:
        Ranks: `ranks["1.relu"].effective`.

    Raises:
        DiagnosisError: if the model rejects a batch, or a layer has more than 8,192 units.
    """
    if not isinstance(model, nn.Module):
        raise DiagnosisError(f"ranks takes an nn.Module, this is {type(model).__name__}: {model!r:.80}")
    root, products = unwrapped(model), _Products()
    most = None if max_batches is None else whole("max_batches", max_batches, "batches")
    patterns = [[given] if isinstance(given, str) else list(given) for given in (only, ignore)]
    recorder = Recorder(root, products, patterns[0], patterns[1])
    first = next(root.parameters(), None)
    call = forward or usual_forward
    ran = False
    with as_it_was(root, training=training), recording(recorder), torch.no_grad():
        for number, batch in enumerate(batches(data, most=most, progress=False), 1):
            recorder.start_pass()
            try:
                recorder.gives(call(root, moved(batch, None if first is None else first.device)))
            except Exception as error:
                raise DiagnosisError(
                    f"the model rejects batch {number}: {type(error).__name__}: {error}"
                ) from error
            ran = True
        recorder.start_pass()
    if not ran:
        raise DiagnosisError(f"there is no batch in the data ({type(data).__name__}): nothing was run.")
    if products.wide:
        names = ", ".join(products.wide)
        raise DiagnosisError(f"{names}: more than {WIDEST} units; leave them out with ignore=[...].")
    return Ranks({name: rank_of(table, products.values[name]) for name, table in products.tables.items()})


def rank_of(products: Tensor, values: int) -> Rank:
    """The rank behind a table of products, activations.T @ activations, of shape (units, units)."""
    sizes = torch.linalg.eigvalsh(products.double()).flip(0).clamp(min=0).sqrt()
    sizes = torch.where(sizes > 1e-7 * sizes[:1], sizes, 0.0)  # what is left of rounding
    whole_sum = float(sizes.sum())
    if not whole_sum:
        return Rank(len(products), values, 0.0, 0)
    shares = sizes / whole_sum
    entropy = -torch.special.xlogy(shares, shares).sum()
    enough = shares.cumsum(0) >= 0.99 - 1e-12
    return Rank(len(products), values, float(entropy.exp()), int(enough.nonzero()[0]) + 1)


class _Products:
    """The recorder's observer: sums of products of activations, two units at a time."""

    def __init__(self) -> None:
        self.tables: dict[str, Tensor] = {}
        self.values: dict[str, int] = {}
        self.wide: dict[str, None] = {}

    def before(
        self, call: Call, z: Tensor, spelling: Spelling, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        """Only what comes out matters here."""

    def after(self, call: Call, out: Tensor) -> None:
        if call.units > WIDEST:
            self.wide[call.name] = None
            return
        name = call.name
        if name in self.tables and len(self.tables[name]) != call.units:
            name = f"{name} ({call.units} wide)"
        rows = call.by_unit(out.detach())
        rows = (rows.movedim(1, 2).reshape(-1, call.units) if rows.ndim == 3 else rows).double()
        found = rows.T @ rows
        self.tables[name] = self.tables[name] + found if name in self.tables else found
        self.values[name] = self.values.get(name, 0) + len(rows)

    def drop(self, name: str) -> None:
        """A call was but a part of an activation that is judged as a whole."""
        self.tables.pop(name, None)
        self.values.pop(name, None)
