"""Runs a model over data and reports which of its units are dead there."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.gradients import Gradients
from reluguide.doctor.keep import as_it_was
from reluguide.doctor.layer import layer_of
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.record import Recorder, recording
from reluguide.doctor.report import EXTRAS, Report
from reluguide.doctor.slopes import slope
from reluguide.doctor.spellings import Spelling, kind_of
from reluguide.doctor.statistics import UnitStatistics
from reluguide.doctor.unseen import UNANSWERED, unseen
from reluguide.doctor.wiring import Call
from reluguide.doctor.words import listed

Forward = Callable[[nn.Module, Any], Any]


def diagnose(
    model: nn.Module,
    data: Any,
    *,
    forward: Forward | None = None,
    training: bool = False,
    verify: bool = False,
    device: str | torch.device | None = None,
    also: Collection[str] = (),
    only: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    slope_below: float = 0.01,
    share: float = 0.95,
    tau: float = 0.1,
) -> Report:
    """Which units of `model` are dead on `data`, seen at every activation call.

    `data` is any iterable of batches, or one tensor or one dict as the only batch. A batch is a
    tensor, a tuple or list whose first entry is the input, or a dict of keyword arguments; for
    anything else pass `forward`, such as `lambda model, batch: model.encode(batch["text"])`. The
    first axis of the first tensor of a batch counts its samples. Batches are moved to the device of
    the model.

    The model is in eval mode meanwhile (`training=True` for the other), without gradients, and left as
    it was. At the default level each activation call gets, for each unit, the largest and smallest
    preactivation and the share of values above zero, from which dead and always-on follow. `also`
    takes "saturated" (runs autograd on each activation: about one more backward pass of it),
    "dormant" (one more sum) and "moments" (two more sums). `only` and `ignore` are patterns of the names
    of calls, as in `ignore="*.sigmoid"`.

    `verify=True` asks a second time and in another way: a random cotangent is sent back from the model's
    output, and where the gradient that arrives at a layer says something else than the look at its
    preactivations did, the report says so, with layer and units. It costs a backward pass without weight
    gradients, and the memory of one.

    dead: gradient zero on every sample. saturated: absolute slope below `slope_below` on at least
    `share` of the values. dormant: mean absolute activation at most `tau` times the mean of its layer
    (Sokar et al. 2023). always-on: never outside the linear piece of the activation.

    Raises DiagnosisError for data or a model that cannot be diagnosed, with the batch or layer.
    """
    if not isinstance(model, nn.Module):
        raise DiagnosisError(f"diagnose takes an nn.Module, this is {type(model).__name__}: {model!r:.80}")
    if unknown := set(also) - set(EXTRAS):
        raise DiagnosisError(f"also={sorted(unknown)} is not known; there is {', '.join(EXTRAS)}.")
    model = unwrapped(model)
    where = _device(model, device)
    collector = _Collector(want=frozenset(also), slope_below=slope_below)
    gradients = Gradients() if verify else None
    recorder = Recorder(model, collector, _patterns(only), _patterns(ignore), gradients)
    call = forward or _forward
    samples = batches = 0
    with as_it_was(model, training=training), recording(recorder), _grad(verify):
        for number, batch in enumerate(_batches(data), 1):
            moved = _moved(batch, where)
            collector.start(_size(moved, number))
            recorder.start_pass()
            try:
                out = call(model, moved)
                recorder.gives(out)
                recorder.pull(out)
            except Exception as error:
                hint = "; it may do without verify=True, which needs gradients" if verify else ""
                raise DiagnosisError(
                    f"the model rejects batch {number} ({_words(moved)}): {type(error).__name__}: {error}{hint}"
                ) from error
            del out
            collector.check_numbers(number)
            samples += collector.batch_size
            batches = number
        recorder.start_pass()
    if not batches:
        raise DiagnosisError(
            f"there is no batch in the data ({type(data).__name__}): nothing was run. "
            "An iterator that was used up before is empty; pass the loader itself."
        )
    layers = {
        name: layer_of(seen.call, seen.statistics, share=share, tau=tau)
        for name, seen in collector.seen.items()
    }
    not_seen = unseen(model, recorder)
    if gradients is not None:
        quiet = [name for one in not_seen if one.why == UNANSWERED for name in one.names]
        not_seen += gradients.disagreements(layers.values(), quiet)
    return Report(
        layers, samples=samples, batches=batches, training=training, unseen=not_seen,
        wiring=recorder.wiring,
    )  # fmt: skip


@contextmanager
def _grad(wanted: bool) -> Iterator[None]:
    if not wanted:
        with torch.no_grad():
            yield
        return
    with torch.inference_mode(False), torch.enable_grad():
        yield


@dataclass
class _Seen:
    call: Call
    statistics: UnitStatistics


class _Collector:
    """The recorder's observer: one `UnitStatistics` for each activation call."""

    def __init__(self, *, want: frozenset[str], slope_below: float) -> None:
        self.want, self.slope_below = want, slope_below
        self.seen: dict[str, _Seen] = {}
        self.batch_size = 0
        self.order: list[str] = []

    def start(self, batch_size: int) -> None:
        self.batch_size, self.order = batch_size, []
        self.now: Counter[str] = Counter()  # values a unit, of each call in this batch

    def before(
        self, call: Call, z: Tensor, spelling: Spelling, func: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        known = self.seen.get(call.name)
        if known is not None and known.call.units != call.units:
            # The data decides how wide this call is, as with attention scores: each width is a row.
            call.name = f"{call.name} ({call.units} wide)"
            known = self.seen.get(call.name)
        if known is None:
            kind = kind_of(spelling, func, args, kwargs, z)
            statistics = UnitStatistics(kind, call.units, slope_below=self.slope_below, want=self.want)
            known = self.seen[call.name] = _Seen(call, statistics)
        self.order.append(call.name)
        rows = call.by_unit(z.detach())
        values = rows.numel() // max(1, call.units)
        before, after = (min(self.batch_size, self.now[call.name] + more) for more in (0, values))
        self.now[call.name] += values
        known.statistics.see(rows, samples=after - before)
        if "saturated" in self.want or known.statistics.kind.by_slope:
            steepness = call.by_unit(slope(func, args, kwargs, z))
            if "saturated" in self.want:
                known.statistics.see_slope(steepness)
            if known.statistics.kind.by_slope:
                known.statistics.see_live(steepness)

    def after(self, call: Call, out: Tensor) -> None:
        if "dormant" in self.want:
            self.seen[call.name].statistics.see_output(call.by_unit(out.detach()))

    def drop(self, name: str) -> None:
        """Forget a call: a part of an activation that is judged as a whole, or one that cannot be judged."""
        for known in [one for one in self.seen if one == name or one.startswith((f"{name}[", f"{name} ("))]:
            del self.seen[known]

    def check_numbers(self, batch: int) -> None:
        for name in self.order:
            if name not in self.seen:
                continue
            highest = self.seen[name].statistics.maximum
            if highest is not None and bool((bad := highest.isnan()).any()):
                producer = self.seen[name].call.trail.producer
                behind = f", after {producer.name or producer.op}," if producer else ""
                units = listed(bad.nonzero().flatten().tolist())
                raise DiagnosisError(
                    f"NaN in the preactivations of {name}{behind} in batch {batch}, units {units}; no call "
                    "before it has any. Look for inf or NaN in the batch and in the weights before this call."
                )


def _batches(data: Any) -> Iterator[Any]:
    if isinstance(data, (Tensor, Mapping)):
        yield data
    elif isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise DiagnosisError(
            f"data is {type(data).__name__}: pass batches, such as a DataLoader, or one tensor."
        )
    else:
        yield from data


def _forward(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, (tuple, list)):
        batch = batch[0]
    return model(**batch) if isinstance(batch, Mapping) else model(batch)


def _moved(batch: Any, device: torch.device | None) -> Any:
    if isinstance(batch, Tensor):
        return batch if device is None else batch.to(device)
    if isinstance(batch, Mapping):
        return {key: _moved(value, device) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        moved = [_moved(value, device) for value in batch]
        return type(batch)(*moved) if hasattr(batch, "_fields") else type(batch)(moved)
    return batch


def _tensor_in(batch: Any) -> Tensor | None:
    if isinstance(batch, Tensor):
        return batch
    parts = (
        batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (tuple, list)) else ()
    )
    return next((found for part in parts if (found := _tensor_in(part)) is not None), None)


def _size(batch: Any, number: int) -> int:
    tensor = _tensor_in(batch)
    if tensor is None:
        raise DiagnosisError(
            f"batch {number} holds no tensor ({_words(batch)}); it can be a tensor, (x, y) or a dict of them."
        )
    if tensor.ndim and not tensor.shape[0]:
        raise DiagnosisError(f"batch {number} has no samples: its shape is {tuple(tensor.shape)}.")
    return tensor.shape[0] if tensor.ndim > 1 else 1


def _words(batch: Any) -> str:
    if isinstance(batch, Tensor):
        return f"{str(batch.dtype).removeprefix('torch.')} {tuple(batch.shape)}"
    if isinstance(batch, Mapping):
        return "{" + ", ".join(f"{key}: {_words(value)}" for key, value in batch.items()) + "}"
    if isinstance(batch, (tuple, list)):
        return f"{type(batch).__name__} of " + ", ".join(map(_words, batch))
    return type(batch).__name__


def _device(model: nn.Module, asked: str | torch.device | None) -> torch.device | None:
    tensors = [*model.parameters(), *model.buffers()]
    if any(is_lazy(tensor) for tensor in tensors):
        raise DiagnosisError("the model has lazy layers without weights yet: run it once on a batch first.")
    if not tensors:
        return torch.device(asked) if asked else None
    there = tensors[0].device
    if there.type == "meta":
        raise DiagnosisError("the model is on the device 'meta', without weights: build it on a real device.")
    if asked is not None:
        wanted = torch.device(asked)
        if wanted.type != there.type or (wanted.index is not None and wanted.index != there.index):
            raise DiagnosisError(
                f"device={str(asked)!r} was asked for and the model is on {str(there)!r}: "
                f"move it with model.to({str(asked)!r}), or leave device out."
            )
    return there


def _patterns(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
