import math

import torch
from torch import nn

torch.manual_seed(0)
hidden = [part for _ in range(10) for part in (nn.Linear(64, 64), nn.ReLU())]
model = nn.Sequential(*hidden, nn.Linear(64, 10))
x, y = torch.randn(128, 64), torch.randint(10, (128,))

nn.functional.cross_entropy(model(x), y).backward()
for name, weights in model.named_parameters():
    if name.endswith("weight"):
        power = round(math.log10(weights.grad.norm()))
        print(f"{name:10} gradient about 10^{power}")
