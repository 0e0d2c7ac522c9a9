import torch

draw = torch.Generator().manual_seed(0)
w1, w2 = torch.randn(6, 3, generator=draw), torch.randn(2, 6, generator=draw)
b1, b2 = torch.randn(6, generator=draw), torch.randn(2, generator=draw)

for x in torch.randn(3, 3, generator=draw):
    z = w1 @ x + b1
    on = (z > 0).float()
    # Rows of units that are off become 0; what is left is one linear layer.
    weight, bias = w2 @ (on[:, None] * w1), w2 @ (on * b1) + b2
    network = w2 @ torch.relu(z) + b2
    same = torch.allclose(weight @ x + bias, network, atol=1e-5)
    print("units on:", on.int().tolist(), " the linear layer agrees:", same)
