"""Any data: batches of any kind, loaders without an end, padding, parts that add up."""

import dataclasses
import io
import itertools
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import ZOO, Mlp, plant


@dataclasses.dataclass
class Batch:
    x: Tensor
    name: str = "a"


class Opaque:
    """Holds its tensors where nobody finds them."""

    __slots__ = ("hidden",)

    def __init__(self, hidden: Tensor) -> None:
        self.hidden = (lambda: hidden,)


def test_any_batch_goes_with_a_forward_of_ones_own() -> None:
    net, x = Mlp(), torch.randn(8, 6)
    whole = [one.dead.tolist() for one in reluguide.diagnose(net, x)]
    for batch in (Batch(x), SimpleNamespace(x=x, y=None)):
        report = reluguide.diagnose(net, [batch], forward=lambda model, b: model(b.x))
        assert report.samples == 8
        assert [one.dead.tolist() for one in report] == whole
    assert reluguide.diagnose(net, Batch(x), forward=lambda model, b: model(b.x)).samples == 8
    report = reluguide.diagnose(net, [Opaque(x)], forward=lambda model, b: model(b.hidden[0]()))
    assert [one.dead.tolist() for one in report] == whole
    texts = reluguide.diagnose(net, [["a", "bc"]], forward=lambda model, b: model(x[: len(b)]))
    assert texts.samples == 2


def test_models_that_take_the_batch_itself() -> None:
    class Takes(Mlp):
        def forward(self, batch: Any) -> Tensor:
            return super().forward(batch.x)

    report = reluguide.diagnose(Takes(), [Batch(torch.randn(8, 6))])
    assert report.samples == 8 and all(layer.axis_traced for layer in report)


def test_graphs_of_pyg() -> None:
    loader: Any = pytest.importorskip("torch_geometric.loader")
    from torch_geometric.data import Data
    from torch_geometric.nn import GCNConv, global_mean_pool

    class Graphs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.out = GCNConv(4, 8), GCNConv(8, 8), nn.Linear(8, 2)
            plant(self.one, [1, 3])
            plant(self.two, [5])

        def forward(self, data: Any) -> Tensor:
            x = F.relu(self.one(data.x, data.edge_index))
            x = F.relu(self.two(x, data.edge_index))
            return self.out(global_mean_pool(x, data.batch))

    net = Graphs().eval()
    graphs = [Data(x=torch.randn(n, 4), edge_index=torch.randint(n, (2, 3 * n))) for n in (4, 7, 5, 6)]
    batches = list(loader.DataLoader(graphs, batch_size=2))
    report = reluguide.diagnose(net, batches)
    alive = [torch.zeros(8) > 0, torch.zeros(8) > 0]
    for batch in batches:
        x = net.one(batch.x, batch.edge_index)
        alive[0] |= (x > 0).any(0)
        alive[1] |= (net.two(F.relu(x), batch.edge_index) > 0).any(0)
    assert [layer.dead.tolist() for layer in report] == [(~one).tolist() for one in alive]
    assert report.samples == 4 and all(layer.axis_traced for layer in report)


def test_a_loader_without_an_end_stops_where_it_is_told_to() -> None:
    given = 0

    def endless() -> Iterator[Tensor]:
        nonlocal given
        while True:
            given += 1
            yield torch.randn(4, 6)

    report = reluguide.diagnose(Mlp(), endless(), max_batches=3)
    assert (report.batches, report.samples, given) == (3, 12, 3)


def test_a_bar_shows_on_request_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr("reluguide.doctor.batches.time.monotonic", lambda: float(next(clock)))
    for progress, shown in ((True, True), (False, False), (None, False)):
        out = io.StringIO()
        monkeypatch.setattr(sys, "stderr", out)
        reluguide.diagnose(Mlp(), [torch.randn(4, 6)] * 5, progress=progress)
        assert ("batch 3 of 5" in out.getvalue()) == shown
        assert not shown or out.getvalue().endswith("\r")


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(4, 6), nn.Linear(6, 3)
        plant(self.up, [1])

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        return self.down(F.relu(self.up(x))).mul(keep[..., None]).sum(1)


def test_padding_is_left_out() -> None:
    net, x = Text(), torch.randn(5, 7, 4)
    keep = torch.arange(7) < torch.tensor([[7], [3], [1], [5], [2]])
    x[~keep] = 1e4  # what padding holds wakes units that the text does not
    z = net.up(x[keep]).detach()
    for mask in ("keep", lambda batch: batch["keep"]):
        report = reluguide.diagnose(net, {"x": x, "keep": keep}, mask=mask, also=["saturated", "dormant"])
        assert report["relu"].dead.tolist() == (z <= 0).all(0).tolist()
        assert report["relu"].values == int(keep.sum())
        torch.testing.assert_close(report["relu"].preactivation_max, z.amax(0))
        assert not any("mask" in one.why for one in report.unseen)


def test_a_call_that_the_mask_does_not_fit_is_told() -> None:
    net = nn.Sequential(nn.Conv1d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(30, 3))
    report = reluguide.diagnose(net, torch.randn(5, 4, 7), mask=lambda x: torch.ones(5, 7))
    assert [one.names for one in report.unseen if "mask" in one.why] == [("1.relu",)]


@pytest.mark.parametrize("name", ZOO)
def test_reports_of_parts_add_up(name: str) -> None:
    make, shape = ZOO[name]
    net, batches = make().eval(), [torch.randn(shape) for _ in range(4)]
    options: Any = {"also": ["saturated", "dormant", "moments"]}
    whole = reluguide.diagnose(net, batches, **options)
    parts = reluguide.diagnose(net, batches[:1], **options) + reluguide.diagnose(net, batches[1:], **options)
    assert (parts.samples, parts.batches) == (whole.samples, whole.batches)
    assert parts.unseen == whole.unseen
    for one, other in zip(parts, whole, strict=True):
        assert (one.name, one.values, one.samples) == (other.name, other.values, other.samples)
        for kept in ("dead", "always_on", "preactivation_max", "preactivation_min"):
            assert torch.equal(getattr(one, kept), getattr(other, kept))
        for kept in ("saturated", "dormant"):
            assert torch.equal(getattr(one, kept), getattr(other, kept))
        for kept in ("active_fraction", "mean", "std"):
            torch.testing.assert_close(getattr(one, kept), getattr(other, kept), rtol=1e-3, atol=1e-4)


def test_reports_that_do_not_belong_together() -> None:
    net, x = Mlp(), torch.randn(8, 6)
    with pytest.raises(DiagnosisError, match="do not add up"):
        reluguide.diagnose(net, x) + reluguide.diagnose(net, x, training=True)
    with pytest.raises(DiagnosisError, match=r"relu has 12 units of relu in one report and 5 of relu"):
        reluguide.diagnose(net, x) + _five(x)
    with pytest.raises(TypeError):
        reluguide.diagnose(net, x) + 1  # type: ignore[operator]


def _five(x: Tensor) -> reluguide.Report:
    class Five(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(6, 5)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.a(x))

    return reluguide.diagnose(Five(), x)


def test_nested_and_jagged_tensors_and_transforms() -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    plant(net[0], [2])
    parts = [torch.randn(n, 4) for n in (3, 5, 2)]
    z = net[0](torch.cat(parts))
    for layout in (torch.jagged, torch.strided):
        (layer,) = reluguide.diagnose(net, [torch.nested.nested_tensor(parts, layout=layout)])
        assert layer.dead.tolist() == (z <= 0).all(0).tolist()
        assert layer.values == 10 and layer.samples == 3
    report = reluguide.diagnose(
        net, torch.randn(5, 4), forward=lambda model, x: torch.func.vmap(lambda one: model(one))(x)
    )
    assert not len(report)
    assert any("could not be judged" in one.why and "vmap" in str(one) for one in report.unseen)
