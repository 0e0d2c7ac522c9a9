import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FeedForward(nn.Sequential):  # as in BERT and GPT
    def __init__(self, width: int, hidden: int, dropout: float = 0.1) -> None:
        up, down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        super().__init__(up, nn.GELU(), nn.Dropout(dropout), down)


class GatedFeedForward(nn.Module):  # SwiGLU, as in PaLM and LLaMA
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


x = torch.randn(2, 10, 96)  # sequences, tokens, width
for block in (FeedForward(96, 4 * 96).eval(), GatedFeedForward(96, 8 * 96 // 3)):
    alone = torch.stack([block(x[:, t]) for t in range(10)], dim=1)
    weights = sum(p.numel() for p in block.parameters() if p.ndim == 2)
    apart = torch.allclose(block(x), alone, atol=1e-5)
    print(f"{type(block).__name__}: {weights} weights, tokens apart: {apart}")
