"""Cut a sweep into chunks of networks, and run the chunks in threads.

On the CPU a chunk is as large as lets one layer's activations and the parameters stay in a core's own
cache, where it beats both smaller chunks and the whole batch; on a GPU it fills half of the memory.
Threads are Python's, with one torch thread each: torch's own threads wait for each other in spinning
barriers, and on a machine with other work that costs more than it gains.
"""

import contextlib
import multiprocessing
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any

import torch

from reluguide.sweep._plan import Plan
from reluguide.sweep._train import train
from reluguide.sweep._watch import Arrays

CACHE_BYTES = (
    3 << 19
)  # measured: near the least cost from 64 to 512 samples, where a core has 1 MiB of its own
COPIED_BYTES = 1 << 18  # a data set up to this size is copied for each network of a chunk
LEAST = 2  # a single network takes another kernel of the matrix product, with other rounding
PATIENCE = 2.0  # seconds before a progress bar appears


class StoppedError(Exception):
    """The sweep was interrupted while this chunk was at work."""


def chunks(plan: Plan, size: int | None, threads: int) -> list[list[int]]:
    """Places of the networks, chunk by chunk; each chunk is of one kind and has at least two entries.

    A network left alone stands twice in its chunk; the copy's results are dropped.
    """
    out = []
    for members in _alike(plan):
        # As even as can be, and enough of them to keep every thread busy.
        most = size or max(LEAST, min(fitting(plan), -(-len(members) // threads)))
        count = -(-len(members) // most)
        cuts = [len(members) * i // count for i in range(count + 1)]
        out += [members[start:stop] for start, stop in pairwise(cuts)]
    return [members * LEAST if len(members) < LEAST else members for members in out]


def _alike(plan: Plan) -> list[list[int]]:
    """Networks that may share a chunk: of one kind and, where the data are large, of one data set.

    A chunk has one copy of a data set that all its networks see, and a copy a network of different ones.
    """
    large = plan.x[0].numel() * plan.x.element_size() > COPIED_BYTES
    together = Counter((network.kind, network.data) for network in plan.networks)
    groups: dict[Any, list[int]] = {}
    for k, network in enumerate(plan.networks):
        shared = large and together[network.kind, network.data] >= LEAST
        groups.setdefault((network.kind, network.data if shared else None), []).append(k)
    return list(groups.values())


def fitting(plan: Plan) -> int:
    """How many networks a chunk holds on this device."""
    item = torch.empty((), dtype=plan.dtype).element_size()
    samples = min(plan.batch_size or plan.samples, plan.samples)
    parameters = sum(a * b + b for a, b in pairwise(plan.sizes))
    if plan.device.type != "cuda":
        return max(LEAST, CACHE_BYTES // (item * (samples * max(plan.sizes[1:]) + parameters)))
    free, _ = torch.cuda.mem_get_info(plan.device)
    # Per layer: z, h, their gradients and a temporary, over all samples; parameters with Adam's two moments.
    network = item * (5 * plan.samples * sum(plan.sizes) + 8 * parameters)
    return max(LEAST, int(free * 0.5) // network)


def run(
    plan: Plan, *, threads: int, chunk: int | None, progress: bool | None
) -> list[tuple[list[int], Arrays]]:
    """Train all chunks; (members, results) of each. Torch's settings are left as they were."""
    threads = 1 if plan.device.type != "cpu" else threads
    parts = chunks(plan, chunk, threads)
    total = plan.steps * sum(len(members) for members in parts)
    done = [0] * len(parts)
    stop = threading.Event()

    def work(index: int) -> tuple[list[int], Arrays]:
        torch.set_num_threads(1)
        members = parts[index]

        def tick(steps: int) -> None:
            done[index] = steps * len(members)
            if stop.is_set():
                raise StoppedError

        return members, train(plan, members, tick)

    with _settings(), ThreadPoolExecutor(threads, thread_name_prefix="sweep") as pool:
        futures = [pool.submit(work, index) for index in range(len(parts))]
        try:
            with _bar(total, progress) as show:
                _wait(futures, lambda: show(sum(done)))
            return [future.result() for future in futures]
        finally:
            # After an error or an interrupt: the rest need not begin, the others end at their next step.
            stop.set()
            for future in futures:
                future.cancel()


def _wait(futures: list[Future[Any]], look: Callable[[], None]) -> None:
    left = set(futures)
    while left:
        finished, left = wait(left, timeout=0.1, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
        look()


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Full float32 products, and the caller's settings back at the end."""
    threads = torch.get_num_threads()
    try:
        with _full_precision():
            yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """No TF32 or bfloat16 inside float32 products."""
    parts: list[Any] = [torch.backends.cuda.matmul]
    if not hasattr(parts[0], "fp32_precision"):  # torch before 2.9
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)
        return
    # The older functions raise where the caller has used these newer settings; these always work.
    parts.append(torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]
    found = [part.fp32_precision for part in parts]
    try:
        for part in parts:
            part.fp32_precision = "ieee"
        yield
    finally:
        for part, precision in zip(parts, found):
            part.fp32_precision = precision


@contextlib.contextmanager
def _bar(total: int, wanted: bool | None) -> Iterator[Callable[[int], None]]:
    """A function to tell how much is done: after a moment it draws a bar, if rich is there to draw it.

    Unless told, a bar is for people: not in a file, nor from a worker process beside others of its kind.
    """
    if wanted is None:
        wanted = sys.stderr.isatty() and multiprocessing.parent_process() is None
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        wanted = False
    if not wanted:
        yield lambda done: None
        return
    begun = time.monotonic()
    bar = Progress(console=Console(stderr=True, force_terminal=True), transient=True)
    task = bar.add_task("training", total=total)

    def show(done: int) -> None:
        if not bar.live.is_started and time.monotonic() - begun > PATIENCE:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
