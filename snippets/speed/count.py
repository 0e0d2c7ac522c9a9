import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

for width in (64, 256, 1024):
    model = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, width))
    multiplications, activations = counter.get_total_flops() // 2, 2 * width
    print(f"{width:4} units wide: {multiplications // activations:4} multiplications for each activation")
