"""What `reluguide measure` times: activations alone, in whole training steps, and products with zeros.

All cases of a benchmark are interleaved, in a new order each round, and compared within a round: what else
the machine does then slows all of them. (`torch.utils.benchmark` times one statement after the other and
warms up before each, which a shared machine turns into differences that are not there.)
"""

import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS, PRELU_START
from reluguide.device import generator
from reluguide.experiments import sparsity, speed

Call = Callable[[], Any]

SIZES = {"1k": 2**10, "16k": 2**14, "128k": 2**17, "1m": 2**20, "16m": 2**24}
ZEROS = (0, 50, 90, 99)  # percent
BATCH = 128


@dataclass(frozen=True)
class Benchmark:
    """Cases to be compared with `baseline`, each a call without arguments."""

    name: str
    about: str
    baseline: str
    cases: Mapping[str, Call]
    elements: int | None = None


def benchmarks(device: torch.device, *, quick: bool = False) -> Iterator[Benchmark]:
    """Every benchmark, made when it is its turn, so that only one holds memory; `quick` leaves out the large."""
    sizes = {"1k": SIZES["1k"], "16k": SIZES["16k"]} if quick else SIZES
    for word, size in sizes.items():
        yield elementwise(word, size, device, backward=False)
        yield elementwise(word, size, device, backward=True)
    if not quick:
        yield reused(SIZES["16m"], device)
    for width in speed.WIDTHS[:1] if quick else speed.WIDTHS:
        yield fully_connected(width, device)
    if not quick:
        yield convolutional(device)
    yield by_hand(SIZES["1k" if quick else "1m"], device)
    shape = (32, 64, 64) if quick else (256, 1024, 1024)
    yield zeros(*shape, device)
    yield one_row(*shape[1:], device)


def timed(
    benchmark: Benchmark, *, device: torch.device, budget: float = 3.0, rounds: int = 7
) -> dict[str, Any]:
    """Time all cases in turn, at least `rounds` times and up to `budget` seconds; an entry of `times`."""
    repeats = {case: _repeats(call, device) for case, call in benchmark.cases.items()}
    order, shuffle = list(benchmark.cases), random.Random(0)
    seconds: dict[str, list[float]] = {case: [] for case in order}
    began = time.perf_counter()
    while len(seconds[benchmark.baseline]) < rounds or (
        time.perf_counter() - began < budget and len(seconds[benchmark.baseline]) < 10 * rounds
    ):
        shuffle.shuffle(order)
        for case in order:
            seconds[case].append(_clock(benchmark.cases[case], repeats[case], device))
    entry: dict[str, Any] = {
        "about": benchmark.about,
        "baseline": benchmark.baseline,
        "seconds": {case: _digits(median(found)) for case, found in seconds.items()},
        "ratio": {case: _ratio(found, seconds[benchmark.baseline]) for case, found in seconds.items()},
    }
    return entry if benchmark.elements is None else {**entry, "elements": benchmark.elements}


def elementwise(word: str, size: int, device: torch.device, *, backward: bool) -> Benchmark:
    """Every activation of the table on `size` numbers, its gradient too where `backward`."""
    x = torch.randn(size, generator=generator(0)).to(device)
    upstream = torch.ones_like(x)

    def call(name: str) -> Call:
        # Functions, not modules: the call of a module would cost as much as a small tensor's ReLU.
        fn: Callable[..., Tensor] = ACTIVATIONS[name].fn
        inputs = [x]
        if name == "prelu":
            fn, inputs = F.prelu, [x, torch.tensor([PRELU_START], device=device)]
        if not backward:
            return partial(fn, *inputs)
        leaves = [one.clone().requires_grad_() for one in inputs]
        return lambda: torch.autograd.grad(fn(*leaves), leaves, upstream)

    what = "value and gradient" if backward else "value"
    return Benchmark(
        f"{'both' if backward else 'forward'}_{word}",
        f"{what} of an activation on {size:,} float32 numbers",
        "relu",
        {name: call(name) for name in ACTIVATIONS},
        size,
    )


def reused(size: int, device: torch.device) -> Benchmark:
    """Activations on `size` numbers, written into memory that is at hand, as no page has to be asked for."""
    x = torch.randn(size, generator=generator(0)).to(device)
    out, ops = torch.empty_like(x), torch.ops.aten
    cases: dict[str, Call] = {"relu": partial(torch.clamp, x, min=0, out=out)}
    cases |= {
        name: partial(getattr(ops, name).out, x, out=out)
        for name in ("sigmoid", "gelu", "silu", "elu", "tanh")
    }
    about = f"value of an activation on {size:,} float32 numbers, written into memory that is at hand"
    return Benchmark("reused_16m", about, "relu", cases, size)


def fully_connected(width: int, device: torch.device) -> Benchmark:
    """One training step of a network with four hidden layers of `width` units, by activation."""
    about = f"one training step, {speed.HIDDEN} hidden layers of {width} units, batch of {BATCH}, SGD"
    return _steps(f"step_{width}", about, partial(speed.fully_connected, width), (BATCH, width), device)


def convolutional(device: torch.device) -> Benchmark:
    """One training step of a small convolution net on 32 × 32 images, by activation."""
    about = "one training step, convolutions of 32, 64 and 64 channels on 32 × 32 images, batch of 32, SGD"
    return _steps("step_conv", about, speed.convolutional, (32, 3, 32, 32), device)


def by_hand(size: int, device: torch.device) -> Benchmark:
    """Value and gradient of activations written out in steps, beside PyTorch's own in one."""
    x = torch.randn(size, generator=generator(0)).to(device).requires_grad_()
    upstream = torch.ones_like(x)

    def call(fn: Callable[[Tensor], Tensor]) -> Call:
        return lambda: torch.autograd.grad(fn(x), x, upstream)

    cases = {name: call(ACTIVATIONS[name].fn) for name in speed.BY_HAND}
    cases |= {f"{name}_by_hand": call(fn) for name, fn in speed.BY_HAND.items()}
    about = f"value and gradient of an activation on {size:,} float32 numbers, in one function and by hand"
    return Benchmark("by_hand", about, "relu", cases, size)


def zeros(rows: int, inner: int, columns: int, device: torch.device) -> Benchmark:
    """A dense product (rows, inner) @ (inner, columns) whose left factor holds more and more zeros."""
    weights = torch.randn(inner, columns, generator=generator(0)).to(device)
    return Benchmark(
        "zeros",
        f"a dense product {rows} × {inner} by {inner} × {columns}, by the share of zeros on the left",
        "dense_0",
        {
            f"dense_{share}": partial(torch.mm, sparse(rows, inner, share).to(device), weights)
            for share in ZEROS
        },
    )


def one_row(inner: int, columns: int, device: torch.device) -> Benchmark:
    """One row of activations times (inner, columns): dense, and over the rows that are not multiplied by 0."""
    weights = torch.randn(inner, columns, generator=generator(0)).to(device)
    cases: dict[str, Call] = {}
    for share in ZEROS[1:]:
        row = sparse(1, inner, share)
        x, on = row.to(device), row[0].nonzero()[:, 0].to(device)
        cases.setdefault("dense", partial(torch.mm, x, weights))
        cases[f"gather_{share}"] = partial(sparsity.skip, x[0], weights)
        cases[f"ready_{share}"] = partial(torch.mm, x[:, on], weights[on])
    about = f"one row of {inner} activations times {inner} × {columns} weights, by the share of zeros in it"
    return Benchmark("one_row", about, "dense", cases)


def sparse(rows: int, columns: int, percent: int) -> Tensor:
    """Normal numbers (rows, columns) of which that share, the same in every row, is 0 at random places."""
    draw = generator(percent)
    values = torch.randn(rows, columns, generator=draw)
    places = torch.rand(rows, columns, generator=draw).argsort(dim=1)
    return values.masked_fill(places < round(columns * percent / 100), 0.0)


def _steps(
    name: str, about: str, network: Callable[[str], nn.Module], shape: tuple[int, ...], device: torch.device
) -> Benchmark:
    draw = generator(0)
    x = torch.randn(*shape, generator=draw).to(device)
    y = torch.randint(10, shape[:1], generator=draw).to(device)

    def step(model: nn.Module) -> Call:
        # With a rate of 0 all of the arithmetic is done and the steps stay alike, however many there are.
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)

        def one() -> None:
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(model(x), y))
            optimizer.step()

        return one

    cases = {activation: step(network(activation).to(device)) for activation in ACTIVATIONS}
    return Benchmark(name, about, "relu", cases)


def _repeats(call: Call, device: torch.device, *, target: float = 0.002) -> int:
    """How many calls make one timing long enough for the clock; warms up on the way."""
    _clock(call, 2, device)
    return max(1, math.ceil(target / max(_clock(call, 1, device), 1e-7)))


def _clock(call: Call, repeats: int, device: torch.device) -> float:
    # On one CPU thread the processor's own count leaves out what other programs take (Windows counts in
    # ticks too long for that); in all other cases only the clock on the wall sees everything.
    alone = device.type == "cpu" and torch.get_num_threads() == 1 and sys.platform != "win32"
    clock = time.process_time if alone else time.perf_counter
    _finish(device)
    began = clock()
    for _ in range(repeats):
        call()
    _finish(device)
    return (clock() - began) / repeats


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _ratio(found: list[float], baseline: list[float]) -> list[float]:
    ratios = [one / other for one, other in zip(found, baseline)]
    return [_digits(one) for one in quantiles(ratios, n=4, method="inclusive")]


def _digits(value: float) -> float:
    return float(f"{value:.4g}")
