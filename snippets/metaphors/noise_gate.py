import torch

from reluguide.data import sparse_signal

data = sparse_signal(20_000, features=1, noise=0.3)  # noise, and rarely a signal
x, signal = data.x[:, 0].double(), data.y[:, 0].double()


def error(passed: torch.Tensor) -> float:
    """What the best multiple of `passed` plus a constant leaves of the signal."""
    features = torch.stack([passed, torch.ones_like(passed)], dim=1)
    best = torch.linalg.lstsq(features, signal[:, None]).solution
    return float((signal[:, None] - features @ best).square().mean())


print(f"straight line:        {error(x):.2f}")
print(f"ReLU:                 {error(torch.relu(x)):.2f}")
print(f"ReLU with threshold:  {error(torch.relu(x - 0.35)):.2f}")
