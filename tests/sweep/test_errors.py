"""Errors of a sweep name the argument, its value and what is allowed."""

from typing import Any

import pytest
import torch

from reluguide.data import Data, rings, sparse_signal
from reluguide.device import DeviceError
from reluguide.sweep import sweep

RINGS = rings(8, test_samples=4)


def bad(**replaced: Any) -> Data:
    parts = {"x": RINGS.x, "y": RINGS.y, "test_x": RINGS.test_x, "test_y": RINGS.test_y} | replaced
    return Data("bad", **{"classes": 2} | parts)


def in_place(z: torch.Tensor) -> torch.Tensor:
    return z.relu_()


def centred(z: torch.Tensor) -> torch.Tensor:
    return z - z.mean()


def step(z: torch.Tensor) -> torch.Tensor:
    return (z > 0).to(z.dtype)


VALUES: list[tuple[dict[str, Any], str]] = [
    ({"seeds": []}, "seeds is empty; a sweep needs at least one"),
    ({"seeds": [0, -1]}, "seeds has -1; every seed is a whole number, at least 0"),
    ({"seeds": [0, 1.5]}, "seeds has 1.5"),
    ({"sizes": [2]}, r"sizes is \[2\]; it needs at least inputs and outputs"),
    ({"sizes": [2, 0, 1]}, r"sizes\[1\] is 0; it must be a whole number, at least 1"),
    ({"lr": -0.1}, "lr of network 0 is -0.1; it must be finite and at least 0"),
    ({"lr": [0.1, float("nan")]}, "lr of network 1 is nan"),
    ({"lr": [0.1, 0.2, 0.3]}, "lr has 3 entries, but there are 2 seeds"),
    ({"steps": -1}, "steps is -1; it must be a whole number, at least 0"),
    ({"steps": 2.5}, "steps is 2.5"),
    ({"batch_size": 0}, "batch_size is 0; it must be a whole number, at least 1"),
    ({"activation": "rleu"}, "activation of network 0 is 'rleu'; it can be relu, leaky_relu"),
    ({"activation": ["relu", 3]}, "activation of network 1 is 3"),
    (
        {"activation": centred},
        "activation 'centred' gives a number another value when others stand beside it",
    ),
    ({"activation": torch.Tensor.sum}, "activation 'sum' maps 128 float32 numbers to"),
    ({"activation": in_place}, "activation 'in_place' fails on a tensor of 128 numbers"),
    ({"activation": step}, "activation 'step' is not followed by autograd"),
    ({"optimizer": "rmsprop"}, "optimizer is 'rmsprop'; it can be sgd, adam, adamw"),
    ({"optimizer": "adam", "momentum": 0.9}, "momentum is 0.9 with optimizer 'adam'; only 'sgd' takes one"),
    ({"momentum": [0.0, 1.0]}, "momentum is 1; it must be below 1"),
    ({"loss": "hinge"}, "loss is 'hinge'; it can be bce, cross_entropy, mse"),
    ({"loss": "cross_entropy"}, "loss 'cross_entropy' does not go with 1 outputs; 'bce' takes 1"),
    ({"sizes": [2, 4, 3], "loss": "bce"}, "loss 'bce' does not go with 3 outputs"),
    ({"weight_init": "he"}, "weight_init of network 0 is 'he'; it can be kaiming, kaiming_uniform"),
    ({"weight_scale": -1}, "weight_scale of network 0 is -1"),
    (
        {"bias_init": [(0.0, 1.0), 0.0]},
        r"bias_init of network 0 is \[0.0, 1.0\]; .* or one a hidden layer \(1\)",
    ),
    ({"bias_init": float("inf")}, "bias_init of network 0 is inf"),
    ({"threshold": 1.0, "activation": "gelu"}, "threshold of network 0 is 1, but its activation is 'gelu'"),
    ({"weight_decay": [0.0, -1.0]}, "weight_decay of network 1 is -1"),
    ({"bias_decay": -1.0}, "bias_decay of network 0 is -1"),
    ({"clip": 0}, "clip of network 0 is 0; it must be above 0, or None for no clipping"),
    ({"clip": [1.0, "big"]}, "clip of network 1 is 'big'"),
    ({"activation_l1": -1.0}, "activation_l1 of network 0 is -1"),
    ({"record": ["curve"]}, "record has 'curve'; it can have curves, revivals, gradient_norms, parameters"),
    ({"record_every": 0}, "record_every is 0"),
    ({"revival_after": 0}, "revival_after is 0"),
    ({"frozen": [2]}, "frozen has 2; the layers of this network are 0 to 1"),
    (
        {"initial": []},
        r"initial has shapes \[\]; for 2 networks of sizes \[2, 4, 1\] it must have .*\(2, 2, 4\)",
    ),
    ({"threads": 0}, "threads is 0; it must be a whole number, at least 1"),
    ({"chunk": 1}, "chunk is 1; it must be a whole number, at least 2"),
    ({"dtype": torch.float16}, "dtype is torch.float16; it can be torch.float32 or torch.float64"),
    ({"data": bad(x=RINGS.x[:, :1])}, r"data.x is \(8, 1\); sizes \[2, 4, 1\] need \(samples, 2\)"),
    ({"data": bad(x=RINGS.x[:0], y=RINGS.y[:0])}, r"data.x is \(0, 2\)"),
    ({"data": bad(x=RINGS.x / 0)}, "data.x or .y has NaN or infinite entries"),
    ({"data": bad(test_x=RINGS.test_x / 0)}, "data.test_x or .test_y has NaN"),  # type: ignore[operator]
    ({"data": bad(y=RINGS.y[:5])}, r"data.y is \(5,\); loss 'bce' needs \(8,\)"),
    ({"data": bad(y=RINGS.y + 1)}, "data.y has classes 1 to 2; 1 outputs and loss 'bce' allow 0 to 1"),
    (
        {"data": bad(y=RINGS.y.float()), "loss": "bce"},
        "data.y is torch.float32, but loss 'bce' needs classes",
    ),
    ({"data": bad(test_y=None)}, "data has test_x without test_y"),
    ({"data": sparse_signal(8, features=2)}, r"data.y is \(8, 2\); loss 'mse' needs \(8, 1\)"),
    ({"data": lambda seed: rings(8 + 2 * seed)}, r"data gives x of different shapes .*\(8, 2\), \(10, 2\)"),
    ({"data": [RINGS, rings(9, test_samples=4)]}, r"data gives x of different shapes .*one sweep of each"),
    ({"data": [RINGS] * 3}, "data has 3 entries, but there are 2 seeds; give one value for all networks or"),
    (
        {"data": [RINGS, rings(8)]},
        r"data has test_x in 1 of 2 sets, but not in Data\('rings': 8 samples, 2 features",
    ),
    (
        {"data": [RINGS, bad(y=RINGS.y.float())]},
        r"data gives y of different kinds .*: torch.float32, torch.int64",
    ),
]


@pytest.mark.parametrize(("replaced", "message"), VALUES, ids=[message[:40] for _, message in VALUES])
def test_values_that_are_refused(replaced: dict[str, Any], message: str) -> None:
    options: dict[str, Any] = {"sizes": [2, 4, 1], "data": RINGS, "seeds": [0, 1], "lr": 0.1, "steps": 1}
    options |= replaced
    with pytest.raises(ValueError, match=message):
        sweep(options.pop("sizes"), **options)


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"seeds": ["a"]}, "seeds has 'a'; every seed is a whole number"),
        ({"lr": [0.1, "fast"]}, "lr of network 1 is 'fast'; it must be a number"),
        ({"data": RINGS.x}, "data is a Tensor; it must be a Data, a list with one Data a network, or"),
        ({"data": (RINGS.x, RINGS.y)}, "data of network 0 is a Tensor; it must be a Data"),
        ({"data": [RINGS, None]}, "data of network 1 is a NoneType; it must be a Data"),
        ({"data": lambda seed: RINGS.x}, "data gives a Tensor for seed 0; it must be a Data"),
    ],
)
def test_types_that_are_refused(replaced: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        sweep([2, 4, 1], **{"data": RINGS, "seeds": [0, 1], "lr": 0.1, "steps": 1} | replaced)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="device is 'tpu'; it can be auto, cpu, cuda, mps"):
        sweep([2, 4, 1], data=RINGS, seeds=[0], lr=0.1, steps=1, device="tpu")
