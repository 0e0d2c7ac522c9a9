import torch
from torch.nn import functional as F

z = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0)).double()
for f in (F.relu, F.leaky_relu, F.elu, F.celu, F.selu, torch.tanh):
    out = f(z)
    centred = abs(float(out.mean())) < 0.01
    even = abs(float(((out - out.mean()) / out.std()).pow(3).mean())) < 0.05
    print(f"{f.__name__:10} mean 0: {'yes' if centred else 'no':3}  symmetric: {'yes' if even else 'no'}")
