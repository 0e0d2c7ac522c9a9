"""Do the tests notice a change? A random sample of mutants, and the share of them that some test catches.

    make mutants                                 200 mutants over evidence, publish, doctor and sweep
    make mutants ARGS='--seed 7'                 the sample of an earlier report again
    make mutants ARGS='--count 20 --part sweep'

Cosmic Ray finds the places and changes them; a change is made in a copy of the repository, one a process,
and the tests that mirror the changed module run there. Survivors are printed as differences to be read.
"""

import argparse
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkResult

ROOT = Path(__file__).resolve().parents[1]
# What is changed, and where a change should be noticed. The first failure ends it, so the tests that are named after
# the module come first, and those that build whole sites again and again last.
TESTS = {
    "evidence": ["tests/evidence/test_*.py", "tests/publish/test_mistakes.py"],
    "publish": ["tests/publish/test_*.py", "tests/test_measure.py", "tests/test_annotate.py"],
    "doctor": ["tests/doctor/test_*.py"],
    "sweep": ["tests/sweep/test_*.py"],
}
TIMEOUT = 600  # seconds; a mutant that never ends is noticed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--part", choices=TESTS, action="append", help="only this part (may be repeated)")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()

    os.chdir(ROOT)
    parts = options.part or list(TESTS)
    sample = drawn(parts, options.count, random.Random(options.seed))
    print(f"{len(sample)} mutants of {', '.join(parts)}, --seed {options.seed}", flush=True)
    caught: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(
        options.workers, initializer=move_to_a_copy, initargs=(folder,)
    ) as pool:  # fmt: skip
        for part in parts:
            took = pool.submit(require_passing, part).result()
            print(f"without a mutant the tests of {part} pass in {took:.0f} s", flush=True)
        running = {pool.submit(tested, mutant): mutant for mutant in sample}
        for number, future in enumerate(as_completed(running), 1):
            mutant, result = running[future], future.result()
            survived = result.test_outcome == TestOutcome.SURVIVED
            caught[part_of(mutant.module_path)] += not survived
            if survived:
                print(f"\n{number}/{len(sample)} survived: {mutant.operator_name}\n{result.diff}", flush=True)
            if number % 10 == 0:
                print(f"{number}/{len(sample)}: {caught.total()} caught", flush=True)
    total = Counter(part_of(mutant.module_path) for mutant in sample)
    for part, count in total.items():
        print(f"{part:10}{caught[part]:4} of {count:4} caught")
    print(f"caught: {caught.total()} of {len(sample)} ({caught.total() / max(1, len(sample)):.0%})")


def drawn(parts: list[str], count: int, draw: random.Random) -> list[MutationSpec]:
    """`count` places of the source, each with one of the changes that Cosmic Ray knows for it."""
    files = [
        path
        for part in parts
        for path in sorted([*Path("reluguide").glob(f"{part}.py"), *Path("reluguide", part).rglob("*.py")])
    ]
    known = WorkDB(":memory:", WorkDB.Mode.create)
    init(files, known, {})
    mutants = [
        mutant
        for item in known.work_items
        for mutant in item.mutations
        if "_BitOr_" not in mutant.operator_name  # in annotations, where `X + None` is no change of meaning
    ]
    mutants.sort(key=lambda one: (str(one.module_path), one.start_pos, one.operator_name, one.occurrence))
    draw.shuffle(mutants)
    places = {(one.module_path, one.start_pos, one.end_pos): one for one in mutants}
    return draw.sample(list(places.values()), min(count, len(places)))


def part_of(path: Path) -> str:
    return path.with_suffix("").parts[1]


def move_to_a_copy(folder: str) -> None:
    """Make this process work in a copy of what git knows here, uncommitted changes included."""
    copy = Path(tempfile.mkdtemp(dir=folder))
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, check=True).stdout.decode().split("\0"):
        if name and Path(name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, copy / name)
    os.chdir(copy)
    os.environ.update(PYTHONPATH=str(copy), OMP_NUM_THREADS="1")


def command(part: str, module: str = "") -> str:
    found = {path for pattern in TESTS[part] for path in Path().glob(pattern)}
    slow = ("test_mistakes", "test_labs", "test_scaffold", "test_rebuilding", "test_flipped", "test_offline")
    order = {name: place for place, name in enumerate(slow, 1)}
    files = sorted(found, key=lambda path: (module not in path.stem, order.get(path.stem, 0), path.stem))
    quick = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow and not browser"]
    return shlex.join([sys.executable, "-m", "pytest", *quick, *map(str, files)])


def require_passing(part: str) -> float:
    began = time.perf_counter()
    ran = subprocess.run(
        shlex.split(command(part)), capture_output=True, text=True, check=False, timeout=TIMEOUT
    )
    if ran.returncode:
        raise RuntimeError(f"The tests of {part} fail without any mutant:\n{ran.stdout[-3000:]}")
    return time.perf_counter() - began


def tested(mutant: MutationSpec) -> WorkResult:
    path = mutant.module_path
    return mutate_and_test([mutant], command(part_of(path), path.stem.strip("_")), TIMEOUT)


if __name__ == "__main__":
    main()
