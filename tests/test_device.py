"""Which device is meant: by its name, by the environment, or by what is there."""

import subprocess
from collections.abc import Iterator

import pytest

from reluguide import device
from reluguide.device import DeviceError, choose, kind_without_torch


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was asked of the processes that load torch, on a machine that seems to have a GPU."""
    names: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        names.append(command[-1])
        return subprocess.CompletedProcess(
            command, 0, stdout={"auto": "cuda"}.get(names[-1], names[-1]) + "\n"
        )

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(device, "_nvidia_driver", lambda: True)
    device._kind.cache_clear()
    yield names
    device._kind.cache_clear()


def test_the_environment_is_read_each_time(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in {"auto": "cuda", "cpu": "cpu", "mps": "mps", " CUDA ": "cuda", "": "cuda"}.items():
        monkeypatch.setenv("RELUGUIDE_DEVICE", name)
        assert kind_without_torch() == kind, name
        assert kind_without_torch("cpu") == "cpu"
    monkeypatch.delenv("RELUGUIDE_DEVICE")
    assert kind_without_torch() == "cuda"


def test_torch_is_asked_once_for_each_name(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELUGUIDE_DEVICE", "cuda")
    assert [kind_without_torch(), kind_without_torch("cuda"), kind_without_torch("auto")] == ["cuda"] * 3
    assert asked == ["cuda", "auto"]


def test_without_a_driver_nothing_is_asked(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_nvidia_driver", lambda: False)
    monkeypatch.delenv("RELUGUIDE_DEVICE", raising=False)
    assert kind_without_torch() == "cpu" and asked == []


def test_an_unknown_name_is_told_with_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELUGUIDE_DEVICE", "gpu")
    for ask in (choose, kind_without_torch):
        with pytest.raises(DeviceError, match="RELUGUIDE_DEVICE is 'gpu'; it can be auto, cpu, cuda, mps"):
            ask()
        with pytest.raises(DeviceError, match="device is 'tpu'"):
            ask("tpu")
