"""`reluguide claim C13`: rerun the experiment behind a claim; print the verdict and the numbers that decide it."""

import argparse
import importlib
import re
import sys
from typing import Any

from reluguide.device import CHOICES, DeviceError, describe, kind_without_torch
from reluguide.evidence import worker
from reluguide.evidence.guide import Guide, here


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="the claim's id, as the ledger shows it: C13")
    parser.add_argument("--device", choices=CHOICES, help="default: RELUGUIDE_DEVICE, or auto")
    parser.add_argument(
        "--check", action="store_true", help="on the second, disjoint block of seeds instead of the page's"
    )


def run(args: argparse.Namespace) -> int:
    guide = here()
    module = home(guide, args.id)
    if module is None:
        print(
            f"no findings module declares the claim {args.id!r}; known: {', '.join(known(guide))}",
            file=sys.stderr,
        )
        return 2
    try:
        print(told(guide, module, args.id, device=kind_without_torch(args.device), check=args.check))
    except (worker.EvidenceError, DeviceError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def home(guide: Guide, id: str) -> str | None:
    """The module that declares a claim, found in the sources, so that nothing else need be imported."""
    return known(guide).get(id.upper())


def known(guide: Guide) -> dict[str, str]:
    """Every claim's module by its id, in the order of the ids."""
    found = {
        id: module
        for module in guide.modules()
        for id in re.findall(
            r"(?:@claim|\bClaim)\(\s*\"(\w+)\"",
            (guide.source / "findings" / f"{module}.py").read_text(encoding="utf-8"),
        )
    }
    return dict(sorted(found.items(), key=lambda item: order(item[0])))


def order(id: str) -> tuple[str, int, str]:
    """Ids sort by their number, then by what follows it: C9, C45, C45b, C46."""
    match = re.fullmatch(r"(\D*)(\d+)(.*)", id)
    return (match[1], int(match[2]), match[3]) if match else (id, 0, "")


def told(guide: Guide, module: str, id: str, *, device: str, check: bool = False) -> str:
    """Rerun what the claim needs and report; EvidenceError where the check does not hold any more."""
    from reluguide.evidence.declare import Claim, Experiment, declared

    findings: Any = importlib.import_module(f"{guide.package}.findings.{module}")
    experiments: Any = importlib.import_module(f"{guide.package}.experiments.{module}")
    claim = next(one for one in declared(findings, Claim) if one.id.upper() == id.upper())
    lines = [f"{claim.id}: {claim.said}", f"said in: {claim.where}", f"verdict: {claim.verdict}"]
    if claim.check is None:
        return "\n".join([*lines, "settled by citation or inspection; nothing to rerun", f"page: {module}"])
    record: dict[str, Any] = {"experiments": {}}
    for one in declared(experiments, Experiment):
        if one.name in claim.needs:
            seeds = one.check_seeds if check else one.seeds
            fields = worker.plain(one(seeds=seeds, device=device), place=f"{module}: {one.name}")
            record["experiments"][one.name] = {"fields": fields}
            where = describe("cpu" if one.cpu_only else device)
            lines.append(f"reran: {one.name}, {len(seeds) or 'no'} seeds, on {where}")
    outcome = claim.checked(worker.revived(record, recorded=guide))
    assert outcome is not None
    lines += [f"  {name}: {value:.6g}" for name, value in outcome.numbers.items()]
    if not outcome.holds:
        raise worker.EvidenceError(
            "\n".join(
                [*lines, f"the verdict {claim.verdict!r} no longer holds: change it to what the numbers say"]
            )
        )
    return "\n".join([*lines, "the verdict stands"])
