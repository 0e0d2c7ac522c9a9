"""Every way to write an activation is seen, and its zone of zero gradient is autograd's."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.activations import ACTIVATIONS
from reluguide.doctor.spellings import zero_gradient

RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in-place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in-place": lambda z: F.relu(z, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "method": lambda z: z.relu(),
    "method in-place": lambda z: z.relu_(),
    "clamp min": lambda z: z.clamp(min=0),
    "clamp positional": lambda z: torch.clamp(z, 0),
    "clamp tensor": lambda z: torch.clamp(z, min=torch.tensor(0.0)),
    "clamp in-place": lambda z: z.clamp_(min=0.0),
    "clip": lambda z: z.clip(0),
    "clamp_min": lambda z: torch.clamp_min(z, 0),
    "clamp_min_": lambda z: z.clamp_min_(0),
    "maximum": lambda z: torch.maximum(z, torch.tensor(0.0)),
    "maximum reversed": lambda z: torch.maximum(torch.zeros(()), z),
    "maximum of zeros": lambda z: torch.maximum(z, torch.zeros_like(z)),
    "max": lambda z: torch.max(z, torch.tensor(0.0)),
    "method max": lambda z: z.max(torch.tensor(0.0)),
    "threshold": lambda z: F.threshold(z, 0.0, 0.0),
    "leaky with slope 0": lambda z: F.leaky_relu(z, 0.0),
    "relu squared": lambda z: F.relu(z).square(),
}


class Once(nn.Module):
    """Units 0 to 4, of which 1 and 3 are dead by their bias, and one activation."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)
        self.act = act
        with torch.no_grad():
            self.fc.bias.zero_()
            self.fc.bias[[1, 3]] = -2e3

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.fc(x))


@pytest.mark.parametrize("how", RELUS)
def test_every_spelling_of_relu_is_seen_before_it_overwrites_its_input(how: str) -> None:
    net, x = Once(RELUS[how]), torch.randn(50, 3)
    (layer,) = reluguide.diagnose(net, x)
    z = net.fc(x).detach()
    assert layer.dead_units == [1, 3]
    assert torch.equal(layer.preactivation_max, z.amax(0))
    assert torch.equal(layer.preactivation_min, z.amin(0))
    torch.testing.assert_close(layer.active_fraction, (z > 0).float().mean(0))


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "identity"])
def test_every_activation_of_the_table_is_seen(name: str) -> None:
    row = ACTIVATIONS[name]
    first = row.spellings[0] if "(" in row.spellings[0] else row.spellings[0] + "()"
    act = row.fn if name == "relu_squared" else eval(first, {"torch": torch})  # it has no module
    (layer,) = reluguide.diagnose(Once(act), torch.randn(20, 3))
    assert layer.kind.name == ("relu" if name == "relu_squared" else name)
    never = name in ("leaky_relu", "prelu")
    assert layer.dead_units == ([] if never else [1, 3])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_zone_of_zero_gradient_is_exactly_autograds(name: str, dtype: torch.dtype) -> None:
    fn = ACTIVATIONS[name].fn
    low, high, floor = zero_gradient(fn, dtype=dtype, device=torch.device("cpu"))

    def slopes(*points: float) -> list[float]:
        z = torch.tensor(points, dtype=torch.float64).to(dtype).repeat_interleave(64).requires_grad_()
        return torch.autograd.grad(fn(z).sum(), z)[0][::64].tolist()

    for edge, away in ((low, -1.0), (high, 1.0)):
        if not math.isinf(edge):
            inside = torch.nextafter(torch.tensor(edge, dtype=dtype), torch.tensor(-away * 1e4, dtype=dtype))
            at, beyond, alive = slopes(edge, edge + 3 * away, float(inside))
            assert (at, beyond) == (0, 0)
            assert alive != 0
    if floor is not None:
        assert fn(torch.tensor([low, low - 5.0], dtype=dtype)).tolist() == [floor, floor]
    if name in ("relu", "relu6", "relu_squared"):
        assert low == 0 and floor == 0
        assert high == (6 if name == "relu6" else math.inf)
    if name in ("leaky_relu", "prelu", "identity"):
        assert (low, high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("act", "limit"), [(nn.Threshold(0.7, 0.0), 0.7), (nn.ReLU(), 0.0), (nn.Hardtanh(), 0.0)]
)
def test_a_unit_fires_above_zero_and_above_the_threshold(act: nn.Module, limit: float) -> None:
    net = Once(act)
    x = torch.randn(200, 3)
    (layer,) = reluguide.diagnose(net, x)
    torch.testing.assert_close(layer.active_fraction, (net.fc(x).detach() > limit).float().mean(0))


LINEAR = {  # where each is a straight line that loses nothing
    nn.ReLU(): (0, math.inf), nn.LeakyReLU(): (0, math.inf), nn.PReLU(): (0, math.inf), nn.RReLU(): (0, math.inf),
    nn.ELU(): (0, math.inf), nn.CELU(): (0, math.inf), nn.SELU(): (0, math.inf), nn.Hardswish(): (3, math.inf),
    nn.ReLU6(): (0, 6), nn.Hardtanh(): (-1, 1), nn.Hardsigmoid(): (-3, 3),
}  # fmt: skip


@pytest.mark.parametrize("act", LINEAR, ids=lambda act: type(act).__name__)
def test_always_on_is_a_unit_that_stays_where_the_activation_is_linear(act: nn.Module) -> None:
    low, high = LINEAR[act]
    top = min(high, low + 5)
    inside = torch.linspace(low + 0.01, top - 0.01, 20)
    z = torch.stack([inside, torch.linspace(low - 0.4, top - 0.01, 20), inside + (top - low) / 2], dim=1)
    line = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        line.weight.copy_(torch.eye(3))
    (layer,) = reluguide.diagnose(nn.Sequential(line, act), z)
    assert layer.always_on.tolist() == [True, False, high == math.inf]


def test_clamp_has_a_gradient_at_its_corner_where_relu_has_none() -> None:
    # Units that are exactly 0 throughout: what torch's gradient there is decides, not the picture.
    for act in (torch.relu, lambda z: z.clamp(min=0)):
        net = Once(act)
        with torch.no_grad():
            net.fc.weight.zero_()
            net.fc.bias.zero_()
        z = torch.zeros(64, requires_grad=True)
        (slope,) = torch.autograd.grad(act(z.clone()).sum(), z)
        (layer,) = reluguide.diagnose(net, torch.randn(10, 3))
        assert layer.dead.tolist() == [bool((slope == 0).all())] * 5
        low, _, _ = zero_gradient(act, dtype=torch.float32, device=torch.device("cpu"))
        below = torch.nextafter(torch.tensor(0.0), torch.tensor(-1.0)).item()
        assert low == (0.0 if slope[0] == 0 else below)


def test_what_has_a_gradient_everywhere_or_looks_across_units_is_left_alone() -> None:
    def others(z: Tensor) -> Tensor:
        z = 3 * z.square() - z.abs() + z.sin()
        return z.clamp(min=-1e30) + z.max() + z.max(dim=0).values + z.exp()

    assert len(reluguide.diagnose(Once(others), torch.randn(10, 3))) == 0


def test_a_clamp_that_guards_a_number_cuts_the_gradient_and_is_told() -> None:
    net, x = Once(lambda z: z.clamp(min=1e-6).clamp(max=0.5)), torch.randn(40, 3)
    (layer,) = reluguide.diagnose(net, x)
    z = net.fc(x).detach()
    assert layer.dead.tolist() == ((z < 1e-6) | (z > 0.5)).all(0).tolist()
    assert {1, 3} <= set(layer.dead_units)


def test_prelu_with_a_zero_slope_can_be_dead_in_that_unit_only() -> None:
    net = Once(nn.PReLU(5))
    with torch.no_grad():
        net.act.weight[3] = 0
    (layer,) = reluguide.diagnose(net, torch.randn(10, 3))
    assert layer.dead_units == [3]


def test_only_and_ignore_choose_calls_by_pattern() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Sigmoid())
    x = torch.randn(5, 3)
    assert list(reluguide.diagnose(net, x, only="*.relu").layers) == ["1.relu"]
    assert list(reluguide.diagnose(net, x, ignore=["*.relu"]).layers) == ["3.sigmoid"]
