"""SGD, Adam and AdamW on a chunk's flat parameters, with a rate and decays of its own for each network.

Each follows the formula of its namesake in `torch.optim`, which is the oracle in the tests. Settings are
flat like the parameters (one number repeated over all parameters of a network), so a step is a handful
of elementwise operations whatever the number of layers.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

BETAS, EPS = (0.9, 0.999), 1e-8
TINY = 1e-30
NAMES = ("sgd", "adam", "adamw")


@dataclass
class Optimizer:
    """`rate`, `decay` and `momentum` are flat like the parameters, or None where all networks have 0."""

    name: str
    rate: Tensor
    decay: Tensor | None = None
    momentum: Tensor | None = None
    steps: int = 0
    first: Tensor | None = field(default=None, repr=False)
    second: Tensor | None = field(default=None, repr=False)

    @torch.no_grad()
    def step(self, parameters: Tensor, gradient: Tensor) -> None:
        """Change `parameters` in place; `gradient` is used up."""
        self.steps += 1
        if self.decay is not None:
            if self.name == "adamw":
                parameters.mul_(1 - self.rate * self.decay)
            else:
                gradient.addcmul_(parameters, self.decay)
        if self.name == "sgd":
            self._sgd(parameters, gradient)
        else:
            self._adam(parameters, gradient)

    def _sgd(self, parameters: Tensor, gradient: Tensor) -> None:
        if self.momentum is not None:
            # As in torch, the first gradient enters whole: the buffer starts as a copy of it.
            self.first = (
                gradient.clone() if self.first is None else self.first.mul_(self.momentum).add_(gradient)
            )
            gradient = self.first
        parameters.addcmul_(gradient, self.rate, value=-1)

    def _adam(self, parameters: Tensor, gradient: Tensor) -> None:
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        # Roots of 0 and of denormals, which dead units have, are many times slower than others; far below
        # EPS squared the addend is without effect.
        spread = torch.add(self.second, TINY, out=gradient).sqrt_()
        spread.div_((1 - BETAS[1] ** self.steps) ** 0.5).add_(EPS)
        update = torch.div(self.first, spread, out=spread)
        parameters.addcmul_(update, self.rate, value=-1 / (1 - BETAS[0] ** self.steps))


def clip_(gradients: list[Tensor], limit: Tensor) -> None:
    """Scale each network's gradient so that its norm over all parameters is at most `limit` (networks,).

    As `torch.nn.utils.clip_grad_norm_`; an infinite limit leaves the network as it is.
    """
    squares = torch.zeros_like(limit)
    for gradient in gradients:
        squares += gradient.flatten(1).square().sum(1)
    scale = (limit / (squares.sqrt() + 1e-6)).clamp(max=1).view(-1, 1, 1)
    for gradient in gradients:
        gradient.mul_(scale)
