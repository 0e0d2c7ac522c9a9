"""`reluguide evidence`: bring the store up to date, or rerun one module."""

import argparse
import sys

from reluguide.device import CHOICES, DeviceError, kind_without_torch
from reluguide.evidence import runner
from reluguide.evidence.guide import Guide, here
from reluguide.evidence.record import EvidenceError
from reluguide.publish import labs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("modules", nargs="*", help="modules and labs to bring up to date (default: all)")
    parser.add_argument("--device", choices=CHOICES, help="default: RELUGUIDE_DEVICE, or auto")
    parser.add_argument(
        "--check", action="store_true", help="on the second, disjoint block of seeds, which the tests read"
    )
    parser.add_argument("--workers", type=int, help="worker processes (default: one a core)")


def run(args: argparse.Namespace) -> int:
    guide = here()
    if args.check:
        guide = Guide(guide.root, guide.package, check=True)
    there = [*guide.modules(), *labs.names(guide)]
    if unknown := sorted(set(args.modules) - set(there)):
        print(f"there is no module or lab {unknown[0]!r}; there are {', '.join(there)}", file=sys.stderr)
        return 2
    try:
        device = kind_without_torch(args.device)
        books = [] if guide.check else labs.jobs(guide)
        report = runner.refresh(
            guide, device=device, only=args.modules or None, workers=args.workers, extra=books
        )
    except (EvidenceError, DeviceError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    for problem in (problems := runner.failures(guide, device=device, only=args.modules or None)):
        print(problem, file=sys.stderr)
    return 1 if problems else 0
