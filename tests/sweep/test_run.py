"""A sweep leaves torch, threads and random numbers as it found them, however it ends."""

import _thread
import io
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from reluguide.data import rings
from reluguide.sweep import sweep

DATA = rings(64)
OPTIONS: dict[str, Any] = {"data": DATA, "seeds": range(12), "lr": 0.1, "chunk": 3}


@pytest.fixture(autouse=True)
def settings_are_left_as_found() -> Iterator[None]:
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(3)
    torch.set_float32_matmul_precision("high")
    state = torch.get_rng_state()
    yield
    try:
        assert torch.get_num_threads() == 3
        seen: list[int] = []
        fresh = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        fresh.start()
        fresh.join()
        assert seen == [3]  # new threads begin with what the caller had set, too
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.equal(torch.get_rng_state(), state)
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("sweep")]
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


@pytest.mark.parametrize("threads", [None, 1, 2])
def test_after_a_run(threads: int | None) -> None:
    sweep([2, 8, 1], steps=20, threads=threads, batch_size=16, **OPTIONS)


class Breaking:
    """An activation that fails in the middle of a run, in one of the threads."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.seen: set[int] = set()

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        self.calls -= 1
        self.seen.add(torch.get_num_threads())
        if self.calls == 0:
            raise RuntimeError("broken on purpose")
        return torch.relu(z)


@pytest.mark.parametrize(("threads", "largest"), [(1, 8), (2, 4), (4, 2), (8, 2)])
def test_every_thread_gets_its_share_and_no_chunk_is_of_one(threads: int, largest: int) -> None:
    seen: set[int] = set()

    def relu(z: torch.Tensor) -> torch.Tensor:
        seen.add(z.numel())
        return torch.relu(z)

    sweep(
        [2, 8, 1], steps=1, activation=relu, threads=threads, **(OPTIONS | {"seeds": range(8), "chunk": None})
    )
    assert max(seen) == largest * len(DATA.x) * 8


@pytest.mark.parametrize("threads", [1, 2])
def test_after_an_error_in_a_thread(threads: int) -> None:
    activation = Breaking(calls=40)
    with pytest.raises(RuntimeError, match="broken on purpose"):
        sweep([2, 8, 1], steps=10_000_000, activation=activation, threads=threads, **OPTIONS)
    assert 1 in activation.seen  # inside, each thread has one torch thread


def test_after_a_keyboard_interrupt() -> None:
    # Started in the background, a process ignores the interrupt; here it must not, or the sweep would never end.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep([2, 8, 1], steps=10_000_000, **OPTIONS)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="this torch has the older settings only"
)
def test_products_are_precise_inside_whatever_the_caller_has_set() -> None:
    cuda, cpu = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = cuda.fp32_precision, cpu.fp32_precision
    inside: set[tuple[str, str]] = set()

    def relu(z: torch.Tensor) -> torch.Tensor:
        if threading.current_thread().name.startswith("sweep"):
            inside.add((cuda.fp32_precision, cpu.fp32_precision))
        return torch.relu(z)

    try:
        cuda.fp32_precision, cpu.fp32_precision = "tf32", "bf16"
        sweep([2, 8, 1], steps=2, activation=relu, **OPTIONS)
        assert (cuda.fp32_precision, cpu.fp32_precision) == ("tf32", "bf16")
    finally:
        cuda.fp32_precision, cpu.fp32_precision = before
    assert inside == {("ieee", "ieee")}


def test_gradients_work_where_the_caller_has_switched_them_off() -> None:
    options: dict[str, Any] = {"steps": 5, "activation": torch.sin, **OPTIONS}
    plain = sweep([2, 8, 1], **options)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            np.testing.assert_array_equal(sweep([2, 8, 1], **options).final_loss, plain.final_loss)


def test_a_bar_is_drawn_on_terminals_or_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich", reason="the bar is drawn with rich, of the extra 'site'")
    monkeypatch.setattr("reluguide.sweep._pool.PATIENCE", 0.0)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def drawn(stream: io.StringIO, progress: bool | None) -> bool:
        monkeypatch.setattr(sys, "stderr", stream)
        sweep([2, 8, 1], steps=200, progress=progress, **OPTIONS)
        return "training" in stream.getvalue()

    assert drawn(Terminal(), None) and drawn(io.StringIO(), True)
    assert not drawn(Terminal(), False) and not drawn(io.StringIO(), None)


def test_a_short_run_draws_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reluguide.sweep._pool.PATIENCE", 1e9)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sweep([2, 8, 1], steps=20, progress=True, **OPTIONS)
    assert stream.getvalue() == ""


def test_rich_need_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    assert len(sweep([2, 8, 1], steps=5, progress=True, **OPTIONS)) == 12
