"""One training step of a model, tried without changing it: outputs, loss, gradients, and what led there."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.examination.tape import Mark, Recording, Tape, recorded, version_of
from reluguide.doctor.naming import tidy
from reluguide.doctor.tracks import tensors_within


@dataclass
class Step:
    """The outcome of one try: whatever could not be computed is None, and `error` says why."""

    tape: Tape
    output: Tensor | None = None
    loss: Tensor | None = None
    gradients: dict[str, Tensor | None] = field(default_factory=dict)
    error: RuntimeError | None = None
    stage: str = "forward"  # where the error was raised
    wrote_into_batch: bool = False
    has_own_loss: bool = False
    output_mark: Mark | None = None


def step(
    model: nn.Module,
    batch: Any,
    target: Any,
    call: Callable[[nn.Module, Any], Any],
    loss: Callable[[Any, Any], Tensor] | None,
    *,
    samples: int,
    gradients: bool = True,
    numbers: bool = False,
) -> Step:
    """Forward pass, loss and gradients, in the model's present mode. `.grad` is not touched."""
    torch.manual_seed(0)
    recording = Recording(model, samples=samples, numbers=numbers)
    try:
        return _taken(recording, model, batch, target, call, loss, gradients=gradients, samples=samples)
    finally:
        for handle in recording.handles:
            handle.remove()


def _taken(
    recording: Recording,
    model: nn.Module,
    batch: Any,
    target: Any,
    call: Callable[[nn.Module, Any], Any],
    loss: Callable[[Any, Any], Tensor] | None,
    *,
    gradients: bool,
    samples: int,
) -> Step:
    done = Step(recording.tape)
    own = copied(batch)
    before = [version_of(one) for one in tensors_within(own)]
    with torch.set_grad_enabled(gradients), recorded(recording):
        try:
            made = call(model, own)
        except RuntimeError as error:
            done.error = error
            return done
        done.wrote_into_batch = any(version_of(one) > was for one, was in zip(tensors_within(own), before))
        done.output = _main(made, samples)
        mark = recording.mark_of(done.output)
        done.output_mark = mark
        done.has_own_loss = own_loss(made) is not None
        if not gradients:
            return done
        recording.in_loss = True
        done.stage, done.loss = "loss", _loss(made, done.output, target, loss)
    if done.loss is None:
        return done
    done.stage = "backward"
    wanted = {tidy(name): one for name, one in model.named_parameters() if one.requires_grad}
    if done.loss.requires_grad and wanted:
        try:
            found = torch.autograd.grad(done.loss, list(wanted.values()), allow_unused=True)
        except RuntimeError as error:
            done.error = error
            return done
        done.gradients = dict(zip(wanted, found))
    return done


def _main(made: Any, samples: int) -> Tensor | None:
    """Of all that a model gives, the first tensor of numbers with an entry for each sample; else the first."""
    numbers = [one for one in tensors_within(made) if one.is_floating_point()]
    return next((one for one in numbers if one.ndim and len(one) == samples), numbers[0] if numbers else None)


def own_loss(made: Any) -> Tensor | None:
    """The loss that a model computes itself, as those of Transformers do with labels."""
    own = made.get("loss") if isinstance(made, Mapping) else getattr(made, "loss", None)
    return own if isinstance(own, Tensor) else None


def _loss(
    made: Any, output: Tensor | None, target: Any, loss: Callable[[Any, Any], Tensor] | None
) -> Tensor | None:
    if loss is None:
        own = own_loss(made)
        if own is not None:
            return own
        # Every output counts, and no symmetry between them hides anything.
        return (output * torch.randn_like(output)).sum() if output is not None else None
    try:
        value = loss(made, target)
    except Exception as error:
        if output is not None and not bool(output.isfinite().all()):
            return None  # what is wrong is told of the output
        shape = tuple(output.shape) if output is not None else "no tensor"
        raise DiagnosisError(
            f"the loss fails on the model's output ({shape}): {type(error).__name__}: {error}. It is called as "
            "loss(output, target) for a batch (input, target), and as loss(output, batch) for any other."
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        what = (
            f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        )
        raise DiagnosisError(f"the loss gives {what}; it has to be a tensor with one number.")
    return value


def copied(value: Any) -> Any:
    """The batch with every tensor cloned, so that a model may write into it."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [copied(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if next(tensors_within(value), None) is None:
        return value
    return copy.deepcopy(value)  # a graph, a dataclass, an object of one's own
