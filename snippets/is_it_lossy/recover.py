import torch

draw = torch.Generator().manual_seed(0)
x = torch.randn(16, generator=draw, dtype=torch.float64)

for units in (16, 32, 64):
    weight = torch.randn(units, 16, generator=draw, dtype=torch.float64)
    y = torch.relu(weight @ x)
    on = y > 0  # each unit that is on is one equation for x
    guess = torch.linalg.pinv(weight[on]) @ y[on]
    count, back = int(on.sum()), torch.allclose(guess, x)
    print(f"{units} units: {count} are on, 16 are needed; x recovered: {back}")
