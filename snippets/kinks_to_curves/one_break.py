import torch

x = torch.tensor([-3.0, -1.0, -0.5, 0.5, 1.0, 3.0])
right, left = torch.relu(x), torch.relu(-x)

print("x:             ", x.tolist())
print("one unit:      ", right.tolist())
print("its mirror:    ", left.tolist())
print("sum, a V:      ", (right + left).tolist())
print("difference, x: ", (right - left).tolist())
