"""Recording times: what is timed is what is said, a busy machine cancels out, nothing else is touched."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from reluguide import benchmarks, measure
from reluguide import recorded as recordings
from reluguide.__main__ import main
from reluguide.activations import ACTIVATIONS
from reluguide.evidence.guide import Guide
from reluguide.experiments import speed

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def quick() -> recordings.Recording:
    return measure.measure(CPU, quick=True)


def test_every_activation_is_timed_in_every_benchmark_of_activations(quick: recordings.Recording) -> None:
    for name, entry in quick.times.items():
        cases = set(entry["seconds"])
        assert cases == set(entry["ratio"])
        assert name in ("by_hand", "zeros", "one_row") or cases == set(ACTIVATIONS)
        assert entry["ratio"][entry["baseline"]] == [1, 1, 1]
        assert all(0 < low <= middle <= high for low, middle, high in entry["ratio"].values())
        assert min(entry["seconds"].values()) > 0


def test_sizes_are_what_their_names_say() -> None:
    units = {"k": 2**10, "m": 2**20}
    assert {name: int(name[:-1]) * units[name[-1]] for name in benchmarks.SIZES} == benchmarks.SIZES


def test_the_full_list_is_what_is_recorded(the_guide: Guide) -> None:
    found = {one.name: one for one in benchmarks.benchmarks(torch.device("meta"))}
    for one in recordings.load(the_guide.recorded):
        assert set(found) == set(one.times)
    assert found["forward_16k"].about == "value of an activation on 16,384 float32 numbers"
    assert found["both_16k"].about == "value and gradient of an activation on 16,384 float32 numbers"
    assert found["forward_16m"].elements == found["reused_16m"].elements == 2**24


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("backward", [False, True])
def test_what_is_timed_is_the_activation_of_the_table(name: str, backward: bool) -> None:
    call = benchmarks.elementwise("1k", 1024, CPU, backward=backward).cases[name]
    x = torch.randn(1024, generator=torch.Generator().manual_seed(0))
    row = ACTIVATIONS[name]
    if backward:
        torch.testing.assert_close(call()[0], row.derivative(x))
    else:
        torch.testing.assert_close(call(), row.fn(x))


def test_a_step_is_a_whole_one_and_leaves_the_network_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, torch.nn.Module] = {}
    build = speed.fully_connected

    def remembered(width: int, activation: str) -> torch.nn.Module:
        made[activation] = build(width, activation)
        return made[activation]

    monkeypatch.setattr(speed, "fully_connected", remembered)
    step = benchmarks.fully_connected(8, CPU).cases["prelu"]
    model = made["prelu"]
    before = [one.clone() for one in model.parameters()]
    assert all(one.grad is None for one in model.parameters())
    step()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())
    assert all(torch.equal(one, old) for one, old in zip(model.parameters(), before))


@pytest.mark.parametrize("percent", benchmarks.ZEROS)
def test_the_shares_of_zeros_are_exact(percent: int) -> None:
    assert ((benchmarks.sparse(3, 200, percent) == 0).sum(dim=1) == 2 * percent).all()


def test_a_machine_that_slows_down_changes_no_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Iterator[int] = count()
    # The machine becomes slower by half with every round of two cases; the warm-up asks four times.
    monkeypatch.setattr(
        benchmarks, "_clock", lambda call, repeats, device: call() * 1.5 ** ((next(asked) - 4) // 2)
    )
    pair = benchmarks.Benchmark("pair", "two calls", "one", {"one": lambda: 2.0, "three": lambda: 6.0})
    entry = benchmarks.timed(pair, device=CPU, budget=0)
    assert entry["ratio"] == {"one": [1, 1, 1], "three": [3, 3, 3]}


@pytest.mark.skipif(sys.platform == "win32", reason="the processor's own clock is too coarse there")
def test_on_one_thread_other_programs_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = {"process_time": count(0, 6), "perf_counter": count(0, 20)}
    for name, each in ticks.items():
        monkeypatch.setattr(benchmarks.time, name, lambda each=each: next(each))
    for threads, took in ((1, 3), (2, 10)):
        monkeypatch.setattr(benchmarks.torch, "get_num_threads", lambda threads=threads: threads)
        assert benchmarks._clock(lambda: None, 2, CPU) == took


def test_threads_are_left_as_found_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **options: object) -> None:
        assert torch.get_num_threads() == before + 1
        raise RuntimeError("broken")

    before = torch.get_num_threads()
    monkeypatch.setattr(benchmarks, "timed", fails)
    with pytest.raises(RuntimeError, match="broken"):
        measure.measure(CPU, threads=before + 1)
    assert torch.get_num_threads() == before


def test_a_recording_is_written_and_read_again(tmp_path: Path, quick: recordings.Recording) -> None:
    the_guide = Guide(tmp_path)
    gpu = replace(quick, device="GPU (Some Card 80GB)", kind="cuda")
    paths = [measure.write(the_guide.recorded, one) for one in (gpu, quick, quick)]
    assert paths[0].name == "cuda-some-card-80gb.json"
    assert recordings.load(the_guide.recorded) == [replace(quick, quoted=True), gpu]
    assert json.loads(paths[1].read_text(encoding="utf-8"))["command"].startswith("reluguide measure")


def test_one_benchmark_run_again_keeps_the_others_only_of_the_same_device_day_and_versions() -> None:
    old = recordings.Recording(
        "CPU (x)", "cpu", "2026-01-01", {"torch": "2"}, "", 1, True, {"zeros": 1, "step_64": 1}
    )
    new = replace(old, quoted=False, times={"zeros": 2})
    assert measure.joined([old], new).times == {"zeros": 2, "step_64": 1}
    assert measure.joined([replace(old, date="2025-12-31")], new) == new


def test_results_in_memory_at_hand_are_those_of_the_table() -> None:
    x = torch.randn(64, generator=torch.Generator().manual_seed(0))
    for name, call in benchmarks.reused(64, CPU).cases.items():
        torch.testing.assert_close(call(), ACTIVATIONS[name].fn(x))


def test_ratios_are_the_medians_of_the_cases_that_all_benchmarks_have(quick: recordings.Recording) -> None:
    times = {"one": {"ratio": {"relu": [1, 1, 1], "gelu": [1, 2, 9]}}, "two": {"ratio": {"gelu": [2, 3, 4]}}}
    found = replace(quick, times=times).ratios("one", "two")
    assert found.sel(case="gelu").values.tolist() == [2, 3]
    assert found.case.values.tolist() == ["gelu"]
    assert replace(quick, times=times).spread("one", "gelu") == (1, 9)


def test_the_mark_of_the_quoted_recording_stays_with_its_device(
    tmp_path: Path, quick: recordings.Recording
) -> None:
    for device, kind in (("GPU (a)", "cuda"), ("CPU (b)", "cpu"), ("CPU (a)", "cpu"), ("CPU (b)", "cpu")):
        measure.write(tmp_path, replace(quick, device=device, kind=kind))
    every = recordings.load(tmp_path)
    assert [one.device for one in every] == ["CPU (b)", "CPU (a)", "GPU (a)"]
    assert recordings.quoted(every) == every[0]


@pytest.mark.parametrize("marks", [(False, False), (True, True), (False, True)])
def test_the_text_quotes_one_cpu_or_nothing(quick: recordings.Recording, marks: tuple[bool, bool]) -> None:
    pair = [replace(quick, quoted=marks[0]), replace(quick, device="GPU (a)", kind="cuda", quoted=marks[1])]
    with pytest.raises(ValueError, match=r"quote the times of one CPU.*make measure"):
        recordings.quoted(pair)


def test_quick_times_are_not_recorded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    quick: recordings.Recording,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measure, "measure", lambda *args, **options: quick)
    assert main(["measure", "--device", "cpu", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "nothing was recorded" in out
    assert f"{'relu':14}{'1.00':>14}" in out
    assert main(["measure", "--device", "cpu"]) == 2
    assert "into a checkout of the guide" in capsys.readouterr().err
    (tmp_path / "mkdocs.yml").touch()
    (tmp_path / "reluguide").mkdir()
    assert main(["measure", "--device", "cpu"]) == 0
    assert [path.name[:4] for path in (tmp_path / "reluguide" / "recorded").iterdir()] == ["cpu-"]


def test_bad_options_are_answered_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "--threads", "0", "--quick"]) == 2
    assert "--threads is 0" in capsys.readouterr().err
    assert main(["measure", "--device", "cpu", "--quick", "--only", "zero"]) == 2
    assert "there is no benchmark 'zero'" in capsys.readouterr().err
    if not torch.cuda.is_available():
        assert main(["measure", "--device", "cuda", "--quick"]) == 1
        assert "device 'cuda' was asked for" in capsys.readouterr().err
