import torch

z = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], requires_grad=True)
out = torch.relu(z)
out.sum().backward()

print("goes in:  ", z.tolist())
print("comes out:", out.tolist())
print("slope:    ", z.grad.tolist())
