import torch
from torch import Tensor, nn

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()).double()
loader = [torch.randn(20, 3, 14, 14).double() for _ in range(5)]
alive = torch.zeros(8, dtype=torch.bool)


def look(module: nn.Module, inputs: tuple[Tensor], out: Tensor) -> None:
    alive.logical_or_((out > 0).any(dim=(0, 2, 3)))  # all axes but the units'


hook = model[1].register_forward_hook(look)
model.eval()
with torch.no_grad():
    for batch in loader:
        model(batch)
hook.remove()
print(f"{int((~alive).sum())} of {len(alive)} units are dead on these 100 images")

out = model(loader[0][:1])
wrong, units = int((out == 0).all(dim=0).sum()), out.shape[1]
print("the usual way finds more dead units than there are units:", wrong > units)
