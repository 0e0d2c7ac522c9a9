import torch

spellings = {
    "torch.relu(z)": torch.relu,
    "(z + z.abs()) / 2": lambda z: (z + z.abs()) / 2,
    "torch.where(z >= 0, z, 0)": lambda z: torch.where(z >= 0, z, 0.0),
}
for name, relu in spellings.items():
    z = torch.tensor([-2.0, 0.0, 2.0], requires_grad=True)
    out = relu(z)
    out.sum().backward()
    print(f"{name:26} values {out.tolist()}  slopes {z.grad.tolist()}")
