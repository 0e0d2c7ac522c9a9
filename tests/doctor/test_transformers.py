"""Unit by unit on models that this project did not write, with random weights. Optional: it needs
`transformers`, which is too large for the test extra (over 150 MB with what it needs, torch aside)."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor.unseen import UNSEEN_DEAD
from tests.doctor.zoo import plant

hf = pytest.importorskip("transformers")

TEXT = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
TOKENS = {"input_ids": (torch.arange(5 * 7) * 13 % 50).view(5, 7)}


def bert() -> nn.Module:
    return hf.BertModel(hf.BertConfig(**TEXT, hidden_act="gelu"))


def opt() -> nn.Module:
    config = hf.OPTConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        ffn_dim=24,
        word_embed_proj_dim=16,
    )
    return hf.OPTModel(config)


def gpt2(function: str = "relu") -> nn.Module:
    config = hf.GPT2Config(
        vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_inner=24, activation_function=function
    )
    return hf.GPT2Model(config)


def albert() -> nn.Module:  # one layer, run three times
    config = hf.AlbertConfig(**TEXT | {"num_hidden_layers": 3}, embedding_size=8)
    return hf.AlbertModel(config)


def gemma() -> nn.Module:
    return hf.GemmaModel(hf.GemmaConfig(**TEXT, head_dim=8, num_key_value_heads=1))


def llama() -> nn.Module:
    return hf.LlamaModel(hf.LlamaConfig(**TEXT, mlp_bias=True))


def vit() -> nn.Module:
    size = {key: value for key, value in TEXT.items() if key != "vocab_size"}
    return hf.ViTModel(hf.ViTConfig(**size, image_size=16, patch_size=8))


def resnet() -> nn.Module:
    config = hf.ResNetConfig(embedding_size=6, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    return hf.ResNetModel(config)


def wav2vec2() -> nn.Module:
    config = hf.Wav2Vec2Config(
        **TEXT, conv_dim=(8, 8, 8), conv_stride=(4, 2, 2), conv_kernel=(8, 3, 3), feat_extract_norm="layer",
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    return hf.Wav2Vec2Model(config)


IMAGES = {"pixel_values": torch.linspace(-2, 2, 4 * 3 * 16 * 16).sin().mul(2).view(4, 3, 16, 16)}
SOUND = {"input_values": torch.linspace(0, 300, 3 * 400).sin().view(3, 400)}

# model, batch, what its planted layers are called, the axis of units where they are not last
CASES: dict[str, tuple[Any, dict[str, Tensor], str, dict[str, int]]] = {
    "bert": (bert, TOKENS, "intermediate.dense", {}),
    "opt": (opt, TOKENS, "fc1", {}),
    "gpt2": (gpt2, TOKENS, "c_fc", {}),
    "gpt2 as it comes": (lambda: gpt2("gelu_new"), TOKENS, "c_fc", {}),
    "clip": (lambda: hf.CLIPTextModel(hf.CLIPTextConfig(**TEXT)), TOKENS, "fc1", {}),
    "albert": (albert, TOKENS, "ffn", {}),
    "phi": (lambda: hf.PhiModel(hf.PhiConfig(**TEXT)), TOKENS, "fc1", {}),
    "gemma": (gemma, TOKENS, "gate_proj", {}),
    "bloom": (
        lambda: hf.BloomModel(hf.BloomConfig(vocab_size=50, hidden_size=16, n_layer=2, n_head=2)),
        TOKENS,
        "dense_h_to_4h",
        {},
    ),
    "llama": (llama, TOKENS, "gate_proj", {}),
    "vit": (vit, IMAGES, "fc1", {}),
    "resnet": (resnet, IMAGES, "normalization", {"": 1}),
    "wav2vec2": (wav2vec2, SOUND, "intermediate_dense", {"feature_extractor": 1, "pos_conv_embed": 1}),
}


def kill(model: nn.Module, planted: str) -> None:
    """Units 1 and 3 of these layers are dead, unit 4 far on the other side."""
    for path, module in model.named_modules():
        if path.endswith(planted) and getattr(module, "bias", None) is not None:
            plant(module, [1, 3])
            plant(module, [4], 8.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", CASES)
def test_dead_units_are_the_ones_that_autograd_finds(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    make, batch, planted, axes = CASES[name]
    model = make().eval().to(dtype)
    batch = {key: value.to(dtype) if value.is_floating_point() else value for key, value in batch.items()}
    kill(model, planted)
    expected: dict[str, Tensor] = {}

    def look(path: str) -> Any:
        axis = next((axis for start, axis in axes.items() if start in path), -1)

        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            leaf = args[0].detach().clone().requires_grad_()
            with torch.enable_grad():
                (slope,) = torch.autograd.grad(module.forward(leaf.clone()).sum(), leaf)
            dead = (slope == 0).movedim(axis, 0).flatten(1).all(dim=1)
            expected[path] = dead & expected.get(path, dead)

        return hook

    kinds = (nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh)
    handles = [
        module.register_forward_pre_hook(look(path))
        for path, module in model.named_modules()
        if isinstance(module, kinds)
        or "activation" in type(module).__name__.lower()
        or "gelu" in type(module).__name__.lower()
    ]
    with torch.no_grad():
        model(**batch)
    for handle in handles:
        handle.remove()
    report = reluguide.diagnose(model, batch)
    assert [layer.dead.tolist() for layer in report] == [one.tolist() for one in expected.values()]
    if name not in ("llama", "gemma"):  # their layers have no biases
        assert sum({1, 3} <= set(layer.dead_units) for layer in report) >= 1
    assert all(layer.samples == len(next(iter(batch.values()))) for layer in report)


@pytest.mark.parametrize("name", ["gpt2 as it comes", "clip", "albert", "phi", "gemma", "bert", "vit"])
def test_the_gradient_agrees(name: str) -> None:
    torch.manual_seed(0)
    make, batch, planted, _ = CASES[name]
    model = make().eval()
    kill(model, planted)
    report = reluguide.diagnose(model, batch, verify=True)
    assert [str(one) for one in report.unseen if one.heading != "Not seen" and one.why != UNSEEN_DEAD] == []


@pytest.mark.parametrize("how", ["eager", "batched_mm", "grouped_mm"])
@pytest.mark.parametrize("name", ["mixtral", "qwen2-moe"])
def test_experts_are_rows_however_they_are_run(name: str, how: str) -> None:
    torch.manual_seed(0)
    more: dict[str, Any] = {"num_key_value_heads": 2, "num_experts_per_tok": 2, "experts_implementation": how}
    if name == "mixtral":
        model = hf.MixtralModel(hf.MixtralConfig(**TEXT, **more, num_local_experts=5)).eval()
    else:
        more |= {"moe_intermediate_size": 12, "shared_expert_intermediate_size": 12, "num_experts": 5}
        model = hf.Qwen2MoeModel(hf.Qwen2MoeConfig(**TEXT, **more)).eval()
    expected: dict[str, Tensor] = {}

    def look(path: str) -> Any:
        def hook(module: Any, args: tuple[Tensor, ...]) -> None:
            states, index = args[0].detach(), args[1]
            for expert in range(5):
                rows = states[(index == expert).any(-1)]
                gate = rows @ module.gate_up_proj[expert].detach().T
                gate = gate[:, : gate.shape[1] // 2].requires_grad_()
                with torch.enable_grad():
                    (slope,) = torch.autograd.grad(F.silu(gate).sum(), gate)
                if len(rows):
                    expected[f"{path}.act_fn.silu[{expert}]"] = (slope == 0).all(0)

        return hook

    experts = {path: one for path, one in model.named_modules() if path.endswith("mlp.experts")}
    assert len(experts) == 2
    with torch.no_grad():
        for one in experts.values():  # a weight far from 0 for whatever comes in: dead for one sign of it
            one.gate_up_proj[2, :7] = 0
            one.gate_up_proj[2, :7, 3] = 1e5
            one.gate_up_proj[1, 4, 5] = -1e5
    handles = [one.register_forward_pre_hook(look(path)) for path, one in experts.items()]
    with torch.no_grad():
        model(**TOKENS)
    for handle in handles:
        handle.remove()
    report = reluguide.diagnose(model, TOKENS)
    found = {layer.name: layer.dead.tolist() for layer in report if "mlp.experts" in layer.name}
    assert found == {name: dead.tolist() for name, dead in sorted(expected.items())}


def test_mamba_counts_channels_and_not_time() -> None:
    torch.manual_seed(0)
    config = hf.MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, state_size=4)
    model = hf.MambaModel(config).eval()
    with torch.no_grad():
        for block in model.layers:
            block.mixer.conv1d.bias[[1, 3]] = -1e3
            block.mixer.dt_proj.bias[5] = -1e3
    report = reluguide.diagnose(model, TOKENS, verify=True)
    for k in range(2):
        assert report[f"layers.{k}.mixer.silu"].dead_units == [1, 3]
        assert report[f"layers.{k}.mixer.softplus"].dead_units == [5]
    assert all(layer.axis_traced and layer.units == 32 for layer in report)
