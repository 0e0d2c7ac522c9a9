"""Do the values inside a network mean anything? What must hold on other seeds too."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reluguide.experiments import hidden_values

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("hidden_values")


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
        linear = nn.Linear(*weight.shape, dtype=torch.float64)
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
    other, factors = hidden_values.disguised(layers, seed)
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(hidden_values.forward(other, x), hidden_values.forward(layers, x))
    hidden = hidden_values.forward(other, x, stop=1) - hidden_values.forward(layers, x, stop=1)
    assert len(factors) == 2
    assert hidden.abs().max() > 0 or not hidden_values.forward(layers, x, stop=1).any()


def test_a_probe_reads_what_is_there_and_nothing_that_is_not() -> None:
    draw = torch.Generator().manual_seed(0)
    labels, truth = (torch.randint(0, 4, (count,), generator=draw) for count in (600, 400))
    centres = 3 * torch.randn(4, 8, generator=draw, dtype=torch.float64)
    there = [centres[y] + 0.1 * torch.randn(len(y), 8, generator=draw) for y in (labels, truth)]
    noise = [torch.randn(len(y), 8, generator=draw, dtype=torch.float64) for y in (labels, truth)]
    found, guessed = hidden_values.probe(
        torch.stack([there[0], noise[0]]), labels, torch.stack([there[1], noise[1]]), truth
    )
    assert found == 1
    assert abs(guessed - 0.25) < 0.1


def test_training_makes_every_layer_easier_to_read(results: dict[str, Any]) -> None:
    probes = results["probes"]
    places = list(probes.places)
    for place in ("h1", "h2", "h3"):
        gain = probes.trained[:, places.index(place)] - probes.untrained[:, places.index(place)]
        assert gain.min() > 0, place
    assert probes.trained[:, -1].mean() > probes.pixels


def test_the_cut_helps_trained_layers_and_hurts_untrained_ones(results: dict[str, Any]) -> None:
    probes = results["probes"]
    assert probes.trained[:, 2].mean() > probes.trained[:, 1].mean()
    for before in (1, 3, 5):
        assert probes.untrained[:, before + 1].mean() < probes.untrained[:, before].mean()


def test_scales_and_order_of_hidden_units_change_no_answer(results: dict[str, Any]) -> None:
    rescaling = results["rescaling"]
    assert rescaling.hidden.min() > 100
    assert rescaling.outputs.max() < 1e-12
    assert (rescaling.same_answers == 1).all()


def test_a_swapped_layer_needs_a_translation(results: dict[str, Any]) -> None:
    stitching = results["stitching"]
    assert stitching.straight.max() < 0.4
    assert (stitching.mapped > stitching.straight + 0.4).all()
    assert stitching.mapped.mean() > stitching.own.mean() - 0.06


def test_few_units_stand_for_one_digit(results: dict[str, Any]) -> None:
    detectors = results["detectors"]
    assert np.all((detectors.share >= 0) & (detectors.share <= 1))
    assert detectors.favoured.mean() > 2
    assert detectors.only_one.mean() < 0.5
