"""NaN and infinity: where they are, and which function made them first."""

from reluguide.doctor.examination.notes import Notes, Patient
from reluguide.doctor.naming import tidy
from reluguide.doctor.tracks import tensors_within
from reluguide.doctor.unseen import grouped


def finite(patient: Patient, notes: Notes) -> None:
    """NaN and infinity, and the first function that made them."""
    tried = patient.tried
    bad = [tidy(name) for name, one in patient.model.named_parameters() if not bool(one.isfinite().all())]
    if bad:
        notes.fault(
            "nan-weights",
            f"The parameters {', '.join(grouped(tuple(bad)))} hold NaN or infinity.",
            confirmed="read from the parameters, before anything ran.",
            mend="Nothing repairs them: load an earlier state or start anew, with a smaller learning rate or clipped gradients.",
            slug="nan",
        )
        return
    odd = [
        k
        for k, one in enumerate(tensors_within(patient.inputs))
        if one.is_floating_point() and not bool(one.isfinite().all())
    ]
    if odd:
        notes.fault(
            "nan-inputs",
            "The batch itself holds NaN or infinity.",
            confirmed=f"read from tensor {odd[0] + 1} of the inputs, before anything ran.",
            mend="Look for missing values and divisions in what makes the data.",
            slug="nan",
        )
        return
    outputs = tried.output is None or bool(tried.output.isfinite().all())
    loss = tried.loss is None or bool(tried.loss.isfinite().all())
    flawed = [
        name for name, one in tried.gradients.items() if one is not None and not bool(one.isfinite().all())
    ]
    if outputs and loss and not flawed:
        notes.fine("no NaN and no infinity in parameters, inputs, outputs, loss and gradients")
        return
    if outputs and loss:
        notes.fault(
            "nan-gradient",
            f"The loss is a number, and the gradients of {len(flawed)} parameters are not ({', '.join(grouped(tuple(flawed)))}).",
            confirmed=_backward_source(patient),
            mend="Keep that function away from the point where its slope is infinite: sqrt(x + 1e-8), log(x + 1e-8).",
            slug="nan",
        )
        return
    tape = patient.again(training=True, gradients=True, numbers=True).tape
    where = "The outputs are" if not outputs else "The loss is"
    source, kind = (tape.first_inf, "infinity") if tape.first_inf is not None else (tape.first_nan, "NaN")
    confirmed = "the forward pass, run again function by function."
    if source is not None:
        name, place, largest = source
        confirmed = f"the first {kind} came out of {name} in {place}, whose largest input was {largest:.3g}."
    notes.fault(
        "nan-forward",
        f"{where} not a finite number.",
        confirmed=confirmed,
        mend="If the values before it had grown, the step size is too large or the start too wide; if it divides "
        "or takes a root or a logarithm, add a small constant inside. float16 ends at 65504.",
        slug="nan",
    )


def _backward_source(patient: Patient) -> str:
    functions = patient.again(training=True, gradients=True, numbers=True).tape.bad_gradient
    if not functions:
        return "read from the gradients; the function could not be told."
    names = " or ".join(dict.fromkeys(f"{name} in {place}" for name, place in functions))
    return f"going backward, the gradient first stops being finite in {names}."
