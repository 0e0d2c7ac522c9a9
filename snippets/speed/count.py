import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

for width in (64, 256, 1024):
    layer = nn.Sequential(nn.Linear(width, width), nn.ReLU())
    with FlopCounterMode(display=False) as counter:
        activations = layer(torch.zeros(1, width)).numel()
    multiplications = counter.get_total_flops() // 2
    print(f"{multiplications} multiplications, {activations} activations")
