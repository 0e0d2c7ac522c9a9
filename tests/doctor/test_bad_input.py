"""Bad input gets one clear sentence."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import Mlp


def test_batches_can_be_tensors_pairs_dicts_or_anything_with_forward() -> None:
    class Named(Mlp):
        def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
            return super().forward(x * scale)

    net, x = Named(), torch.randn(8, 6)
    whole = reluguide.diagnose(net, x)
    for data in (
        [x],
        [(x, torch.zeros(8))],
        [[x, 0]],
        {"x": x, "scale": 1.0},
        [{"x": x}],
        [({"x": x}, 1)],
        iter([x]),
        x.split(3),
    ):
        report = reluguide.diagnose(net, data)
        assert report.samples == 8
        assert [one.dead.tolist() for one in report] == [one.dead.tolist() for one in whole]
    text = reluguide.diagnose(
        net, [{"inputs": x, "n": "a"}], forward=lambda model, batch: model(batch["inputs"])
    )
    assert text.samples == 8


def test_no_batch() -> None:
    with pytest.raises(DiagnosisError, match=r"no batch in the data \(list\): nothing was run"):
        reluguide.diagnose(Mlp(), [])
    with pytest.raises(DiagnosisError, match=r"batch 1 has no samples: its shape is \(0, 6\)"):
        reluguide.diagnose(Mlp(), torch.zeros(0, 6))


def test_batch_that_the_model_rejects_is_numbered_and_keeps_its_error() -> None:
    with pytest.raises(
        DiagnosisError, match=r"rejects batch 2 \(float32 \(4, 5\)\): RuntimeError: mat1 and mat2"
    ) as e:
        reluguide.diagnose(Mlp(), [torch.randn(4, 6), torch.randn(4, 5)])
    assert isinstance(e.value.__cause__, RuntimeError)


def test_nan_names_the_first_layer_and_its_units() -> None:
    net = Mlp()
    with torch.no_grad():
        net.two.weight[3] = float("nan")
    with pytest.raises(
        DiagnosisError, match=r"NaN in the preactivations of relu#2, after two, in batch 1, units 3;"
    ):
        reluguide.diagnose(net, torch.randn(4, 6))
    bad = torch.randn(4, 6)
    bad[2, 2] = float("inf")
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU())
    with torch.no_grad():  # inf on every unit of one layer becomes inf - inf in the next
        net[0].weight.fill_(1.0)
        net[2].weight[:, 0] = -1.0
        net[2].weight[:, 1] = 1.0
    with pytest.raises(DiagnosisError, match=r"of 3\.relu, after 2, in batch 2"):
        reluguide.diagnose(net, [torch.randn(4, 6), bad])


def test_devices() -> None:
    with pytest.raises(DiagnosisError, match=r"device='cuda' was asked for and the model is on 'cpu'"):
        reluguide.diagnose(Mlp(), torch.randn(4, 6), device="cuda")
    with pytest.raises(DiagnosisError, match=r"on the device 'meta'"):
        reluguide.diagnose(Mlp().to("meta"), torch.randn(4, 6))
    with pytest.raises(DiagnosisError, match=r"lazy layers without weights"):
        reluguide.diagnose(nn.LazyLinear(3), torch.randn(4, 6))


@pytest.mark.parametrize(
    ("model", "data", "options", "message"),
    [
        (lambda x: x, torch.ones(1, 1), {}, "takes an nn.Module, this is function"),
        (Mlp(), "cifar10", {}, "data is str"),
        (Mlp(), 5, {}, "data is int"),
        (Mlp(), ["cifar10"], {}, r"batch 1 holds no tensor \(str\).*anything with forward="),
        (Mlp(), (torch.randn(4, 6), torch.zeros(4)), {}, r"would be two batches: pass \[\(x, y\)\]"),
        (Mlp(), torch.randn(4, 6), {"share": 95}, r"share is 95; it is a share of values.*write 0\.95"),
        (Mlp(), torch.randn(4, 6), {"tau": -1}, r"tau is -1; it is a share of the layer's mean"),
        (Mlp(), torch.randn(4, 6), {"slope_below": "x"}, r"slope_below is 'x'"),
        (Mlp(), torch.randn(4, 6), {"max_batches": 0}, r"max_batches is 0; it is a number of batches"),
        (Mlp(), torch.randn(4, 6), {"only": "x.*"}, r"only='x\.\*' matches none of .* relu, relu#2"),
        (Mlp(), torch.randn(4, 6), {"mask": "keep"}, r"mask='keep' is not in batch 1 \(float32 \(4, 6\)\)"),
        (Mlp(), torch.randn(4, 6), {"mask": lambda batch: 1}, r"mask gave int on batch 1"),
        (
            Mlp(),
            torch.randn(4, 6),
            {"mask": lambda b: b[:, 0] > 99},
            r"the mask of batch 1 leaves no position",
        ),
        (Mlp(), torch.randn(4, 6), {"also": ["dormnt"]}, "dormnt.*there is saturated, dormant, moments"),
    ],
)
def test_what_is_no_model_no_data_or_no_option(
    model: object, data: object, options: dict, message: str
) -> None:
    with pytest.raises(DiagnosisError, match=message):
        reluguide.diagnose(model, data, **options)


def test_name_that_does_not_exist_offers_the_nearest() -> None:
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.Tanh())
    report = reluguide.diagnose(net, torch.randn(4, 6))
    with pytest.raises(
        KeyError, match=r"no activation call is named '1\.rleu'; the nearest names are 1\.relu"
    ):
        report["1.rleu"]
    assert report["3"] is report["3.tanh"]
    with pytest.raises(AttributeError, match=r"saturated was not measured: .*also=\['saturated'\]"):
        _ = report["1"].saturated


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_what_cannot_be_seen_is_said() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.hidden, self.seen = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
            self.scripted = torch.jit.trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.randn(2, 4))
            self.rnn, self.idle = nn.RNN(4, 4, nonlinearity="relu"), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.hidden(x)
            x = self.scripted(x * (x > 0))
            x = F.relu(self.seen(x))
            return self.fc(self.rnn(x)[0])

    report = reluguide.diagnose(Mixed(), torch.randn(5, 4))
    assert list(report.layers) == ["relu"]
    kinds = {one.why.split(",")[0].split(" (")[0]: one.names for one in report.unseen}
    assert kinds == {
        "TorchScript": ("scripted",),
        "recurrent layers": ("rnn",),
        "layers with parameters after which no known activation was seen": ("hidden", "fc"),
        "layers with parameters that did not run": ("idle",),
    }
    text = str(report)
    assert all(f": {names}" in text for names in ("scripted", "rnn", "hidden, fc", "idle"))
    assert "healthy" not in text.lower()


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_report_that_saw_nothing_vouches_for_nothing() -> None:
    scripted = torch.jit.trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.randn(2, 4))
    for net in (scripted, nn.Sequential(nn.Linear(4, 4))):
        report = reluguide.diagnose(net, torch.randn(5, 4))
        assert "No activation call was seen" in str(report)
        assert report.unseen
        with pytest.raises(reluguide.DeadUnitsError, match="nothing can be said"):
            report.check(max_dead=1.0)


def test_exported_programs_say_what_to_pass_instead() -> None:
    net, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval(), torch.randn(5, 4)
    program = torch.export.export(net, (x,))
    for one in (program, program.module()):
        with pytest.raises(DiagnosisError, match="the module that it was exported from"):
            reluguide.diagnose(one, x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_statically_quantised_layers_are_told() -> None:
    ao = torch.ao.quantization
    if "x86" not in torch.backends.quantized.supported_engines:
        pytest.skip("this torch cannot quantise here")
    net = nn.Sequential(ao.QuantStub(), nn.Linear(4, 8), nn.ReLU(), ao.DeQuantStub()).eval()
    net.qconfig = ao.get_default_qconfig("x86")
    x = torch.randn(5, 4)
    prepared = ao.prepare(net)
    prepared(x)
    report = reluguide.diagnose(ao.convert(prepared), x)
    assert any("quantised" in one.why and "1" in one.names for one in report.unseen)
