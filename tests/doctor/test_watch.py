"""Deaths and revivals during training are seen at the step at which they happen."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import Mlp, plant


def net_of_one_layer() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1))
    with torch.no_grad():
        net[0].bias.fill_(1.0)
    return net


def test_steps_of_death_and_revival() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    with reluguide.watch(net, patience=3) as seen:
        for step in range(1, 13):
            if step == 4:
                plant(net[0], [2], -100.0)
            if step == 9:
                plant(net[0], [2], 1.0)
            net(x).sum().backward()
    layer = seen["1.relu"]
    assert seen.steps == 12
    assert layer.deaths == [(6, [2])]  # steps 4, 5 and 6 are three without a gradient
    assert layer.revivals == [(9, [2])]
    assert layer.dead_counts == [0] * 5 + [1] * 3 + [0] * 4
    assert "1 deaths, 1 revivals, 0 of 5 dead now" in str(seen)
    assert seen.to_dict()["layers"]["1.relu"]["deaths"] == [[6, [2]]]


def test_one_quiet_batch_is_no_death() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    with reluguide.watch(net, patience=2) as seen:
        for step in range(6):
            plant(net[0], [2], -100.0 if step % 2 else 1.0)
            net(x)
    assert seen["1.relu"].deaths == []


def test_evaluation_and_other_passes_do_not_count() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    with reluguide.watch(net, patience=1) as seen:
        net(x)
        net.eval()(x)
        with torch.no_grad():
            net.train()(x)
        torch.relu(x)
    assert seen.steps == 1
    assert list(seen.layers) == ["1.relu"]


def test_checkpointed_training_counts_each_step_once() -> None:
    class Saved(Mlp):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return checkpoint(super().forward, x, use_reentrant=False)

    net, x = Saved(), torch.randn(20, 6)
    with reluguide.watch(net, patience=1) as seen:
        for _ in range(3):
            net(x).sum().backward()
    assert list(seen.layers) == ["relu", "relu#2"]
    assert len(seen["relu"].dead_counts) == 3
    assert set(Mlp.planted[0]) <= set(seen["relu"].deaths[0][1])


def test_compiled_models_are_watched_too() -> None:
    net, x = Mlp(), torch.randn(20, 6)
    compiled = torch.compile(net, backend="eager")
    compiled(x)
    with reluguide.watch(compiled, patience=1) as seen:
        compiled(x).sum().backward()
    assert set(Mlp.planted[0]) <= set(seen["relu"].deaths[0][1])
    assert seen.steps == 1


def test_agrees_with_diagnoses_between_steps() -> None:
    torch.manual_seed(0)
    net, x, y = Mlp(), torch.randn(64, 6), 20 * torch.randn(64, 3)
    optimizer = torch.optim.SGD(net.parameters(), 0.3)
    expected = []
    with reluguide.watch(net, patience=1) as seen:
        for _ in range(15):
            optimizer.zero_grad()
            (net(x) - y).square().mean().backward()
            expected.append(len(reluguide.diagnose(net, x)["relu"].dead_units))
            optimizer.step()
    # The diagnosis of each step runs inside the watch, in eval mode, and is not counted as a step.
    assert seen["relu"].dead_counts == expected
    assert len(set(expected)) > 1


def test_training_is_left_alone_also_after_an_exception() -> None:
    net = net_of_one_layer()
    with pytest.raises(KeyboardInterrupt), reluguide.watch(net):
        raise KeyboardInterrupt
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    with pytest.raises(DiagnosisError, match="patience is 0"), reluguide.watch(net, patience=0):
        pass
    with reluguide.watch(net) as seen:
        net(torch.randn(3, 4))
    with pytest.raises(KeyError, match=r"no activation call is named '2'; there is 1\.relu"):
        seen["2"]
