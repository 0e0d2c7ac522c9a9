"""Where the numbers are made: which device, and random numbers that are the same on all of them.

A device is asked for by `RELUGUIDE_DEVICE` or the command line's `--device`: `auto` (CUDA if there is
one, else the CPU), `cpu`, `cuda`, `mps`. MPS is never chosen by `auto`, since it has no float64.
"""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CHOICES = ("auto", "cpu", "cuda", "mps")


class DeviceError(RuntimeError):
    """A device was asked for by name and is not there, or its name is not known."""


def choose(name: str | None = None) -> "torch.device":
    """The device to compute on: `name`, or what `RELUGUIDE_DEVICE` says, or `auto`.

    Raises DeviceError for an unknown name and for a device that this machine does not have; what
    was asked for by name is never replaced by another.
    """
    import torch

    asked = checked_name(name)
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if asked == "auto":
        asked = "cuda" if here["cuda"] else "cpu"
    if not here[asked]:
        there = [kind for kind, present in here.items() if present]
        raise DeviceError(
            f"device {asked!r} was asked for, but torch {torch.__version__} finds none on this machine; "
            f"there is {' and '.join(there)}. Set RELUGUIDE_DEVICE=auto to use the best one present."
        )
    return torch.device(asked)


def checked_name(name: str | None = None) -> str:
    """`name`, else `RELUGUIDE_DEVICE`, else `auto`, after checking that it is a known choice."""
    asked = (name or os.environ.get("RELUGUIDE_DEVICE") or "auto").strip().lower()
    if asked not in CHOICES:
        source = "device" if name else "RELUGUIDE_DEVICE"
        raise DeviceError(f"{source} is {asked!r}; it can be {', '.join(CHOICES)}.")
    return asked


def generator(seed: int) -> "torch.Generator":
    """A generator of its own for one seed, always on the CPU: draw there, then move.

    So every device sees the same weights and the same data, and nothing global is touched.
    """
    import torch

    return torch.Generator("cpu").manual_seed(int(seed))


def generators(seeds: Iterable[int]) -> "list[torch.Generator]":
    """One generator a seed, so that network k depends on seed k and on nothing else."""
    return [generator(seed) for seed in seeds]


def describe(kind: str) -> str:
    """The device in words, as the site prints it beside numbers: its kind and its model."""
    if kind == "cuda":
        import torch

        return f"GPU ({torch.cuda.get_device_name()})"
    if kind == "mps":
        return "Apple GPU (MPS)"
    return f"CPU ({_cpu_model()})"


def kind_without_torch(name: str | None = None) -> str:
    """What `choose(name).type` would be, without loading torch in this process.

    The MkDocs process asks this to know which stored results are meant. Where no NVIDIA driver
    is visible the answer costs nothing; otherwise a short-lived process asks torch, once for each name.
    """
    return _kind(checked_name(name))


@cache
def _kind(asked: str) -> str:
    if asked == "cpu" or (asked == "auto" and not _nvidia_driver()):
        return "cpu"
    code = "from reluguide.device import choose; import sys; print(choose(sys.argv[1]).type)"
    answer = subprocess.run([sys.executable, "-c", code, asked], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise DeviceError(answer.stderr.strip().splitlines()[-1].split("DeviceError: ")[-1])
    return answer.stdout.strip()


def _nvidia_driver() -> bool:
    if shutil.which("nvidia-smi"):
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


@cache
def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
