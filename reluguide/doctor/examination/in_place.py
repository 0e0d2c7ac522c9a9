"""Functions that write into their input: an error, other numbers, or a changed batch."""

import re

import torch
from torch import Tensor

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.examination.notes import Notes, Patient
from reluguide.doctor.naming import tidy

SWITCHED = 64  # in-place modules that are tried one by one


def in_place_error(patient: Patient, notes: Notes) -> None:
    """A tensor that the backward pass needs was overwritten."""
    error = patient.tried.error
    if error is None:
        notes.fine("the forward and the backward pass run")
        return
    text = str(error)
    if "inplace" not in text and "in-place" not in text:
        raise DiagnosisError(
            f"the {patient.tried.stage} pass fails on the batch: {type(error).__name__}: {text}"
        ) from error
    named = re.search(r"output \d+ of (\w+)", text)
    maker = named.group(1) if named else ""  # "Relu" or "ReluBackward0", by version
    written = patient.tried.tape.overwritten
    fitting = [one for one in written if maker and one[2].startswith(maker)] or written
    writers = [f"{name} in {place}" for name, place, _ in fitting]
    who = ", ".join(dict.fromkeys(writers)) or "a function outside of PyTorch's sight"
    made = f"what {maker} had made" if maker else "a tensor that the gradient needs"
    reason = text.strip().splitlines()[0].partition(";")[0][:200].rstrip(".")
    notes.fault(
        "in-place-error",
        f"The backward pass fails: {made} was overwritten by {who}.",
        confirmed=f"{patient.tried.stage} raised {type(error).__name__}: {reason}.",
        mend="Write the result into a new tensor there (x = x + y for x += y, inplace=False).",
        slug="in-place",
    )


def in_place_changes(patient: Patient, notes: Notes) -> None:
    """An in-place activation overwrites what is read again: no error, other numbers."""
    model, before = patient.model, patient.evaluation
    if patient.tried.wrote_into_batch:
        notes.fault(
            "in-place-batch",
            "The model writes into the batch that it is given, so that the next reader gets other numbers.",
            confirmed="the version counter of the batch's tensors went up during the forward pass.",
            mend="Set inplace=False in the first function of the model, or work on x.clone().",
            slug="in-place",
        )
    switches = {
        tidy(name): module
        for name, module in model.named_modules()
        if getattr(module, "inplace", None) is True
    }
    if before is None or before.output is None:
        return
    if not switches:
        notes.fine("no module with inplace=True")
        return

    def output_without(names: list[str]) -> Tensor | None:
        try:
            for name in names:
                switches[name].inplace = False  # type: ignore[assignment]
            return patient.again(training=False).output
        finally:
            for name in names:
                switches[name].inplace = True  # type: ignore[assignment]

    def other(names: list[str]) -> bool:
        out, known = output_without(names), before.output if before else None
        if out is None or known is None:
            return False
        return not torch.allclose(out, known, rtol=1e-4, atol=1e-6, equal_nan=True)

    if not other(list(switches)):
        notes.fine(f"inplace=True changes no result ({len(switches)} modules)")
        return
    guilty = [name for name in list(switches)[:SWITCHED] if other([name])]
    notes.fault(
        "in-place-changes",
        f"inplace=True changes the result: {', '.join(guilty) or 'several modules together'} overwrites a tensor "
        "that is read again.",
        confirmed="with inplace=False there the same batch gives other outputs.",
        mend="Set inplace=False there, and look again at what the model was meant to compute.",
        slug="in-place",
    )
