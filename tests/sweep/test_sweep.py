"""Sweeps against their oracle: one `nn.Module` a network, trained by `torch.optim` in a plain loop."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.data import Data
from reluguide.sweep import SweepResult, sweep

LOSSES = {
    "bce": lambda out, y: F.binary_cross_entropy_with_logits(out[:, 0], y.to(out.dtype)),
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
}


def made_up(features: int, outputs: int, loss: str, samples: int = 24, seed: int = 5) -> Data:
    """Random inputs with random answers of the kind that `loss` learns."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, features, generator=random)
    if loss == "mse":
        return Data("made up", x, torch.randn(samples, outputs, generator=random), 0)
    classes = max(2, outputs)
    return Data("made up", x, torch.randint(classes, (samples,), generator=random), classes)


def by_hand(start: SweepResult, k: int, data: Data, loss: str, steps: int, **options: Any) -> nn.Sequential:
    """Network k trained by torch alone, in float64 as `start` is."""
    module = start.module(k)
    clip = options.pop("clip")
    bias_decay = options.pop("bias_decay")
    groups = [
        {"params": [p for name, p in module.named_parameters() if "bias" not in name]},
        {
            "params": [p for name, p in module.named_parameters() if "bias" in name],
            "weight_decay": bias_decay,
        },
    ]
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[
        options.pop("optimizer")
    ]
    if kind is not torch.optim.SGD:
        options.pop("momentum")
    optimizer = kind(groups, **options)
    x = data.x.double()
    y = data.y.double() if data.y.is_floating_point() else data.y
    for _ in range(steps):
        optimizer.zero_grad()
        LOSSES[loss](module(x), y).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
    return module


@settings(max_examples=25, deadline=None)
@given(
    hidden=st.lists(st.integers(1, 7), max_size=3),
    features=st.integers(1, 5),
    loss=st.sampled_from(sorted(LOSSES)),
    outputs=st.integers(2, 4),
    optimizer=st.sampled_from(["sgd", "momentum", "adam", "adamw"]),
    steps=st.integers(1, 8),
    vectors=st.data(),
)
def test_training_is_what_torch_optim_does(
    hidden: list[int],
    features: int,
    loss: str,
    outputs: int,
    optimizer: str,
    steps: int,
    vectors: st.DataObject,
) -> None:
    networks = 3
    outputs = 1 if loss == "bce" else outputs
    sizes = [features, *hidden, outputs]
    data = made_up(features, outputs, loss)

    def vector(values: Any) -> list[Any]:
        return vectors.draw(st.lists(values, min_size=networks, max_size=networks))

    options: dict[str, list[Any]] = {
        "lr": vector(st.floats(0, 0.3)),
        "weight_decay": vector(st.sampled_from([0.0, 0.01, 0.2])),
        "bias_decay": vector(st.sampled_from([0.0, 0.05])),
        "clip": vector(st.sampled_from([None, 0.1, 1.0])),
        "momentum": vector(st.floats(0, 0.95)) if optimizer == "momentum" else [0.0] * networks,
    }
    start_options: dict[str, Any] = {
        "data": data,
        "seeds": [3, 3, 11],
        "loss": loss,
        "activation": vector(st.sampled_from(sorted(set(ACTIVATIONS) - {"prelu"}))),
        "weight_init": vector(st.sampled_from(["kaiming", "xavier_uniform", "default"])),
        "bias_init": vector(st.floats(-1, 1)),
        "dtype": torch.float64,
        "record": ["parameters"],
    }
    name = "sgd" if optimizer == "momentum" else optimizer
    start = sweep(sizes, steps=0, lr=0, **start_options)
    result = sweep(sizes, steps=steps, optimizer=name, **options, **start_options)
    for k in range(networks):
        expected = by_hand(
            start, k, data, loss, steps, optimizer=name, **{key: values[k] for key, values in options.items()}
        )
        linears = [layer for layer in expected if isinstance(layer, nn.Linear)]
        assert result.parameters is not None
        for linear, (weights, biases) in zip(linears, result.parameters):
            np.testing.assert_allclose(weights[k].T, linear.weight.detach(), rtol=1e-6, atol=1e-8)
            np.testing.assert_allclose(biases[k], linear.bias.detach(), rtol=1e-6, atol=1e-8)
        with torch.no_grad():
            y = data.y.double() if loss == "mse" else data.y
            expected_loss = LOSSES[loss](expected(data.x.double()), y).item()
        assert result.final_loss[k] == pytest.approx(expected_loss, rel=1e-6, abs=1e-9)
