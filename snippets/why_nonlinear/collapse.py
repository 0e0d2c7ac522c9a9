import torch

draw = torch.Generator().manual_seed(0)
x = torch.randn(5, 4, generator=draw)
w1, w2 = torch.randn(8, 4, generator=draw), torch.randn(3, 8, generator=draw)
b1, b2 = torch.randn(8, generator=draw), torch.randn(3, generator=draw)

one_layer = x @ (w2 @ w1).T + (w2 @ b1 + b2)
two_layers = (x @ w1.T + b1) @ w2.T + b2
with_relu = torch.relu(x @ w1.T + b1) @ w2.T + b2

print("two layers are one:    ", torch.allclose(two_layers, one_layer, atol=1e-4))
print("with ReLU between them:", torch.allclose(with_relu, one_layer, atol=1e-4))
