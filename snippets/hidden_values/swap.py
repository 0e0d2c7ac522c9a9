from torch import nn

from reluguide.data import digits
from reluguide.sweep import sweep

data = digits()
made = sweep(
    [64, 64, 64, 10],
    data=data,
    seeds=[0, 1],
    lr=0.1,
    steps=300,
    batch_size=64,
    record=["parameters"],
)
a, b = made.module(0), made.module(1)
mixed = nn.Sequential(a[:2], b[2:])  # the first layer of a, the rest of b

for name, net in {"network a": a, "network b": b, "a, then b": mixed}.items():
    right = (net(data.test_x).argmax(dim=1) == data.test_y).float().mean()
    most, few = right > 0.9, right < 0.3
    print(name, "names", "most" if most else "few" if few else "some", "digits")
