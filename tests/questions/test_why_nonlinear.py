"""Why do we need anything between two linear layers? What stacks of any size are, for any input."""

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reluguide.experiments import why_nonlinear


def linear_layers(module: nn.Sequential) -> list[tuple[Tensor, Tensor]]:
    return [(part.weight, part.bias) for part in module if isinstance(part, nn.Linear)]


@settings(deadline=None, max_examples=25)
@given(widths=st.lists(st.integers(1, 6), min_size=2, max_size=6), seed=st.integers(0, 2**31))
def test_any_stack_of_linear_layers_is_one(widths: list[int], seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        stack = nn.Sequential(*(nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(widths)))
        x = torch.randn(7, widths[0], dtype=torch.float64)
    weight, bias = why_nonlinear.multiplied_out(linear_layers(stack))
    torch.testing.assert_close(x @ weight.T + bias, stack(x))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_a_relu_network_is_one_linear_layer_around_every_input(seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sizes = (3, 8, 8, 2)
        parts = [
            part for a, b in pairwise(sizes) for part in (nn.Linear(a, b, dtype=torch.float64), nn.ReLU())
        ]
        network = nn.Sequential(*parts[:-1])
        x = torch.randn(3, dtype=torch.float64)
    layers = linear_layers(network)
    weight, bias = why_nonlinear.with_mask_frozen(layers, x)
    torch.testing.assert_close(weight @ x + bias, network(x))
    torch.testing.assert_close(why_nonlinear.relu_network(layers, x), network(x))
    torch.testing.assert_close(weight, torch.func.jacrev(network)(x))
