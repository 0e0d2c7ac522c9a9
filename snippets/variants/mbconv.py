import torch
from torch import Tensor, nn


class MBConv(nn.Module):
    def __init__(self, inside: int, outside: int, expand: int = 6, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        wide, few = inside * expand, max(1, inside // 4)
        self.expand = nn.Sequential(nn.Conv2d(inside, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.SiLU())
        each = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False)
        self.depthwise = nn.Sequential(each, nn.BatchNorm2d(wide), nn.SiLU())
        squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, few, 1), nn.SiLU())
        self.excite = nn.Sequential(squeeze, nn.Conv2d(few, wide, 1), nn.Sigmoid())
        self.project = nn.Sequential(nn.Conv2d(wide, outside, 1, bias=False), nn.BatchNorm2d(outside))
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        h = self.depthwise(self.expand(x))
        h = self.project(h * self.excite(h))  # no activation behind the narrow end
        return x + h if self.residual else h


for block in (MBConv(16, 16), MBConv(16, 24, stride=2)):
    print(tuple(block(torch.randn(4, 16, 32, 32)).shape), "adds its input:", block.residual)
