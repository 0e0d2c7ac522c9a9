import torch

z = torch.tensor([float("nan"), float("-inf"), float("inf")])
print("torch.relu:     ", torch.relu(z).tolist())
print("where(z > 0):   ", torch.where(z > 0, z, 0.0).tolist())
print("z * (z > 0):    ", (z * (z > 0)).tolist())
