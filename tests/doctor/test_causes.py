"""Causes that are planted are the causes that are found, with their numbers."""

import re
from email.message import Message
from importlib import metadata

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor.links import page
from tests.doctor.zoo import plant

X = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 5), nn.BatchNorm1d(5), nn.ReLU(),
        nn.Linear(5, 2),
    )  # fmt: skip
    with torch.no_grad():
        for k in (0, 2):
            made[k].bias.fill_(1.0)
        made[5].bias.fill_(1.0)
    made[5].momentum = 1.0
    made(X)  # running statistics that fit the data
    return made


def causes(model: nn.Module, name: str) -> dict[int, str]:
    return {one.unit: one.cause for one in reluguide.diagnose(model, X).explain() if one.layer == name}


def test_bias() -> None:
    model = net()
    plant(model[0], [3], -20.0)
    (found,) = (one for one in reluguide.diagnose(model, X).explain() if one.layer == "1.relu")
    wx = X @ model[0].weight[3].detach()
    assert (found.unit, found.cause, found.look_at) == (3, "bias", "0")
    assert found.numbers["bias"] == -20
    assert found.numbers["largest w·x"] == pytest.approx(float(wx.max()), abs=1e-5)
    assert found.numbers["norm of w"] == pytest.approx(model[0].weight[3].detach().norm().item(), rel=1e-5)
    with torch.no_grad():  # what it says is so: without the bias the unit fires
        model[0].bias[3] = 0
    assert causes(model, "1.relu") == {}


def test_what_has_no_weights_between_layer_and_activation_is_passed_over() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Identity(), nn.ReLU(), nn.Linear(8, 2))
    plant(model[0], [3], -20.0)
    (found,) = (one for one in reluguide.diagnose(model, X).explain() if one.unit == 3)
    assert (found.layer, found.cause, found.look_at) == ("3.relu", "bias", "0")


def test_the_page_on_dead_units_is_the_documentations(monkeypatch: pytest.MonkeyPatch) -> None:
    about = Message()
    about["Project-URL"] = "Repository, https://example.org/code"
    monkeypatch.setattr(metadata, "metadata", lambda name: about)
    assert page("dead-units") == "questions/dead-units/"
    about["Project-URL"] = "Documentation, https://example.org/guide/"
    assert page("dead-units") == "https://example.org/guide/questions/dead-units/"


def test_weights() -> None:
    model = net()
    with torch.no_grad():
        model[2].weight[5] = -1.0  # its inputs are activations, so never negative
        model[2].bias[5] = 0.0
    assert causes(model, "3.relu") == {5: "weights"}


def test_normalisation_shift_and_statistics() -> None:
    model = net()
    plant(model[5], [1], -50.0)
    with torch.no_grad():
        model[5].running_mean[2] = 1e3
    found = {one.unit: one for one in reluguide.diagnose(model, X).explain()}
    assert {unit: one.cause for unit, one in found.items()} == {1: "normalisation", 2: "normalisation"}
    assert found[1].look_at == "shift of layer 5"
    assert found[2].look_at == "scale or statistics of layer 5"
    assert found[1].numbers["shift"] == -50


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm", "group_norm", "layer_norm"])
def test_the_shift_of_every_norm_is_found(name: str) -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(4, 6, 1)
            self.scale, self.bias = nn.Parameter(torch.ones(6)), nn.Parameter(torch.zeros(6))
            plant(self, [1], -50.0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.conv(x)
            if name == "layer_norm":
                h = F.layer_norm(h.mT, (6,), self.scale, self.bias).mT
            elif name == "group_norm":
                h = F.group_norm(h, 2, self.scale, self.bias)
            else:
                run = torch.zeros(6), torch.ones(6)
                h = getattr(F, name)(h, *run, self.scale, self.bias)
            return torch.relu(h)

    (found,) = reluguide.diagnose(Normed(), torch.randn(20, 4, 7)).explain()
    assert (found.unit, found.cause, found.numbers["shift"]) == (1, "normalisation", -50)


def test_collapsed_inputs_point_to_the_first_layer_that_collapsed() -> None:
    model = net()
    plant(model[0], list(range(8)))
    with torch.no_grad():
        model[2].bias.fill_(-1.0)  # dead as well, and in consequence
    explanation = reluguide.diagnose(model, X).explain()
    by_layer = {(one.layer, one.cause, one.look_at) for one in explanation}
    assert by_layer >= {("1.relu", "bias", "0"), ("3.relu", "upstream", "1.relu")}
    assert all(one.look_at == "1.relu" for one in explanation if one.layer != "1.relu")
    assert "look at 1.relu first" in " ".join(str(explanation).split())


def test_constant_data_are_upstream_of_everything() -> None:
    model = net()
    plant(model[0], [0])
    report = reluguide.diagnose(model, torch.ones(50, 4))
    assert {(one.cause, one.look_at) for one in report.explain()} == {("upstream", "the model's input")}


def test_residual_sum_is_not_blamed_on_one_layer() -> None:
    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(4, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.a(x) + self.b(x))

    model = Sum()
    plant(model.a, [2])
    assert causes(model, "relu") == {2: "sum"}


def test_every_dead_unit_has_a_finding_and_every_cause_a_fix() -> None:
    model = net()
    plant(model[0], [1, 2])
    plant(model[5], [3])
    report = reluguide.diagnose(model, X)
    explanation = report.explain()
    assert sorted((one.layer, one.unit) for one in explanation) == sorted(
        (layer.name, unit) for layer in report for unit in layer.dead_units
    )
    text = str(explanation)
    assert all(one.fix.split(",")[0] in " ".join(text.split()) for one in explanation)
    assert page("dead-units") in text and page("dead-units").endswith("questions/dead-units/")


def test_explaining_speaks_of_the_model_as_it_was() -> None:
    model = net()
    plant(model[0], [3], -20.0)
    report = reluguide.diagnose(model, X)
    with torch.no_grad():
        model[0].bias.fill_(5.0)
    assert next(iter(report.explain())).numbers["bias"] == -20


def test_nothing_dead_is_said_with_its_samples() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU())
    assert str(reluguide.diagnose(model, X).explain()) == (
        "No unit of the calls that were seen is dead on these 200 samples."
    )


def test_different_faults_stand_under_different_headings() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU6(), nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU())
    model[3].momentum = 1.0
    model(X)
    plant(model[0], [0, 1], -300.0)
    plant(model[0], [2], 300.0)  # above 6
    with torch.no_grad():
        model[0].weight[3], model[0].bias[3] = 0.0, -1.0  # no weights and no bias that would do
        model[0].weight[4], model[0].bias[4] = 0.0, 0.0  # only the weights
        model[3].bias[1] = -50.0
        model[3].running_mean[2] = 1e3
    explanation = reluguide.diagnose(model, X).explain()
    by_unit = {(one.layer, one.unit): (one.cause, one.side, one.bias_as_well) for one in explanation}
    assert by_unit[("1.relu6", 1)] == ("bias", "below", False)
    assert by_unit[("1.relu6", 2)] == ("bias", "above", False)
    assert by_unit[("1.relu6", 3)] == ("weights", "below", True)
    assert by_unit[("1.relu6", 4)] == ("weights", "below", False)
    text = str(explanation)
    for heading in (
        "bias (units 0, 1): bias of layer 0; without it there would be a gradient\n",
        "bias (unit 2)",
        "weights (unit 3)",
        "weights (unit 4)",
    ):
        assert heading in text
    assert "normalisation (unit 1): shift of layer 3" in text
    assert re.search(r"normalisation \(units .*2\): scale or statistics of layer 3", text)
    # Every fault holds findings of one kind, and all of them stand in some fault.
    assert sum(map(len, explanation.faults())) == len(explanation)
    assert all(
        len({(one.layer, one.cause, one.look_at, one.side, one.bias_as_well) for one in fault}) == 1
        for fault in explanation.faults()
    )


class Written(nn.Module):
    """A layer and a function of one's own behind it."""

    def __init__(self, act) -> None:
        super().__init__()
        self.hidden, self.act = nn.Linear(4, 6), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.hidden(x))


def test_a_function_that_is_flat_in_places_is_not_explained_by_ends() -> None:
    model = Written(lambda z: z * ((z > 1) | (z < -1)))  # flat between -1 and 1
    with torch.no_grad():
        model.hidden.weight.mul_(10)
        model.hidden.weight[2] *= 0.001
    report = reluguide.diagnose(model, X)
    findings = list(report.explain())
    assert {one.unit for one in findings} == set(next(iter(report)).dead_units)
    assert 2 in {one.unit for one in findings}
    assert {(one.cause, one.look_at) for one in findings} == {("slope", "hidden")}
    assert "flat at every z that was seen; z comes from layer hidden" in " ".join(
        str(report.explain()).split()
    )
    assert reluguide.Report.from_dict(report.to_dict()) == report


def test_explaining_reads_tensors_as_often_however_many_units_are_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[str] = []

    def counting(name: str):
        original = getattr(torch.Tensor, name)

        def counted(*args: object, **options: object) -> object:
            reads.append(name)
            return original(*args, **options)

        return counted

    counts = []
    for units in (50, 500):
        model = nn.Sequential(nn.Linear(4, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU())
        with torch.no_grad():
            model[0].bias[: units // 2] = -50.0
            model[2].bias.fill_(-50.0)
        report = reluguide.diagnose(model, X)
        with monkeypatch.context() as patched:
            for name in ("tolist", "all", "__getitem__", "__float__", "__eq__"):
                patched.setattr(torch.Tensor, name, counting(name))
            reads.clear()
            assert len(report.explain()) >= units
            counts.append(len(reads))
    assert counts[0] == counts[1] > 0
