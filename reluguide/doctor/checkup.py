"""Cheap tests for the usual reasons that a network does not learn, on one batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from reluguide.doctor.batches import moved
from reluguide.doctor.diagnose import Forward
from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.examination import TESTS
from reluguide.doctor.examination.notes import Notes, Patient, Symptom
from reluguide.doctor.examination.trial import step
from reluguide.doctor.keep import as_it_was
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.tracks import tensors_within
from reluguide.doctor.words import counted, wrapped

Loss = Callable[[Any, Any], Tensor]
# What no look at one batch can tell.
ALWAYS_UNTESTED = (
    "the learning rate, and whether training would converge: nothing was trained",
    "any other data than this one batch, and whether its targets belong to its inputs",
    "lower precision, several devices and compiled code, unless the model runs in them here",
)


@dataclass(frozen=True)
class Checkup:
    """What `checkup` found: `symptoms`, what was tested and is `fine`, and what is `untested`. Print it."""

    symptoms: tuple[Symptom, ...]
    fine: tuple[str, ...]
    untested: tuple[str, ...]
    samples: int

    def __iter__(self) -> Iterator[Symptom]:
        return iter(self.symptoms)

    def __len__(self) -> int:
        return len(self.symptoms)

    @property
    def faults(self) -> list[Symptom]:
        """The symptoms that keep the model, or parts of it, from learning; the others are worth a look."""
        return [one for one in self.symptoms if one.level == "fault"]

    def to_dict(self) -> dict[str, Any]:
        """Plain strings and lists, for JSON."""
        return {
            "samples": self.samples,
            "symptoms": [dict(vars(one)) for one in self.symptoms],
            "fine": list(self.fine),
            "untested": list(self.untested),
        }

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        faults, others = len(self.faults), len(self.symptoms) - len(self.faults)
        looks = f", {counted(others, 'thing', 'things')} worth a look" if others else ""
        lines = [f"{counted(faults, 'fault', 'faults')}{looks}, on one batch of {self.samples} samples."]
        for one in self.symptoms:
            lines += [
                "",
                wrapped(f"{'FAULT' if one.level == 'fault' else 'LOOK'}: {one.what}"),
                wrapped(f"  How it shows: {one.confirmed}", "    "),
                wrapped(f"  What helps: {one.mend}", "    "),
                f"  More: {one.page}",
            ]
        for title, parts in (("Tested, and nothing found", self.fine), ("Not tested", self.untested)):
            if parts:
                lines += ["", title, *(wrapped(f"  {part}", "    ") for part in parts)]
        return "\n".join(lines)


def checkup(
    model: nn.Module,
    batch: Any,
    loss: Loss | None = None,
    *,
    forward: Forward | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> Checkup:
    """Why does this model not learn? Cheap tests for the usual reasons, on one batch; print what it gives.

    Looks for NaN and infinity and the function that made them first, an output that is the same for every
    sample, a ReLU behind the last layer, probabilities taken twice, a loss that compares every output with
    every target, inputs of an odd scale, weights that stay equal, parameters without a gradient, trouble
    with in-place functions, biases before a batch normalisation, dead units, and an optimizer of other
    parameters. Takes a few forward passes and one backward pass. Nothing is trained; the model, its
    gradients, its running statistics and the random state are left as they were.

    Args:
        model: the model, in the state in which it does not learn.
        batch: one batch as in training: (inputs, targets), a dict of keyword arguments, or one tensor; of
            at least 2 samples, better 32.
        loss: called as `loss(output, targets)`, such as `nn.CrossEntropyLoss()`; as `loss(output, batch)`
            where the batch is no pair. Without it, the model's own `output.loss` is taken, and else a
            random weighting of the outputs, which cannot show what is wrong with a loss.
        forward: as in `diagnose`, for batches that the model is not simply called with.
        optimizer: if given, it is tested that it holds the model's parameters.

    Raises:
        DiagnosisError: if the model rejects the batch, or the loss the output; with the reason.
    """
    if not isinstance(model, nn.Module):
        raise DiagnosisError(f"checkup takes an nn.Module, this is {type(model).__name__}: {model!r:.80}")
    if isinstance(batch, torch.utils.data.DataLoader) or next(tensors_within(batch), None) is None:
        raise DiagnosisError(
            f"checkup takes one batch with tensors, this is {type(batch).__name__}; next(iter(loader)) gives one."
        )
    root, notes = unwrapped(model), Notes()
    if any(is_lazy(one) for one in (*root.parameters(), *root.buffers())):
        raise DiagnosisError("the model has lazy layers without weights yet: run it once on a batch first.")
    first = next(root.parameters(), None)
    batch = moved(batch, None if first is None else first.device)
    inputs, target = (batch[0], batch[1]) if _pair(batch) else (batch, batch)
    graphs = getattr(inputs, "num_graphs", None)
    samples = (
        graphs
        if isinstance(graphs, int)
        else next((len(one) for one in tensors_within(inputs) if one.ndim), 1)
    )
    call = _caller(forward, batch)
    patient = Patient(root, inputs, target, batch, call, forward, loss, optimizer, samples)
    with as_it_was(root, training=True):
        try:
            patient.training = step(root, inputs, target, call, loss, samples=samples)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            notes.untested("training mode: batch normalisation needs more than one value a channel")
    with as_it_was(root, training=False):
        patient.evaluation = step(root, inputs, target, call, loss, samples=samples, gradients=False)
        if patient.training is None:
            patient.training = step(root, inputs, target, call, loss, samples=samples)
    for test in TESTS:
        test(patient, notes)
    return Checkup(
        tuple(sorted(notes.symptoms, key=lambda one: one.level != "fault")),
        tuple(notes.passed),
        (*notes.skipped, *ALWAYS_UNTESTED),
        samples,
    )


def _pair(batch: Any) -> bool:
    return isinstance(batch, (tuple, list)) and len(batch) == 2


def _caller(forward: Forward | None, batch: Any) -> Callable[[nn.Module, Any], Any]:
    """How to run the model on inputs; `forward` is given the whole batch, with the inputs in their place."""
    if forward is None:
        return _plain_call
    given = forward

    def call(model: nn.Module, inputs: Any) -> Any:
        return given(model, type(batch)((inputs, batch[1])) if _pair(batch) else inputs)

    return call


def _plain_call(model: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(inputs[0] if isinstance(inputs, (tuple, list)) and len(inputs) == 1 else inputs)
