"""Unit by unit, the doctor finds what is planted and what autograd finds."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from tests.doctor.zoo import VGG_PLANTED, ZOO, Mlp, plant, truth, vgg

SEEDS = (0, 1, 2)


def build(name: str, seed: int) -> tuple[nn.Module, list[Tensor]]:
    torch.manual_seed(seed)
    make, shape = ZOO[name]
    return make().eval(), [torch.randn(shape) for _ in range(3)]


def agrees(report: reluguide.Report, expected: list[Tensor]) -> None:
    assert [layer.dead.tolist() for layer in report] == [one.tolist() for one in expected]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ZOO)
def test_dead_units_are_the_ones_that_autograd_finds(name: str, seed: int) -> None:
    net, batches = build(name, seed)
    report = reluguide.diagnose(net, batches)
    expected = truth(net, batches)
    agrees(report, expected)
    for layer, planted in zip(report, net.planted, strict=True):
        assert set(planted) <= set(layer.dead_units)
        assert layer.samples == sum(len(batch) for batch in batches)
        assert layer.axis_traced
        assert len(layer.dead_units) < layer.units or len(planted) == layer.units


@pytest.mark.parametrize("seed", SEEDS)
def test_vgg_of_modules(seed: int) -> None:
    torch.manual_seed(seed)
    net, x = vgg().eval(), torch.randn(64, 3, 8, 8)
    alive: dict[str, Tensor] = {}

    def look(name: str):
        def hook(_: nn.Module, args: tuple[Tensor]) -> None:
            z = args[0]
            alive[name] = (z > 0).movedim(1, 0).flatten(1).any(dim=1)

        return hook

    handles = [
        module.register_forward_pre_hook(look(f"{name}.relu"))
        for name, module in net.named_modules()
        if isinstance(module, nn.ReLU)
    ]
    net(x)
    for handle in handles:
        handle.remove()
    report = reluguide.diagnose(net, x.split(10))
    assert list(report.layers) == list(VGG_PLANTED)
    for name, planted in VGG_PLANTED.items():
        assert report[name].dead.tolist() == (~alive[name]).tolist()
        assert set(planted) <= set(report[name].dead_units)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_encoder_in_eval_mode(activation: str, norm_first: bool) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 24, 0.0, activation, batch_first=True, norm_first=norm_first)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    for k, inner in enumerate(encoder.layers):
        plant(inner.linear1, [k, 20], -1e3)
    x = torch.randn(5, 7, 16)
    seen: list[Tensor] = []
    handles = [
        inner.linear1.register_forward_hook(lambda _m, _a, out: seen.append(out.clone()))
        for inner in encoder.layers
    ]
    encoder.train()(x)  # dropout is 0, and in training mode there is no fused path to hide linear1
    for handle in handles:
        handle.remove()
    report = reluguide.diagnose(encoder.eval(), x)
    assert list(report.layers) == [f"layers.0.{activation}", f"layers.1.{activation}"]
    for k, (one, z) in enumerate(zip(report, seen, strict=True)):
        z = z.detach().requires_grad_()
        (slope,) = torch.autograd.grad(getattr(F, activation)(z).sum(), z)
        assert one.dead.tolist() == (slope == 0).flatten(0, 1).all(0).tolist()
        assert {k, 20} <= set(one.dead_units)
        torch.testing.assert_close(one.preactivation_max, z.flatten(0, 1).amax(0).detach(), atol=1e-4, rtol=0)


def test_bf16_autocast_and_bf16_model() -> None:
    for seed in SEEDS:
        net, batches = build("mlp", seed)

        def in_bf16(model: nn.Module, batch: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return model(batch)

        report = reluguide.diagnose(net, batches, forward=in_bf16)
        agrees(report, truth(lambda batch, net=net: in_bf16(net, batch), batches))
        assert all(layer.preactivation_max.dtype == torch.float32 for layer in report)
        half = net.bfloat16()
        agrees(
            reluguide.diagnose(half, [b.bfloat16() for b in batches]),
            truth(half, [b.bfloat16() for b in batches]),
        )


@pytest.mark.parametrize("kind", ["wrapped", "part", "in place"])
def test_compiled_models_are_seen_like_others(kind: str) -> None:
    net, batches = build("mlp", 0)
    expected = truth(net, batches)
    plain = reluguide.diagnose(net, batches)
    if kind == "wrapped":
        compiled = torch.compile(net, backend="eager")
    elif kind == "part":
        compiled = net
        net.two = torch.compile(net.two, backend="eager")
    else:
        compiled = net
        net.compile(backend="eager")
    compiled(batches[0])
    report = reluguide.diagnose(compiled, batches)
    agrees(report, expected)
    assert list(report.layers) == list(plain.layers)
    before = compiled(batches[0])
    torch.testing.assert_close(before, net(batches[0]))


@pytest.mark.slow
def test_compiled_by_inductor() -> None:
    net, batches = build("mlp", 0)
    expected = truth(net, batches)
    compiled = torch.compile(net)
    try:
        compiled(batches[0])
    except Exception as error:  # no C++ compiler on this machine
        pytest.skip(f"torch.compile does not work here: {type(error).__name__}")
    agrees(reluguide.diagnose(compiled, batches), expected)


def test_checkpointed_and_parallel_wrappers() -> None:
    from torch.utils.checkpoint import checkpoint

    net, batches = build("mlp", 0)
    expected = truth(net, batches)
    agrees(
        reluguide.diagnose(net, batches, forward=lambda m, b: checkpoint(m, b, use_reentrant=False)), expected
    )
    agrees(reluguide.diagnose(nn.DataParallel(net), batches), expected)


def test_float64_model_is_judged_in_float64() -> None:
    net = Mlp(plant_at=-50.0).double()
    x = [torch.randn(16, 6, dtype=torch.float64)]
    report = reluguide.diagnose(net, x)
    agrees(report, truth(net, x))
    assert all(layer.preactivation_max.dtype == torch.float64 for layer in report)


def test_names_are_right_after_an_exception_that_the_model_catches() -> None:
    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wrong, self.right = nn.Linear(5, 4), nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.wrong(x)
            except RuntimeError:
                return F.relu(self.right(x))

    assert list(reluguide.diagnose(Tries(), torch.randn(3, 6)).layers) == ["relu"]


def test_inside_inference_mode() -> None:
    net, batches = build("norm first", 0)
    expected = truth(net, batches)
    with torch.inference_mode():
        agrees(reluguide.diagnose(net, batches, also=["saturated", "dormant"]), expected)


def test_unit_at_both_flat_ends_of_relu6_is_dead() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU6())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[100.0], [1.0]]))
        net[0].bias.zero_()
    x = torch.tensor([[-1.0], [1.0]])
    assert reluguide.diagnose(net, x)["1.relu6"].dead.tolist() == [True, False]


def test_layers_that_see_part_of_the_data_say_so() -> None:
    class Routed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            chosen = x[:, 0] > 0
            return F.relu(self.b(x[chosen])).sum() + torch.tanh(self.a(x)).sum()

    x = torch.randn(40, 3)
    report = reluguide.diagnose(Routed(), x.split(20))
    assert report["relu"].samples == int((x[:, 0] > 0).sum())
    assert report["tanh"].samples == 40
