import torch
from torch import nn

z = torch.tensor([-2.0, -0.5, 0.5, 2.0]).repeat(1000)
for name, layer in {"ReLU": nn.ReLU(), "dropout": nn.Dropout(0.5)}.items():
    layer.train()
    print(f"{name}: the same zeros twice?", torch.equal(layer(z), layer(z)))
    print(f"{name}: zeros are the negatives?", torch.equal(layer(z) == 0, z < 0))
    layer.eval()
    print(f"{name}: does it act at test time?", not torch.equal(layer(z), z))
