"""Unit by unit on models that this project did not write, with random weights. Optional: it needs
`transformers`, which is too large for the test extra (over 150 MB with what it needs, torch aside)."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
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


def gpt2() -> nn.Module:
    config = hf.GPT2Config(
        vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_inner=24, activation_function="relu"
    )
    return hf.GPT2Model(config)


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
    "llama": (llama, TOKENS, "gate_proj", {}),
    "vit": (vit, IMAGES, "fc1", {}),
    "resnet": (resnet, IMAGES, "normalization", {"": 1}),
    "wav2vec2": (wav2vec2, SOUND, "intermediate_dense", {"feature_extractor": 1, "pos_conv_embed": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_dead_units_are_the_ones_that_autograd_finds(name: str) -> None:
    torch.manual_seed(0)
    make, batch, planted, axes = CASES[name]
    model = make().eval()
    layers = [
        module for path, module in model.named_modules() if path.endswith(planted) and hasattr(module, "bias")
    ]
    assert layers
    for module in layers:
        plant(module, [1, 3])
    expected: list[Tensor] = []

    def look(path: str) -> Any:
        axis = next((axis for start, axis in axes.items() if start in path), -1)

        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            leaf = args[0].detach().clone().requires_grad_()
            with torch.enable_grad():
                (slope,) = torch.autograd.grad(module.forward(leaf.clone()).sum(), leaf)
            expected.append((slope == 0).movedim(axis, 0).flatten(1).all(dim=1))

        return hook

    kinds = (nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh)
    handles = [
        module.register_forward_pre_hook(look(path))
        for path, module in model.named_modules()
        if isinstance(module, kinds) or "activation" in type(module).__name__.lower()
    ]
    with torch.no_grad():
        model(**batch)
    for handle in handles:
        handle.remove()
    report = reluguide.diagnose(model, batch)
    assert [layer.dead.tolist() for layer in report] == [one.tolist() for one in expected]
    assert sum({1, 3} <= set(layer.dead_units) for layer in report) >= min(2, len(layers))
    assert all(layer.samples == len(next(iter(batch.values()))) for layer in report)


def test_hand_written_gelu_shows_under_the_function_inside_it() -> None:
    """GPT-2's `gelu_new` is written with tanh; the report names what is called, and patterns leave it out."""
    model = hf.GPT2Model(hf.GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2)).eval()
    report = reluguide.diagnose(model, TOKENS)
    assert {layer.kind.name for layer in report} == {"tanh"}
    assert not len(reluguide.diagnose(model, TOKENS, ignore="*.tanh"))
    assert F.gelu(torch.ones(1), approximate="tanh").item() > 0
