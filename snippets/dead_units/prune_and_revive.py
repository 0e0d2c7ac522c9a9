import torch
from torch import nn

import reluguide

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
with torch.no_grad():
    model[0].bias[:20] = -20.0
x = torch.randn(1000, 8)
report, before = reluguide.diagnose(model, x), model(x)

smaller = reluguide.prune_dead(model, report)
print(
    f"{smaller[0].out_features} of 64 units left, same outputs: {torch.allclose(smaller(x), before, atol=1e-6)}"
)

revived = reluguide.revive(model, report, seed=0)
print(f"same outputs after a fresh start: {torch.allclose(revived(x), before, atol=1e-6)}")
print(f"dead units now: {len(reluguide.diagnose(revived, x)['1.relu'].dead_units)}")
