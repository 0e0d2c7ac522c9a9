"""Which verdicts would other seeds change? Every claim's check, on seeds drawn for this run.

    python .ci/flipped.py                 Markdown on standard output; exit status 1 if a claim flipped
    python .ci/flipped.py --seed 7        the seeds of an earlier report again

The tests use fixed seeds, so that a pull request fails for what it changes and for nothing else. This is
what finds a verdict that only those seeds support; a scheduled job runs it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from reluguide.evidence import claim, conclude, record
from reluguide.evidence.guide import Guide


class Outcome(NamedTuple):
    claim: str
    verdict: str
    holds: bool
    numbers: str


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", help="default: all")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="which seeds to draw")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # one thread a process, as in a build
    guide = Guide(Path(__file__).resolve().parents[1])
    modules = options.modules or guide.modules()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=fresh) as pool:
        found = list(pool.map(outcomes, [guide] * len(modules), modules, [options.seed] * len(modules)))
    every = [one for outcome in found for one in outcome]
    import torch

    print(report(every))
    print(f"\nPython {platform.python_version()}, torch {torch.__version__}, `--seed {options.seed}`")
    return 0 if all(one.holds for one in every) else 1


def report(every: list[Outcome]) -> str:
    """How many claims flipped, and a table of them, in Markdown."""
    flipped = [one for one in every if not one.holds]
    lines = [f"## {len(flipped)} of {len(every)} claims flipped"]
    if flipped:
        lines += ["", "| claim | verdict | what decided |", "| --- | --- | --- |"]
        lines += [f"| {one.claim} | {one.verdict} | {one.numbers} |" for one in flipped]
    return "\n".join(lines)


def outcomes(guide: Guide, module: str, seed: int) -> list[Outcome]:
    """Every checked claim of one module, with its experiments on as many seeds as the page uses."""
    draw = random.Random(f"{seed} {module}")
    measured, _ = record.measure(
        guide, module, "cpu", seeds=lambda one: draw.sample(range(2**31), len(one.seeds))
    )
    verdicts = {one.id: one.verdict for name, one in claim.known(guide).values() if name == module}
    return [
        Outcome(
            id, verdicts.get(id, "on no page"), all(one["holds"] for one in check["conditions"]), _told(check)
        )
        for id, check in conclude.conclude(guide, module, measured)["checks"].items()
    ]


def _told(check: Mapping[str, Any]) -> str:
    """The conditions that broke, or all of them where none did."""
    broken = [one for one in check["conditions"] if not one["holds"]]
    return "; ".join(one["text"] for one in broken or check["conditions"])


if __name__ == "__main__":
    sys.exit(main())
