"""Is it safe to throw the negatives away? What must hold of what a ReLU layer keeps, on other seeds too."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from reluguide.experiments import is_it_lossy


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


def test_recovery_needs_as_many_units_on_as_inputs() -> None:
    # Fewer equations than unknowns: whatever the method, nothing can be recovered for certain.
    assert is_it_lossy.recovered_share(3, width=15, inputs=16, draws=50) == 0


@given(width=st.integers(1, 60), inputs=st.integers(1, 60))
def test_the_chance_of_recovery_is_the_tail_of_a_binomial(width: int, inputs: int) -> None:
    expected = stats.binom.sf(inputs - 1, width, 0.5)
    assert is_it_lossy.enough_on(width, inputs) == pytest.approx(expected, abs=1e-12)


def test_linear_decoder_is_least_squares() -> None:
    draw = torch.Generator().manual_seed(1)
    features = torch.randn(200, 5, generator=draw, dtype=torch.float64)
    target = torch.randn(200, 3, generator=draw, dtype=torch.float64)
    ours = is_it_lossy.linear_decoder(features, target)(features)
    ones = torch.cat([features, torch.ones(200, 1, dtype=torch.float64)], 1)
    oracle = ones @ torch.linalg.lstsq(ones, target).solution
    torch.testing.assert_close(ours, oracle, atol=1e-4, rtol=1e-4)
    assert is_it_lossy.r_squared(target, target) == 1
