import torch
from torch import nn

import reluguide

model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))
report = reluguide.diagnose(model, torch.randn(1000, 8))
report.plot().savefig("units.png")  # layer by layer, how often units fire
report.check(max_dead=0.05)  # in a test: raises if more are dead
