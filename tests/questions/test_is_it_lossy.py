"""Is it safe to throw the negatives away? What must hold of what a ReLU layer keeps, on other seeds too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reluguide.experiments import is_it_lossy

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("is_it_lossy")


def test_wider_layers_give_more_inputs_back(results: dict[str, Any]) -> None:
    share = results["recovery"].share.mean(0)
    assert (np.diff(share) > -0.02).all()
    assert share[0] <= 0.01
    assert share[-1] > 0.99


def test_wider_layers_show_more_of_the_digit_in_every_seed(results: dict[str, Any]) -> None:
    decoding = results["decoding"]
    assert (np.diff(decoding.after, axis=1) > 0).all()
    assert (decoding.before > decoding.after[:, -1]).all()


def test_a_pair_gives_every_number_back_and_one_unit_half(results: dict[str, Any]) -> None:
    pair = results["mirror_pair"]
    assert pair.exact_pair == pair.tried
    assert 0.49 < pair.exact_one / pair.tried < 0.51


def test_what_comes_out_changes_with_a_units_outgoing_weights_only_where_it_is_on() -> None:
    draw = torch.Generator().manual_seed(2)
    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    for one in network.parameters():
        one.data = torch.randn(one.shape, generator=draw, dtype=torch.float64)
    x = torch.randn(200, 5, generator=draw, dtype=torch.float64)
    before, on = network(x), network[:2](x) > 0
    assert ((on.any(0)) & (~on).any(0)).sum() >= 4
    for unit in range(8):
        kept = network[2].weight.data.clone()
        network[2].weight.data[:, unit] = torch.randn(3, generator=draw, dtype=torch.float64)
        assert torch.equal((network(x) != before).any(1), on[:, unit])
        network[2].weight.data = kept


def test_a_unit_that_is_on_passes_something_on(results: dict[str, Any]) -> None:
    assert results["silence"].on > 0  # that nothing comes of 0 times a weight needs no measurement


def test_recovery_needs_as_many_units_on_as_inputs() -> None:
    # Fewer equations than unknowns: whatever the method, nothing can be recovered for certain.
    assert is_it_lossy.recovered_share(3, width=is_it_lossy.INPUTS - 1) == 0


def test_linear_decoder_is_least_squares() -> None:
    draw = torch.Generator().manual_seed(1)
    features = torch.randn(200, 5, generator=draw, dtype=torch.float64)
    target = torch.randn(200, 3, generator=draw, dtype=torch.float64)
    ours = is_it_lossy.linear_decoder(features, target)(features)
    ones = torch.cat([features, torch.ones(200, 1, dtype=torch.float64)], 1)
    oracle = ones @ torch.linalg.lstsq(ones, target).solution
    torch.testing.assert_close(ours, oracle, atol=1e-4, rtol=1e-4)
    assert is_it_lossy.r_squared(target, target) == 1
