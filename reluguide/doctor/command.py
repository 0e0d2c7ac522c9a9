"""`reluguide diagnose pkg.mod:model --data pkg.mod:loader`: a diagnosis from the command line, and for CI.

The exit status is 0 where the check passes, 1 where it does not, and 2 where there is no verdict: bad
input, or code of the model or the data that crashed.
"""

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError, share
from reluguide.doctor.explanation import headline
from reluguide.doctor.links import page
from reluguide.doctor.report import EXTRAS, Report

OK, EXCEEDED, NO_VERDICT = 0, 1, 2
FORMATS = ("text", "github", "markdown", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `diagnose` takes to a parser."""
    add = parser.add_argument
    add("model", metavar="pkg.mod:model", help="an nn.Module, or a function without arguments that makes one")
    add(
        "--data",
        required=True,
        metavar="pkg.mod:loader",
        help="batches, one tensor, or a function that gives them",
    )
    add(
        "--max-dead",
        type=_share,
        metavar="SHARE",
        help="exit with 1 if a larger share of units is dead, as in 0.05",
    )
    add(
        "--each",
        action="store_true",
        help="apply --max-dead to each activation call, not to all units together",
    )
    add(
        "--allow-unseen",
        nargs="*",
        metavar="PATTERN",
        help="exit with 1 if a layer was not seen, except those named (without a name: none)",
    )
    add(
        "--format",
        choices=FORMATS,
        default="text",
        help="what is printed: a table, annotations for GitHub's CI, Markdown for a forum, or JSON",
    )
    add("--json", metavar="FILE", help="write the report as JSON")
    add("--html", metavar="FILE", help="write the report as one HTML page")
    add("--explain", action="store_true", help="print the cause of each dead unit as well")
    add("--training", action="store_true", help="diagnose in training mode, not in eval mode")
    add("--verify", action="store_true", help="check what was seen with a gradient from the model's output")
    add("--max-batches", type=int, metavar="N", help="stop after N batches, as an endless loader needs")
    add("--device", help="move the model there first, as in cuda")
    add("--also", nargs="+", choices=EXTRAS, default=(), help="measure these as well, at their cost")
    add("--only", nargs="+", default=(), metavar="PATTERN", help="names of activation calls to look at")
    add("--ignore", nargs="+", default=(), metavar="PATTERN", help="names of activation calls to leave out")


def run(args: argparse.Namespace) -> int:
    """0; 1 where the check fails; 2 where there is no verdict."""
    try:
        report = _diagnosed(args)
        print(_printed(report, args))
    except (DiagnosisError, OSError) as error:
        return _no_verdict(str(error), args)
    except Exception as error:
        traceback.print_exc()
        return _no_verdict(f"{type(error).__name__} in the code above, so there is no diagnosis.", args)
    if args.max_dead is None and args.allow_unseen is None:
        return OK
    try:
        report.check(
            max_dead=1.0 if args.max_dead is None else args.max_dead,
            each=args.each,
            allow_unseen=True if args.allow_unseen is None else args.allow_unseen,
        )
    except DeadUnitsError as error:
        print(f"\n{error}", file=sys.stderr)
        if args.format == "github":
            print(_annotation("error", "Too many dead units", str(error)))
        return EXCEEDED
    return OK


def _diagnosed(args: argparse.Namespace) -> Report:
    model, data = imported(args.model, make=nn.Module), imported(args.data, make=Iterable)
    if args.device:
        model = _moved(model, args.device)
    report = diagnose(
        model, data, training=args.training, verify=args.verify, max_batches=args.max_batches, also=args.also,
        only=args.only, ignore=args.ignore,
    )  # fmt: skip
    if args.json:
        report.to_json(args.json)
    if args.html:
        report.to_html(args.html)
    return report


def _printed(report: Report, args: argparse.Namespace) -> str:
    if args.format == "markdown":
        return report.to_markdown()
    if args.format == "json":
        return json.dumps(report.to_dict(), indent=1, allow_nan=False)
    text = f"{report}\n\n{report.explain()}" if args.explain else str(report)
    return text if args.format == "text" else "\n".join([text, *_annotations(report)])


def _annotations(report: Report) -> list[str]:
    """A warning for each fault and a notice for what was not seen, as GitHub shows them beside a commit."""
    faults = report.explain().faults()
    return [
        _annotation(
            "warning",
            f"{len(fault)} dead in {fault[0].layer}",
            f"{headline(fault)}. On these {report.samples} samples. {fault[0].fix} {page('dead-units')}",
        )
        for fault in faults
    ] + [_annotation("notice", "Not seen", str(one)) for one in report.unseen]


def _annotation(level: str, title: str, message: str) -> str:
    message = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    title = title.replace("%", "%25").replace(":", "%3A").replace(",", "%2C").replace("\n", " ")
    return f"::{level} title={title}::{message}"


def _no_verdict(why: str, args: argparse.Namespace) -> int:
    print(f"reluguide diagnose: {why}", file=sys.stderr)
    if args.format == "github":
        print(_annotation("error", "No diagnosis", why))
    return NO_VERDICT


def imported(path: str, *, make: type) -> Any:
    """What `pkg.mod:name` names; called, if it is not a `make` itself but a function or class.

    The current directory can be imported from, as with `python -m`.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise DiagnosisError(f"{path!r} is not of the form pkg.mod:name.")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise DiagnosisError(
            f"{path!r} cannot be imported: {error}; looked in {here} and in sys.path."
        ) from error
    except SystemExit as error:
        raise DiagnosisError(
            f"{path!r} cannot be imported: the module ends the program (exit status {error.code}); put what "
            'it does as a script under `if __name__ == "__main__":`.'
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise DiagnosisError(f"{path!r}: {module_name} has no {name!r}.")
        found = getattr(found, part)
    if callable(found) and (isinstance(found, type) or not isinstance(found, make)):
        found = found()
    if not isinstance(found, make):
        raise DiagnosisError(
            f"{path!r} is {type(found).__name__}, not {make.__name__}, nor a function that gives one."
        )
    return found


def _moved(model: nn.Module, device: str) -> nn.Module:
    try:
        return model.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DiagnosisError(f"the model cannot be moved to {device!r}: {reason}") from error


def _share(text: str) -> float:
    try:
        return share("--max-dead", float(text), of="of units")
    except ValueError:  # no number, or refused
        raise argparse.ArgumentTypeError(f"{text} is not a share between 0 and 1") from None
