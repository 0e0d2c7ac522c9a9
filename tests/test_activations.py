"""The table of activations, with autograd and torch.nn as its oracles."""

import pytest
import torch

from reluguide.activations import ACTIVATIONS, named

GRID = torch.cat([torch.linspace(-8, 8, 1601, dtype=torch.float64), torch.tensor([-1e-12, 0.0, 1e-12])])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_what_autograd_finds(name: str) -> None:
    row = ACTIVATIONS[name]
    z = GRID.clone().requires_grad_()
    (slope,) = torch.autograd.grad(row.fn(z).sum(), z)
    # torch takes one side or the other at the kinks that are not at 0; at 0 the table promises torch's.
    away = torch.stack([(GRID - kink).abs() > 1e-9 for kink in (*row.kinks, 1e9) if kink != 0]).all(0)
    torch.testing.assert_close(row.derivative(GRID)[away], slope[away], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_dtype_are_kept(name: str, dtype: torch.dtype) -> None:
    z = torch.randn(3, 5, 2, dtype=torch.float64).to(dtype)
    for function in (ACTIVATIONS[name].fn, ACTIVATIONS[name].derivative):
        assert function(z).shape == z.shape
        assert function(z).dtype == dtype


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "relu_squared"])  # it has no module
def test_first_spelling_is_the_module_it_names(name: str) -> None:
    row = ACTIVATIONS[name]
    spelling = row.spellings[0] if "(" in row.spellings[0] else row.spellings[0] + "()"
    module = eval(spelling, {"torch": torch})
    torch.testing.assert_close(row.fn(GRID.float()), module(GRID.float()).detach())


def test_relu_is_zero_on_the_left_and_its_slope_at_zero_is_zero() -> None:
    relu = named("relu")
    assert relu.derivative(torch.zeros(1)).item() == 0
    assert torch.equal(relu.fn(torch.tensor([-2.0, 0.0, 3.0])), torch.tensor([0.0, 0.0, 3.0]))


def test_unknown_name_lists_the_table() -> None:
    with pytest.raises(KeyError, match=r"no activation 'rleu'.*relu, leaky_relu"):
        named("rleu")
