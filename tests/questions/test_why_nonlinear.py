"""Why do we need anything between two linear layers? What must hold of stacks, on other seeds too."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from reluguide.experiments import why_nonlinear

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("why_nonlinear")


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


def test_rings_need_relu_in_every_seed(results: dict[str, Any]) -> None:
    rings = results["rings_learned"]
    assert rings.relu.min() > rings.linear.max() + 0.2
    assert min(rings.pieces) > 10


def test_the_map_without_relu_is_cut_by_one_straight_line(results: dict[str, Any]) -> None:
    output = np.asarray(results["rings_learned"].output_linear)
    # A plane over the plane: its second differences are rounding only. With ReLU there are kinks.
    assert np.abs(np.diff(output, n=2, axis=0)).max() < 1e-4
    assert np.abs(np.diff(results["rings_learned"].output_relu, n=2, axis=0)).max() > 1e-2


def test_digits_cannot_show_why_relu_is_there(results: dict[str, Any]) -> None:
    learned = results["digits_learned"]
    assert abs(learned.relu.mean() - learned.linear.mean()) < 0.03
    assert min(learned.patterns) > learned.images / 2


def test_more_units_help_relu_alone(results: dict[str, Any]) -> None:
    found = dict(zip(results["more_units"].between, results["more_units"].error))
    assert np.ptp(found["nothing"]) < 1e-6
    assert np.ptp(found["square"]) < 1e-6
    assert (found["relu"][:, -1] < found["relu"][:, 0] / 5).all()
    assert (found["square"] < results["more_units"].zero).all()
