import torch
from torch import nn

torch.manual_seed(0)
images = torch.randn(1000, 64)
layer = nn.Linear(64, 256)
nn.init.zeros_(layer.bias)

on = torch.relu(layer(images)) > 0
print(f"on for one image:           about {100 * float(on.float().mean()):.0f} % of the units")
print(f"on for at least one image:  {int(on.any(dim=0).sum())} of {on.shape[1]} units")
print(f"different on-off patterns:  {len(on.unique(dim=0))} for {len(images)} images")
