"""Networks drawn at random, with units planted dead: equal to truth unit by unit, and pruned where that works.

Truth is made by code of its own: each network notes what it gives each activation and on which axis its
units lie, and autograd says where the slope is zero.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError

SEEDS = range(220)

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "F.relu": F.relu,
    "relu_": lambda z: z.relu_(),
    "clamp": lambda z: z.clamp(min=0),
    "relu6": F.relu6,
    "gelu": F.gelu,
    "silu": F.silu,
    "quick": lambda z: z * torch.sigmoid(1.702 * z),
    "mask": lambda z: z * (z > 0),
    "where": lambda z: torch.where(z > 0, z, 0.0),
    "maximum": lambda z: torch.maximum(z, torch.zeros(())),
    "in place": lambda z: z.masked_fill_(z < 0, 0),
    "squared": lambda z: F.relu(z).square(),
    "hardswish": F.hardswish,
}


class Drawn(nn.Module):
    """Blocks drawn by a seed. `truth` holds, for each call, whether each unit had a gradient."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        draw = random.Random(seed)
        self.picture = draw.random() < 0.4
        self.truth: list[list[Tensor]] = []
        self.keep = False
        self.shared = nn.ReLU(inplace=draw.random() < 0.5)
        self.width = draw.choice([6, 8])
        self.blocks = nn.ModuleList()
        self.plans: list[tuple[str, str, Any]] = []
        kinds = ["plain", "bn", "residual", "reused", "pool", "depthwise", "turned"] if self.picture else [
            "plain", "bn", "ln", "residual", "reused", "gated", "einsum", "left", "heads", "glu", "dropout",
        ]  # fmt: skip
        for _ in range(draw.randint(2, 4)):
            kind = draw.choice(kinds)
            act = draw.choice(list(ACTIVATIONS))
            block, planted = self.block(kind, draw)
            self.blocks.append(block)
            self.plans.append((kind, act, planted))
        self.head = nn.Linear(self.width, 3)

    def block(self, kind: str, draw: random.Random) -> tuple[nn.Module, Any]:
        w = self.width
        block = nn.Module()
        if self.picture:
            block.layer = nn.Conv2d(w, w, draw.choice([1, 3]), padding="same")
            if kind == "depthwise":
                block.first = nn.Conv2d(w, w, 1)
                block.layer = nn.Conv2d(w, w, 3, padding=1, groups=w)
            if kind == "turned":
                block.layer = nn.ConvTranspose2d(w, w, 3, padding=1)
            if kind == "bn":
                block.norm = nn.BatchNorm2d(w)
        else:
            block.layer = nn.Linear(w, w, bias=True)
            if kind in ("gated", "glu"):
                block.other = nn.Linear(w, 2 * w if kind == "glu" else w)
            if kind in ("einsum", "left"):
                block.weight = nn.Parameter(torch.randn(w, w) / w**0.5)
                block.bias = nn.Parameter(torch.zeros(w))
            if kind == "ln":
                block.norm = nn.LayerNorm(w)
            if kind == "bn":
                block.norm = nn.BatchNorm1d(w)
        if hasattr(block, "norm") and isinstance(block.norm, nn.BatchNorm1d | nn.BatchNorm2d):
            block.norm.running_mean.uniform_(-0.3, 0.3)
            block.norm.running_var.uniform_(0.5, 2)
        planted = draw.sample(range(w), draw.randint(0, 3))
        owner = getattr(block, "norm", block if hasattr(block, "bias") else block.layer)
        if kind == "glu":
            owner = block.other
        with torch.no_grad():
            owner.bias[planted] = -200.0
        return block, planted

    def act(self, name: str, z: Tensor, axes: tuple[int, ...]) -> Tensor:
        act = self.shared if name == "shared" else ACTIVATIONS[name]
        if self.keep:
            leaf = z.detach().clone().requires_grad_()
            with torch.enable_grad():
                (slope,) = torch.autograd.grad(act(leaf.clone()).sum(), leaf)
            at = [axis % z.ndim for axis in axes]
            slope = slope.permute(*at, *[k for k in range(z.ndim) if k not in at])
            self.truth[-1].append((slope.flatten(0, len(at) - 1).flatten(1) != 0).any(1))
        return act(z)

    def forward(self, x: Tensor) -> Tensor:
        if self.keep:
            self.truth.append([])
        for block, (kind, name, _) in zip(self.blocks, self.plans, strict=True):
            x = self.run(block, kind, name, x)
        x = x.mean((2, 3)) if self.picture else x.mean(1)
        return self.head(x)

    def run(self, block: Any, kind: str, name: str, x: Tensor) -> Tensor:
        axis = 1 if self.picture else -1
        if kind == "bn":
            if self.picture:
                return self.act(name, block.norm(block.layer(x)), (1,))
            z = block.norm(block.layer(x).transpose(1, 2))
            return self.act(name, z, (1,)).transpose(1, 2)
        if kind == "ln":
            return self.act(name, block.norm(block.layer(x)), (-1,))
        if kind == "residual":
            return x + self.act(name, block.layer(x), (axis,))
        if kind == "reused":
            return self.act("shared", block.layer(x), (axis,))
        if kind == "depthwise":
            return self.act(name, block.layer(self.act("F.relu", block.first(x), (1,))), (1,))
        if kind == "pool":
            return F.max_pool2d(self.act(name, block.layer(x), (1,)), 2, 1, 1)
        if kind == "gated":
            return self.act(name, block.layer(x), (-1,)) * block.other(x)
        if kind == "glu":
            one, other = block.other(x).chunk(2, -1)
            return self.act(name, one.contiguous(), (-1,)) * other
        if kind == "einsum":
            return self.act(name, torch.einsum("oi,bti->bto", block.weight, x) + block.bias, (-1,))
        if kind == "left":
            z = block.weight @ x.transpose(1, 2) + block.bias[:, None]
            return self.act(name, z, (1,)).transpose(1, 2)
        if kind == "heads":
            z = block.layer(x).unflatten(-1, (2, -1)).transpose(1, 2)
            return self.act(name, z, (1, 3)).transpose(1, 2).flatten(2)
        if kind == "dropout":
            return F.dropout(self.act(name, block.layer(x), (-1,)), 0.5, self.training)
        return self.act(name, block.layer(x), (axis,))


def drawn(seed: int) -> tuple[Drawn, list[Tensor]]:
    torch.manual_seed(seed)
    net = Drawn(seed).eval()
    shape = (net.width, 6, 6) if net.picture else (5, net.width)
    return net, [torch.randn(size, *shape) for size in (7, 4)]


def truth_of(net: Drawn, batches: list[Tensor]) -> list[list[bool]]:
    net.keep, net.truth = True, []
    with torch.no_grad():
        for batch in batches:
            net(batch)
    net.keep = False
    calls = zip(*net.truth, strict=True)
    return [(~torch.stack(call).any(0)).tolist() for call in calls]


@pytest.mark.parametrize("chunk", range(11))
def test_equal_to_truth_unit_by_unit(chunk: int) -> None:
    for seed in SEEDS[chunk * 20 : chunk * 20 + 20]:
        net, batches = drawn(seed)
        expected = truth_of(net, batches)
        report = reluguide.diagnose(net, batches, verify=seed % 4 == 0)
        found = [layer.dead.tolist() for layer in report]
        assert found == expected, (seed, net.plans, report)
        assert all(layer.axis_traced and layer.samples == 11 for layer in report), (seed, net.plans)
        rows = iter(found)
        for kind, _, planted in net.plans:
            if kind == "depthwise":
                next(rows)  # the row before it
            assert {k for k, gone in enumerate(next(rows)) if gone} >= set(planted), (seed, net.plans)


@pytest.mark.parametrize("chunk", range(11))
def test_pruned_where_it_can_be_with_equal_outputs(chunk: int) -> None:
    cut = 0
    for seed in SEEDS[chunk * 20 : chunk * 20 + 20]:
        net, batches = drawn(seed)
        report = reluguide.diagnose(net, batches)
        for layer in report:
            try:
                small = reluguide.prune_dead(net, report, layers=layer.name)
            except DiagnosisError:
                continue
            cut += sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in net.parameters())
            for batch in batches:
                with torch.no_grad():
                    expected, given = net(batch), small(batch)
                torch.testing.assert_close(
                    given, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())
                )
    assert cut > 0
