import torch


def network(x):
    return torch.relu(x) - 2 * torch.relu(x - 1)


def with_if(x):
    if x <= 0:  # both units off
        return 0.0
    if x <= 1:  # the first unit on
        return x
    return 2 - x  # both on: x - 2 (x - 1)


for x in (-1.0, 0.5, 1.0, 1.5, 3.0):
    out = network(torch.tensor(x)).item()
    print(f"x = {x:4}: network {out:4}, if {with_if(x):4}")
