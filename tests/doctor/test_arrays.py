"""Numbers from elsewhere give the report that the model itself gives; rates and dormancy by their formulas."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from reluguide.doctor.firing import TAUS
from tests.doctor.zoo import plant


def convolutions(act: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(2, 6, 3), act, nn.Flatten(), nn.Linear(6 * 5, 4), act)
    plant(net[0], [1, 4], -300.0)
    plant(net[3], [2], 300.0)
    return net


@pytest.mark.parametrize("name", ["relu", "relu6", "gelu", "sigmoid", "hardswish", "leaky_relu"])
def test_the_report_is_that_of_the_model(name: str) -> None:
    class Act(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return getattr(F, name)(z)

    net, x = convolutions(Act()), torch.randn(40, 2, 7)
    options: dict = {
        "also": ["saturated", "dormant", "moments"],
        "tau": 0.3,
        "share": 0.6,
        "slope_below": 0.05,
    }
    whole = reluguide.diagnose(net, x.split(16), **options)
    first, last = (layer.name for layer in whole)
    with torch.no_grad():
        z = net[0](x)
        z2 = net[3](net[2](net[1](z)))
    channels_first = reluguide.diagnose_arrays(
        ({first: part} for part in z.split(16)), activation=name, axis=1, **options
    )
    channels_last = reluguide.diagnose_arrays({first: z.mT.numpy()}, activation=name, **options)
    behind = reluguide.diagnose_arrays(
        [{last: part.numpy()} for part in z2.split(16)], activation=name, **options
    )
    for given_back, known in (
        (channels_first[first], whole[first]),
        (channels_last[first], whole[first]),
        (behind[last], whole[last]),
    ):
        assert given_back.dead_units == known.dead_units
        assert (given_back.samples, given_back.values) == (known.samples, known.values)
        for part in ("always_on", "saturated", "dormant"):
            assert torch.equal(getattr(given_back, part), getattr(known, part))
        for part in ("active_fraction", "preactivation_max", "mean", "std"):
            torch.testing.assert_close(getattr(given_back, part), getattr(known, part), rtol=1e-4, atol=1e-4)
    assert channels_first.samples == 40 and channels_first.batches == 3
    assert len((channels_first + channels_last)[first].dead_units) == len(whole[first].dead_units)


def test_activations_do_for_relu_and_anything_that_numpy_reads_is_an_array() -> None:
    class Foreign:
        def __init__(self, values: np.ndarray) -> None:
            self.values = values

        def __array__(self, dtype=None, copy=None) -> np.ndarray:
            return self.values

    z = np.random.default_rng(0).normal(size=(30, 5, 8)).astype(np.float32)
    z[..., 3] = -abs(z[..., 3])
    for array in (
        z,
        np.maximum(z, 0),
        z.tolist(),
        Foreign(z),
        torch.tensor(z).bfloat16(),
        (z * 100).astype(np.int32),
    ):
        report = reluguide.diagnose_arrays({"dense": array})
        assert report["dense"].dead_units == [3]
        assert (report["dense"].samples, report["dense"].values) == (30, 150)


def test_what_can_be_asked_of_a_report_can_be_asked(tmp_path) -> None:
    report = reluguide.diagnose_arrays({"a": -np.ones((30, 4)), "b": np.ones((30, 3))})
    assert report["a"].dead_units == [0, 1, 2, 3] and report["b"].dead_units == []
    text = " ".join(str(report.explain()).split())
    assert (
        "values (units 0, 1, 2, 3): never in the range that has a gradient; the weights are not known" in text
    )
    with pytest.raises(reluguide.DeadUnitsError, match="a: 4 of 4"):
        report.check()
    assert reluguide.Report.from_json(report.to_json(tmp_path / "it.json")) == report
    assert "| `a` | relu | 4 | 4 |" in report.to_markdown()
    with pytest.raises(DiagnosisError, match="a"):
        reluguide.prune_dead(nn.Linear(2, 2), report)


@pytest.mark.parametrize(
    ("layers", "options", "told"),
    [
        ({}, {}, "there is no array"),
        ([np.ones((3, 3))], {}, "batch 1 is ndarray; it has to be a dict of arrays by name"),
        (
            {"a": np.ones(3)},
            {},
            r"a in batch 1 has shape \(3,\); it needs an axis of samples and one of units",
        ),
        ({"a": np.ones((3, 3))}, {"axis": 0}, "axis is 0; a has shape"),
        ({"a": np.ones((3, 3))}, {"axis": 2}, "axis is 2; a has shape"),
        ({"a": [["x", "y"]]}, {}, "a in batch 1 is no array of numbers"),
        ([{"a": np.ones((3, 3))}, {"a": np.ones((3, 4))}], {}, "a has 4 units in batch 2 and 3 before"),
        ({"a": np.full((3, 3), np.nan)}, {}, "NaN in a, batch 1, units 0, 1, 2"),
        ({"a": np.ones((3, 3))}, {"activation": "sinus"}, "activation='sinus' is not known; there is .*gelu"),
        ({"a": np.ones((3, 3))}, {"also": ["dead"]}, r"also=\['dead'\] is not known"),
        ({"a": np.ones((3, 3))}, {"tau": -1}, "tau is -1"),
        ({"a": np.ones((3, 3))}, {"share": 95}, "share is 95; .* for 95 % write 0.95"),
    ],
)
def test_what_is_no_array_is_named(layers, options: dict, told: str) -> None:
    with pytest.raises(DiagnosisError, match=told):
        reluguide.diagnose_arrays(layers, **options)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), units=st.integers(1, 30), tau=st.floats(0, 2))
def test_dormancy_is_the_formula_of_the_paper(seed: int, units: int, tau: float) -> None:
    random = np.random.default_rng(seed)
    z = random.normal(random.normal(size=units) - 1, 1, size=(50, units)) * random.integers(0, 2, size=units)
    report = reluguide.diagnose_arrays({"layer": z}, also=["dormant"])
    h = np.abs(np.maximum(z, 0)).mean(
        0
    )  # the score of Sokar et al. 2023: s = E|h| / mean over the layer of E|h|
    expected = [float((h <= t * h.mean()).mean()) for t in (*TAUS, tau)]
    assert list(report.dormancy((*TAUS, tau))["layer"]) == pytest.approx(expected)
    assert report.dormancy()["layer"][2] == pytest.approx(report["layer"].dormant.double().mean().item())
    assert list(report.dormancy().overall) == pytest.approx(expected[:3])


def test_dormancy_is_printed_by_call_and_asked_for() -> None:
    net, x = convolutions(nn.ReLU()), torch.randn(40, 2, 7)
    report = reluguide.diagnose(net, x, also=["dormant"])
    text = str(report.dormancy())
    assert text.splitlines()[0].split() == [
        "activation",
        "call",
        "units",
        "tau",
        "0",
        "tau",
        "0.025",
        "tau",
        "0.1",
    ]
    assert text.splitlines()[-1].startswith("all ")
    shares = report.dormancy()
    assert all(a <= b <= c for a, b, c in shares.shares.values())
    with pytest.raises(DiagnosisError, match=r"also=\['dormant'\]"):
        reluguide.diagnose(net, x).dormancy()


def test_firing_rates_are_counted_by_powers_of_ten() -> None:
    z = -np.ones((20_000, 5), dtype=np.float32)
    for unit, times in enumerate((0, 1, 30, 1_000, 15_000)):
        z[:times, unit] = 1.0
    report = reluguide.diagnose_arrays({"latents": z})
    counts = report.rates()["latents"]
    assert sum(counts.values()) == 5
    assert {name: count for name, count in counts.items() if count} == {
        "never": 1, "up to 0.01 %": 1, "up to 1 %": 1, "up to 10 %": 1, "over 10 %": 1,
    }  # fmt: skip
    figure = report.plot("rates")
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert sum(heights) == 5 and heights[-1] == 1  # the last bar is of those that never fire
    with pytest.raises(DiagnosisError, match="kind is 'pie'; there is bands, rates"):
        report.plot("pie")
