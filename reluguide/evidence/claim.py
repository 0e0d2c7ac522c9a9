"""`reluguide claim C13`: rerun the experiment behind a claim; print the verdict and what decides it."""

import argparse
import sys
from collections.abc import Iterator

from reluguide.device import CHOICES, DeviceError, kind_without_torch
from reluguide.evidence import claims, conclude, record
from reluguide.evidence.claims import Claim
from reluguide.evidence.guide import Guide, here


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="the claim's id, as the ledger shows it: C13")
    parser.add_argument("--device", choices=CHOICES, help="default: RELUGUIDE_DEVICE, or auto")
    parser.add_argument(
        "--check", action="store_true", help="on the second, disjoint block of seeds instead of the page's"
    )


def run(args: argparse.Namespace) -> int:
    guide = here()
    there = known(guide)
    if args.id.upper() not in there:
        print(f"no page judges the claim {args.id!r}; known: {', '.join(there)}", file=sys.stderr)
        return 2
    module, claim = there[args.id.upper()]
    try:
        print(told(guide, module, claim, device=kind_without_torch(args.device), check=args.check))
    except (record.EvidenceError, DeviceError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def known(guide: Guide) -> dict[str, tuple[str, Claim]]:
    """Every claim of the question pages with its module, by its id in capitals, in the order of the ids."""

    def found() -> Iterator[tuple[str, tuple[str, Claim]]]:
        for path in sorted(guide.questions.glob("*.md")):
            lines = path.read_text(encoding="utf-8").splitlines()
            for claim in claims.read(enumerate(lines, 1)):
                yield claim.id.upper(), (guide.module(path), claim)

    return dict(sorted(found(), key=lambda item: claims.order(item[1][1].id)))


def told(guide: Guide, module: str, claim: Claim, *, device: str, check: bool = False) -> str:
    """Rerun what the claim needs and report; EvidenceError where a condition does not hold any more."""
    lines = [
        f"{claim.id}: {claim.said}",
        f"said in: {claims.named(claim.where, claims.threads(guide))}",
        f"verdict: {claim.verdict}",
    ]
    decides = conclude.check_of(guide, module, claim.id)
    if decides is None:
        return "\n".join([*lines, "settled by citation or inspection; nothing to rerun", f"page: {module}"])
    chosen = Guide(guide.root, guide.package, check=check)
    measured, _ = record.measure(chosen, module, device, only=decides.needs)
    for name, one in measured["experiments"].items():
        lines.append(f"reran: {name}, {len(one['seeds']) or 'no'} seeds, on {one['device']}")
    conditions = decides.conditions(record.results(guide, measured))
    lines += [f"  {'holds' if one.holds else 'FAILS'}  {one}" for one in conditions]
    if not all(one.holds for one in conditions):
        raise record.EvidenceError(
            "\n".join(
                [*lines, f"the verdict {claim.verdict!r} no longer holds: change it to what the numbers say"]
            )
        )
    return "\n".join([*lines, "the verdict stands"])
