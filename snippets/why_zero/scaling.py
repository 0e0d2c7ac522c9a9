import torch

z = torch.tensor([-3.0, -0.25, 0.5, 2.0])
for floor in (-1.0, 0.0, 1.0):
    once = torch.maximum(8 * z, torch.tensor(floor))
    twice = 8 * torch.maximum(z, torch.tensor(floor))
    same = (once == twice).tolist()
    print(f"floor {floor:+.0f}: max(8z, c) == 8 max(z, c)?  {same}")
