"""What a diagnosis costs beside a plain forward pass: ratios, side by side in one run.

    python -m tests.bench.bench_doctor

Same model, same batches, no gradients, eval mode. The levels are run in turn, round after round. A ratio
is that of the shortest rounds, which a busy machine disturbs least; in brackets the median of the
ratios within a round. Times are CPU times of this process. A plain pass of the transformer encoder takes
the fused path, which no function mode can see into; what giving it up costs is part of the ratio, and
printed beside it.
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


def mobile() -> nn.Module:
    """A mobile net: depthwise and pointwise convolutions in turn, ReLU6 behind each."""
    layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(True)]
    widths = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 1024]
    for a, b in pairwise(widths):
        layers += [nn.Conv2d(a, a, 3, 1 if a == b else 2, 1, groups=a, bias=False), nn.BatchNorm2d(a)]
        layers += [nn.ReLU6(True), nn.Conv2d(a, b, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU6(True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10))


def ratios(works: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """For each work but the first: (shortest over the first's shortest, median ratio within a round)."""
    rounds = []
    for k in range(-1, ROUNDS):  # the round -1 warms up
        order = list(works) if k % 2 else list(reversed(works))
        spent = {name: seconds(works[name]) for name in order}
        if k >= 0:
            rounds.append(spent)
    first, *others = works
    best = {name: min(spent[name] for spent in rounds) for name in works}
    return {
        name: (best[name] / best[first], statistics.median(spent[name] / spent[first] for spent in rounds))
        for name in others
    }


def levels(model: nn.Module, batches: list[Tensor]) -> dict[str, Callable[[], object]]:
    def plain() -> None:
        with torch.no_grad():
            for batch in batches:
                model(batch)

    def unfused() -> None:
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            plain()
        finally:
            torch.backends.mha.set_fastpath_enabled(True)

    works: dict[str, Callable[[], object]] = {"plain": plain}
    if isinstance(model, nn.TransformerEncoder):
        works["plain, without the fused path"] = unfused
    works["diagnose"] = lambda: reluguide.diagnose(model, batches)
    for extra in ("dormant", "moments", "saturated"):
        works[f"diagnose, also {extra}"] = lambda extra=extra: reluguide.diagnose(
            model, batches, also=[extra]
        )
    return works


def twice(model: nn.Module, batches: list[Tensor]) -> dict[str, Callable[[], object]]:
    """A forward and backward pass as in training, and the diagnosis with its second judgement."""

    def trained() -> None:
        for batch in batches:
            model(batch).sum().backward()
        model.zero_grad()

    return {"trained": trained, "verify": lambda: reluguide.diagnose(model, batches, verify=True)}


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
    for name, most, model, batches in (
        ("ResNet-18, widths 64 to 512", 1.25, resnet18(), [torch.randn(16, 3, 32, 32) for _ in range(4)]),
        ("transformer encoder, width 256", 1.15, encoder(), [torch.randn(16, 128, 256) for _ in range(4)]),
        ("mobile net, widths 32 to 1024", 2.0, mobile(), [torch.randn(16, 3, 96, 96) for _ in range(2)]),
    ):
        model.eval()
        print(f"{name}, {len(batches)} batches of {tuple(batches[0].shape)}, over a plain forward pass:")
        for level, (best, middle) in ratios(levels(model, batches)).items():
            bound = f", to be at most {most}" if level == "diagnose" else ""
            print(f"  {level}: {best:.2f} ({middle:.2f}){bound}")
        best, middle = ratios(twice(model, batches))["verify"]
        print(f"  diagnose, verify, over forward and backward: {best:.2f} ({middle:.2f}), to be at most 1.5")
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.GELU())
    kept(net, 2)
    print(f"numbers kept after 1000 batches / after 10: {kept(net, 1001) / kept(net, 11):.4f}")


if __name__ == "__main__":
    main()
