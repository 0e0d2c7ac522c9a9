"""Runs a model over data and reports which of its units are dead there."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from reluguide.doctor.batches import batches, mask_of, moved, samples_in, words
from reluguide.doctor.batches import forward as usual_forward
from reluguide.doctor.errors import DiagnosisError, at_least_zero, whole
from reluguide.doctor.errors import share as share_of
from reluguide.doctor.gradients import Gradients
from reluguide.doctor.keep import as_it_was
from reluguide.doctor.layer import layer_of
from reluguide.doctor.layout import others
from reluguide.doctor.layout import rows as rows_of
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.record import Recorder, recording
from reluguide.doctor.report import EXTRAS, Report
from reluguide.doctor.slopes import slope
from reluguide.doctor.spellings import Spelling, kind_of
from reluguide.doctor.statistics import UnitStatistics
from reluguide.doctor.unseen import UNANSWERED, UNMASKED, Unseen, unseen
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
    max_batches: int | None = None,
    mask: str | Callable[[Any], Tensor] | None = None,
    progress: bool | None = None,
    device: str | torch.device | None = None,
    also: Collection[str] = (),
    only: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    slope_below: float = 0.01,
    share: float = 0.95,
    tau: float = 0.1,
) -> Report:
    """Which units of `model` are dead on `data`, seen at every activation call.

    The model is in eval mode meanwhile, without gradients, and left as it was. At the default level each
    activation call gets, for each unit, the largest and smallest preactivation and the share of values above
    zero, from which dead and always-on follow. dead: gradient zero on every sample. saturated: absolute slope
    below `slope_below` on at least `share` of the values. dormant: mean absolute activation at most `tau`
    times the mean of its layer (Sokar et al. 2023). always-on: never outside the linear piece of the
    activation.

    Args:
        model: any module; in DataParallel, DistributedDataParallel or `torch.compile` the one inside.
        data: any iterable of batches, or one tensor or one dict as the only batch. A batch is a tensor, a
            tuple or list whose first entry is the input, or a dict of keyword arguments. The first axis of
            its first tensor counts its samples. Batches are moved to the device of the model.
        forward: how to run the model on any other batch, such as
            `lambda model, batch: model.encode(batch["text"])`.
        training: training mode instead of eval mode.
        verify: ask a second time and in another way: a random cotangent is sent back from the model's output,
            and where the gradient that arrives at a layer says something else than the look at its
            preactivations did, the report says so, with layer and units. Costs a backward pass without weight
            gradients, and the memory of one.
        max_batches: stop after this many, as an endless loader needs.
        mask: leaves padding out: the name of an entry of the batch ("attention_mask") or a function of it,
            which gives a tensor that is true at the positions that count.
        progress: a bar on stderr; by default where somebody can see it.
        device: where to run a model without parameters; others are where they are.
        also: "saturated" (runs autograd on each activation: about one more backward pass of it), "dormant"
            (one more sum) and "moments" (two more sums), any of them.
        only: a pattern, or patterns, of the names of activation calls to look at.
        ignore: a pattern, or patterns, of the names of calls to leave out, as in `ignore="*.sigmoid"`.
        slope_below: slopes below this count as flat, for "saturated".
        share: of its values, from 0 to 1, that have to be flat in a saturated unit.
        tau: share of the layer's mean activation up to which a unit is dormant.

    Returns:
        A Report with one Layer for each activation call.

    Raises:
        DiagnosisError: for data or a model that cannot be diagnosed, with the batch or layer.
    """
    if not isinstance(model, nn.Module):
        raise DiagnosisError(_no_module(model))
    if isinstance(also, str):
        also = [also]
    if unknown := set(also) - set(EXTRAS):
        raise DiagnosisError(f"also={sorted(unknown)} is not known; there is {', '.join(EXTRAS)}.")
    share = share_of("share", share, of="of values")
    tau = at_least_zero("tau", tau, what="a share of the layer's mean activation")
    slope_below = at_least_zero("slope_below", slope_below, what="the size of a slope")
    most = None if max_batches is None else whole("max_batches", max_batches, "batches")
    model = unwrapped(model)
    where = _device(model, device)
    collector = _Collector(want=frozenset(also), slope_below=slope_below)
    gradients = Gradients() if verify else None
    recorder = Recorder(model, collector, _patterns(only), _patterns(ignore), gradients)
    call = forward or usual_forward
    samples = ran = 0
    with as_it_was(model, training=training), recording(recorder), _grad(verify):
        for number, batch in enumerate(batches(data, most=most, progress=progress), 1):
            there = moved(batch, where)
            collector.start(
                samples_in(there, number, forward is not None),
                None if mask is None else mask_of(mask, there, number),
            )
            recorder.start_pass()
            try:
                out = call(model, there)
                recorder.gives(out)
                recorder.pull(out)
            except Exception as error:
                hint = "; it may do without verify=True, which needs gradients" if verify else ""
                raise DiagnosisError(
                    f"the model rejects batch {number} ({words(there)}): {type(error).__name__}: {error}{hint}"
                ) from error
            del out
            collector.check_numbers(number)
            samples += collector.batch_size
            ran = number
        recorder.start_pass()
    if not ran:
        raise DiagnosisError(
            f"there is no batch in the data ({type(data).__name__}): nothing was run. "
            "An iterator that was used up before is empty; pass the loader itself."
        )
    names = recorder.calls.named()
    if only and names and not collector.seen and not any(map(recorder.calls.chosen, names)):
        raise DiagnosisError(
            f"only={only!r} matches none of the activation calls, which are {', '.join(names[:8])}"
            f"{' and others' if len(names) > 8 else ''}; patterns are those of the shell, as in '*.relu'."
        )
    layers = {
        name: layer_of(seen.call, seen.statistics, share=share, tau=tau)
        for name, seen in collector.seen.items()
    }
    not_seen = unseen(model, recorder)
    if collector.unmasked:
        not_seen += (Unseen(UNMASKED, tuple(collector.unmasked)),)
    if gradients is not None:
        quiet = [name for one in not_seen if one.why == UNANSWERED for name in one.names]
        not_seen += gradients.disagreements(layers.values(), quiet)
    return Report(
        layers, samples=samples, batches=ran, training=training, unseen=not_seen,
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
        self.mask: Tensor | None = None
        self.unmasked: dict[str, None] = {}  # calls whose positions are not those of the mask

    def start(self, batch_size: int, mask: Tensor | None = None) -> None:
        self.batch_size, self.order, self.mask = batch_size, [], mask
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
        rows = self._counted(call, z.detach())
        values = rows.numel() // max(1, call.units)
        before, after = (min(self.batch_size, self.now[call.name] + more) for more in (0, values))
        self.now[call.name] += values
        known.statistics.see(rows, samples=after - before)
        if "saturated" in self.want or known.statistics.kind.by_slope:
            steepness = self._counted(call, slope(func, args, kwargs, z))
            if "saturated" in self.want:
                known.statistics.see_slope(steepness)
            if known.statistics.kind.by_slope:
                known.statistics.see_live(steepness)

    def after(self, call: Call, out: Tensor) -> None:
        if "dormant" in self.want:
            self.seen[call.name].statistics.see_output(self._counted(call, out.detach()))

    def _counted(self, call: Call, z: Tensor) -> Tensor:
        """`z` by unit, without the positions that the mask leaves out."""
        if self.mask is None:
            return call.by_unit(z)
        every = rows_of(z, call.layout)
        sizes = others(z.shape, call.layout)
        mask = self.mask.to(z.device)
        if (
            call.rows is None
            and tuple(sizes[: mask.ndim]) == tuple(mask.shape)
            and len(every) % mask.numel() == 0
        ):
            return every[mask.flatten().repeat_interleave(len(every) // mask.numel())]
        if call.rows is None and len(every) == mask.numel() and sizes[:1] == [mask.numel()]:
            return every[mask.flatten()]
        if call.rows is None and sizes[:1] == [mask.shape[0]] and len(sizes) == 1:  # a pooled sample each
            return every
        self.unmasked.setdefault(call.name)
        return every

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


def _no_module(model: Any) -> str:
    hint = "; diagnose the module that it was exported from" if "Exported" in type(model).__name__ else ""
    return f"diagnose takes an nn.Module, this is {type(model).__name__}: {model!r:.80}{hint}"


def _patterns(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
