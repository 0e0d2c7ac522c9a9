"""Do the tests notice a change? A random sample of mutants, and the share of them that some test catches.

    make mutants                      200 mutants over evidence, publish, doctor and sweep
    make mutants ARGS='--seed 7'      the sample of an earlier report again

mutmut makes the mutants and knows which tests call the function that a mutant is in ([tool.mutmut] in
pyproject.toml); it needs fork, so Linux, macOS or WSL. This script draws the sample and writes the report;
the survivors' differences stand in mutants/survivors.diff.
"""

import argparse
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

CAUGHT = ("killed", "timeout", "segfault", "caught by type check")
MUTANTS = Path("mutants")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    options = parser.parse_args()

    shutil.rmtree(MUTANTS, ignore_errors=True)
    print("Making the mutants, and running the tests once to see what each of them calls ...", flush=True)
    run("reluguide.evidence.x_shown__mutmut_1")
    names = sorted(results())
    sample = random.Random(options.seed).sample(names, min(options.count, len(names)))
    print(f"Testing {len(sample)} of {len(names)} mutants (--seed {options.seed}) ...", flush=True)
    run(*sample)
    found = results()
    report({name: found[name] for name in sample})


def report(outcome: dict[str, str]) -> None:
    parts: dict[str, Counter[bool]] = {}
    for name, status in outcome.items():
        parts.setdefault(".".join(name.split(".")[1:-1]), Counter())[status in CAUGHT] += 1
    for part, count in sorted(parts.items()):
        print(f"  {part:28}{count[True]:4} of {count.total():4}")
    survivors = sorted(name for name, status in outcome.items() if status not in CAUGHT)
    diffs = [mutmut("show", name).stdout for name in survivors]
    (MUTANTS / "survivors.diff").write_text("\n".join(diffs), encoding="utf-8")
    caught = len(outcome) - len(survivors)
    print(f"caught: {caught} of {len(outcome)} ({caught / len(outcome):.0%})")
    print("\n".join(f"  {outcome[name]}: {name}" for name in survivors))


def run(*names: str) -> None:
    """Test these mutants; exits with what mutmut said where the tests fail without any mutant."""
    ran = mutmut("run", *names)
    if ran.returncode:
        sys.exit(f"{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}\nmutmut could not run; see above.")


def results() -> dict[str, str]:
    """The status of every mutant by its name."""
    lines = mutmut("results", "--all", "true").stdout.splitlines()
    return dict(line.strip().split(": ", 1) for line in lines if ": " in line)


def mutmut(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
