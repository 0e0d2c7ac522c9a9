"""`reluguide measure`: time activations on the device at hand and record it for the pages."""

import argparse
import dataclasses
import json
import platform
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reluguide.device import DeviceError
from reluguide.evidence.guide import InstalledGuide, here
from reluguide.recorded import Recording, load

if TYPE_CHECKING:
    import torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # MPS is left out: nothing here has been tried on it.
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), help="default: RELUGUIDE_DEVICE, or auto"
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (default: 1)")
    parser.add_argument(
        "--only", nargs="+", metavar="BENCHMARK", default=[],
        help="run these alone and keep the other times of a recording of today, of the same device and versions",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, in seconds, to see that it runs; records nothing"
    )


def run(args: argparse.Namespace) -> int:
    from reluguide.device import choose

    guide = here()
    if isinstance(guide, InstalledGuide) and not args.quick:
        print("Times are recorded into a checkout of the guide, and this folder is not in one; "
              "go there first, or use --quick, which records nothing.", file=sys.stderr)  # fmt: skip
        return 2
    if args.threads < 1:
        print(f"--threads is {args.threads}; it must be at least 1.", file=sys.stderr)
        return 2
    try:
        device = choose(args.device)
    except DeviceError as error:
        print(error, file=sys.stderr)
        return 1
    recording = measure(device, threads=args.threads, quick=args.quick, only=args.only)
    if unknown := sorted(set(args.only) - set(recording.times)):
        print(
            f"there is no benchmark {unknown[0]!r}; reluguide/recorded/__init__.py lists them.",
            file=sys.stderr,
        )
        return 2
    if args.only:
        recording = joined(load(guide.recorded), recording)
    print(table(recording))
    if args.quick:
        print("Quick times are too rough to be published: nothing was recorded.")
        return 0
    path = write(guide.recorded, recording)
    print(f"Recorded in {guide.relative(path)}. Build the site to see it, and commit the file.")
    return 0


def joined(before: Sequence[Recording], new: Recording) -> Recording:
    """`new` with the times that it lacks from a recording alike in all but times, if there is one."""
    for one in before:
        if dataclasses.replace(one, times=new.times, quoted=new.quoted) == new:
            return dataclasses.replace(new, times=one.times | new.times)
    return new


def measure(
    device: "torch.device", *, threads: int = 1, quick: bool = False, only: Sequence[str] = ()
) -> Recording:
    """Run every benchmark on `device` (or `only` those named), one line of progress each; torch's threads are left as found."""
    import torch

    from reluguide import benchmarks
    from reluguide.device import describe

    before, began = torch.get_num_threads(), time.perf_counter()
    times = {}
    torch.set_num_threads(threads)
    try:
        for one in benchmarks.benchmarks(device, quick=quick):
            if only and one.name not in only:
                continue
            started = time.perf_counter()
            budget, rounds = (0.0, 2) if quick else (3.0, 7)
            times[one.name] = benchmarks.timed(one, device=device, budget=budget, rounds=rounds)
            print(f"{time.perf_counter() - began:5.0f} s  {one.about}: {len(one.cases)} cases in "
                  f"{time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)  # fmt: skip
    finally:
        torch.set_num_threads(before)
    return Recording(
        device=describe(device.type),
        kind=device.type,
        date=datetime.now(UTC).date().isoformat(),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        command=f"reluguide measure --device {device.type} --threads {threads}",
        threads=threads,
        quoted=False,
        times=times,
    )


def table(recording: Recording) -> str:
    """Every activation's time as a multiple of ReLU's, one column a benchmark of activations."""
    benchmarks = [name for name in recording.times if name.partition("_")[0] in ("forward", "both", "step")]
    if not benchmarks:
        return ""
    lines = [" " * 14 + "".join(f"{name:>14}" for name in benchmarks)]
    lines += [
        f"{case:14}" + "".join(f"{recording.ratio(name, case):14.2f}" for name in benchmarks)
        for case in recording.times[benchmarks[0]]["ratio"]
    ]
    return "\n".join(lines)


def write(folder: Path, recording: Recording) -> Path:
    """Put a recording into `folder`, in place of an earlier one of the same device; its path.

    It is the one that prose quotes if the earlier one was, or if it is a CPU's and none is quoted yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    marked = [one for one in load(folder) if one.quoted]
    again = any((one.kind, one.device) == (recording.kind, recording.device) for one in marked)
    recording = dataclasses.replace(recording, quoted=again or (recording.kind == "cpu" and not marked))
    path = folder / f"{recording.kind}-{slug(recording.device)}.json"
    text = json.dumps(dataclasses.asdict(recording), indent=1, ensure_ascii=False, allow_nan=False)
    # Three numbers of a ratio belong on one line.
    text = re.sub(r"\[\s+([\d.e+-]+),\s+([\d.e+-]+),\s+([\d.e+-]+)\s+\]", r"[\1, \2, \3]", text)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def slug(device: str) -> str:
    """A device's name as part of a file's: "CPU (AMD EPYC 7B13)" as "amd-epyc-7b13"."""
    model = re.sub(r"^\w+ \((.*)\)$", r"\1", device)
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
