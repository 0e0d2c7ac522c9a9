"""Sweeps beside a plain loop over `nn.Module` and `torch.optim`: `python -m tests.bench.bench_sweep`.

Every comparison is made side by side, round by round, in one process; the tables show the median round.
Times are this process's CPU time, on one core unless said, so that other work on the machine counts less.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from reluguide.data import Data, spirals
from reluguide.sweep import sweep

CASES = [([2, 64, 64, 1], 512), ([2, 64, 64, 1], 64), ([2, 16, 16, 1], 256)]
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
WANTED = {(512, "sgd"): 2, (512, "adam"): 4, (64, "adam"): 8, (64, "sgd"): 8, (256, "adam"): 15}
NETWORKS, LOOPED, STEPS, RATE = 512, 64, 100, 0.01


def loop(sizes: list[int], data: Data, optimizer: str, networks: int, steps: int) -> None:
    """What one writes by hand: one network after the other."""
    y = data.y.float()
    for seed in range(networks):
        torch.manual_seed(seed)
        layers = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.ReLU())]
        module = nn.Sequential(*layers[:-1])
        updates = OPTIMIZERS[optimizer](module.parameters(), lr=RATE)
        for _ in range(steps):
            updates.zero_grad()
            F.binary_cross_entropy_with_logits(module(data.x)[:, 0], y).backward()
            updates.step()


def batched(sizes: list[int], data: Data, optimizer: str, networks: int, steps: int, **how: object) -> None:
    options = {"threads": 1} | how
    sweep(sizes, data=data, seeds=range(networks), lr=RATE, steps=steps, optimizer=optimizer, **options)


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    start = clock()
    work()
    return clock() - start


def flops(sizes: list[int], samples: int) -> int:
    """Multiplications and additions of one step: forward, weight gradients, input gradients but the first."""
    products = [2 * samples * a * b for a, b in pairwise(sizes)]
    return 3 * sum(products) - products[0]


def beside_a_loop(rounds: int) -> None:
    print(f"{NETWORKS} networks, {STEPS} steps, one core; the loop's cost is that of {LOOPED} of them")
    print(
        "network      samples  optimiser  loop, µs  sweep, µs   ratio  (rounds)       wanted  of matmul rate"
    )
    square = torch.randn(1024, 1024)
    for sizes, samples in CASES:
        data = spirals(samples)
        for optimizer in OPTIMIZERS:
            batched(sizes, data, optimizer, 64, 5)
            loop(sizes, data, optimizer, 2, 5)
            looped, ours, shares = [], [], []
            for _ in range(rounds):
                spent = seconds(lambda: loop(sizes, data, optimizer, LOOPED, STEPS))  # noqa: B023
                looped.append(spent / LOOPED / STEPS * 1e6)
                spent = seconds(lambda: batched(sizes, data, optimizer, NETWORKS, STEPS))  # noqa: B023
                ours.append(spent / NETWORKS / STEPS * 1e6)
                rate = 2 * 1024**3 / min(seconds(lambda: square @ square) for _ in range(5))
                shares.append(flops(sizes, samples) / (ours[-1] * 1e-6) / rate)
            ratios = sorted(a / b for a, b in zip(looped, ours))
            wanted = f"{WANTED[samples, optimizer]}x" if (samples, optimizer) in WANTED else "-"
            print(
                f"{'-'.join(map(str, sizes)):12} {samples:7}  {optimizer:9} {statistics.median(looped):9.0f} "
                f"{statistics.median(ours):10.0f} {statistics.median(ratios):6.1f}x  "
                f"({ratios[0]:.1f} to {ratios[-1]:.1f}) {wanted:>8}  {statistics.median(shares):13.0%}",
                flush=True,
            )


def by_number_of_networks(rounds: int) -> None:
    sizes, samples, steps = [2, 32, 32, 1], 128, 50
    data = spirals(samples)
    print(f"\n{'-'.join(map(str, sizes))}, {samples} samples, Adam, {steps} steps, one core")
    print("networks   per network and step, µs")
    counts = (8, 64, 512, 4096)
    costs: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            again = max(1, 512 // count)
            spent = [seconds(lambda: batched(sizes, data, "adam", count, steps)) for _ in range(again)]  # noqa: B023
            costs[count].append(statistics.median(spent) / count / steps * 1e6)
    for count in counts:
        print(f"{count:8}   {statistics.median(costs[count]):8.1f}", flush=True)


def threads(rounds: int) -> None:
    cores = torch.get_num_threads()
    print(f"\nthreads, by the clock on the wall: {cores} against 1")
    for sizes, samples in CASES:
        data, ratios = spirals(samples), []
        for _ in range(rounds):
            one, all_ = (
                seconds(lambda: batched(sizes, data, "adam", 128, 50, threads=n), time.perf_counter)  # noqa: B023
                for n in (1, cores)
            )
            ratios.append(one / all_)
        name = "-".join(map(str, sizes))
        print(f"{name:12} {samples:7} samples: {statistics.median(ratios):.2f} times as fast", flush=True)


def memory() -> None:
    """Peak memory of chunks against one batch of all, each in a process of its own."""
    print(f"\npeak memory above what torch itself takes, {NETWORKS} networks")
    for sizes, samples in CASES[:1]:
        peaks = {}
        for name, chunk in (("chunks", None), ("one batch", NETWORKS)):
            command = [
                sys.executable,
                "-m",
                "tests.bench.bench_sweep",
                "--peak",
                repr((sizes, samples, chunk)),
            ]
            peaks[name] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{'-'.join(map(str, sizes)):12} {samples:7} samples, {name:9} {peaks[name] / 2**10:8.0f} MiB"
            )
        print(f"chunks take {peaks['chunks'] / peaks['one batch']:.0%} of one batch", flush=True)


def peak(sizes: list[int], samples: int, chunk: int | None) -> None:
    torch.set_num_threads(1)
    data = spirals(samples)
    batched(sizes, data, "adam", 2, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batched(sizes, data, "adam", NETWORKS, 3, chunk=chunk)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def on_a_gpu(rounds: int) -> None:
    if not torch.cuda.is_available():
        print("\nno CUDA device here: the comparison with one is left out")
        return
    print(f"\n{torch.cuda.get_device_name()} against this CPU with all threads, by the clock on the wall")
    for sizes, samples in CASES:
        data, ratios = spirals(samples), []
        batched(sizes, data, "adam", NETWORKS, 5, device="cuda")
        for _ in range(rounds):
            here, there = (
                seconds(
                    lambda: batched(sizes, data, "adam", NETWORKS, STEPS, device=device, threads=None),  # noqa: B023
                    time.perf_counter,
                )
                for device in ("cpu", "cuda")
            )
            ratios.append(here / there)
        short = [
            sweep(sizes, data=data, seeds=range(8), lr=RATE, steps=20, device=device).final_loss
            for device in ("cpu", "cuda")
        ]
        difference = np.abs(short[0] - short[1]).max()
        name = "-".join(map(str, sizes))
        print(
            f"{name:12} {samples:7} samples: {statistics.median(ratios):.1f} times as fast; "
            f"losses after 20 steps of SGD differ by at most {difference:.1e}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each comparison (3)")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        sizes, samples, chunk = eval(asked.peak)
        peak(sizes, samples, chunk)
        return
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    beside_a_loop(asked.rounds)
    by_number_of_networks(asked.rounds)
    memory()
    torch.set_num_threads(cores)
    threads(asked.rounds)
    on_a_gpu(asked.rounds)


if __name__ == "__main__":
    main()
