import torch

# One unit that sees two pixels: plus the left one, minus the right one.
weight = torch.tensor([1.0, -1.0])

for name, pixels in {
    "left brighter": [9.0, 1.0],
    "both the same": [5.0, 5.0],
    "right brighter": [1.0, 9.0],
}.items():
    z = weight @ torch.tensor(pixels)
    print(f"{name:15} z = {z:+.0f}   after ReLU {torch.relu(z):.0f}")
