"""What goes into the model."""

from reluguide.doctor.examination.notes import Notes, Patient

LARGE, SMALL = 30.0, 0.01  # root mean square of what the first layer is given


def input_scale(patient: Patient, notes: Notes) -> None:
    """Inputs that are far from a size of about 1."""
    tape = patient.tried.tape
    given = tape.inputs_of_first
    if (
        given is None
        or not given.is_floating_point()
        or not given.numel()
        or not bool(given.isfinite().all())
    ):
        notes.untested("the scale of the inputs: no linear or convolutional layer was seen")
        return
    size = float(given.double().square().mean().sqrt())
    layer = tape.first_layer or "the first layer"
    if tape.first_is_normalised:
        notes.fine(
            f"a normalisation follows {layer}, so that the scale of the inputs (rms {size:.3g}) matters little"
        )
    elif size >= LARGE:
        notes.fault(
            "large-inputs",
            f"The inputs are large: their root mean square is {size:.3g} where {layer} takes them.",
            confirmed=f"no normalisation follows {layer}; its gradient is as many times larger as the inputs are, so "
            "that one step of SGD can switch off most of its units.",
            mend="Standardise the inputs (subtract the mean, divide by the standard deviation; pixels: / 255).",
            slug="inputs",
        )
    elif 0 < size <= SMALL and float(given.abs().amax()) <= 5 * SMALL:
        notes.fault(
            "small-inputs",
            f"The inputs are tiny: their root mean square is {size:.3g} where {layer} takes them.",
            confirmed=f"no normalisation follows {layer}; next to its biases the inputs hardly count.",
            mend="Standardise the inputs; they may have been divided by 255 twice.",
            slug="inputs",
        )
    else:
        notes.fine(f"the scale of the inputs (rms {size:.3g} at {layer})")
