"""Recorded times: `reluguide/recorded/<device>.json`, written by `make measure`, read by findings.

Times are never measured during a build, or no two builds would agree. A recording says when, on what and
with which command it was made; a page quotes it with that. Pictures show every recording; prose and claims
quote one, a CPU's, in whose file stands `"quoted": true`. `times` has one entry a benchmark:

    forward_<size>, both_<size>   an activation on `elements` float32 numbers: the value, or value and gradient.
                                  Sizes: 1k, 16k, 128k, 1m, 16m (the last fits no cache). `identity` is a copy.
    reused_16m                    some activations on the largest size, written into memory that is at hand; the
                                  others ask for new memory, which for large tensors is most of a cheap one's time.
    step_<net>                    one whole training step. Nets: 64, 256, 1024 (fully connected, that wide),
                                  conv. `identity` is the network without activations.
    by_hand                       value and gradient of 1 million numbers, by PyTorch's function (`silu`) and
                                  written out in steps (`silu_by_hand`).
    zeros                         a dense matrix product whose left factor holds that share of zeros.
    one_row                       the product of one row: dense, with the rows of the weights gathered first
                                  (`gather_90`), and with these gathered already (`ready_90`), by percent of zeros.

and each entry has

    about     what is timed, in words              baseline  the case that all others are compared with
    seconds   median seconds of one call, by case  ratio     [low, median, high] over rounds, by case

Cases are activations of the table in the first three. A ratio divides by the baseline's time in the same
round, since a busy machine slows both; low and high are the quartiles over rounds. With one CPU thread the
times are the processor's own count for this process, so that other programs do not enter.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr


@dataclass(frozen=True)
class Recording:
    """Times of one device: its name in words, date, versions, command, and `times` by benchmark.

    `threads` is the number of CPU threads that torch was given; `quoted` marks the one recording, of a
    CPU, that prose and claims quote.
    """

    device: str
    kind: str
    date: str
    versions: dict[str, str]
    command: str
    threads: int
    quoted: bool
    times: dict[str, Any]

    def ratio(self, benchmark: str, case: str) -> float:
        """Median over rounds of the case's time divided by the baseline's (ReLU's, for activations)."""
        return float(self.times[benchmark]["ratio"][case][1])

    def spread(self, benchmark: str, case: str) -> tuple[float, float]:
        """The quartiles over rounds of that ratio."""
        low, _, high = self.times[benchmark]["ratio"][case]
        return float(low), float(high)

    def ratios(self, *benchmarks: str) -> xr.DataArray:
        """The medians of several benchmarks, by `benchmark` and `case`, of the cases that all of them have."""
        cases = [case for case in self.times[benchmarks[0]]["ratio"]
                 if all(case in self.times[name]["ratio"] for name in benchmarks)]  # fmt: skip
        medians = [[self.ratio(name, case) for case in cases] for name in benchmarks]
        return xr.DataArray(medians, {"benchmark": list(benchmarks), "case": cases}, ("benchmark", "case"))


def load(folder: Path) -> list[Recording]:
    """Every recording in a folder: the quoted one first, then CPUs, then by name."""
    found = [Recording(**json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("*.json")]
    return sorted(found, key=lambda one: (not one.quoted, one.kind != "cpu", one.device))


def quoted(recordings: Sequence[Recording]) -> Recording:
    """The recording that prose and claims quote; ValueError unless one is marked so, and is of a CPU."""
    marked = [one for one in recordings if one.quoted]
    if [one.kind for one in marked] != ["cpu"]:
        raise ValueError(
            f"the pages quote the times of one CPU, and {' and '.join(one.device for one in marked) or 'none'} "
            'is marked in reluguide/recorded: write "quoted": true into the file of one CPU and false into all '
            "others. A CPU is recorded with make measure ARGS='--device cpu'."
        )
    return marked[0]
