import torch

draw = torch.Generator().manual_seed(0)
x = torch.randn(5, 4, generator=draw)
w1 = torch.randn(4, 3, generator=draw)
w2 = torch.randn(3, 2, generator=draw)

# One unit speaks louder, one as before, one softer; behind, it is undone.
scale = torch.tensor([1024.0, 1.0, 1 / 1024])
hidden, other = torch.relu(x @ w1), torch.relu(x @ (w1 * scale))
before, after = hidden @ w2, other @ (w2 / scale[:, None])

print("hidden values equal:", torch.equal(hidden, other))
print("outputs equal:      ", torch.allclose(before, after))
