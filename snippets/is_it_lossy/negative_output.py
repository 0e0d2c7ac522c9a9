import torch
from torch import nn

# Two hidden units that can only say "0 or more" ...
net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
with torch.no_grad():
    net[0].weight[:] = torch.tensor([[1.0], [-1.0]])
    net[0].bias.zero_()
    # ... and a last layer that may subtract.
    net[2].weight[:] = torch.tensor([[1.0, -1.0]])
    net[2].bias.zero_()

for value in (2.0, -2.0):
    x = torch.tensor([[value]])
    hidden = net[1](net[0](x)).tolist()[0]
    print(f"in {value:+.0f}   hidden {hidden}   out {net(x).item():+.0f}")
