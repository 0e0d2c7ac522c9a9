"""The three losses of a sweep: per network, mean over samples, with its gradient at the outputs.

`outputs` are (networks, samples, width). What is not exactly rounded (exp, sigmoid) is computed on rows
padded to whole vectors, so that no number depends on where in the chunk its network lies (see `_network`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.sweep._network import LANES


@dataclass(frozen=True)
class Loss:
    """`values` (networks, samples), `gradient` of the mean over samples, `correct` (networks, samples)."""

    values: Callable[[Tensor, Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]
    correct: Callable[[Tensor, Tensor], Tensor] | None
    integer_targets: bool


def _bce_values(outputs: Tensor, y: Tensor) -> Tensor:
    z = outputs[..., 0]
    samples = z.shape[1]
    tail = torch.log1p(torch.exp(-_padded(z).abs()))[:, :samples]  # max(z, 0) + tail = log(1 + exp(z))
    return z.clamp(min=0) - z * y + tail


def _bce_gradient(outputs: Tensor, y: Tensor) -> Tensor:
    z = outputs[..., 0]
    samples = z.shape[1]
    return (torch.sigmoid(_padded(z))[:, :samples] - y).div_(samples)[..., None]


def _padded(z: Tensor) -> Tensor:
    return F.pad(z, (0, -z.shape[1] % LANES))


def _ce_values(outputs: Tensor, y: Tensor) -> Tensor:
    return -F.log_softmax(outputs, dim=-1).gather(-1, y[..., None])[..., 0]


def _ce_gradient(outputs: Tensor, y: Tensor) -> Tensor:
    gradient = F.softmax(outputs, dim=-1)
    minus = torch.full((), -1.0, dtype=gradient.dtype, device=gradient.device)
    gradient.scatter_add_(-1, y[..., None], minus.expand(*y.shape, 1))
    return gradient.div_(outputs.shape[1])


LOSSES = {
    "bce": Loss(_bce_values, _bce_gradient, lambda z, y: (z[..., 0] > 0) == (y > 0.5), True),
    "cross_entropy": Loss(_ce_values, _ce_gradient, lambda z, y: z.argmax(-1) == y, True),
    "mse": Loss(
        lambda z, y: (z - y).square().mean(-1),
        lambda z, y: (z - y).mul_(2 / (z.shape[1] * z.shape[2])),
        None,
        False,
    ),
}
