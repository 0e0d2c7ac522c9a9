import torch

torch.manual_seed(0)
weights = torch.randn(1024, 256).double()  # one row of weights for each unit
activations = torch.randn(1024).double()
activations[torch.randperm(1024)[:922]] = 0  # nine of ten units are off

on = activations.nonzero()[:, 0]
dense = activations @ weights
sparse = activations[on] @ weights[on]
print(f"rows of weights that are needed: {len(on)} of {len(weights)}")
print(f"the same result: {torch.allclose(dense, sparse)}")
