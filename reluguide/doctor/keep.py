"""Leaves a model, and the random state, as they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from reluguide.doctor.errors import DiagnosisError


@contextmanager
def as_it_was(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Training (or eval) mode inside; afterwards flags, buffers and random states are what they were.

    Buffers, since BatchNorm in training mode moves its running statistics; random states, since
    dropout and the order of a loader draw from them. Also after an exception.
    """
    flags = {module: module.training for module in model.modules()}
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    python, numpy = random.getstate(), np.random.get_state()
    cuda = sorted({p.device.index for p in model.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=cuda):
        try:
            _to_mode(model, training)
            yield
        finally:
            for module, flag in flags.items():
                module.training = flag
            with torch.no_grad():
                for module, name, buffer, before in buffers:
                    buffer.copy_(before)
                    module._buffers[name] = buffer  # it may have been replaced, not written to
            random.setstate(python)
            np.random.set_state(numpy)


def _to_mode(model: nn.Module, training: bool) -> None:
    try:
        model.train(training)
    except NotImplementedError as error:
        raise DiagnosisError(
            f"the mode of this {type(model).__name__} cannot be changed ({error}): an exported program is fixed; "
            "diagnose the module that it was exported from."
        ) from error
