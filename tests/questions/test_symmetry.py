"""Do we not want symmetric activations? What must hold of shapes and centres on other seeds too."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reluguide.experiments import symmetry

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("symmetry")


@given(seed=st.integers(0, 2**31), samples=st.integers(20, 300))
def test_the_distance_is_kolmogorovs_and_smirnovs(seed: int, samples: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    values = torch.relu(torch.randn(samples, 2, generator=draw, dtype=torch.float64) + 1)
    found = symmetry.distance_from_normal(values)
    for column, distance in zip(values.T.numpy(), found):
        standard = (column - column.mean()) / column.std(ddof=1)
        assert float(distance) == pytest.approx(stats.kstest(standard, "norm").statistic, abs=1e-9)


def test_moments_agree_with_formulas_and_samples(results: dict[str, Any]) -> None:
    moments = results["moments"]
    at = {name: i for i, name in enumerate(moments.name)}
    assert moments.mean[at["relu"]] == pytest.approx(1 / math.sqrt(2 * math.pi), abs=1e-10)
    assert moments.variance[at["relu"]] == pytest.approx(0.5 - 0.5 / math.pi, abs=1e-10)
    assert abs(moments.mean[at["selu"]]) < 1e-6
    assert moments.variance[at["selu"]] == pytest.approx(1, abs=1e-6)
    z = torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for name, i in at.items():
        out = symmetry.ACTIVATIONS[name].fn(z).numpy()
        assert out.mean() == pytest.approx(moments.mean[i], abs=0.02), name
        assert out.var() == pytest.approx(moments.variance[i], rel=0.03), name
        assert stats.skew(out) == pytest.approx(moments.skewness[i], abs=0.1), name


def test_symmetric_curves_are_the_odd_ones(results: dict[str, Any]) -> None:
    moments = results["moments"]
    odd = {name for name, gap in zip(moments.name, moments.odd) if gap < 1e-12}
    assert odd == {"tanh", "sigmoid", "identity"}


def test_two_functions_keep_the_bell_and_no_activation_does(results: dict[str, Any]) -> None:
    distances = results["distances"]
    by_name = dict(zip(distances.function, distances.distance.T))
    for name, distance in by_name.items():
        if name in ("flip", "fold"):
            assert distance.max() < 0.012, name
        else:
            assert distance.min() > 0.05, name


def test_folding_leaves_no_correlation(results: dict[str, Any]) -> None:
    distances = results["distances"]
    assert np.abs(distances.tie[:, list(distances.function).index("fold")]).max() < 0.03


def test_wider_sums_are_nearer_to_a_bell(results: dict[str, Any]) -> None:
    sums = results["sums"]
    relu, widths = sums.distance[0], list(sums.width)
    assert (np.diff(relu.mean(0)) < 0).all()
    assert (relu[:, widths.index(64)] < relu[:, widths.index(4)]).all()
    assert (relu[:, widths.index(4)] < relu[:, widths.index(1)]).all()


def test_sums_do_not_bring_the_centre_back(results: dict[str, Any]) -> None:
    sums = results["sums"]
    relu, elu, identity = sums.offset[:, :, -1].mean(1)
    assert relu > elu > identity
    assert relu > 0.3


def test_the_crowd_is_cut_in_half_and_is_whole_again_behind_the_sum(results: dict[str, Any]) -> None:
    crowd = results["crowd"]
    assert abs(crowd.zeros - 0.5) < 0.01
    assert crowd.negatives[1] == 0
    assert crowd.skewness[1] > 1.5
    assert abs(crowd.skewness[0]) < 0.05
    assert abs(crowd.skewness[2]) < 0.1
    for share, zeros in ((crowd.before, 0), (crowd.after, crowd.zeros), (crowd.behind, 0)):
        assert share.sum() + zeros == pytest.approx(1, abs=0.01)


def test_digits_are_no_bells(results: dict[str, Any]) -> None:
    trained = results["trained"]
    assert (trained.before > trained.normal).all()
    assert (trained.after > trained.normal).all()


def test_centring_helps_large_steps_in_deep_networks_only(results: dict[str, Any]) -> None:
    centring = results["centring"]
    shallow, deep = centring.shallow.mean(1), centring.deep.mean(2)
    assert np.ptp(shallow) < 0.02
    assert deep[1, 1] > deep[0, 1] + 0.02
    assert deep[1, 0] < deep[0, 0] + 0.02


def test_the_lowered_relu_has_mean_zero() -> None:
    z = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert abs(float(symmetry.centred(z).mean())) < 0.003
