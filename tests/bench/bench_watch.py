"""What looking on costs a training step, and what explaining many dead units takes.

    python -m tests.bench.bench_watch

A ratio is that of training steps with `watch` over the same steps without, of the shortest rounds; in brackets
the median of the ratios within a round. Times are CPU times of this process.
"""

import copy
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise

import torch
from torch import Tensor, nn

import reluguide
from tests.bench.bench_doctor import ratios, seconds

STEPS, DEAD = 200, 50_000


def training(model: nn.Module, x: Tensor, steps: int) -> Callable[[], None]:
    """So many steps of SGD."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    y = torch.randint(0, 10, (len(x),))

    def train() -> None:
        model.train()
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    return train


def mlp(width: int, depth: int) -> nn.Sequential:
    sizes = [64, *[width] * depth]
    hidden = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, 10))


def convolutions() -> nn.Sequential:
    sizes = [3, 32, 32, 32]
    hidden = [part for a, b in pairwise(sizes) for part in (nn.Conv2d(a, b, 3, 2, 1), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Flatten(), nn.Linear(128, 10))


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for name, model, x, steps in (
        ("two layers of 32 units", mlp(32, 2), torch.randn(64, 64), 5 * STEPS),
        ("four layers of 512 units", mlp(512, 4), torch.randn(64, 64), STEPS),
        ("three convolutions of 32 channels", convolutions(), torch.randn(16, 3, 16, 16), STEPS),
    ):
        print(f"watch on {name}, {steps} steps, over the same steps without:")
        with ExitStack() as stack:
            works = {"plain": training(copy.deepcopy(model), x, steps)}
            for every in (1, 10, 100):
                one = copy.deepcopy(model)
                stack.enter_context(reluguide.watch(one, every=every))
                works[f"every={every}"] = training(one, x, steps)
            found = ratios(works)
        for level, (best, middle) in found.items():
            bound = ", to be at most 1.02" if level == "every=100" else ""
            print(f"  {level}: {best:.3f} ({middle:.3f}){bound}")
    many = nn.Sequential(nn.Linear(8, DEAD), nn.ReLU(), nn.Linear(DEAD, 1))
    nn.init.constant_(many[0].bias, -100.0)
    report = reluguide.diagnose(many, torch.randn(32, 8))
    print(
        f"{DEAD} dead units explained and printed in {seconds(lambda: str(report.explain())):.2f} s, at most 1"
    )


if __name__ == "__main__":
    main()
