import torch


def tent(x):  # up from 0 to 1, and down again: one layer of two units
    return 2 * torch.relu(x) - 4 * torch.relu(x - 0.5)


x = torch.arange(1025) / 1024
y = x
for depth in range(1, 9):
    y = tent(y)
    folds = int((y.diff().diff() != 0).sum())
    print(f"depth {depth}, {2 * depth:2} units: {folds + 1:3} straight pieces")
