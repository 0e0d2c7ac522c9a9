"""The same sweep on a GPU: same weights, same data, results equal within rounding over short runs."""

from typing import Any

import numpy as np
import pytest
import torch

from reluguide.data import Data, digits, rings, spirals
from reluguide.sweep import sweep

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; torch finds none here"),
]

# Over 20 steps float32 rounding, which differs between kernels, stays far below this. Over hundreds of steps
# it need not: Adam divides by small numbers, and a difference grows like any other.
TOLERANCE: dict[str, float] = {"rtol": 1e-3, "atol": 1e-4}
RECORD = ["parameters", "gradient_norms", "curves", "revivals"]


def both(sizes: list[int], **options: Any) -> tuple[Any, Any]:
    chosen = {"seeds": range(6), "steps": 20, "record": RECORD} | options
    return sweep(sizes, device="cpu", **chosen), sweep(sizes, device="cuda", **chosen)


@pytest.mark.parametrize("activation", ["relu", "prelu", "gelu", torch.sin])
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "lr": 0.1},
        {"optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "clip": 1.0, "weight_decay": 0.01},
        {"optimizer": "sgd", "lr": 0.1, "batch_size": 24, "activation_l1": 0.1},
        {"optimizer": "adam", "lr": 0.003},
    ],
)
def test_results_equal_the_cpus(activation: Any, options: dict[str, Any]) -> None:
    cpu, gpu = both([2, 13, 16, 1], data=rings(50, test_samples=20), activation=activation, **options)
    np.testing.assert_allclose(gpu.final_loss, cpu.final_loss, **TOLERANCE)
    np.testing.assert_allclose(gpu.test_loss, cpu.test_loss, **TOLERANCE)
    np.testing.assert_allclose(gpu.gradient_norms, cpu.gradient_norms, **TOLERANCE)
    for ours, theirs in zip(gpu.parameters, cpu.parameters):
        np.testing.assert_allclose(ours[0], theirs[0], **TOLERANCE)
        np.testing.assert_allclose(ours[1], theirs[1], **TOLERANCE)


def test_weights_at_the_start_are_the_cpus_to_the_bit() -> None:
    cpu, gpu = both([64, 32, 10], data=digits(), lr=0.1, steps=0)
    for ours, theirs in zip(gpu.parameters, cpu.parameters):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_regression_and_a_data_set_a_seed() -> None:
    def make(seed: int) -> Data:
        data = spirals(40, seed=seed)
        return Data("radius", data.x, data.x.norm(dim=1, keepdim=True), 0)

    cpu, gpu = both([2, 16, 1], data=make, lr=0.05)
    np.testing.assert_allclose(gpu.final_loss, cpu.final_loss, **TOLERANCE)


def test_tf32_does_not_enter_and_the_setting_stays() -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        cpu, gpu = both([64, 64, 10], data=digits(), lr=0.1)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_allclose(gpu.final_loss, cpu.final_loss, **TOLERANCE)
