"""Revived units have a gradient again, and the model's outputs do not change for it."""

import pytest
import torch
from torch import nn

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import Mlp, Residual, plant, vgg

NETS = {"mlp": (Mlp, (60, 6)), "vgg": (vgg, (30, 3, 8, 8))}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", range(4))
def test_outputs_stay_and_units_fire(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    make, shape = NETS[name]
    net, x = make().eval(), torch.randn(shape)
    objects, before = list(net.parameters()), net(x).detach()
    report = reluguide.diagnose(net, x)
    assert report.dead_fraction > 0
    assert reluguide.revive(net, report, seed=seed) is net
    assert all(one is other for one, other in zip(objects, net.parameters(), strict=True))
    torch.testing.assert_close(net(x).detach(), before, rtol=1e-4, atol=1e-4 * float(before.abs().max()))
    after = reluguide.diagnose(net, x)
    assert after.dead_fraction < report.dead_fraction / 2


def test_training_reaches_the_unit_again() -> None:
    torch.manual_seed(0)
    net, x, y = Mlp(), torch.randn(60, 6), torch.randn(60, 3)
    reluguide.revive(net, reluguide.diagnose(net, x), seed=1)
    optimizer, before = torch.optim.SGD(net.parameters(), 0.1), net.one.weight[2].detach().clone()
    for _ in range(3):  # the first step moves the outgoing weights from 0, the next the incoming ones
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
    assert not torch.equal(net.one.weight[2], before)


def test_same_seed_same_weights_and_no_other_random_state() -> None:
    torch.manual_seed(0)
    nets = [Mlp() for _ in range(3)]
    for net in nets[1:]:
        net.load_state_dict(nets[0].state_dict())
    x = torch.randn(30, 6)
    state = torch.get_rng_state()
    for net, seed in zip(nets, (5, 5, 6), strict=True):
        reluguide.revive(net, reluguide.diagnose(net, x), seed=seed)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(nets[0].one.weight, nets[1].one.weight)
    assert not torch.equal(nets[0].one.weight, nets[2].one.weight)


def test_batchnorm_after_the_activation() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 2)).eval()
    plant(net[0], [1])
    net[2].running_mean.uniform_(-1, 1)
    net[2].running_var.uniform_(0.1, 1)
    net[2].bias.data.uniform_(-1, 1)
    x = torch.randn(40, 5)
    before = net(x).detach()
    reluguide.revive(net, reluguide.diagnose(net, x))
    torch.testing.assert_close(net(x).detach(), before)
    norm = net[2]
    assert [t[1].item() for t in (norm.weight, norm.bias, norm.running_mean, norm.running_var)] == [
        1,
        0,
        0,
        1,
    ]


def test_refusal_leaves_the_model_alone() -> None:
    net = Residual().eval()
    before = [p.clone() for p in net.parameters()]
    report = reluguide.diagnose(net, torch.randn(8, 3, 10, 10))
    with pytest.raises(DiagnosisError, match=r"^relu: its activations are also read by add_"):
        reluguide.revive(net, report)
    assert all(torch.equal(one, other) for one, other in zip(before, net.parameters(), strict=True))
