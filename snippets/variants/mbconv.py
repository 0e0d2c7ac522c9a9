import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(inside: int, outside: int, kernel: int = 1, **how: int) -> nn.Sequential:
    layer = nn.Conv2d(
        inside, outside, kernel, padding=kernel // 2, bias=False, **how
    )
    return nn.Sequential(layer, nn.BatchNorm2d(outside))


class MBConv(nn.Module):
    def __init__(self, inside, outside, *, expand=6, kernel=3, stride=1) -> None:
        super().__init__()
        wide, few = inside * expand, max(1, inside // 4)
        self.expand = conv(inside, wide)
        self.depthwise = conv(wide, wide, kernel, stride=stride, groups=wide)
        squeeze = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, few, 1), nn.SiLU()]
        self.excite = nn.Sequential(
            *squeeze, nn.Conv2d(few, wide, 1), nn.Sigmoid()
        )
        self.project = conv(wide, outside)  # no activation behind the narrow end
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        h = F.silu(self.depthwise(F.silu(self.expand(x))))
        h = self.project(h * self.excite(h))
        return x + h if self.residual else h


for block in (MBConv(16, 16), MBConv(16, 24, stride=2)):
    shape = tuple(block(torch.randn(4, 16, 32, 32)).shape)
    print(shape, "adds its input:", block.residual)
