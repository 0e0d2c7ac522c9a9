"""The second judgement agrees where nothing is overlooked, and says where it does not."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor.unseen import DISAGREEMENTS, ROUND, STOPPED, UNPULLED, UNSEEN_DEAD
from tests.doctor.test_handmade import HANDMADE, Once
from tests.doctor.zoo import ZOO, plant, vgg


def told(report: reluguide.Report) -> dict[str, tuple[str, ...]]:
    return {one.why: one.names for one in report.unseen if one.why in DISAGREEMENTS}


@pytest.mark.parametrize("name", ZOO)
def test_agrees_on_the_zoo_and_changes_nothing_else(name: str) -> None:
    make, shape = ZOO[name]
    net, batches = make().eval(), [torch.randn(shape) for _ in range(2)]
    if name in ("reused",):  # its first layer is dead altogether, so nothing else can be told of it
        return
    plain, verified = reluguide.diagnose(net, batches), reluguide.diagnose(net, batches, verify=True)
    assert told(verified) == {}
    assert [one.dead.tolist() for one in plain] == [one.dead.tolist() for one in verified]
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize("name", HANDMADE)
def test_agrees_on_activations_written_by_hand(name: str) -> None:
    net = Once(HANDMADE[name][0])
    for frozen in (False, True):
        net.requires_grad_(not frozen)
        assert told(reluguide.diagnose(net, torch.randn(60, 3), verify=True)) == {}


def test_agrees_under_inference_mode_autocast_and_checkpoints() -> None:
    from torch.utils.checkpoint import checkpoint

    net, x = vgg().eval(), torch.randn(40, 3, 8, 8)
    whole = reluguide.diagnose(net, x, verify=True)
    again = reluguide.diagnose(
        net, x, verify=True, forward=lambda m, b: checkpoint(m, b, use_reentrant=False)
    )
    for report in (whole, again):
        assert told(report) == {}
        assert report["features.1"].values == 40 * 64
    with torch.autocast("cpu", torch.bfloat16):
        assert told(reluguide.diagnose(net, x, verify=True)) == {}


class Hidden(nn.Module):
    """An activation that no look at functions can see, and a layer that is read round its activation."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 6)
        self.c, self.d = nn.Linear(6, 2), nn.Linear(6, 2)
        plant(self.a, [1, 3])
        plant(self.b, [2])

    def forward(self, x: Tensor) -> Tensor:
        z = self.a(x)
        z = torch.stack([z, torch.zeros_like(z)]).amax(0)
        y = self.b(z)
        return self.c(F.relu(y)) + self.d(y)


def test_what_the_look_overlooks_is_told_with_layer_and_units() -> None:
    report = reluguide.diagnose(Hidden(), torch.randn(50, 4), verify=True)
    (line,) = told(report)[UNSEEN_DEAD]
    assert line.startswith("a (") and "units 1, 3" in line
    (line,) = told(report)[ROUND]
    dead = report["relu"].dead_units
    assert 2 in dead and line == f"relu ({len(dead)} of 6, units {', '.join(map(str, dead))})"
    assert "The gradient disagrees: dead at the call" in str(report)


def test_units_that_nothing_reads_are_told() -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    with torch.no_grad():
        net[0].bias.fill_(1.0)
        net[2].weight[:, 5] = 0
    report = reluguide.diagnose(net, torch.randn(50, 4), verify=True)
    assert told(report) == {STOPPED: ("1.relu (1 of 6, units 5)",)}


def test_an_output_without_a_gradient_is_told() -> None:
    class Numb(nn.Sequential):
        @torch.no_grad()
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    report = reluguide.diagnose(Numb(nn.Linear(4, 6), nn.ReLU()), torch.randn(50, 4), verify=True)
    assert list(told(report)) == [UNPULLED]
