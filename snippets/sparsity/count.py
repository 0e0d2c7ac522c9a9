import torch
from torch import nn

torch.manual_seed(0)
images = torch.randn(1000, 64)
layer = nn.Linear(64, 256)
nn.init.zeros_(layer.bias)

on = torch.relu(layer(images)) > 0
used, patterns = on.any(dim=0).sum(), on.unique(dim=0)
print(f"units that are on for one image: about {on.float().mean():.0%}")
print(f"units that are on for some image: {used} of 256")
print(f"on-off patterns of 1000 images: {len(patterns)} different ones")
