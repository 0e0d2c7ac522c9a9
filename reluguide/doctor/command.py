"""`reluguide diagnose pkg.mod:model --data pkg.mod:loader`: a diagnosis from the command line, and for CI."""

import argparse
import importlib
import os
import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError
from reluguide.doctor.report import EXTRAS

OK, EXCEEDED, BAD_INPUT = 0, 1, 2


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
    add("--json", metavar="FILE", help="write the report as JSON")
    add("--html", metavar="FILE", help="write the report as one HTML page")
    add("--explain", action="store_true", help="print the cause of each dead unit as well")
    add("--training", action="store_true", help="diagnose in training mode, not in eval mode")
    add("--device", help="move the model there first, as in cuda")
    add("--also", nargs="+", choices=EXTRAS, default=(), help="measure these as well, at their cost")
    add("--only", nargs="+", default=(), metavar="PATTERN", help="names of activation calls to look at")
    add("--ignore", nargs="+", default=(), metavar="PATTERN", help="names of activation calls to leave out")


def run(args: argparse.Namespace) -> int:
    """0; 1 where more units are dead than --max-dead allows; 2 where the input does not allow a diagnosis."""
    try:
        model, data = imported(args.model, make=nn.Module), imported(args.data, make=Iterable)
        if args.device:
            model = _moved(model, args.device)
        report = diagnose(
            model, data, training=args.training, also=args.also, only=args.only, ignore=args.ignore
        )  # fmt: skip
        if args.json:
            report.to_json(args.json)
        if args.html:
            report.to_html(args.html)
    except (DiagnosisError, OSError) as error:
        print(f"reluguide diagnose: {error}", file=sys.stderr)
        return BAD_INPUT
    print(report)
    if args.explain:
        print(f"\n{report.explain()}")
    if args.max_dead is not None:
        try:
            report.check(max_dead=args.max_dead, each=args.each)
        except DeadUnitsError as error:
            print(f"\n{error}", file=sys.stderr)
            return EXCEEDED
    return OK


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
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share between 0 and 1")
    return share
