"""A network's result depends on its own seed, settings and data alone: bit-equal in any company."""

from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reluguide.activations import ACTIVATIONS
from reluguide.data import Data, rings
from reluguide.sweep import SweepResult, sweep

RECORD = ["parameters", "gradient_norms", "curves", "revivals"]


def rows(result: SweepResult, chosen: list[int] | slice = slice(None)) -> list[np.ndarray]:
    """Everything that the result says of the chosen networks."""
    assert result.parameters is not None and result.curves is not None and result.revivals is not None
    flat = [result.final_loss, result.accuracy, result.test_loss, result.diverged, result.gradient_norms]
    flat += [array for layer in result.parameters for array in layer]
    flat += [result.curves[name] for name in ("loss", "accuracy", "never_active") if name in result.curves]
    flat += [*result.never_active, *result.dead, *result.active_share, *result.revivals]
    return [array[chosen] for array in flat if array is not None]


def assert_same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        np.testing.assert_array_equal(one, other)  # NaN equals NaN; nothing else is tolerated


def tanh_of_softplus(z: torch.Tensor) -> torch.Tensor:
    """Made of functions that are not exactly rounded, one after the other."""
    return torch.tanh(torch.nn.functional.softplus(z) - 1)


@settings(max_examples=20, deadline=None)
@given(
    hidden=st.lists(st.sampled_from([1, 2, 3, 5, 8, 13, 16, 17, 33, 64]), min_size=1, max_size=3),
    features=st.sampled_from([1, 2, 7, 16, 33]),
    outputs=st.sampled_from([1, 2, 5, 10]),
    samples=st.sampled_from([2, 7, 16, 31, 64, 129]),
    networks=st.sampled_from([3, 5, 11, 24]),
    activation=st.sampled_from([*sorted(ACTIVATIONS), tanh_of_softplus]),
    optimizer=st.sampled_from(["sgd", "adam", "adamw"]),
    batch_size=st.sampled_from([None, 2, 5, 16]),
    chunk=st.sampled_from([2, 3, 7]),
    shuffled=st.integers(0, 99),
)
@example([17, 13], 5, 3, 33, 11, "relu", "sgd", None, 3, 1)
@example([5, 33], 7, 10, 31, 11, "gelu", "adam", 5, 2, 2)
def test_bit_equal_whatever_the_chunks_threads_order_and_companions(
    hidden: list[int],
    features: int,
    outputs: int,
    samples: int,
    networks: int,
    activation: Any,
    optimizer: str,
    batch_size: int | None,
    chunk: int,
    shuffled: int,
) -> None:
    random = torch.Generator().manual_seed(samples)
    x = torch.randn(samples, features, generator=random)
    y = torch.randint(max(2, outputs), (samples,), generator=random)
    data = Data("made up", x, y, max(2, outputs), x[:-1] * 1.5, y[:-1])

    def run(chosen: list[int], **how: Any) -> SweepResult:
        return sweep(
            [features, *hidden, outputs],
            data=data,
            seeds=chosen,
            lr=[0.01 * (1 + k % 7) for k in chosen],
            weight_decay=[0.01 * (k % 2) for k in chosen],
            clip=[None if k % 3 else 0.5 for k in chosen],
            activation=activation,
            optimizer=optimizer,
            batch_size=batch_size,
            steps=6,
            record=RECORD,
            **how,
        )

    whole = run(list(range(networks)), threads=1)
    assert_same(rows(run(list(range(networks)), threads=2, chunk=chunk)), rows(whole))
    order = Random(shuffled)
    some = order.sample(range(networks), order.randint(1, networks))
    assert_same(rows(run(some)), rows(whole, some))


def test_a_network_alone_equals_itself_in_company() -> None:
    data = rings(64)
    options: dict[str, Any] = {"data": data, "steps": 50, "optimizer": "adam", "lr": 0.01, "record": RECORD}
    many = sweep([2, 16, 16, 1], seeds=range(40), **options)
    for k in (0, 17, 39):
        alone = sweep([2, 16, 16, 1], seeds=[k], **options)
        assert_same(rows(alone), rows(many, [k]))


def test_mixed_activations_and_thresholds_do_not_meet() -> None:
    data = rings(64)
    mixed = ["relu", "gelu", "relu", "tanh", "prelu", torch.sin, "relu"]
    thresholds = [0.0, 0.0, 0.5, 0.0, 0.0, 0.0, -1.0]
    options: dict[str, Any] = {"data": data, "steps": 20, "lr": 0.1, "record": RECORD}
    together = sweep([2, 8, 1], seeds=range(7), activation=mixed, threshold=thresholds, **options)
    for k in range(7):
        alone = sweep([2, 8, 1], seeds=[k], activation=mixed[k], threshold=thresholds[k], **options)
        assert_same(rows(alone), rows(together, [k]))
    assert len(set(together.final_loss)) == 7


@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.9), ("adam", 0.0)])
def test_a_network_that_diverges_is_reported_and_disturbs_no_other(optimizer: str, momentum: float) -> None:
    data = rings(64)
    rates = [0.05, 1e30, 0.05, 1e30, 0.05]
    options: dict[str, Any] = {"data": data, "steps": 40, "optimizer": optimizer, "momentum": momentum}
    options["record"] = RECORD
    result = sweep([2, 16, 16, 1], seeds=range(5), lr=rates, activation="silu", **options)
    np.testing.assert_array_equal(result.diverged, [False, True, False, True, False])
    calm = sweep([2, 16, 16, 1], seeds=[0, 2, 4], lr=0.05, activation="silu", **options)
    assert np.isfinite(calm.final_loss).all()
    assert_same(rows(result, [0, 2, 4]), rows(calm))


def test_the_same_seed_gives_the_same_weights_and_batches_under_every_setting() -> None:
    data = rings(64)
    start = sweep([2, 8, 1], data=data, seeds=[3, 3, 4], lr=[0.1, 0.5, 0.1], steps=0, record="parameters")
    assert start.parameters is not None
    for weights, _ in start.parameters:
        np.testing.assert_array_equal(weights[0], weights[1])
        assert (weights[0] != weights[2]).all()
    # The scheme draws other numbers; the batches, which then decide the result, stay the same: from the
    # same parameters both schemes train alike.
    options: dict[str, Any] = {"data": data, "lr": 0.1, "steps": 9, "batch_size": 10, "record": "parameters"}
    both = sweep([2, 8, 1], seeds=[3, 3], weight_init=["kaiming", "default"], initial=twice(start), **options)
    assert both.final_loss[0] == both.final_loss[1]


def twice(start: SweepResult) -> list[tuple[np.ndarray, np.ndarray]]:
    assert start.parameters is not None
    return [(weights[[0, 0]], biases[[0, 0]]) for weights, biases in start.parameters]
