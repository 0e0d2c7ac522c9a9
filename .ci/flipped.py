"""Which verdicts would other seeds change? Every claim's check, on seeds drawn for this run.

    python .ci/flipped.py                 Markdown on standard output; exit status 1 if a claim flipped
    python .ci/flipped.py --seed 7        the seeds of an earlier report again

The tests use fixed seeds, so that a pull request fails for what it changes and for nothing else. This is
what finds a verdict that only those seeds support; a scheduled job runs it.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import platform
import random
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from reluguide.evidence import worker
from reluguide.evidence.declare import Claim, Experiment, declared
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
    experiments = importlib.import_module(f"{guide.package}.experiments.{module}")
    results = {}
    for one in declared(experiments, Experiment):
        seeds = draw.sample(range(2**31), len(one.seeds))
        fields = worker.plain(one(seeds=seeds), place=f"{module}: {one.name}")
        results[one.name] = {"fields": fields}
    revived = worker.revived({"experiments": results}, recorded=guide)
    claims = declared(importlib.import_module(f"{guide.package}.findings.{module}"), Claim)
    checked = [(claim, claim.checked(revived)) for claim in claims]
    return [
        Outcome(claim.id, claim.verdict, check.holds, _told(check.numbers))
        for claim, check in checked
        if check
    ]


def _told(numbers: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in numbers.items())


if __name__ == "__main__":
    sys.exit(main())
