import torch

z = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
flipped = torch.where(z.abs() < 1, z, -z)  # anything but a straight line

points = torch.tensor([0.1, 0.25, 0.75, 0.9])
crowds = {"z": z, "flip(z)": flipped, "relu(z)": torch.relu(z)}
for name, values in crowds.items():
    # The values that a tenth, a quarter, ... of the crowd lie below.
    marks = [f"{mark:4.1f}" for mark in torch.quantile(values, points)]
    print(f"{name:8}", *marks)
