"""Units are the outputs of a layer's weights, wherever the product puts them; everything else is summed over."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide


class Product(nn.Module):
    """A product with a weight, a bias for each unit that kills some, and a ReLU; `z` is kept for the oracle.

    `bias_shape` puts units on the axes of the result; `axes` are those axes, in the order of the units.
    """

    def __init__(
        self,
        weight: tuple[int, ...],
        apply: Callable[[Tensor, Tensor], Tensor],
        bias_shape: tuple[int, ...],
        axes: tuple[int, ...],
        after: Callable[[Tensor], Tensor] = lambda z: z,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(weight))
        units = torch.zeros(torch.Size(bias_shape).numel())
        units[[1, 4]] = -1e3
        self.bias = nn.Parameter(units.view(bias_shape))
        self.apply_to, self.axes, self.after = apply, axes, after
        self.z: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        z = self.after(self.apply_to(self.weight, x) + self.bias)
        self.z.append(z.detach().clone())
        return F.relu(z).sum(tuple(range(1, z.ndim)))

    def dead(self) -> list[bool]:
        """By hand: the units' axes first, everything else merged."""
        z = torch.cat(self.z)
        z = z.permute(*self.axes, *[k for k in range(z.ndim) if k not in self.axes])
        count = torch.Size(z.shape[: len(self.axes)]).numel()
        return (z.reshape(count, -1) <= 0).all(1).tolist()


def einsum(equation: str) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda w, x: torch.einsum(equation, w, x)


# x is (6, 5, 9) or as given; the weight, the product, the shape of the bias, the axes of the units
PRODUCTS: dict[str, tuple[tuple[int, ...], Callable[..., Tensor], tuple[int, ...], tuple[int, ...]]] = {
    "x @ w": ((9, 8), lambda w, x: x @ w, (8,), (2,)),
    "x @ w.T": ((8, 9), lambda w, x: x @ w.T, (8,), (2,)),
    "matmul": ((8, 9), lambda w, x: torch.matmul(x, w.t()), (8,), (2,)),
    "linear": ((8, 9), lambda w, x: F.linear(x, w), (8,), (2,)),
    "w @ x": ((8, 5), lambda w, x: w @ x, (8, 1), (1,)),
    "w @ x, written out": ((8, 5), lambda w, x: torch.matmul(w, x), (8, 1), (1,)),
    "bmm": ((8, 5), lambda w, x: torch.bmm(w.expand(len(x), -1, -1), x), (8, 1), (1,)),
    "bmm of copies": ((8, 5), lambda w, x: torch.bmm(w.repeat(len(x), 1, 1), x), (8, 1), (1,)),
    "bmm from the right": (
        (9, 8),
        lambda w, x: torch.bmm(x, w.unsqueeze(0).expand(len(x), -1, -1)),
        (8,),
        (2,),
    ),
    "oi,bit->bot": ((8, 5), einsum("oi,bit->bot"), (8, 1), (1,)),
    "oi,bti->bto": ((8, 9), einsum("oi,bti->bto"), (8,), (2,)),
    "oi,bti->otb, turned": ((8, 9), lambda w, x: einsum("oi,bti->otb")(w, x).permute(2, 1, 0), (8,), (2,)),
    "implicit": ((8, 9), lambda w, x: torch.einsum("zi,bti", w, x), (8,), (2,)),
    "dots": ((8, 9), einsum("oi,...i->...o"), (8,), (2,)),
    "dots in front": ((8, 9), einsum("oi,...i->...o"), (8,), (2,)),
    "two axes of units": ((2, 4, 9), einsum("hoi,bti->btho"), (2, 4), (2, 3)),
    "two axes, apart": ((2, 4, 9), einsum("hoi,bti->bhto"), (2, 1, 4), (1, 3)),
    "tensordot": ((9, 8), lambda w, x: torch.tensordot(x, w, dims=1), (8,), (2,)),
    "tensordot, from the left": (
        (8, 9),
        lambda w, x: torch.tensordot(w, x, dims=([1], [2])).permute(1, 2, 0),
        (8,),
        (2,),
    ),
    "addmm": (
        (9, 8),
        lambda w, x: torch.addmm(torch.zeros(8), x.reshape(-1, 9), w).view(*x.shape[:2], 8),
        (8,),
        (2,),
    ),
    "half precision weight": ((8, 9), lambda w, x: x @ w.double().float().t(), (8,), (2,)),
    "split into heads": ((8, 9), lambda w, x: F.linear(x, w).view(*x.shape[:2], 2, 4), (2, 4), (2, 3)),
    "heads in front": (
        (8, 9),
        lambda w, x: F.linear(x, w).view(*x.shape[:2], 2, 4).transpose(1, 2),
        (2, 1, 4),
        (1, 3),
    ),
    "experts, each its own": ((3, 9, 4), lambda w, x: x.unsqueeze(1) @ w, (3, 1, 4), (1, 3)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_units_of_a_product(name: str) -> None:
    weight, product, bias, axes = PRODUCTS[name]
    net = Product(weight, product, bias, axes)
    report = reluguide.diagnose(net, [torch.randn(6, 5, 9), torch.randn(3, 5, 9)])
    (layer,) = report
    assert layer.dead.tolist() == net.dead()
    assert {1, 4} <= set(layer.dead_units) and len(layer.dead_units) < layer.units
    assert layer.axis_traced and layer.samples == 9


MOVES: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = {
    "turned": (lambda z: z.transpose(1, 2), (1,)),
    "turned by einsum": (lambda z: torch.einsum("btu->but", z), (1,)),
    "merged with time": (lambda z: z.transpose(1, 2).flatten(1), (1,)),
    "as a picture": (lambda z: z.transpose(1, 2).unflatten(2, (5, 1)), (1,)),
    "one time": (lambda z: z[:, 2], (1,)),
    "last times": (lambda z: z[:, -2:], (2,)),
    "pooled": (lambda z: F.max_pool1d(z.transpose(1, 2), 2), (1,)),
    "mean over time": (lambda z: z.mean(1), (1,)),
    "mean over time, kept": (lambda z: z.mean(1, keepdim=True), (2,)),
    "largest over time": (lambda z: z.amax(dim=1), (1,)),
    "batch and time merged": (lambda z: z.flatten(0, 1), (1,)),
    "padded": (lambda z: F.pad(z, (0, 0, 1, 1)), (2,)),
    "rolled": (lambda z: z.roll(1, 1), (2,)),
    "flipped": (lambda z: z.flip(1), (2,)),
    "stacked": (lambda z: torch.stack([z, 2 * z], 1), (3,)),
    "joined in time": (lambda z: torch.cat([z, 2 * z], 1), (2,)),
    "gathered": (lambda z: z.index_select(1, torch.tensor([0, 3])), (2,)),
    "indexed": (lambda z: z[:, torch.tensor([0, 3, 3])], (2,)),
    "masked rows": (lambda z: z[torch.ones(z.shape[:2], dtype=torch.bool)], (1,)),
    "swapped twice": (lambda z: z.permute(2, 0, 1).movedim(0, 1), (1,)),
}


@pytest.mark.parametrize("name", MOVES)
def test_units_after_a_move(name: str) -> None:
    move, axes = MOVES[name]
    net = Product((8, 9), lambda w, x: F.linear(x, w), (8,), axes, after=move)
    (layer,) = reluguide.diagnose(net, [torch.randn(6, 5, 9)])
    if name == "merged with time":
        z = net.z[0].view(6, 8, 5).transpose(0, 1).reshape(8, -1)
        assert layer.dead.tolist() == (z <= 0).all(1).tolist()
        return
    assert layer.axis_traced and layer.units == 8
    assert layer.dead.tolist() == net.dead()


def test_a_layer_of_one_unit_has_one_unit_without_its_axis() -> None:
    net = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0), nn.ReLU())

    class Squeezed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.a(x).squeeze(-1))

    for model in (net, Squeezed()):
        (layer,) = reluguide.diagnose(model, torch.randn(50, 4))
        assert (layer.units, layer.samples, layer.values) == (1, 50, 50)
        assert layer.axis_traced and not layer.dead_units


def test_graph_neighbours_are_summed_and_not_counted() -> None:
    class Graph(nn.Module):
        def __init__(self, adjacency: Tensor) -> None:
            super().__init__()
            self.a = nn.Linear(4, 7)
            self.register_buffer("adjacency", adjacency)
            with torch.no_grad():
                self.a.bias[[2, 5]] = -1e3

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.adjacency @ self.a(x))

    dense = torch.rand(20, 20)
    for adjacency in (dense, dense.to_sparse()):
        net, x = Graph(adjacency), torch.randn(20, 4)
        (layer,) = reluguide.diagnose(net, x)
        assert layer.axis_traced and layer.units == 7 and {2, 5} <= set(layer.dead_units)
        assert layer.dead.tolist() == (net(x) == 0).all(0).tolist()


def test_einops() -> None:
    einops: Any = pytest.importorskip("einops")

    class Rearranged(nn.Module):
        def __init__(self, turn: bool) -> None:
            super().__init__()
            self.a, self.turn = nn.Linear(9, 8), turn
            with torch.no_grad():
                self.a.bias[[1, 4]] = -1e3

        def forward(self, x: Tensor) -> Tensor:
            z = self.a(x)
            if self.turn:
                return F.relu(einops.rearrange(z, "b t (h d) -> b h d t", h=2))
            return F.relu(einops.einsum(x, self.a.weight, "b t i, o i -> b o t") + self.a.bias[:, None])

    for turn in (True, False):
        (layer,) = reluguide.diagnose(Rearranged(turn), torch.randn(40, 5, 9))
        assert layer.axis_traced and layer.dead_units == [1, 4] and layer.units == 8
