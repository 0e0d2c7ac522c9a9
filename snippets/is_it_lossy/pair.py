import torch

z = torch.tensor([3.0, -2.0, 0.5, -0.25])

one = torch.relu(z)  # one unit: every negative becomes the same 0
mirror = torch.relu(-z)  # a second unit that looks the other way
print("one unit:  ", one.tolist())
print("its mirror:", mirror.tolist())
print("together:  ", (one - mirror).tolist())
print("all back:  ", torch.equal(one - mirror, z))
