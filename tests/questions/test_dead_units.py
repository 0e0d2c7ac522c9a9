"""What is a dead unit, do I have any, and can it come back? What must hold of it, on other seeds too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import reluguide
from reluguide.experiments import _counted

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("dead_units")


@pytest.mark.parametrize("seed", range(5))
def test_planted_units_are_dead_by_their_gradient_and_no_others(seed: int) -> None:
    for case in _counted.planted(torch.Generator().manual_seed(seed)):
        assert _without_gradient(case) == case.dead, case.name


@pytest.mark.parametrize("seed", range(5))
def test_the_doctor_counts_what_was_planted_and_the_usual_way_does_not(seed: int) -> None:
    for case in _counted.planted(torch.Generator().manual_seed(seed)):
        report = reluguide.diagnose(case.model, case.batch)
        assert (sum(len(one.dead_units) for one in report), report.units) == (case.dead, case.units)
        usual = _counted.usual_count(case.model, case.batch).values()
        counts = (sum(dead for dead, _ in usual), sum(units for _, units in usual))
        assert (counts == (case.dead, case.units)) == (case.name == "fully connected")


def test_many_units_die_at_a_large_rate_and_few_at_a_small_one(results: dict[str, Any]) -> None:
    rates = results["rates"]
    dead, accuracy = rates.quiet[0].mean(1), rates.accuracy[0].mean(1)
    assert dead[-1] > dead[0] + 0.3
    assert dead[rates.lr <= 1].max() < 0.2
    assert accuracy[-1] < accuracy[list(rates.lr).index(1.0)] - 0.1
    assert rates.lost[0].sum() == 0 and rates.lost[1, -1] > 0


def test_what_helps_and_what_does_not(results: dict[str, Any]) -> None:
    fixes = results["fixes"]
    dead = dict(zip(fixes.way, fixes.dead.mean(1)))
    accuracy = dict(zip(fixes.way, fixes.accuracy.mean(1)))
    assert fixes.lost == 0
    for way in ("lower", "clip", "adam"):
        assert dead[way] < 0.3 < dead["nothing"]
        assert accuracy[way] > accuracy["nothing"] + 0.1
    for way in ("leaky", "decay"):
        assert accuracy[way] < accuracy["lower"] - 0.1


def test_relu_never_leaves_a_start_that_is_too_low_and_others_do(results: dict[str, Any]) -> None:
    low = results["low_start"]
    accuracy = dict(zip(low.activation, low.accuracy.mean(1)))
    assert (low.loss == low.start).all()
    assert accuracy["relu"] == 0.5
    assert min(accuracy[name] for name in ("elu", "gelu", "silu")) > 0.7


def test_first_layer_units_stay_and_second_layer_units_may_return(results: dict[str, Any]) -> None:
    found = results["comes_back"]
    ways = list(found.way)
    for way in ("sgd", "adam"):
        assert (found.same[ways.index(way), 0] == 1).all()
    for way in ("sgd", "adam", "decay"):
        assert (found.back[ways.index(way), 0] == 0).all()
    assert found.back[ways.index("sgd"), 1].mean() > 0.05
    assert found.back[ways.index("bias_decay"), 0].mean() > 0.5
    shares = found.shifted.mean(1)
    assert shares[0] == 1 and (np.diff(shares) < 0).all()


def test_nothing_returns_once_its_inputs_stand_still(results: dict[str, Any]) -> None:
    found = results["mechanism"]
    assert np.sum(found.free[0]) == 0  # SGD, first layer
    assert np.sum(found.free[1]) > 0
    assert np.sum(found.held) == 0
    assert np.sum(found.adam[0]) > 0  # what Adam remembers


def test_deep_networks_are_born_dead_by_their_start(results: dict[str, Any]) -> None:
    start = results["start"]
    assert (start.default[-1] > start.kaiming[-1]).all()
    assert start.kaiming[0].max() == 0 and abs(start.off.mean() - 0.5) < 0.1


def test_fewer_units_look_dead_the_more_samples_are_looked_at(results: dict[str, Any]) -> None:
    counted = results["sampling"].counted
    assert (np.diff(counted, axis=1) <= 0).all()
    assert counted[:, 0].min() > 100 > counted[:, -1].max()


def test_a_first_layer_at_minus_five_is_gone_and_the_second_only_looks_so(results: dict[str, Any]) -> None:
    deep = results["deep_bias"]
    assert (deep.first == 64).all() and (deep.outputs == 1).all()
    assert deep.second.min() > deep.second_at_zero.max()


def test_cutting_is_safe_on_the_data_and_a_fresh_start_helps(results: dict[str, Any]) -> None:
    removed = results["removed"]
    assert removed.on_data.max() < 1e-4 < removed.far.mean()
    assert removed.changed.max() < 1e-5
    assert removed.revived.mean() > removed.as_is.mean() + 0.05


def _without_gradient(case: _counted.Planted) -> int:
    """Units at which ReLU passes no gradient back on any sample of the batch, by autograd alone."""
    made: list[Tensor] = []
    for module in case.model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.register_forward_hook(lambda _, __, out: made.append(out.detach().clone()))
    case.model(case.batch)
    dead = 0
    for z in made:
        z.requires_grad_()
        (slope,) = torch.autograd.grad(torch.relu(z).sum(), z)
        units = slope.movedim(1 if z.ndim == 4 else -1, 0).flatten(1)
        dead += int((units == 0).all(dim=1).sum())
    return dead
