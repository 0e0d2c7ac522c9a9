import torch
from torch import nn


def first_layer_gradient(seed: int, *, kaiming: bool) -> float:
    torch.manual_seed(seed)
    layers = [nn.Linear(64, 64, dtype=torch.float64) for _ in range(15)]
    for layer in layers if kaiming else []:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    hidden = [part for layer in layers for part in (layer, nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(64, 1).double())
    x, y = torch.randn(2, 128, 64).double()[0], torch.randn(128, 1).double()
    nn.functional.mse_loss(model(x), y).backward()
    return layers[0].weight.grad.norm().item()


for kaiming in (True, False):
    norms = [first_layer_gradient(seed, kaiming=kaiming) for seed in range(8)]
    name = "Kaiming start" if kaiming else "PyTorch's default"
    span = f"{min(norms):.0e} to {max(norms):.0e}"
    print(f"{name:18} gradient at the first of 15 layers, 8 seeds: {span}")
