"""Does ReLU cure vanishing gradients? What must hold of deep networks before training, on other seeds too."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reluguide.experiments import gradients

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("gradients")


@pytest.mark.parametrize("scheme", ["default", "kaiming", "xavier"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_norms_are_those_of_a_module_trained_by_itself(activation: str, scheme: str) -> None:
    norms = gradients.gradient_norms(activation, scheme, 3, 8, [5, 6], "cpu")
    data, draw = gradients.digits(train=64), torch.Generator().manual_seed(6)
    part = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
    linears = [nn.Linear(a, b) for a, b in ((64, 8), (8, 8), (8, 8), (8, 10))]
    for one in linears:
        weight, bias = gradients.layer(scheme, one.in_features, one.out_features, draw)
        one.weight.data, one.bias.data = weight.T.clone(), bias
    model = nn.Sequential(*[piece for one in linears[:-1] for piece in (one, part())], linears[-1])
    nn.functional.cross_entropy(model(data.x), data.y).backward()
    alone = torch.stack([one.weight.grad.norm() for one in linears])
    torch.testing.assert_close(norms[1], alone.double(), rtol=1e-4, atol=1e-9)


def test_the_schemes_have_the_variance_of_their_papers() -> None:
    draw = torch.Generator().manual_seed(0)
    for scheme, variance in {"kaiming": 2 / 400, "xavier": 2 / 700, "default": 1 / 1200}.items():
        weight, bias = gradients.layer(scheme, 400, 300, draw)
        assert weight.shape == (400, 300)
        assert float(weight.var()) == pytest.approx(variance, rel=0.03)
        assert bool((bias == 0).all()) == (scheme != "default")
    theirs = nn.Linear(400, 300)
    assert float(theirs.weight.detach().var()) == pytest.approx(1 / 1200, rel=0.03)


def test_the_gain_of_relu_is_the_square_root_of_two() -> None:
    assert gradients.gain("relu") == pytest.approx(math.sqrt(2), abs=1e-8)
    z = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for name, fn in (("gelu", nn.functional.gelu), ("silu", nn.functional.silu)):
        assert gradients.gain(name) == pytest.approx(float(fn(z).square().mean()) ** -0.5, rel=0.01)


def test_the_arc_cosine_formula_is_what_a_very_wide_layer_does() -> None:
    draw = torch.Generator().manual_seed(0)
    for cosine in (-0.9, 0.0, 0.7):
        pair = torch.tensor([[1.0, 0.0], [cosine, math.sqrt(1 - cosine**2)]], dtype=torch.float64)
        h = torch.relu(pair @ torch.randn(2, 400_000, generator=draw, dtype=torch.float64))
        found = float(nn.functional.cosine_similarity(h[0], h[1], dim=0))
        assert gradients.arc_cosine(cosine) == pytest.approx(found, abs=0.01)


def test_the_first_weights_decide_and_not_the_activation_alone(results: dict[str, Any]) -> None:
    profile = results["profile"]
    ratio = {name: norm[:, 0] / norm[:, -1] for name, norm in zip(profile.setting, profile.norm, strict=True)}
    assert ((ratio["relu_kaiming"] > 0.05) & (ratio["relu_kaiming"] < 20)).mean() >= 0.9
    assert ratio["sigmoid_xavier"].max() < 1e-4
    assert ratio["tanh_xavier"].min() > 0.05
    kaiming, default = profile.norm[0][:, 0], profile.norm[1][:, 0]
    assert (default < 1e-3 * kaiming).all()


def test_depth_spreads_gradients_and_width_holds_them_together(results: dict[str, Any]) -> None:
    spread = results["spread"]
    at = {
        (depth, width): np.log10(norm).std()
        for depth, width, norm in zip(spread.depth, spread.width, spread.norm, strict=True)
    }
    assert at[15, 64] < at[50, 64] < at[100, 64]
    assert at[50, 192] < at[50, 64]


def test_relu_makes_inputs_alike_as_predicted_and_tanh_does_not(results: dict[str, Any]) -> None:
    alike = results["alike"]
    mean = dict(zip(alike.activation, alike.cosine.mean(1), strict=True))
    assert np.abs(mean["relu"] - alike.predicted).max() < 0.05
    assert mean["relu"][-1] > 0.9
    assert abs(mean["tanh"][-1]) < 0.1


def test_only_the_bounded_one_forgives_weights_that_are_too_large(results: dict[str, Any]) -> None:
    scale = results["scale"]
    relu, tanh = scale.rms
    assert relu[-1].min() > 1e4
    assert tanh.max() <= 1
    # ReLU is homogeneous: weights half as large are exactly 2²⁰ times smaller outputs, to rounding.
    np.testing.assert_allclose(relu[0] * 2**20, relu[1], rtol=1e-4)


def test_fifteen_layers_train_where_the_gradient_arrives(results: dict[str, Any]) -> None:
    training = results["training"]
    mean = dict(zip(training.setting, training.accuracy.mean(1), strict=True))
    assert not np.any(training.lost)
    assert (
        max(mean["sigmoid_xavier"], mean["relu_default"]) < 0.2 < mean["relu_kaiming"] < mean["tanh_xavier"]
    )


def test_the_same_matrix_again_and_again(results: dict[str, Any]) -> None:
    growth = dict(zip(results["recurrent"].case, results["recurrent"].growth, strict=True))
    assert (growth["relu_identity"] == 1).all()
    assert np.median(growth["relu_low"]) < np.median(growth["relu"]) < np.median(growth["relu_high"])
    assert growth["tanh_high"].max() < 4
