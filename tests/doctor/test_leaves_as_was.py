"""A diagnosis leaves everything as it was."""

import copy
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils.data import DataLoader, TensorDataset

import reluguide
from tests.doctor.zoo import Mlp, Residual


def state(model: nn.Module) -> dict[str, object]:
    return {
        "weights": {name: value.clone() for name, value in model.state_dict().items()},
        "flags": [module.training for module in model.modules()],
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
            for m in model.modules()
        ],
        "own": [sorted(vars(module)) for module in model.modules()],
        "grads": [p.grad for p in model.parameters()],
        "random": (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()),
        "modes": len(_get_current_function_mode_stack()),
        "grad mode": torch.is_grad_enabled(),
    }


def same(before: dict[str, object], after: dict[str, object]) -> None:
    for name, value in before.pop("weights").items():
        assert torch.equal(value, after["weights"][name]), name
    after.pop("weights")
    assert before == after


def noisy_model() -> nn.Module:
    net = nn.Sequential(Residual(), nn.Dropout(0.5), nn.Linear(4, 4), nn.ReLU())
    net[0].a.eval()  # flags differ from module to module
    return net


@pytest.mark.parametrize("training", [False, True])
def test_after_a_run(training: bool) -> None:
    net, data = noisy_model(), DataLoader(TensorDataset(torch.randn(12, 3, 8, 8)), batch_size=4, shuffle=True)
    before = state(net)
    report = reluguide.diagnose(net, data, training=training, also=["saturated", "dormant", "moments"])
    same(before, state(net))
    assert report.training is training
    assert ("training mode" if training else "eval mode") in str(report)


@pytest.mark.parametrize("training", [False, True])
def test_after_an_exception_of_the_model_and_of_the_data(training: bool) -> None:
    net, batches = noisy_model(), [torch.randn(4, 3, 8, 8), torch.randn(4, 5, 8, 8)]
    before = state(net)
    with pytest.raises(reluguide.doctor.DiagnosisError):
        reluguide.diagnose(net, batches, training=training)
    same(before, state(net))

    def breaks() -> Iterator[Tensor]:
        yield torch.randn(4, 3, 8, 8)
        random.random(), np.random.rand(), torch.rand(1)
        raise OSError("disk full")

    before = state(net)
    with pytest.raises(OSError, match="disk full"):
        reluguide.diagnose(net, breaks(), training=training)
    same(before, state(net))


def test_eval_mode_is_what_is_measured_unless_asked() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU()).train()
    with torch.no_grad():
        net[1].running_mean.fill_(1e3)  # in eval mode every unit lies far below zero
    x = torch.randn(30, 3)
    assert reluguide.diagnose(net, x).dead_fraction == 1
    assert reluguide.diagnose(net, x, training=True).dead_fraction == 0


def test_outputs_and_gradients_are_bit_equal_while_the_doctor_looks_on() -> None:
    net = Mlp()
    twin, x = copy.deepcopy(net), torch.randn(20, 6)
    outputs: list[Tensor] = []
    reluguide.diagnose(net, x, forward=lambda m, b: outputs.append(m(b)))
    assert torch.equal(outputs[0], net(x))
    with reluguide.watch(net):
        net(x).square().sum().backward()
    twin(x).square().sum().backward()
    for one, other in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_nothing_that_grows_with_the_data_is_kept() -> None:
    import gc

    net = Mlp()

    def tensors() -> int:
        gc.collect()
        return sum(t.numel() for t in gc.get_objects() if type(t) is Tensor)

    sizes: list[int] = []

    def batches(count: int) -> Iterator[Tensor]:
        for k in range(count):
            if k in (3, count - 1):
                sizes.append(tensors())
            yield torch.randn(64, 6)

    reluguide.diagnose(net, batches(12), also=["saturated", "dormant", "moments"])
    assert sizes[0] == sizes[1]
