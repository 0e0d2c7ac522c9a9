"""Surgery on what people run: depthwise and transposed convolutions, gated MLPs, Conv1D; safe or refused."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from reluguide.doctor.prune import prune_where_possible
from tests.doctor.zoo import Mlp, Residual, plant, vgg


def loosened(net: nn.Module) -> nn.Module:
    """BatchNorms with statistics of their own."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.bias.data.uniform_(-0.5, 0.5)
    return net.eval()


def mobile(act: Callable[[], nn.Module] = nn.ReLU6) -> nn.Sequential:
    """Inverted residuals without the sum: expand, depthwise, project."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), act(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), act(),
        nn.Conv2d(8, 6, 1, bias=False), nn.BatchNorm2d(6), act(),
        nn.Conv2d(6, 6, 3, padding=1, groups=6), act(), nn.Conv2d(6, 5, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2),
    )  # fmt: skip
    loosened(net)
    plant(net[1], [1, 6])
    plant(net[4], [1, 2])
    plant(net[7], [0])
    plant(net[9], [3])
    return net


class Gated(nn.Module):
    """The MLP of LLaMA and its like."""

    def __init__(self, act: Callable[[Tensor], Tensor], turned: bool) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(6, 10), nn.Linear(6, 10), nn.Linear(10, 6)
        self.act, self.turned = act, turned
        plant(self.gate, [2, 7])

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.act(self.gate(x)), self.up(x)
        return x + self.down(up * gate if self.turned else gate * up)


class Conv1D(nn.Module):
    """As in transformers: a linear layer with its weight turned round."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight, self.bias = nn.Parameter(torch.randn(nx, nf) / nx**0.5), nn.Parameter(torch.zeros(nf))

    def forward(self, x: Tensor) -> Tensor:
        out = torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight)
        return out.view(*x.size()[:-1], self.nf)


class Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(12, 6), Conv1D(6, 12)
        plant(self.c_fc, [0, 5])

    def forward(self, x: Tensor) -> Tensor:
        z = self.c_fc(x)
        z = 0.5 * z * (1.0 + torch.tanh(0.7978845608 * (z + 0.044715 * z.pow(3))))
        return x + F.dropout(self.c_proj(z), 0.1, self.training)


def dcgan() -> nn.Sequential:
    net = nn.Sequential(
        nn.ConvTranspose2d(5, 8, 4, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
        nn.ConvTranspose2d(8, 6, 4, 2, 1), nn.ReLU(True), nn.ConvTranspose2d(6, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    loosened(net)
    plant(net[1], [1, 4])
    plant(net[3], [0, 5])
    return net


class NormAct(nn.BatchNorm2d):
    """A norm with its activation in it, as in timm."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x), inplace=True)


def timmish() -> nn.Sequential:
    net = loosened(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=False), NormAct(8), nn.Conv2d(8, 8, 3, groups=8), NormAct(8),
            nn.Conv2d(8, 4, 1), nn.Flatten(), nn.LazyLinear(2),
        )
    )  # fmt: skip
    net(torch.randn(1, 3, 8, 8))
    plant(net[1], [2])
    plant(net[3], [2, 5])
    return net  # type: ignore[return-value]


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "mobile net": (mobile, (9, 3, 10, 10), 6),
    "mobile net of ReLU": (lambda: mobile(nn.ReLU), (9, 3, 10, 10), 6),
    "gated": (lambda: Gated(F.silu, False), (9, 4, 6), 2),
    "gated, the other way": (lambda: Gated(F.relu, True), (9, 4, 6), 2),
    "gated by hand": (lambda: Gated(lambda z: z * torch.sigmoid(z), True), (9, 4, 6), 2),
    "conv1d": (Gpt, (9, 4, 6), 2),
    "norms with activations": (timmish, (9, 3, 8, 8), 3),
    "dcgan": (dcgan, (9, 5, 1, 1), 4),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("seed", range(3))
def test_outputs_are_equal_and_the_units_gone(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    make, shape, least = NETS[name]
    net, x = make().eval(), torch.randn(shape)
    report = reluguide.diagnose(net, x)
    assert sum(len(layer.dead_units) for layer in report) >= least
    done = prune_where_possible(net, report)
    assert sum(map(len, done.cut.values())) >= least and not done.refused
    with torch.no_grad():
        expected, given = net(x), done.model(x)
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert sum(p.numel() for p in done.model.parameters()) < sum(p.numel() for p in net.parameters())
    again = reluguide.diagnose(done.model, x)
    assert (
        sum(len(layer.dead_units) for layer in again)
        <= sum(len(layer.dead_units) for layer in report) - least
    )
    for layer in report:
        if layer.dead_units:
            with torch.no_grad():
                given = reluguide.prune_dead(net, report, layers=layer.name)(x)
            torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_a_mobile_net_that_dies_altogether_keeps_a_channel() -> None:
    net = mobile()
    plant(net[1], list(range(8)))
    plant(net[4], list(range(8)))
    x = torch.randn(9, 3, 10, 10)
    done = prune_where_possible(net, reluguide.diagnose(net, x))
    assert done.model[0].out_channels == done.model[3].groups == done.model[6].in_channels == 1
    torch.testing.assert_close(done.model(x), net(x))


def test_a_constant_behind_a_depthwise_convolution_and_before_padding_is_refused() -> None:
    net = mobile()
    net[6] = nn.Conv2d(8, 6, 3, padding=1, bias=False)
    net[4].bias.data.fill_(1.0)
    report = reluguide.diagnose(net, torch.randn(9, 3, 10, 10))
    with pytest.raises(
        DiagnosisError, match=r"2\.relu6: a depthwise convolution follows it and then a padded"
    ):
        reluguide.prune_dead(net, report, layers="2")


def test_what_cannot_be_cut_is_listed_with_the_reason() -> None:
    net = Residual().eval()
    x = torch.randn(8, 3, 10, 10)
    report = reluguide.diagnose(net, x)
    done = prune_where_possible(net, report)
    assert set(done.cut) == {"a.relu"}
    assert "also read by add_" in done.refused["relu"]
    assert "5 units" not in str(done) and "not relu: its activations are also read by add_" in str(done)
    torch.testing.assert_close(done.model(x), net(x))
    assert {layer.name for layer in report if layer.dead_units} == set(done.cut) | set(done.refused)


@pytest.mark.parametrize("cut", [reluguide.prune_dead, prune_where_possible, reluguide.revive])
def test_a_report_of_training_mode_is_refused(cut: Callable[..., Any]) -> None:
    net, x = vgg().train(), torch.randn(20, 3, 8, 8)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    report = reluguide.diagnose(net, x, training=True)
    with pytest.raises(DiagnosisError, match="this report is of training mode"):
        cut(net, report)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@dataclasses.dataclass
class Output:
    logits: Tensor
    more: Any = None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda out, hidden: Output(out, hidden),
        lambda out, hidden: Output(out, {"deep": [(hidden,)]}),
        lambda out, hidden: {"out": out, "inside": {"hidden": [[hidden]]}},
        lambda out, hidden: (out, [[[hidden]]]),
    ],
)
def test_activations_that_leave_in_whatever_wrapping_are_not_cut(wrap: Callable[..., Any]) -> None:
    class Shows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)
            plant(self.a, [1])

        def forward(self, x: Tensor) -> Any:
            hidden = F.relu(self.a(x))
            return wrap(self.b(hidden), hidden)

    net = Shows()
    with pytest.raises(DiagnosisError, match="also read by the model's output"):
        reluguide.prune_dead(net, reluguide.diagnose(net, torch.randn(8, 4)))


def test_activations_that_are_written_into_a_buffer_are_not_cut() -> None:
    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 2), nn.Linear(8, 2)
            plant(self.a, [1])

        def forward(self, x: Tensor) -> Tensor:
            hidden, kept = F.relu(self.a(x)), torch.zeros(len(x), 8)
            kept[:, :6] = hidden
            return self.b(hidden) + self.c(kept)

    net = Writes()
    with pytest.raises(DiagnosisError, match="also read by __setitem__"):
        reluguide.prune_dead(net, reluguide.diagnose(net, torch.randn(8, 4)))


def test_activations_that_leave_for_numpy_are_not_cut() -> None:
    class Leaves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 6), nn.Linear(6, 2), nn.Linear(6, 2)
            plant(self.a, [1])

        def forward(self, x: Tensor) -> Tensor:
            hidden = F.relu(self.a(x))
            return self.b(hidden) + self.c(torch.from_numpy(hidden.detach().numpy()[:, ::-1].copy()))

    net = Leaves()
    with pytest.raises(DiagnosisError, match=r"also read by (numpy|__array__)"):
        reluguide.prune_dead(net, reluguide.diagnose(net, torch.randn(8, 4)))


def test_layers_whose_parameters_are_read_elsewhere_are_not_cut() -> None:
    class Penalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)
            plant(self.a, [1])

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.b(F.relu(self.a(x))), self.a.bias.square().sum()

    net = Penalised()
    with pytest.raises(DiagnosisError, match="relu: the parameters of a are also read by a function"):
        reluguide.prune_dead(net, reluguide.diagnose(net, torch.randn(8, 4)))


def collapsed() -> nn.Sequential:
    net = vgg()
    for k in (0, 4):
        net.features[k].bias.data.fill_(-100.0)
    net.classifier[0].bias.data.fill_(-100.0)
    return net.eval()


@pytest.mark.parametrize("seed", range(3))
def test_every_revived_unit_fires_on_the_data(seed: int) -> None:
    torch.manual_seed(seed)
    net, x = collapsed(), torch.randn(40, 3, 8, 8)
    report, before = reluguide.diagnose(net, x), net(x).detach()
    assert report.dead_fraction == 1
    reluguide.revive(net, report, seed=seed, data=x)
    torch.testing.assert_close(net(x).detach(), before, rtol=1e-4, atol=1e-4)
    assert reluguide.diagnose(net, x).dead_fraction == 0


def test_a_unit_that_cannot_fire_is_told() -> None:
    net = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        net[0].weight[1] = 0
    x = torch.zeros(10, 3)
    with pytest.warns(UserWarning, match=r"still do not fire on these data: 1\.relu, units 0, 1, 2, 3"):
        reluguide.revive(net, reluguide.diagnose(net, x), data=x)


@pytest.mark.parametrize("make", [torch.optim.Adam, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)])
def test_moments_of_revived_units_are_cleared_and_others_kept(make: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    net, x, y = Mlp(), torch.randn(60, 6), torch.randn(60, 3)
    optimizer = make(net.parameters())
    net.one.bias.data.zero_()
    for _ in range(3):
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
    plant(net.one, [2, 7])
    kept = {id(p): {k: v.clone() for k, v in s.items() if v.ndim} for p, s in optimizer.state.items()}
    report = reluguide.diagnose(net, x)
    gone = report["relu"].dead_units
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reluguide.revive(net, report, optimizer=optimizer, layers="relu")
    rest = [k for k in range(12) if k not in gone]
    for name, moment in optimizer.state[net.one.weight].items():
        if moment.ndim:
            assert not moment[gone].any()
            assert torch.equal(moment[rest], kept[id(net.one.weight)][name][rest])
    for moment in optimizer.state[net.two.weight].values():
        assert not moment.ndim or not moment[:, gone].any()


def test_a_revived_gated_mlp_and_conv1d_keep_their_outputs() -> None:
    for make, shape in (
        (lambda: Gated(F.relu, False), (30, 6)),
        (Gpt, (30, 2, 6)),
        (mobile, (30, 3, 10, 10)),
    ):
        net, x = make().eval(), torch.randn(shape)
        before, report = net(x).detach(), reluguide.diagnose(net, x)
        reluguide.revive(net, report, data=x)
        torch.testing.assert_close(net(x).detach(), before, rtol=1e-4, atol=1e-4)
        assert reluguide.diagnose(net, x).dead_fraction < report.dead_fraction


class Fixed(nn.Module):
    """Its code fixes how many channels there are, once."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8 * 16, 2)
        plant(self.a, [1])
        plant(self.b, [2, 3, 4, 5])

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.b(F.relu(self.a(x))))
        return self.c(x.view(-1, 8 * 16))


def test_sizes_that_the_code_fixes_are_found_on_data() -> None:
    net, x = Fixed().eval(), torch.randn(8, 3, 8, 8)
    report = reluguide.diagnose(net, x)
    with pytest.raises(DiagnosisError, match=r"not the same: (it fails on|an output of shape \(8, 2\))"):
        reluguide.prune_dead(net, report, data=x)
    done = prune_where_possible(net, report, data=[x])
    assert set(done.cut) == {"relu"} and set(done.refused) == {"relu#2"}
    torch.testing.assert_close(done.model(x), net(x))
    torch.testing.assert_close(reluguide.prune_dead(net, report, data=x, layers="relu")(x), net(x))
