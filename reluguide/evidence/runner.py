"""The runner: stale experiments, findings and labs only, in worker processes made afresh, all cores.

A module is the unit of work: its experiments run in one process with one torch thread, then its findings.
A colour that changed redraws and retrains nothing, since findings have a key of their own. The process
that calls `refresh` imports neither torch nor Matplotlib; the workers do, and they are gone afterwards.
"""

import math
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from reluguide.evidence import conclude, store
from reluguide.evidence.guide import Guide
from reluguide.evidence.record import EvidenceError
from reluguide.evidence.worker import Ran, work

ROUNDS = 5  # of running what is stale: a source may be saved while it runs, and then it runs again


@dataclass(frozen=True)
class Job:
    """One thing that the runner keeps up to date: where what it makes belongs, and how that is made.

    The last of `places` is keyed on all that comes before it. `work` runs in a worker process.
    """

    name: str
    places: Callable[[Guide, str, str], tuple[Path, ...]]
    work: Callable[[Guide, str, str, Sequence[Path]], Ran]


@dataclass
class Report:
    """What ran, what was reused, on which device; its text is printed at the end of a build."""

    device: str
    modules: list[Ran]
    wall: float

    @property
    def ran(self) -> list[str]:
        return [ran.module for ran in self.modules if ran.seconds]

    def __str__(self) -> str:
        fresh = [ran for ran in self.modules if ran.seconds or ran.redrawn]
        if not fresh:
            return f"evidence: {len(self.modules)} modules reused, nothing ran ({self.device})"
        lines = [
            f"evidence: {len(self.ran)} of {len(self.modules)} modules measured, "
            f"{len(fresh)} drawn, in {self.wall:.1f} s on {self.device}"
        ]
        for ran in fresh:
            each = ", ".join(f"{name} {took:.1f} s" for name, took in ran.seconds.items())
            lines.append(f"  {ran.module}: {each or 'results reused, findings redrawn'}")
        return "\n".join(lines)


def refresh(
    guide: Guide,
    *,
    device: str = "cpu",
    only: Sequence[str] | None = None,
    extra: Sequence[Job] = (),
    progress: bool | None = None,
    workers: int | None = None,
) -> Report:
    """Bring the store up to date for `device`; run what is stale and nothing else.

    Raises EvidenceError, after all other modules are done, naming the module and the command to rerun it.
    `extra` are jobs beside the modules, such as labs. `progress` shows a bar (default: where the output
    is a terminal). `workers` defaults to one a core.
    """
    started = time.perf_counter()
    store.clear_unfinished(guide)
    jobs = {job.name: job for job in [*(Job(name, _places, work) for name in guide.modules()), *extra]}
    modules = {name: Ran(name) for name in (only or jobs)}
    for left in reversed(range(ROUNDS + 1)):
        all_places = {name: jobs[name].places(guide, name, device) for name in modules}
        stale = {name: places for name, places in all_places.items() if store.read(places[-1]) is None}
        if not stale:
            break
        if not left:
            raise EvidenceError(f"{', '.join(stale)}: a source was saved each time that it ran; build again.")
        failures = _run(guide, jobs, stale, device, modules, min(len(stale), workers or _cores()), progress)
        if failures:
            raise EvidenceError("\n\n".join(failures))
    store.clear_unfinished(guide)  # again: a killed build's workers may have outlived it by a second
    return Report(device, list(modules.values()), time.perf_counter() - started)


def failures(guide: Guide, *, device: str, only: Sequence[str] | None = None) -> list[str]:
    """The checks of claims that do not hold in the store, each with the condition that broke."""
    modules = set(guide.modules()) & set(only or guide.modules())
    found = {module: load(guide, module, device) for module in sorted(modules)}
    return [problem for record in found.values() if record for problem in conclude.failed(record)]


def load(guide: Guide, module: str, device: str) -> store.Record | None:
    """The current findings of a module, or None if they are not in the store."""
    return store.read(store.findings_path(guide, module, device))


def _run(
    guide: Guide,
    jobs: Mapping[str, Job],
    stale: Mapping[str, Sequence[Path]],
    device: str,
    modules: dict[str, Ran],
    count: int,
    progress: bool | None,
) -> list[str]:
    failures = []
    # Spawned, not forked: torch's threads do not survive a fork, and CUDA refuses one.
    with (
        ProcessPoolExecutor(
            count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(os.getpid(),),
        ) as pool,
        _Bar(len(stale), progress) as step,
    ):
        # The slowest last time start first, so that no core idles at the end behind one long module.
        running: dict[Future[Ran], str] = {
            pool.submit(jobs[name].work, guide, name, device, stale[name]): name
            for name in sorted(stale, key=_cost(guide))
        }
        for job in as_completed(running):
            name = running[job]
            try:
                before, now = modules[name].seconds, job.result()
                modules[name] = Ran(now.module, before | now.seconds, now.redrawn)
            except Exception as error:
                failures.append(str(error) if isinstance(error, EvidenceError) else f"{name}: {error!r}")
            step(name, sum(modules[name].seconds.values()))
    return failures


def _places(guide: Guide, name: str, device: str) -> tuple[Path, ...]:
    """Where what is made of a module belongs; the last is keyed on all that comes before it."""
    return store.result_path(guide, name, device), store.findings_path(guide, name, device)


def _begin(parent: int) -> None:
    """In a new worker: one torch thread, and an end when the parent is gone (a killed build leaves nobody).

    The variables are read when torch is first imported, by the first module that needs it.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cost(guide: Guide) -> Callable[[str], float]:
    """Minus the seconds that a module took when it was last measured, for sorting."""

    def cost(module: str) -> float:
        records = [store.read(path) for path in (guide.cache / "results").glob(f"{module}-*.json")]
        took = [sum(e["seconds"] for e in r["experiments"].values()) for r in records if r]
        return -max(took, default=math.inf)

    return cost


class _Bar:
    """A progress bar that names what just ended and how long it took; nothing where nobody watches."""

    def __init__(self, total: int, progress: bool | None) -> None:
        self.total, self.shown = total, sys.stderr.isatty() if progress is None else progress

    def __enter__(self) -> Callable[[str, float], None]:
        if not self.shown:
            return lambda name, seconds: None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.bar = Progress(
            TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.description}"), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self.bar.start()
        task = self.bar.add_task("", total=self.total)

        def step(name: str, seconds: float) -> None:
            self.bar.update(task, advance=1, description=f"{name} {seconds:.1f} s")

        return step

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.bar.stop()
