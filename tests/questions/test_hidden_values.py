"""Do the values inside a network mean anything? How probes and disguises are made, against oracles."""

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reluguide.experiments import hidden_values


def random_layers(*sizes: int, seed: int) -> hidden_values.Layers:
    draw = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(a, b, generator=draw, dtype=torch.float64),
            torch.randn(b, generator=draw, dtype=torch.float64),
        )
        for a, b in pairwise(sizes)
    ]


def test_forward_is_a_relu_network() -> None:
    layers = random_layers(3, 5, 4, 2, seed=0)
    parts: list[nn.Module] = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[0], weight.shape[1], dtype=torch.float64)
        linear.weight.data, linear.bias.data = weight.T, bias
        parts += [linear, nn.ReLU()]
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(hidden_values.forward(layers, x), nn.Sequential(*parts[:-1])(x))
    torch.testing.assert_close(
        hidden_values.forward(layers, x, start=0, stop=1), nn.Sequential(*parts[:2])(x)
    )


@given(seed=st.integers(0, 2**31))
def test_moved_and_rescaled_units_give_the_same_outputs(seed: int) -> None:
    layers = random_layers(3, 6, 5, 2, seed=seed)
    other, factors = hidden_values.disguised(layers, seed, smallest=0.01, largest=10.0)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(hidden_values.forward(other, x), hidden_values.forward(layers, x))
    hidden = hidden_values.forward(other, x, stop=1) - hidden_values.forward(layers, x, stop=1)
    assert len(factors) == 2
    assert all(0.01 <= factor <= 10 for layer in factors for factor in layer)
    assert hidden.abs().max() > 0 or not hidden_values.forward(layers, x, stop=1).any()


def test_a_probe_reads_what_is_there_and_nothing_that_is_not() -> None:
    draw = torch.Generator().manual_seed(0)
    labels, truth = (torch.randint(0, 4, (2, count), generator=draw) for count in (600, 400))
    centres = 3 * torch.randn(4, 8, generator=draw, dtype=torch.float64)
    there = [centres[y[0]] + 0.1 * torch.randn(y.shape[1], 8, generator=draw) for y in (labels, truth)]
    noise = [torch.randn(y.shape[1], 8, generator=draw, dtype=torch.float64) for y in (labels, truth)]
    found, guessed = hidden_values.probe(
        torch.stack([there[0], noise[0]]), labels, torch.stack([there[1], noise[1]]), truth
    )
    assert found == 1
    assert abs(guessed - 0.25) < 0.1
