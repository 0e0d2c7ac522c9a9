"""What else was tried, and which should I use? What must hold of the activations, on other seeds too."""

import importlib.util
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from reluguide.activations import ACTIVATIONS, Activation
from reluguide.experiments import variants
from reluguide.experiments._moments import normal_moments
from reluguide.publish import bibliography

ROOT = Path(__file__).parents[2]
Blocks = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("row", variants.ROWS.values(), ids=list(variants.ROWS))
def test_moments_agree_with_a_million_random_numbers(row: Activation) -> None:
    out = row.fn(torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    found = normal_moments(row)
    assert abs(found["mean"] - float(out.mean())) < 5 * float(out.std()) / 1000
    assert abs(found["mean_square"] - float(out.square().mean())) < 5 * float(out.square().std()) / 1000
    assert abs(found["variance"] - float(out.var())) < 0.02
    assert abs(found["skewness"] - float(((out - out.mean()) / out.std()).pow(3).mean())) < 0.1


@pytest.mark.parametrize("dtype", variants.DTYPES.values(), ids=list(variants.DTYPES))
@pytest.mark.parametrize("row", variants.ROWS.values(), ids=list(variants.ROWS))
def test_the_edge_of_the_zero_gradient_is_an_edge(row: Activation, dtype: torch.dtype) -> None:
    edge = variants.zero_edge(row, dtype, 256, "cpu")

    def slope(z: float) -> torch.Tensor:
        x = torch.full((256,), z, dtype=dtype, requires_grad=True)
        return torch.autograd.grad(row.fn(x).sum(), x)[0]

    if math.isnan(edge):
        assert (slope(-128.0) != 0).all()
        return
    assert (slope(edge) == 0).all() and (slope(2 * edge - 1) == 0).all()
    just_inside = edge + max(abs(edge), 1e-3) * 4 * torch.finfo(dtype).eps
    assert (slope(just_inside) != 0).any()


def test_relu6_is_flat_from_six() -> None:
    assert variants.zero_edge(variants.ROWS["relu6"], torch.float32, 256, "cpu", side=1.0) == 6


def test_selu_alone_keeps_mean_and_variance() -> None:
    found = {name: normal_moments(row) for name, row in variants.ROWS.items()}
    kept = [name for name, one in found.items() if abs(one["mean"]) < 1e-3 > abs(one["variance"] - 1)]
    assert kept == ["selu"]
    assert found["relu"]["mean"] == pytest.approx(1 / math.sqrt(2 * math.pi))


def test_only_squared_relu_falls_behind(second_block: Blocks) -> None:
    contest = second_block("variants")["contest"]
    points = (contest.accuracy - contest.accuracy.sel(activation="relu")).mean(["split", "seed"])
    assert int(contest.diverged) == 0
    assert float(points.sel(activation="relu_squared")) < -0.05  # the start does not fit it
    assert float(abs(points.drop_sel(activation="relu_squared")).max()) < 0.02


def test_every_activation_has_its_paper_in_the_bibliography() -> None:
    entries = bibliography.read(ROOT / "docs" / "reference" / "bibliography.bib")
    assert [row.name for row in ACTIVATIONS.values() if row.paper not in entries] == []


def test_mbconv_has_the_parts_that_its_name_promises() -> None:
    block = _snippet("mbconv").MBConv(16, 16, expand=4)
    convolutions = [part for part in block.modules() if isinstance(part, nn.Conv2d)]
    assert [part.out_channels for part in convolutions] == [64, 64, 4, 64, 16]
    assert [part.groups for part in convolutions] == [1, 64, 1, 1, 1]
    x = torch.randn(2, 16, 8, 8)
    nn.init.zeros_(block.project[1].weight)
    assert torch.equal(block.eval()(x), x)  # with nothing added, the input is left


def test_feed_forward_blocks_are_pytorchs_own() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 64, activation="gelu", batch_first=True).eval()
    block = _snippet("transformer_feed_forward").FeedForward(16, 64).eval()
    block[0].load_state_dict(layer.linear1.state_dict())
    block[3].load_state_dict(layer.linear2.state_dict())
    x = torch.randn(2, 5, 16)
    torch.testing.assert_close(block(x), layer._ff_block(x))


def test_years_of_the_history_rise_and_are_those_of_the_works() -> None:
    text = (ROOT / "docs" / "questions" / "variants.md").read_text(encoding="utf-8")
    entries = bibliography.read(ROOT / "docs" / "reference" / "bibliography.bib")
    rows = [line.split("|") for line in text.splitlines() if line[:3] in ("| 1", "| 2") and "[@" in line]
    assert len(rows) > 10
    assert all(int(a[1]) <= int(b[1]) for a, b in pairwise(rows))
    for row in rows:
        for key in row[3].strip(" []").replace("@", "").split("; "):
            assert entries[key].cited.endswith(row[1].strip()), row


def test_squared_relu_lacks_its_own_initialisation(second_block: Blocks) -> None:
    found = second_block("variants")["squared"].mean(["split", "seed"])
    assert (found.sel(scale=0.5) > found.sel(scale=1) + 0.05).all()


def _snippet(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "snippets" / "variants" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
