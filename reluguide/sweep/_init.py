"""How weights begin: named schemes, drawn network by network from that network's own generator."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

# (generator, fan_in, fan_out) -> weights (fan_in, fan_out)
WeightInit = Callable[[torch.Generator, int, int], Tensor]


def _normal(variance: Callable[[int, int], float]) -> WeightInit:
    def draw(random: torch.Generator, fan_in: int, fan_out: int) -> Tensor:
        return torch.randn(fan_in, fan_out, generator=random) * math.sqrt(variance(fan_in, fan_out))

    return draw


def _uniform(variance: Callable[[int, int], float]) -> WeightInit:
    def draw(random: torch.Generator, fan_in: int, fan_out: int) -> Tensor:
        bound = math.sqrt(3 * variance(fan_in, fan_out))
        return (2 * torch.rand(fan_in, fan_out, generator=random) - 1) * bound

    return draw


# Variances: He et al. 2015; Glorot and Bengio 2010; LeCun et al. 1998; what nn.Linear does by itself.
WEIGHT_INITS: dict[str, WeightInit] = {
    "kaiming": _normal(lambda fan_in, fan_out: 2 / fan_in),
    "kaiming_uniform": _uniform(lambda fan_in, fan_out: 2 / fan_in),
    "xavier": _normal(lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "xavier_uniform": _uniform(lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "lecun": _normal(lambda fan_in, fan_out: 1 / fan_in),
    "default": _uniform(lambda fan_in, fan_out: 1 / (3 * fan_in)),
}


def draw_weights(
    scheme: str | WeightInit, random: torch.Generator, fan_in: int, fan_out: int
) -> tuple[Tensor, Tensor]:
    """Weights (fan_in, fan_out) and biases (fan_out,), which are 0 except under "default"."""
    draw = WEIGHT_INITS[scheme] if isinstance(scheme, str) else scheme
    weights = draw(random, fan_in, fan_out)
    biases = torch.zeros(fan_out)
    if scheme == "default":
        biases = (2 * torch.rand(fan_out, generator=random) - 1) / math.sqrt(fan_in)
    return weights, biases
