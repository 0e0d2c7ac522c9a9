"""The command line: `reluguide <command> --help` explains each."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from reluguide import __version__

# Each command lives in the module that does the work, which is imported only when it is called:
# it offers `add_arguments(parser)` and `run(args) -> exit status`.
COMMANDS = {
    "diagnose": ("reluguide.doctor.command", "is any unit of your model dead, why, and what helps"),
    "claim": ("reluguide.evidence.claim", "rerun the experiment behind a claim; print verdict and numbers"),
    "evidence": ("reluguide.publish.command", "run what is stale of the experiments and findings"),
    "measure": ("reluguide.measure", "record times on this device into reluguide/recorded/"),
    "links": ("reluguide.publish.links", "check the addresses outside the site (needs a network)"),
    "new-question": ("reluguide.publish.scaffold", "create page, experiments, findings, snippet and test"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status, 2 where a package that the command needs is missing."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except ImportError as error:
        told = _missing(arguments[0], error)
        if told is None:
            raise
        print(told, file=sys.stderr)
        return 2


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="reluguide", description="A guide to ReLU whose every sentence can be rerun."
    )
    parser.add_argument("--version", action="version", version=f"reluguide {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    chosen = arguments[0] if arguments else ""
    for name, (module, what) in COMMANDS.items():
        sub = subparsers.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        if name == chosen:
            importlib.import_module(module).add_arguments(sub)
    args = parser.parse_args(arguments)
    status: int = importlib.import_module(COMMANDS[args.command][0]).run(args)
    return status


def _missing(command: str, error: ImportError) -> str | None:
    """One sentence where the extra that builds the guide is missing; None where an import fails otherwise."""
    if "reluguide[site]" in str(error):
        return str(error)
    # `diagnose` needs the core only: what is missing there is missing to the user's own model.
    if command == "diagnose" or not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    if error.name.partition(".")[0] == "reluguide":
        return None
    return (
        f"reluguide {command} needs {error.name}, which is not installed here. "
        "Install the extra that has it: pip install 'reluguide[site]'"
    )


if __name__ == "__main__":
    sys.exit(main())
