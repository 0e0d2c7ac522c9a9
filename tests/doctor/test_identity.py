"""A call is known by the layer behind it, in whatever order and however often layers run."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from tests.doctor.zoo import plant


class Stack(nn.Module):
    """Layers that share one activation; `run` says which of them run in a pass."""

    def __init__(self, depth: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(depth))
        self.act = nn.ReLU()
        self.passes: list[list[int]] = []
        self.now = 0
        for k, layer in enumerate(self.layers):
            plant(layer, [k])

    def forward(self, x: Tensor) -> Tensor:
        run = self.passes[self.now % len(self.passes)]
        self.now += 1
        for k in run:
            x = x + self.act(self.layers[k](x))
        return x


@pytest.mark.parametrize(
    "passes",
    [
        [[0, 1, 2, 3], [0, 2, 3], [1, 3]],  # layerdrop
        [[0], [0, 1], [0, 1, 2, 3]],  # early exit
        [[3, 2, 1, 0], [0, 1, 2, 3]],  # an order of its own
        [[0, 0, 0], [0, 1, 2, 3], [3, 3]],  # weights shared by a varying number of calls
    ],
)
def test_rows_are_layers_and_not_turns(passes: list[list[int]]) -> None:
    net = Stack()
    net.passes = passes
    alive: dict[int, Tensor] = {}
    handles = [
        layer.register_forward_hook(
            lambda _m, _a, z, k=k: alive.update({k: (z > 0).any(0) | alive.get(k, torch.zeros(6) > 0)})
        )
        for k, layer in enumerate(net.layers)
    ]
    batches = list(torch.randn(len(passes), 3, 6))
    for batch in batches:
        net(batch)
    for handle in handles:
        handle.remove()
    net.now = 0
    report = reluguide.diagnose(net, batches)
    assert len(report) == len(alive)
    for layer in report:
        assert layer.behind is not None
        k = int(layer.behind.name.rpartition(".")[2])
        assert layer.dead.tolist() == (~alive[k]).tolist()
        assert layer.samples == 3 * sum(k in run for run in passes)


class Recurrent(nn.Module):
    """One cell, run along time; every other output is read in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.across = nn.Linear(4, 7), nn.Linear(7, 7, bias=False)
        plant(self.inside, [2, 3])

    def forward(self, x: Tensor) -> Tensor:
        given = self.inside(x)
        h = torch.zeros(len(x), 7)
        for t in range(x.shape[1]):
            h = F.relu(given[:, t] + self.across(h))
        return h


def test_time_steps_of_a_cell_are_one_row() -> None:
    report = reluguide.diagnose(Recurrent(), [torch.randn(5, 6, 4), torch.randn(5, 9, 4)])
    (layer,) = report
    assert {2, 3} <= set(layer.dead_units)
    assert (layer.samples, layer.values) == (10, 5 * 15)


def test_two_ends_of_one_layer_are_two_rows() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 5)
            plant(self.a, [1])

        def forward(self, x: Tensor) -> Tensor:
            z = self.a(x)
            return torch.cat([F.relu(z), F.relu(-z)], -1)

    one, other = reluguide.diagnose(Both(), torch.randn(30, 4))
    assert (one.dead_units, other.dead_units) == ([1], [])


def test_halves_of_one_layer_are_two_rows() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 10)
            plant(self.a, [1, 7, 8])

        def forward(self, x: Tensor) -> Tensor:
            one, other = self.a(x).chunk(2, -1)
            return F.relu(one) + F.relu(other)

    one, other = reluguide.diagnose(Halves(), torch.randn(30, 4))
    assert (one.dead_units, other.dead_units) == ([1], [2, 3])
    assert one.behind is None


class Experts(nn.Module):
    """Four experts in one parameter, in the three ways in which libraries run them."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.up, self.bias = nn.Parameter(torch.randn(4, 12, 8)), nn.Parameter(torch.zeros(4, 12))
        self.down, self.router = nn.Parameter(torch.randn(4, 8, 12)), nn.Linear(8, 4)
        with torch.no_grad():
            self.bias[2, :5] = -1e3
            self.bias[0, 1] = -1e3

    def route(self, x: Tensor) -> Tensor:
        return x[:, :3].argmax(-1)  # the fourth is never sent anything

    def forward(self, x: Tensor) -> Tensor:
        chosen = self.route(x)
        if self.how == "loop":
            out = torch.zeros_like(x)
            for k in chosen.unique():
                at = torch.where(chosen == k)[0]
                out.index_add_(
                    0, at, F.linear(F.relu(F.linear(x[at], self.up[k], self.bias[k])), self.down[k])
                )
            return out
        if self.how == "gathered":
            z = torch.bmm(self.up[chosen], x.unsqueeze(-1)).squeeze(-1) + self.bias[chosen]
            return torch.bmm(self.down[chosen], F.relu(z).unsqueeze(-1)).squeeze(-1)
        order = chosen.argsort()
        ends = torch.bincount(chosen, minlength=4).cumsum(0).int()
        z = F.grouped_mm(x[order], self.up.transpose(1, 2), offs=ends) + self.bias[chosen[order]]
        return F.grouped_mm(F.relu(z), self.down.transpose(1, 2), offs=ends)


@pytest.mark.parametrize("how", ["loop", "gathered", "grouped"])
def test_experts_are_rows(how: str) -> None:
    if how == "grouped" and not hasattr(F, "grouped_mm"):
        pytest.skip("this torch has no grouped_mm")
    net, x = Experts(how), torch.randn(60, 8)
    report = reluguide.diagnose(net, x.split(20))
    assert sorted(report.layers) == ["relu[0]", "relu[1]", "relu[2]"]
    for k in range(3):
        z = x[net.route(x) == k] @ net.up[k].T + net.bias[k]
        assert report[f"relu[{k}]"].dead.tolist() == (z <= 0).all(0).tolist()
        assert report[f"relu[{k}]"].samples == len(z)
    assert any("no sample was sent to" in one.why and one.names == ("relu[3]",) for one in report.unseen)
