"""The snippet that forums pass around, its five faults, and what the doctor says of the same nets."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from tests.doctor.zoo import Reused, plant


def usual_snippet(model: nn.Module, batch: Tensor) -> dict[str, tuple[int, int]]:
    """Hooks on nn.ReLU, zeros over the first axis, divided by the second: {module: (dead, units)}."""
    found: dict[str, tuple[int, int]] = {}

    def hook(name: str):
        def count(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            found[name] = (int((output == 0).all(dim=0).sum()), output.shape[1])

        return count

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.ReLU)
    ]
    with torch.no_grad():
        model(batch)
    for handle in handles:
        handle.remove()
    return found


def dead(report: reluguide.Report) -> list[tuple[int, int]]:
    return [(len(layer.dead_units), layer.units) for layer in report]


@pytest.mark.parametrize("seed", range(4))
def test_convolutions_it_counts_positions_as_units(seed: int) -> None:
    torch.manual_seed(seed)
    net, image = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), torch.randn(1, 3, 14, 14)
    ((wrong, units),) = usual_snippet(net, image).values()
    assert wrong > units == 8  # more dead units than there are units
    assert dead(reluguide.diagnose(net, image)) == [(0, 8)]


def test_sequences_it_takes_time_for_units() -> None:
    net, tokens = nn.Sequential(nn.Linear(5, 64), nn.ReLU()), torch.randn(32, 10, 5)
    plant(net[0], list(range(64)))
    assert usual_snippet(net, tokens) == {"1": (640, 10)}
    assert dead(reluguide.diagnose(net, tokens)) == [(64, 64)]


def test_functions_it_sees_nothing() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(5, 6)
            plant(self.fc, [0, 1, 2, 3, 4, 5])

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.fc(x))

    net, x = Functional(), torch.randn(20, 5)
    assert usual_snippet(net, x) == {}
    assert dead(reluguide.diagnose(net, x)) == [(6, 6)]


def test_reused_modules_the_last_call_overwrites_the_others() -> None:
    torch.manual_seed(0)
    net, x = Reused(), torch.randn(20, 5)
    ((wrong, units),) = usual_snippet(net, x).values()
    assert (wrong, units) != (6, 6) and units == 8  # the first layer, all dead, is gone
    report = reluguide.diagnose(net, x)
    assert report["act.relu"].dead_units == [0, 1, 2, 3, 4, 5]
    assert report["act.relu#2"].dead_fraction < 1


@pytest.mark.parametrize("seed", range(3))
def test_few_samples_it_calls_rare_units_dead_and_says_nothing_of_it(seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(16, 512), nn.ReLU())
    with torch.no_grad():
        net[0].bias.fill_(-1.5)
    data = torch.randn(20_000, 16)
    truly = reluguide.diagnose(net, data.split(5000))["1"]
    ((wrong, _),) = usual_snippet(net, data[:10]).values()
    assert wrong > 10 * len(truly.dead_units)
    few = reluguide.diagnose(net, data[:10])["1"]
    assert len(few.dead_units) == wrong  # it is true of these 10 samples ...
    assert few.rate_bound == pytest.approx(1 - 0.05 ** (1 / 10))  # ... which allow a rate of up to a quarter
    share_covered = (truly.active_fraction[few.dead] <= few.rate_bound).float().mean()
    assert share_covered > 0.95
    more = [len(reluguide.diagnose(net, data[:n])["1"].dead_units) for n in (10, 100, 1000, 20_000)]
    assert more == sorted(more, reverse=True)
