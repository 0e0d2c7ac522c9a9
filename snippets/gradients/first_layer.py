import math
from statistics import median

import torch
from torch import nn

START = {"Kaiming": nn.init.kaiming_normal_, "Xavier": nn.init.xavier_normal_}
CASES = [
    (nn.Sigmoid, "Xavier"),
    (nn.Tanh, "Xavier"),
    (nn.ReLU, "default"),
    (nn.ReLU, "Kaiming"),
]


def first_over_last(activation, begin, seed):
    torch.manual_seed(seed)
    layers = [nn.Linear(64, 64) for _ in range(15)]
    for layer in layers if begin in START else []:
        START[begin](layer.weight)
        nn.init.zeros_(layer.bias)
    hidden = [part for layer in layers for part in (layer, activation())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10))
    x, y = torch.randn(128, 64), torch.randint(10, (128,))
    nn.functional.cross_entropy(model(x), y).backward()
    return float(layers[0].weight.grad.norm() / layers[-1].weight.grad.norm())


for activation, begin in CASES:
    share = median(first_over_last(activation, begin, seed) for seed in range(10))
    name, power = activation.__name__, round(math.log10(share))
    print(f"{name:7} {begin:7}  layer 1 / layer 15: about 10^{power}")
