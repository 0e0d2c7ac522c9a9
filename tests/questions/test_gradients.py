"""Does ReLU cure vanishing gradients? How gradients, gains and formulas are found, against oracles."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from reluguide.data import digits
from reluguide.experiments import gradients


@pytest.mark.parametrize("scheme", ["default", "kaiming", "xavier"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_norms_are_those_of_a_module_trained_by_itself(activation: str, scheme: str) -> None:
    signal, norms = gradients.gradient_norms(activation, scheme, 3, 8, [5, 6], "cpu")
    data, draw = digits(train=64), torch.Generator().manual_seed(6)
    part = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
    linears = [nn.Linear(a, b) for a, b in ((64, 8), (8, 8), (8, 8), (8, 10))]
    for one in linears:
        weight, bias = gradients.layer(scheme, one.in_features, one.out_features, draw)
        one.weight.data, one.bias.data = weight.T.clone(), bias
    sums, h = [], data.x
    for one in linears:
        sums.append(one(h))
        h = part()(sums[-1])
    loss = nn.functional.cross_entropy(sums[-1], data.y)
    for found, by in ((signal, sums), (norms, [one.weight for one in linears])):
        alone = torch.stack([grad.norm() for grad in torch.autograd.grad(loss, by, retain_graph=True)])
        torch.testing.assert_close(found[1], alone.double(), rtol=1e-4, atol=1e-9)


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


def test_a_mirrored_network_begins_as_one_orthogonal_map() -> None:
    sizes, draw = [6, 12, 12, 12, 6], torch.Generator().manual_seed(0)
    *hidden, output = gradients.mirrored(sizes, draw)
    assert [tuple(one.shape) for one in (*hidden, output)] == [(6, 12), (12, 12), (12, 12), (12, 6)]

    def network(x: torch.Tensor) -> torch.Tensor:
        for weight in hidden:
            x = torch.relu(x @ weight)
        return x @ output

    one, other = torch.randn(2, 20, 6, generator=draw)
    torch.testing.assert_close(
        network(one - 3 * other), network(one) - 3 * network(other), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(network(one).norm(dim=1), one.norm(dim=1))


def test_singular_values_are_those_of_autograds_derivative() -> None:
    sizes = [5, 9, 9, 4]
    found = gradients.singular_values("kaiming", sizes, torch.Generator().manual_seed(3))
    draw = torch.Generator().manual_seed(3)
    *hidden, output = [weight.double() for weight, _ in gradients.all_layers("kaiming", sizes, draw)]

    def network(x: torch.Tensor) -> torch.Tensor:
        for weight in hidden:
            x = torch.relu(x @ weight)
        return x @ output

    x = torch.randn(5, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(found, torch.linalg.svdvals(torch.func.jacrev(network)(x)))


def test_relu_halves_its_outputs_with_its_weights() -> None:
    # ReLU is homogeneous: weights half as large are exactly 2²⁰ times smaller outputs, to rounding.
    half, one = (
        gradients.scale(seeds=[3, 4]).rms.sel(activation="relu", factor=[0.5, 1]).transpose("factor", "seed")
    )
    np.testing.assert_allclose(half * 2**20, one, rtol=1e-4)
