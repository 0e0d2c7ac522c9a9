import torch

signal = torch.tensor([3.0, 3.0, -3.0, -3.0])
control = torch.tensor([1.0, -1.0, 1.0, -1.0])
switch = torch.where(control > 0, signal, 0.0)

print("signal:                 ", signal.tolist())
print("ReLU, its own control:  ", torch.relu(signal).tolist())
print("switched by the control:", switch.tolist())
