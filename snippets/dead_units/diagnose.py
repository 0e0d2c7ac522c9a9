import torch
from torch import nn

import reluguide

torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)
)
with torch.no_grad():
    model[0].bias[:5] = -20.0  # as one step that was far too large may leave it

report = reluguide.diagnose(model, torch.randn(1000, 8))  # or your own
print(report)
