"""Which parameters can learn: those that have a gradient of their own, and an optimizer."""

from torch import Tensor, nn

from reluguide.doctor.examination.notes import Notes, Patient
from reluguide.doctor.naming import tidy
from reluguide.doctor.unseen import grouped


def equal_weights(patient: Patient, notes: Notes) -> None:
    """Units that are copies of one another, and get the same gradient."""
    twins = []
    for raw, module in patient.model.named_modules():
        weight = getattr(module, "weight", None)
        if (
            not isinstance(module, (nn.Linear, nn.modules.conv._ConvNd))
            or not isinstance(weight, Tensor)
            or len(weight) < 2
        ):
            continue
        name = tidy(raw)
        gradient = patient.tried.gradients.get(f"{name}.weight".lstrip("."))
        if gradient is None or not bool((weight == weight[:1]).all()):
            continue
        bias = getattr(module, "bias", None)
        if isinstance(bias, Tensor) and not bool((bias == bias[:1]).all()):
            continue
        spread, size = (gradient - gradient[:1]).abs().amax(), gradient.abs().amax()
        if bool(spread <= 1e-5 * size):
            twins.append((name or "the model", len(weight)))
    if twins:
        names = ", ".join(f"{name} ({count} units)" for name, count in twins)
        notes.fault(
            "equal-weights",
            f"All units of a layer have the same weights, and get the same gradient: {names}.",
            confirmed="weights, biases and gradients are equal row by row, so that every step leaves them equal.",
            mend="Draw the weights at random: nn.init.kaiming_normal_(layer.weight).",
            slug="initialisation",
        )
    else:
        notes.fine("no layer whose units are copies of one another")


def no_gradient(patient: Patient, notes: Notes) -> None:
    """Parameters that nothing can move."""
    tried, model = patient.tried, patient.model
    wanted = [tidy(name) for name, one in model.named_parameters() if one.requires_grad]
    if tried.error is not None:
        return
    if not wanted:
        notes.fault(
            "frozen",
            "No parameter of the model asks for a gradient.",
            confirmed="requires_grad is False for all, or there are none.",
            mend="model.requires_grad_(True), for the part that is to be trained at least.",
            slug="symptoms",
        )
        return
    if tried.loss is None:
        notes.untested("gradients: the model gives no tensor")
        return
    if not tried.loss.requires_grad:
        cut = tried.tape.cut
        told = f"; the last function that let none through is {cut[0]} in {cut[1]}" if cut else ""
        notes.fault(
            "detached-loss",
            "No gradient comes back from the loss: it is not connected with the parameters.",
            confirmed=f"loss.requires_grad is False in training mode{told}.",
            mend="Take away detach(), .data, .item(), argmax, numpy() and no_grad() between parameters and loss.",
            slug="symptoms",
        )
        return
    gradients = {name: tried.gradients.get(name) for name in wanted}
    unused = tuple(name for name, one in gradients.items() if one is None)
    zero = tuple(name for name, one in gradients.items() if one is not None and not bool(one.any()))
    if len(unused) + len(zero) == len(wanted):
        notes.fault(
            "no-gradient",
            "No parameter gets a gradient: every one of them is exactly 0.",
            confirmed=f"one backward pass; {len(zero)} parameters with a gradient of 0, {len(unused)} with none.",
            mend="Look at the other findings: a ReLU or a layer behind which everything is 0 stops all of them. "
            "The loss will stay the same to the last digit.",
            slug="symptoms",
        )
        return
    if unused:
        notes.look(
            "unused-parameters",
            f"{len(unused)} of {len(wanted)} parameters have no part in the loss: {', '.join(grouped(unused))}.",
            confirmed="autograd finds no way from the loss to them.",
            mend="If they are to learn, use them in forward; a Python list of modules hides nothing here, since they are registered.",
            slug="symptoms",
        )
    started_at_zero = any(one.ndim > 1 and not bool(one.any()) for one in model.parameters()) or any(
        isinstance(part, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm))
        and part.weight is not None
        and not bool(part.weight.any())
        for part in model.modules()
    )
    if zero and not started_at_zero:
        notes.look(
            "zero-gradient",
            f"The gradient of {len(zero)} of {len(wanted)} parameters is exactly 0: {', '.join(grouped(zero))}.",
            confirmed="one backward pass in training mode.",
            mend="Look for dead units at or behind these layers, and for what cancels them, such as a normalisation.",
            slug="gradients",
        )
    if not unused and not zero:
        notes.fine(f"all {len(wanted)} parameters get a gradient")


def optimizer_of_others(patient: Patient, notes: Notes) -> None:
    """An optimizer that does not hold the model's parameters."""
    if patient.optimizer is None:
        notes.untested("the optimizer: none was given")
        return
    held = {id(one) for group in patient.optimizer.param_groups for one in group["params"]}
    wanted = {tidy(name): one for name, one in patient.model.named_parameters() if one.requires_grad}
    missing = tuple(name for name, one in wanted.items() if id(one) not in held)
    still = [group for group in patient.optimizer.param_groups if not float(group["lr"])]
    if missing:
        everything = len(missing) == len(wanted)
        report = notes.fault if everything else notes.look
        report(
            "optimizer",
            f"The optimizer holds {'none' if everything else 'not all'} of the model's parameters: "
            f"{', '.join(grouped(missing))} {'is' if len(missing) == 1 else 'are'} missing.",
            confirmed="compared object by object.",
            mend="Make the optimizer from model.parameters() after the model has its final layers and device.",
            slug="symptoms",
        )
    elif still:
        notes.look(
            "optimizer",
            "The learning rate of the optimizer is 0.",
            confirmed=f"in {len(still)} of {len(patient.optimizer.param_groups)} groups of parameters.",
            mend="Right in the first step of a warm-up; else look at the schedule.",
            slug="symptoms",
        )
    else:
        notes.fine("the optimizer holds the model's parameters")


def useless_bias(patient: Patient, notes: Notes) -> None:
    """A bias that the batch normalisation behind it takes away again."""
    tried = patient.tried
    useless = tuple(tried.tape.useless_biases)
    confirmed = []
    for name in useless:
        bias, weight = (tried.gradients.get(f"{name}.{part}".lstrip(".")) for part in ("bias", "weight"))
        if bias is not None and weight is not None and float(weight.abs().max()) > 0:
            confirmed.append(float(bias.abs().max() / weight.abs().max()))
    if useless:
        largest = max(confirmed, default=0.0)
        notes.look(
            "bias-before-norm",
            f"A bias directly before a batch normalisation does nothing: {', '.join(grouped(useless))}.",
            confirmed=f"its gradient is at most {largest:.1g} of that of the weights: the mean is taken away again."
            if confirmed
            else "the batch normalisation was given what this layer gave.",
            mend="bias=False in that layer saves its parameters; harmless otherwise.",
            slug="order",
        )
    else:
        notes.fine("no bias directly before a batch normalisation")
