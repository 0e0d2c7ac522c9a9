"""What a diagnosis costs beside a plain forward pass: ratios, side by side in one run.

    python -m tests.bench.bench_doctor

Same model, same batches, no gradients, eval mode. The two are run in turn, and the median of the
ratios of neighbouring rounds is printed, with its range. Times are CPU times of this process, so that a
busy machine disturbs less.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide

ROUNDS = 7


class Block(nn.Module):
    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.skip = (
            nn.Identity()
            if width == out
            else nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.skip(x), inplace=True)


def resnet18() -> nn.Module:
    """ResNet-18 at full width, 64 to 512 channels, with the stem for small images."""
    widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
    blocks = [Block(a, b, 1 if a == b else 2) for a, b in pairwise(widths)]
    stem = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(256, 8, 1024, 0.0, "relu", batch_first=True)
    return nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)


def ratio(model: nn.Module, batches: list[Tensor], also: tuple[str, ...]) -> tuple[float, float, float]:
    """(median, lowest, highest) of the CPU time of a diagnosis over that of a plain pass."""

    def plain() -> None:
        with torch.no_grad():
            for batch in batches:
                model(batch)

    def diagnosis() -> None:
        reluguide.diagnose(model, batches, also=also)

    ratios = []
    for k in range(-1, ROUNDS):  # the round -1 warms up
        pair = (plain, diagnosis) if k % 2 else (diagnosis, plain)
        spent = {work: seconds(work) for work in pair}
        if k >= 0:
            ratios.append(spent[diagnosis] / spent[plain])
    return statistics.median(ratios), min(ratios), max(ratios)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def kept(model: nn.Module, batches: int) -> int:
    """Numbers held in tensors while the last of so many batches is drawn."""
    found = 0

    def data() -> Iterator[Tensor]:
        nonlocal found
        for k in range(batches):
            if k == batches - 1:
                gc.collect()
                found = sum(t.numel() for t in gc.get_objects() if type(t) is Tensor)
            yield torch.randn(32, 64)

    reluguide.diagnose(model, data())
    return found


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    cases = {
        "ResNet-18, widths 64 to 512, 2 batches of (8, 3, 32, 32)": (
            resnet18(), [torch.randn(8, 3, 32, 32) for _ in range(2)], 1.25,
        ),
        "transformer encoder, 4 layers of width 256, 2 batches of (8, 64, 256)": (
            encoder(), [torch.randn(8, 64, 256) for _ in range(2)], 1.15,
        ),
    }  # fmt: skip
    for name, (model, batches, most) in cases.items():
        model.eval()
        for also in ((), ("dormant",), ("moments",), ("saturated",)):
            middle, low, high = ratio(model, batches, also)
            level = f"also {also[0]}" if also else f"default, at most {most}"
            print(f"{name}: diagnose / plain = {middle:.2f} ({low:.2f} to {high:.2f}; {level})")
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.GELU())
    kept(net, 2)
    print(f"numbers kept after 1000 batches / after 10: {kept(net, 1001) / kept(net, 11):.4f}")


if __name__ == "__main__":
    main()
