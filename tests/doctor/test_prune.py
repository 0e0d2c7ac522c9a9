"""Pruning is exact where it says so, and refuses with a reason elsewhere."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import Block, Late, Mlp, NormFirst, Residual, Reused, Tokens, plant, vgg

SEEDS = range(4)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def pruned_equal(net: nn.Module, x: Tensor, **options: object) -> tuple[nn.Module, reluguide.Report]:
    """The pruned model, after checking that it agrees with `net` on x and that `net` is untouched."""
    net = net.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    report = reluguide.diagnose(net, x)
    small = reluguide.prune_dead(net, report, **options)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    expected = net(x).detach()
    torch.testing.assert_close(
        small(x).detach(), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )
    return small, report


@pytest.mark.parametrize("seed", SEEDS)
def test_mlp_loses_exactly_its_dead_units(seed: int) -> None:
    torch.manual_seed(seed)
    net, x = Mlp(), torch.randn(40, 6)
    small, report = pruned_equal(net, x)
    one, two = (layer.units - len(layer.dead_units) for layer in report)
    assert (small.one.out_features, small.two.in_features) == (one, one)
    assert (small.two.out_features, small.three.in_features) == (two, two)
    assert parameters(small) == 7 * one + (one + 1) * two + (two + 1) * 3 < parameters(net)
    assert reluguide.diagnose(small, x).dead_fraction == 0


@pytest.mark.parametrize("make", [vgg, Late, NormFirst])
def test_convolutions_batchnorm_pooling_and_flattening(make) -> None:
    torch.manual_seed(0)
    net = make()
    shape = {vgg: (20, 3, 8, 8), Late: (20, 3, 14, 14), NormFirst: (20, 5)}[make]
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    if make is NormFirst:  # its last activations are the output, and nothing reads them
        small, _ = pruned_equal(net, torch.randn(shape), layers=["act.relu"])
    else:
        small, report = pruned_equal(net, torch.randn(shape))
        assert report.dead_fraction > 0
    assert parameters(small) < parameters(net)


def test_same_padding_counts_as_padding() -> None:
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.BatchNorm2d(6), nn.Conv2d(6, 4, 2, padding="same"), nn.ReLU()
    )
    net[2].bias.data.uniform_(0.5, 1)
    plant(net[0], [0, 3])
    with pytest.raises(
        DiagnosisError, match=r"1\.relu: a BatchNorm follows it and then a padded convolution"
    ):
        pruned_equal(net, torch.randn(10, 2, 8, 8), layers="1")


@pytest.mark.parametrize("padding", [0, 1])
def test_batchnorm_after_the_activation_moves_into_the_next_bias(padding: int) -> None:
    torch.manual_seed(0)
    flat = (4 + 2 * padding) ** 2
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.ReLU(), nn.BatchNorm2d(6), nn.Conv2d(6, 4, 3, padding=padding, bias=False),
        nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(4 * flat), nn.Linear(4 * flat, 2),
    )  # fmt: skip
    for norm in (net[2], net[6]):
        norm.running_mean.uniform_(-1, 1)
        norm.bias.data.uniform_(-1, 1)
    plant(net[0], [0, 3])
    x = torch.randn(10, 2, 8, 8)
    if padding:
        with pytest.raises(
            DiagnosisError, match=r"1\.relu: a BatchNorm follows it and then a padded convolution"
        ):
            pruned_equal(net, x, layers="1")
    else:
        small, _ = pruned_equal(net, x, layers="1")
        assert (small[0].out_channels, small[2].num_features, small[3].in_channels) == (4, 4, 4)


def test_the_inner_chain_of_a_residual_block_is_a_chain() -> None:
    torch.manual_seed(0)
    net = Residual()
    report = reluguide.diagnose(net.eval(), torch.randn(8, 3, 10, 10))
    with pytest.raises(DiagnosisError, match=r"^relu: its activations are also read by add_"):
        reluguide.prune_dead(net, report)
    small, _ = pruned_equal(net, torch.randn(8, 3, 10, 10), layers=["a.relu"])
    assert small.a.conv1.out_channels == small.a.bn1.num_features == 4


def test_layer_that_dies_altogether_keeps_one_unit() -> None:
    net = Mlp()
    plant(net.one, list(range(12)))
    small, _ = pruned_equal(net, torch.randn(10, 6))
    assert small.one.out_features == 1


def test_unit_dead_at_the_upper_end_stays() -> None:
    torch.manual_seed(0)
    net = Mlp(F.relu6)
    plant(net.one, [4], 1e3)
    small, report = pruned_equal(net, torch.randn(30, 6))
    assert 4 in report["relu6"].dead_units
    assert small.one.out_features == 12 - len(report["relu6"].dead_units) + 1


class TwoReaders(nn.Module):
    """The preactivations are read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)
        plant(self.a, [1])

    def forward(self, x: Tensor) -> Tensor:
        z = self.a(x)
        return self.b(torch.relu(z)) + z.sum()


class Gate(TwoReaders):
    def forward(self, x: Tensor) -> Tensor:
        z = self.a(x)
        return self.b(torch.relu(z)) * torch.sigmoid(z).sum()


class Shown(TwoReaders):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.relu(self.a(x))
        return self.b(hidden), hidden


class Tied(TwoReaders):
    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Linear(6, 6)
        self.c = nn.Linear(6, 6)
        self.c.weight = self.b.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.c(torch.relu(self.b(torch.relu(self.a(x)))))


class UsedTwice(TwoReaders):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(6, 6)
        plant(self.a, [1])

    def forward(self, x: Tensor) -> Tensor:
        return self.b(torch.relu(self.a(x))) + self.b(x)


class PooledOverUnits(TwoReaders):
    def forward(self, x: Tensor) -> Tensor:
        return self.b(F.max_pool1d(torch.relu(self.a(x)), 3, 1, 1))


class Grouped(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv1d(4, 6, 1), nn.ReLU(), nn.Conv1d(6, 6, 3, groups=3), nn.Flatten())
        plant(self[0], [1])


class Mixed(nn.Sequential):
    """The linear layer reads positions, not units."""

    def __init__(self) -> None:
        super().__init__(nn.Conv1d(4, 6, 1), nn.ReLU(), nn.Linear(6, 6))
        plant(self[0], [1])


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (TwoReaders(), (8, 4), r"relu: the output of a is also read by sum"),
        (Gate(), (8, 4), r"relu: the output of a is also read by sigmoid"),
        (Shown(), (8, 4), r"relu: its activations are also read by the model's output"),
        (UsedTwice(), (8, 6), r"relu: b is used 2 times in one forward pass"),
        (PooledOverUnits(), (8, 4), r"relu: its activations are also read by max_pool1d"),
        (Tied(), (8, 4), r"relu: b shares its weights with another layer"),
        (Grouped(), (8, 4, 6), r"1\.relu: 2 is a Conv1d with groups"),
        (Mixed(), (8, 4, 6), r"1\.relu: its activations are also read by linear"),
        (Tokens(), (8, 9, 6), r"relu: norm is a LayerNorm"),
        (Block(3, 3, 1), (4, 3, 6, 6), r"relu#2: its preactivations are not the output of one layer"),
        (Mlp(torch.tanh), (8, 6), r"tanh: a dead unit of tanh does not give exactly 0"),
    ],
)
def test_refuses_with_the_layer_and_the_reason(net: nn.Module, shape: tuple[int, ...], message: str) -> None:
    torch.manual_seed(0)
    if isinstance(net, Block):
        plant(net.bn2, [0])
    with pytest.raises(DiagnosisError, match=f"^{message}"):
        reluguide.prune_dead(net.eval(), reluguide.diagnose(net, torch.randn(shape)))


def test_what_a_forward_of_ones_own_gives_is_an_output() -> None:
    net = Mlp()

    def hidden(model: Mlp, x: Tensor) -> Tensor:
        return torch.relu(model.one(x))

    with pytest.raises(DiagnosisError, match=r"^relu: its activations are also read by the model's output"):
        reluguide.prune_dead(net, reluguide.diagnose(net, torch.randn(8, 6), forward=hidden))


def test_shared_layers_and_other_models_are_refused() -> None:
    class Twice(Reused):
        def forward(self, x: Tensor) -> Tensor:
            return self.two(self.act(self.one(x))) + self.two(self.act(self.one(-x)))

    net = Twice()
    report = reluguide.diagnose(net, torch.randn(8, 5))
    with pytest.raises(DiagnosisError, match=r"also read by act\.relu#2|used 2 times"):
        reluguide.prune_dead(net, report)
    with pytest.raises(DiagnosisError, match="has no layer 'one': the report is of another model"):
        reluguide.prune_dead(nn.Linear(5, 6), reluguide.diagnose(Mlp(), torch.randn(8, 6)))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    depth=st.integers(1, 3),
    width=st.integers(2, 12),
    middle=st.floats(-3, 3),
    half=st.floats(0.01, 2),
    norm=st.sampled_from(["none", "before", "after"]),
)
def test_inside_the_box_nothing_changes(
    seed: int, depth: int, width: int, middle: float, half: float, norm: str
) -> None:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    features = 4
    for _ in range(depth):
        middle_layers = [nn.Identity(), nn.ReLU()] if norm == "none" else [nn.BatchNorm1d(width), nn.ReLU()]
        layers += [nn.Linear(features, width), *middle_layers[:: -1 if norm == "after" else 1]]
        nn.init.normal_(layers[-3].bias, -0.7, 1.0)
        for module in layers[-2:]:
            if isinstance(module, nn.BatchNorm1d):
                for tensor in (module.weight, module.bias, module.running_mean):
                    nn.init.normal_(tensor)
                nn.init.uniform_(module.running_var, 0.2, 2)
        features = width
    net = nn.Sequential(*layers, nn.Linear(features, 3)).eval()
    low, high = torch.full((4,), middle - half), torch.full((4,), middle + half)
    inside = low + (high - low) * torch.rand(256, 4)
    corners = torch.where(torch.rand(64, 4) < 0.5, low, high)
    report = reluguide.diagnose(net, inside[:4])  # few samples: much looks dead that is not
    small = reluguide.prune_dead(net, report, box=(low, high))
    kept = [module.out_features for module in small if isinstance(module, nn.Linear)]
    assert all(few <= module.out_features for few, module in zip(kept, net[::3], strict=True))
    for x in (inside, corners):
        expected = net(x).detach()
        torch.testing.assert_close(small(x).detach(), expected, rtol=1e-4, atol=1e-4)


def test_box_keeps_what_only_the_data_call_dead_and_removes_what_is_proved() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, -1.0]]))
        net[0].bias.copy_(torch.tensor([-1.5, -2.5, 0.0]))
    x = torch.rand(50, 2) * 0.5  # both are at most 1 in sum here, at most 2 in the box
    report = reluguide.diagnose(net, x)
    assert report["1"].dead_units == [0, 1]
    assert reluguide.prune_dead(net, report)[0].out_features == 1
    small = reluguide.prune_dead(net, report, box=(0.0, 1.0))
    assert small[0].out_features == 2
    torch.testing.assert_close(small(torch.ones(1, 2)), net(torch.ones(1, 2)))


@pytest.mark.parametrize("place", ["before", "after"])
def test_box_is_followed_through_batchnorm(place: str) -> None:
    """Units that only a BatchNorm makes fire, in the part of the box that the data do not reach."""
    norm = nn.BatchNorm1d(2)
    if place == "before":  # x - 5 is negative throughout, x - 0.5 is not
        net = nn.Sequential(nn.Linear(1, 2), norm, nn.ReLU(), nn.Linear(2, 1)).eval()
        shifts = {0: -5.0}
        norm.bias.data.fill_(4.5)
    else:  # x - 1.5 is negative throughout, 3 x - 1.5 is not
        net = nn.Sequential(
            nn.Linear(1, 2), nn.ReLU(), norm, nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)
        ).eval()
        shifts = {0: 0.0, 3: -1.5}
        norm.weight.data.fill_(3.0)
        net[3].weight.data.copy_(torch.eye(2))
    net[0].weight.data.fill_(1.0)
    for k, shift in shifts.items():
        net[k].bias.data.fill_(shift)
    report = reluguide.diagnose(net, torch.linspace(0.01, 0.3, 20)[:, None])
    assert report.dead_fraction > 0
    small = reluguide.prune_dead(net, report, box=(0.0, 1.0))
    x = torch.linspace(0, 1, 50)[:, None]
    assert torch.equal(small(x), net(x))
    assert reluguide.diagnose(net, x).dead_fraction == 0


@pytest.mark.parametrize(
    ("net", "x", "box", "message"),
    [
        (
            Late(),
            torch.randn(4, 3, 14, 14),
            (0, 1),
            "a box can be followed through Linear and BatchNorm only",
        ),
        (Mlp(), torch.randn(4, 6), (1, 0), "low <= high"),
        (Mlp(), torch.randn(4, 6), (torch.zeros(5), 1), "has 5 numbers; the model takes 6"),
        (Mlp(), torch.randn(4, 6), (0, float("inf")), "finite"),
    ],
)
def test_boxes_that_cannot_be_used(net: nn.Module, x: Tensor, box: tuple, message: str) -> None:
    with pytest.raises(DiagnosisError, match=message):
        reluguide.prune_dead(net, reluguide.diagnose(net, x), box=box)
