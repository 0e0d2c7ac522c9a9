"""Do we not want symmetric activations? How shapes and centres are measured, against oracles."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reluguide.experiments import symmetry


@given(seed=st.integers(0, 2**31), samples=st.integers(20, 300))
def test_the_distance_is_kolmogorovs_and_smirnovs(seed: int, samples: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    values = torch.relu(torch.randn(samples, 2, generator=draw, dtype=torch.float64) + 1)
    found = symmetry.distance_from_normal(values)
    for column, distance in zip(values.T.numpy(), found):
        standard = (column - column.mean()) / column.std(ddof=1)
        assert float(distance) == pytest.approx(stats.kstest(standard, "norm").statistic, abs=1e-9)


def test_symmetric_curves_are_the_odd_ones() -> None:
    odd = symmetry.curves().odd
    assert set(odd.activation[odd < 1e-12].values) == {"tanh", "sigmoid", "identity"}


def test_everybody_in_the_crowd_is_counted_once() -> None:
    crowd = symmetry.crowd(seeds=[10_000, 10_001])
    assert (crowd.share.sum("value") + crowd.zeros).values == pytest.approx(1, abs=0.01)
    assert float(crowd.negatives.sel(stage="after")) == 0
    assert abs(float(crowd.zeros.sel(stage="after")) - 0.5) < 0.01


def test_the_lowered_relu_has_mean_zero() -> None:
    z = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert abs(float(symmetry.centred(z).mean())) < 0.003
