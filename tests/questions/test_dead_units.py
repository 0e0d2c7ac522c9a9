"""What is a dead unit, do I have any, and can it come back? What must hold of it, on other seeds too."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import reluguide
from reluguide.data import spirals
from reluguide.device import generator
from reluguide.experiments import _counted, dead_units

Blocks = Callable[[str], dict[str, Any]]


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


def test_what_helps_and_what_does_not(second_block: Blocks) -> None:
    found = second_block("dead_units")["fixes"]
    dead, accuracy = found.dead.mean("seed"), found.accuracy.mean("seed")
    helps, does_not = ["lower", "clip", "adam"], ["leaky", "decay"]
    assert not found.diverged.any()
    assert dead.sel(way=helps).max() < 0.3 < dead.sel(way="nothing")
    assert accuracy.sel(way=helps).min() > accuracy.sel(way="nothing") + 0.1
    assert accuracy.sel(way=does_not).max() < accuracy.sel(way="lower") - 0.1


def test_batch_norm_moves_the_cliff_and_does_not_take_it_away(second_block: Blocks) -> None:
    normed, plain = second_block("dead_units")["normalised"], second_block("dead_units")["rates"]
    assert (normed.born == 0).all() and plain.born.mean() > 0
    assert normed.dead.sel(rate=3).mean() < plain.dead.sel(rate=3).mean() - 0.3
    assert normed.learned.sel(rate=3).mean() > 0.8 > normed.learned.sel(rate=5).mean()
    assert normed.dead.sel(rate=5).mean() > 0.2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [1, 5])
def test_batch_norm_side_by_side_is_batch_norm_alone(seed: int, steps: int) -> None:
    width, rate = 8, 3.0
    found = dead_units.normalised(seeds=[seed], width=width, steps=steps)
    data, draw = spirals(128, seed=seed), generator(seed)
    linears = nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, 1)
    for linear in linears:
        drawn = torch.randn(*linear.weight.T.shape, generator=draw)
        linear.weight.data, linear.bias.data = (
            (drawn * (2 / len(drawn)) ** 0.5).T,
            torch.zeros(len(linear.bias)),
        )
    parts = [(linear, nn.BatchNorm1d(width), nn.ReLU()) for linear in linears[:-1]]
    model = nn.Sequential(*(one for part in parts for one in part), linears[-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(data.x)[:, 0], data.y.float()).backward()
        optimizer.step()
    right = ((model(data.x)[:, 0] > 0) == (data.y > 0)).double().mean()
    # One point that rounding puts on the other side is let pass.
    assert abs(found.accuracy.sel(rate=rate, seed=seed).item() - right.item()) < 1.5 / len(data.x)


def test_a_fresh_start_changes_no_output_and_helps(second_block: Blocks) -> None:
    found = second_block("dead_units")["removed"]
    accuracy = found.accuracy.mean("seed")
    assert found.change.sel(by="revive").max() < 1e-5
    assert accuracy.sel(when="revived") > accuracy.sel(when="as_is") + 0.05


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
