"""Activations written by hand are judged as a whole, by what they do to a layer's output."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide


def gelu_new(x: Tensor) -> Tensor:
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


def in_steps(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    x *= gate  # writes over what the gate was made of
    return x


def by_mask(x: Tensor) -> Tensor:
    x = x.clone()
    x[x < 0] = 0.0
    return x


def filled(x: Tensor) -> Tensor:
    return x.masked_fill_(x < 0, 0)


def scaled_first(x: Tensor) -> Tensor:
    x *= 0.5
    return x * (1 + torch.erf(x * math.sqrt(2.0)))


def leaky(x: Tensor) -> Tensor:
    return F.relu(x) - 0.1 * F.relu(-x)


# what the whole does; the name it is reported by, where it has one
HANDMADE: dict[str, tuple[Callable[[Tensor], Tensor], str | None]] = {
    "quick gelu": (lambda x: x * torch.sigmoid(1.702 * x), "quick_gelu"),
    "quick gelu, turned round": (lambda x: torch.sigmoid(x * 1.702).mul(x), "quick_gelu"),
    "gelu_new": (gelu_new, "gelu_tanh"),
    "gelu by erf": (lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0))), "gelu"),
    "gelu, scaled in place first": (scaled_first, None),
    "silu": (lambda x: x * x.sigmoid(), "silu"),
    "silu by exp": (lambda x: x / (1 + torch.exp(-x)), "silu"),
    "silu in place": (in_steps, "silu"),
    "silu in place at once": (lambda x: x.mul_(torch.sigmoid(x)), "silu"),
    "mish": (lambda x: x * torch.tanh(F.softplus(x)), "mish"),
    "mask": (lambda x: x * (x > 0), "relu"),
    "mask of floats": (lambda x: (x > 0).to(x.dtype).clone() * x, "relu"),
    "mask as the type": (lambda x: x * (x > 0).to(x.dtype), "relu"),
    "where": (lambda x: torch.where(x > 0, x, 0.0), "relu"),
    "where with zeros": (lambda x: torch.where(x > 0, x, torch.zeros_like(x)), "relu"),
    "where of a tensor": (lambda x: x.where(x > 0, torch.tensor(0.0)), "relu"),
    "half of x and its size": (lambda x: (x + x.abs()) / 2, "relu"),
    "by index": (by_mask, "relu"),
    "filled in place": (filled, "relu"),
    "minus minimum": (lambda x: x - torch.minimum(x, torch.tensor(0.0)), "relu"),
    "minus clamp": (lambda x: x - x.clamp(max=0), "relu"),
    "two relus": (lambda x: F.relu(x) - F.relu(x - 6), "relu6"),
    "relu, cut above": (lambda x: F.relu(x).clamp(max=6), "relu6"),
    "hardswish": (lambda x: x * F.relu6(x + 3) / 6, "hardswish"),
    "leaky by two relus": (leaky, None),
    "softplus": (lambda x: torch.log1p(torch.exp(x)), "softplus"),
    "shrink": (lambda x: F.softshrink(x, 0.7), None),
    "hard shrink": (lambda x: torch.where(x.abs() > 0.7, x, 0.0), None),
    "bump": (lambda x: F.relu(1 - x.abs()), None),
    "square of relu, turned": (lambda x: F.relu(x) * x, None),
}


class Once(nn.Module):
    """Units of many kinds: far below, far above, near zero and alive."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc, self.out, self.act = nn.Linear(3, 8), nn.Linear(8, 2), act
        with torch.no_grad():
            self.fc.weight.mul_(0.3)
            self.fc.bias.copy_(torch.tensor([0.0, -1e3, 1e3, 8.0, -8.0, -200.0, 0.0, 1.0]))
            self.fc.weight[6] *= 1e-3  # a unit that stays near zero

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.fc(x)))


def slope(act: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    leaf = z.detach().clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(act(leaf.clone()).sum(), leaf)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", HANDMADE)
def test_dead_units_are_those_where_the_whole_has_no_slope(name: str, dtype: torch.dtype) -> None:
    act, kind = HANDMADE[name]
    net, x = Once(act).to(dtype), torch.randn(60, 3).to(dtype)
    (layer,) = reluguide.diagnose(net, x.split(20))
    expected = torch.stack([slope(act, net.fc(part)) == 0 for part in x.split(20)]).flatten(0, 1).all(0)
    assert layer.dead.tolist() == expected.tolist()
    assert layer.samples == 60 and layer.axis_traced
    if kind is not None and dtype != torch.bfloat16:
        assert layer.kind.name == kind
    assert layer.behind is None or layer.behind.name == "fc"


class PerUnit(nn.Module):
    """A curve with a parameter for each unit: no one curve stands for all."""

    def __init__(self) -> None:
        super().__init__()
        self.edge = nn.Parameter(torch.tensor([0.0, 0.0, 0.0, 1e3, -1e3, 0.0, 0.0, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > self.edge, x, torch.zeros_like(x))


def test_a_curve_that_differs_from_unit_to_unit() -> None:
    net, x = Once(PerUnit()), torch.randn(60, 3)
    (layer,) = reluguide.diagnose(net, x.split(20))
    assert layer.dead.tolist() == (slope(net.act, net.fc(x)) == 0).all(0).tolist()
    assert 3 in layer.dead_units and 4 not in layer.dead_units


def test_an_activation_before_a_residual_sum_is_seen() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 8), nn.Linear(3, 8), nn.Linear(8, 2)
            with torch.no_grad():
                self.a.bias[[1, 4]] = -1e3

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            return self.c(F.relu(self.b(x) + y * (y > 0)))

    report = reluguide.diagnose(Sum(), torch.randn(40, 3))
    hidden = next(layer for layer in report if layer.behind is not None)
    assert hidden.behind is not None and hidden.behind.name == "a"
    assert {1, 4} <= set(hidden.dead_units)


def test_a_gate_by_another_layer_is_no_part_of_the_curve() -> None:
    class Glu(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 8), nn.Linear(3, 8), nn.Linear(8, 2)
            with torch.no_grad():
                self.a.bias[[1, 4]] = -1e3

        def forward(self, x: Tensor) -> Tensor:
            return self.c(self.b(x) * torch.sigmoid(self.a(x)))

    (layer,) = reluguide.diagnose(Glu(), torch.randn(40, 3))
    assert layer.kind.name == "sigmoid" and layer.dead_units == [1, 4]


def test_what_is_read_twice_is_told_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(3, 8), nn.Linear(8, 2), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            z = self.a(x)
            return self.b(z * (z > 0)) + self.c(z * torch.sigmoid(z))

    report = reluguide.diagnose(Twice(), torch.randn(40, 3))
    assert sorted(layer.kind.name for layer in report) == ["relu", "silu"]


def test_a_softmax_by_hand_and_a_norm_by_hand_are_no_activations() -> None:
    class Norms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(3, 8)

        def forward(self, x: Tensor) -> Tensor:
            z = self.a(x)
            z = z * torch.rsqrt(z.pow(2).mean(-1, keepdim=True) + 1e-6)
            e = torch.exp(z - z.amax(-1, keepdim=True))
            return e / e.sum(-1, keepdim=True)

    assert not len(reluguide.diagnose(Norms(), torch.randn(40, 3)))
