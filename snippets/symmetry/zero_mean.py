import torch
from torch.nn import functional as F

z = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0)).double()
for f in (F.relu, F.leaky_relu, F.elu, F.celu, F.selu, torch.tanh):
    out = (f(z) - f(z).mean()) / f(z).std()
    centred = "yes" if f(z).mean().abs() < 0.01 else "no"
    symmetric = "yes" if out.pow(3).mean().abs() < 0.05 else "no"
    print(f"{f.__name__:10} mean 0: {centred:3}  symmetric: {symmetric}")
