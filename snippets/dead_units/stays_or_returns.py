import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(200, 8), torch.randn(200, 1)
for layer in (0, 2):
    hidden = [nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()]
    model = nn.Sequential(*hidden, nn.Linear(32, 1))
    unit = model[layer]
    with torch.no_grad():
        # Every unit just below zero on all of x ...
        unit.bias -= model[: layer + 1](x).amax(dim=0) + 0.001
        unit.bias[16:] += 2.0  # ... and half of them alive again
    before = unit.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    back = (model[: layer + 1](x)[:, :16] > 0).any(dim=0)
    still = torch.equal(unit.weight[:16], before[:16])
    print(f"layer {layer // 2 + 1}: some came back: {bool(back.any())};", end=" ")
    print(f"weights unchanged: {still}")
