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
same = torch.allclose(smaller(x), before, atol=1e-6)
print(f"{smaller[0].out_features} of 64 units left, same outputs: {same}")

revived = reluguide.revive(model, report, seed=0)
same = torch.allclose(revived(x), before, atol=1e-6)
dead = reluguide.diagnose(revived, x)["1.relu"].dead_units
print(f"same outputs after a fresh start: {same}")
print(f"dead units now: {len(dead)}")
