"""What else was tried, and which should I use? What must hold of the activations, on other seeds too."""

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reluguide.activations import ACTIVATIONS
from reluguide.experiments import variants
from reluguide.publish import bibliography

ROOT = Path(__file__).parents[2]
Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("variants")


@pytest.mark.parametrize("name", variants.NAMES)
def test_moments_agree_with_a_million_random_numbers(name: str) -> None:
    row = ACTIVATIONS[name]
    out = row.fn(torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    mean, variance, skew, square = variants.normal_moments(row)
    error = float(out.std()) / 1000
    assert abs(mean - float(out.mean())) < 5 * error
    assert abs(square - float(out.square().mean())) < 5 * float(out.square().std()) / 1000
    assert abs(variance - float(out.var())) < 0.02
    assert abs(skew - float(((out - out.mean()) / out.std()).pow(3).mean())) < 0.1


@pytest.mark.parametrize("dtype", variants.DTYPES.values(), ids=list(variants.DTYPES))
@pytest.mark.parametrize("name", variants.NAMES)
def test_the_edge_of_the_zero_gradient_is_an_edge(name: str, dtype: torch.dtype) -> None:
    row = ACTIVATIONS[name]
    edge = variants.zero_edge(row, dtype, 256, "cpu")

    def slope(z: float) -> torch.Tensor:
        x = torch.full((256,), z, dtype=dtype, requires_grad=True)
        return torch.autograd.grad(row.fn(x).sum(), x)[0]

    if edge is None:
        assert (slope(-128.0) != 0).all()
        return
    assert (slope(edge) == 0).all() and (slope(2 * edge - 1) == 0).all()
    just_inside = edge + max(abs(edge), 1e-3) * 4 * torch.finfo(dtype).eps
    assert (slope(just_inside) != 0).any()


def test_only_leaky_slopes_are_never_zero(results: dict[str, Any]) -> None:
    found = results["zero_gradient"]
    assert set(found.never) == {"leaky_relu", "prelu"}
    single = found.below["float32"]
    assert single["relu"] == 0 and single["elu"] < -80 and single["gelu"] > single["elu"]
    assert found.below["float16"]["elu"] > single["elu"]
    assert found.above["relu6"] == 6


def test_selu_alone_keeps_mean_and_variance(results: dict[str, Any]) -> None:
    found = results["moments"]
    kept = (np.abs(found.mean) < 1e-3) & (np.abs(found.variance - 1) < 1e-3)
    assert [name for name, one in zip(found.name, kept) if one] == ["selu"]
    assert found.mean[list(found.name).index("relu")] == pytest.approx(1 / np.sqrt(2 * np.pi))


def test_common_activations_end_close_together(results: dict[str, Any]) -> None:
    found = results["contest"]
    means = dict(zip(found.name, found.accuracy.mean(1)))
    assert found.lost == 0
    assert abs(means["relu"] - means["gelu"]) < 0.02
    assert means["relu_squared"] < means["relu"] - 0.05  # the start does not fit it


def test_units_far_below_zero_stay_where_they_are(results: dict[str, Any]) -> None:
    found = results["frozen"]
    share = {name: found.share[i].mean(1) for i, name in enumerate(found.name)}
    assert (share["leaky_relu"] == 0).all()
    assert share["gelu"][0] > share["elu"][0] > 0
    assert all(far >= near for far, near in share.values())


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


def _snippet(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "snippets" / "variants" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
