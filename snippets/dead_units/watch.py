import torch
from torch import nn

import reluguide
from reluguide.data import spirals

torch.manual_seed(0)
data = spirals(128)
model = nn.Sequential(
    nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)
)
loss_of = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=3.0)  # too large
with reluguide.watch(model, patience=1) as seen:
    for _ in range(300):
        loss = loss_of(model(data.x)[:, 0], data.y.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

for layer in seen:
    died, back = bool(layer.deaths), bool(layer.revivals)
    print(f"{layer.name}: units died: {died}, units came back: {back}")
