"""What comes out of the model, and how the loss reads it."""

import numpy as np
from torch import Tensor

from reluguide.doctor.examination.notes import Notes, Patient
from reluguide.doctor.examination.tape import varies
from reluguide.doctor.tracks import tensors_within
from reluguide.doctor.words import percent


def constant_output(patient: Patient, notes: Notes) -> None:
    """The same output for every sample, though the samples differ."""
    done = patient.evaluation
    if done is None or done.output is None or not done.output.ndim or len(done.output) != patient.samples:
        notes.untested("whether the output depends on the sample: it has no axis of samples")
        return
    if patient.samples < 2 or not any(varies(one, patient.samples) for one in tensors_within(patient.inputs)):
        notes.untested(
            "whether the output depends on the sample: the batch holds fewer than two different ones"
        )
        return
    if not bool(done.output.isfinite().all()):
        return
    if varies(done.output, patient.samples):
        notes.fine("the output depends on the sample")
        return
    tape = patient.again(training=False, numbers=True).tape
    name, place = tape.flattened or ("an unknown function", "the model")
    notes.fault(
        "constant-output",
        f"The output is the same for all {patient.samples} samples, though the samples differ.",
        confirmed=f"in eval mode; what comes out of {name} in {place} no longer differs between samples.",
        mend="Repair what lies at or before that place: dead units, weights of 0, inputs that are far too small, "
        "or running statistics that do not fit. What lies behind can only learn the best constant.",
        slug="symptoms",
    )


def relu_behind_the_last_layer(patient: Patient, notes: Notes) -> None:
    """ReLU before a loss that takes any number, or probabilities taken twice."""
    tried = patient.tried
    seen = False
    for name, mark in tried.tape.mismatches:
        last = tried.output_mark is not None and tried.output_mark.what == name
        if mark.what == "relu":
            seen, notes.last_relu = True, mark.path
            report = (
                notes.fault
                if last or name in ("cross_entropy", "binary_cross_entropy_with_logits")
                else notes.look
            )
            report(
                "relu-before-probabilities",
                f"A ReLU ({mark.path or 'in the model'}) stands directly before {name}.",
                confirmed=_zeros(tried.output)
                if "entropy" in name
                else f"{name} was given what the ReLU gave.",
                mend="Leave the last ReLU out: logits have to be able to be negative, and those at 0 get no gradient.",
                slug="output-layer",
            )
        else:
            notes.fault(
                "probabilities-twice",
                f"{name} is given the output of {mark.what} ({mark.path or 'in the model'}), and applies it itself.",
                confirmed=f"{name} was given what {mark.what} gave.",
                mend=f"Leave {mark.what} out of the model in training; {name} takes logits.",
                slug="output-layer",
            )
    if seen or tried.output is None:
        return
    if tried.output_mark is None or tried.output_mark.what != "relu":
        notes.fine("no ReLU behind the last layer")
        return
    where = tried.output_mark.path or "in the model"
    target = patient.target if isinstance(patient.target, Tensor) and patient.loss is not None else None
    below = target is not None and target.is_floating_point() and bool((target < 0).any())
    columns = tried.output.flatten(1) if tried.output.ndim > 1 else tried.output[:, None]
    off = int((columns == 0).all(dim=0).sum()) if len(columns) > 1 else 0
    if below or off:
        notes.last_relu = tried.output_mark.path
    if below:
        assert target is not None
        share = percent(float((target < 0).float().mean()))
        notes.fault(
            "relu-output",
            f"The model ends in a ReLU ({where}), and {share} of the targets are negative.",
            confirmed=f"{_zeros(tried.output)} No weight can make an output negative.",
            mend="Leave the last ReLU out.",
            slug="output-layer",
        )
    elif off:
        notes.fault(
            "relu-output",
            f"The model ends in a ReLU ({where}), and {off} of its {columns.shape[1]} outputs are 0 for every sample.",
            confirmed=f"{_zeros(tried.output)} The gradient of such an output is 0.",
            mend="Leave the last ReLU out, or take softplus where outputs have to be positive.",
            slug="output-layer",
        )
    elif patient.loss is not None:
        notes.look(
            "relu-output",
            f"The model ends in a ReLU ({where}).",
            confirmed=_zeros(tried.output),
            mend="Right only if exact zeros are wanted; else leave it out, or take softplus.",
            slug="output-layer",
        )
    else:
        notes.untested("whether the ReLU at the end of the model fits the loss: give the loss")


def broadcast_loss(patient: Patient, notes: Notes) -> None:
    """A loss that compares every output with every target."""
    if patient.loss is None:
        own = patient.tried.has_own_loss
        notes.untested(
            "how the loss reads the output: it is computed inside the model"
            if own
            else "the loss: none was given"
        )
        return
    for name, one, other in patient.tried.tape.broadcasts[:1]:
        notes.fault(
            "broadcast-loss",
            f"The loss compares every output with every target: shapes {one} and {other} in {name}.",
            confirmed=f"together they give {tuple(np.broadcast_shapes(one, other))}; the best answer is then the mean.",
            mend="Give both the same shape: output.squeeze(-1), or target.unsqueeze(-1).",
            slug="symptoms",
        )
    if not patient.tried.tape.broadcasts:
        notes.fine("outputs and targets are compared one by one")


def _zeros(output: Tensor | None) -> str:
    share = float((output == 0).float().mean()) if output is not None and output.numel() else 0.0
    return f"{percent(share)} of the outputs are exactly 0, where a ReLU lets no gradient through."
