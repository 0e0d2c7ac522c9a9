"""The report: as printed, as data, as a page, as a picture, as a check."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor.words import percent
from tests.doctor.zoo import Mlp, plant

GOLDEN = Path(__file__).parent / "golden"


class Example(nn.Module):
    """Weights and data without random numbers, so that the printed report is the same everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.hidden, self.out, self.rnn = nn.Linear(4, 6), nn.Linear(6, 2), nn.GRU(2, 2)
        with torch.no_grad():
            for k, parameter in enumerate(self.parameters()):
                values = torch.arange(parameter.numel()) * 7 % 11 - 5.0
                parameter.copy_((values / 4 + (k % 3) / 8).view_as(parameter))
        plant(self.norm, [1], -200.0)
        plant(self.hidden, [0, 2], -300.0)
        plant(self.hidden, [5], 300.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv(x)))
        x = F.relu6(self.hidden(x.mean(2) + torch.tanh(x[:, :, 0])))
        return self.rnn(self.out(x))[0]


def example(**options: object) -> reluguide.Report:
    x = (torch.arange(24 * 2 * 5) * 5 % 17 - 8.0).view(24, 2, 5) / 4
    return reluguide.diagnose(Example(), x.split(10), **options)


@pytest.mark.parametrize("name", ["table", "table_extras", "causes"])
def test_printed_text(name: str) -> None:
    text = {
        "table": lambda: str(example()),
        "table_extras": lambda: str(example(also=["saturated", "dormant"], training=True)),
        "causes": lambda: str(example().explain()).partition("  More:")[0],  # where it is installed decides
    }[name]()
    assert text.splitlines() == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert all(len(line) <= 100 for line in text.splitlines())


def test_verdicts_come_with_their_samples_and_bound() -> None:
    layer = example()["relu"]
    assert (layer.samples, layer.values) == (24, 120)  # 24 inputs, at 5 positions
    assert layer.rate_bound == pytest.approx(1 - 0.05 ** (1 / 24), rel=1e-9)
    # Clopper-Pearson at zero: with that rate, 24 samples would all be quiet in 5 % of cases.
    assert (1 - layer.rate_bound) ** 24 == pytest.approx(0.05)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_of_a_layer_are_those_of_its_preactivations(seed: int) -> None:
    torch.manual_seed(seed)
    net, x = Mlp(F.relu), torch.randn(70, 6)
    plant(net.one, [5], 50.0)
    layer = reluguide.diagnose(net, x.split(9), also=["saturated", "dormant", "moments"], tau=0.5)["relu"]
    z = net.one(x).detach()
    assert torch.equal(layer.dead, (z <= 0).all(0))
    assert torch.equal(layer.always_on, (z > 0).all(0))
    assert 5 in layer.always_on.nonzero()
    torch.testing.assert_close(layer.active_fraction, (z > 0).float().mean(0))
    torch.testing.assert_close(layer.preactivation_max, z.amax(0))
    torch.testing.assert_close(layer.mean, z.mean(0), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(layer.std, z.std(0, correction=0), rtol=1e-4, atol=1e-3)
    assert torch.equal(layer.saturated, (z <= 0).float().mean(0) >= 0.95)
    size = F.relu(z).mean(0)
    assert torch.equal(layer.dormant, size <= 0.5 * size.mean())


def test_saturation_of_sigmoid_units_follows_the_thresholds() -> None:
    net = nn.Sequential(nn.Linear(1, 3), nn.Sigmoid())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[0.0], [0.0], [10.0]]))
        net[0].bias.copy_(torch.tensor([0.0, 5.0, 0.0]))  # slopes: 0.25, 0.0066, and both
    x = torch.linspace(-1, 1, 101)[:, None]
    slope = torch.sigmoid(10 * x) * torch.sigmoid(-10 * x)
    share = float((slope < 0.01).float().mean())
    for limit in (share - 0.01, share + 0.01):
        layer = reluguide.diagnose(net, x, also=["saturated"], share=limit)["1"]
        assert layer.saturated.tolist() == [False, True, share >= limit]
    assert (
        reluguide.diagnose(net, x, also=["saturated"], slope_below=0.001)["1"].saturated.tolist()
        == [False] * 3
    )


def test_dict_and_json_hold_the_same_plain_numbers(tmp_path: Path) -> None:
    report = example(also=["saturated", "dormant", "moments"])
    data = json.loads(report.to_json(tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data == report.to_dict()
    assert data["layers"]["relu"]["dead"] == report["relu"].dead_units
    for name in ("saturated", "dormant"):  # units are listed by index
        listed = data["layers"]["relu"][name]
        assert listed == [k for k, one in enumerate(getattr(report["relu"], name).tolist()) if one]
    assert data["layers"]["relu"]["mean"] == report["relu"].mean.tolist()
    assert data["samples"] == 24 and data["mode"] == "eval mode"
    assert data["dead_fraction"] == report.dead_fraction
    assert [one["names"] for one in data["unseen"]] == [list(one.names) for one in report.unseen]


def test_html_is_well_formed_complete_and_escaped(tmp_path: Path) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.text: list[str] = []
            self.asked: list[str] = []

        def handle_starttag(self, tag: str, attrs: list) -> None:
            self.asked += [value for key, value in attrs if key in ("src", "href")]
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            self.text.append(data)

    net = nn.Sequential()
    net.add_module("a<b>&c", nn.Sequential(nn.Linear(3, 4), nn.ReLU()))
    plant(net[0][0], [1])
    reader = Reader()
    page = (
        reluguide.diagnose(net, torch.randn(6, 3))
        .to_html(tmp_path / "report.html")
        .read_text(encoding="utf-8")
    )
    reader.feed(page)
    text = " ".join(reader.text)
    assert reader.open == [] and reader.asked == []
    assert "a<b>&c.1.relu" in text and "on these 6 samples" in text and "bias" in text


def test_picture_shows_every_call_and_shares_that_add_up() -> None:
    report = example()
    axes = report.plot().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(report.layers)
    for k in range(len(report)):
        assert sum(bars[k].get_width() for bars in axes.containers) == pytest.approx(1)
    dead = axes.containers[0][0].get_width()
    assert dead == pytest.approx(next(iter(report)).dead_fraction)


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.0, "0 %"), (1e-7, "under 0.0001 %"), (0.00052, "0.05 %"), (0.1234, "12.3 %"), (0.999, "99.9 %"),
        (0.99951, "99.95 %"), (1.0, "100 %"),
    ],
)  # fmt: skip
def test_a_share_is_told_apart_from_none_and_from_all(share: float, told: str) -> None:
    assert percent(share) == told


def test_layers_that_did_not_run_are_named_without_what_holds_them() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
            self.spare = nn.Sequential(nn.Linear(2, 3), nn.ReLU())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    (unseen,) = reluguide.diagnose(Halves(), torch.randn(5, 2)).unseen
    assert unseen.names == ("spare.0",)


def test_a_long_name_stays_whole() -> None:
    name = "a_name_that_is_longer_than_any_line_of_the_report_" * 3
    model = nn.Sequential()
    model.add_module(name, nn.GRU(2, 2))
    assert name in str(reluguide.diagnose(model, torch.randn(3, 4, 2)))


def test_check_passes_up_to_the_limit_and_names_layers_and_units() -> None:
    report = reluguide.diagnose(
        Mlp(plant_at=-50.0), torch.randn(300, 6, generator=torch.Generator().manual_seed(1))
    )
    share = report.dead_fraction
    assert share == (len(report["relu"].dead_units) + len(report["relu#2"].dead_units)) / 21
    report.check(max_dead=share)
    with pytest.raises(
        reluguide.DeadUnitsError, match=r"dead on these 300 samples; at most 1 % may be"
    ) as error:
        report.check(max_dead=0.01)
    for layer in report:
        units = ", ".join(map(str, layer.dead_units))
        assert f"{layer.name}: {len(layer.dead_units)} of {layer.units}, units {units}" in str(error.value)
    limit = max(layer.dead_fraction for layer in report)
    report.check(max_dead=limit, each=True)
    with pytest.raises(reluguide.DeadUnitsError) as error:
        report.check(max_dead=limit - 0.01, each=True)
    first = next(layer for layer in report if layer.dead_fraction > limit - 0.01)
    told = f"{100 * first.dead_fraction:.3g}".rstrip("0").rstrip(".")
    assert f"{told} % of the units of {first.name} are dead" in str(error.value)


def test_a_report_without_calls_has_no_share() -> None:
    report = reluguide.diagnose(nn.Linear(2, 2), torch.randn(3, 2))
    assert math.isnan(report.dead_fraction)
    assert report.to_dict()["dead_fraction"] is None


def test_drawing_and_pages_are_loaded_when_asked_for() -> None:
    import subprocess
    import sys

    code = (
        "import sys, torch, reluguide\n"
        "r = reluguide.diagnose(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()), torch.ones(2, 2))\n"
        "str(r), str(r.explain())\n"
        "assert not {m for m in sys.modules if m.startswith('matplotlib')}\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
