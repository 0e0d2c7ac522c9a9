import torch

draw = torch.Generator().manual_seed(0)
x = torch.randn(5, 3, generator=draw).double()
shapes = [(8, 3), (8,), (1, 8), (1,)]
w1, b1, w2, b2 = (torch.randn(s, generator=draw).double() for s in shapes)

for c in (-1.0, 1.0):
    floor = (x @ w1.T + b1).clamp(min=c) @ w2.T + b2
    # The same with zero: take c off every hidden bias, add it again behind.
    zero = torch.relu(x @ w1.T + (b1 - c)) @ w2.T + (b2 + c * w2.sum(dim=1))
    same = torch.allclose(floor, zero)
    print(f"max(z, {c:+.0f}) and max(z, 0) agree on all {len(x)} inputs: {same}")
