import torch
from torch.nn import functional as F

for name in ("relu", "gelu", "elu", "leaky_relu"):
    for where in (-1.0, -20.0, -200.0):
        z = torch.full((64,), where, requires_grad=True)
        getattr(F, name)(z).sum().backward()
        zero = bool((z.grad == 0).all())
        print(f"{name:10} at {where:5.0f}: gradient exactly zero: {zero}")
