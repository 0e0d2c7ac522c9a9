import torch
from torch import nn

import reluguide

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
with torch.no_grad():
    model[0].bias[:5] = -20.0
    model[0].weight[7], model[0].bias[7] = 0.0, -0.1

for finding in reluguide.diagnose(model, torch.randn(1000, 8)).explain():
    print(f"unit {finding.unit}: because of its {finding.cause}")
