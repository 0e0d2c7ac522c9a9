"""Run a command; where it fails, repeat its `file:line: message` lines as annotations of a pull request.

    python .ci/annotate.py bash .ci/run

Every check and test names the file and the line to mend; this puts the message on that line of the diff.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# path:line: message, at the start of a line or after the name of an exception; and what ruff would reformat.
PLACE = re.compile(r"(?:^|\s)(?:\./)?((?:[\w.-]+/)*[\w.-]+\.\w+):(\d+)(?::\d+)?: +(\S.*)")
REFORMAT = re.compile(r"^Would reformat: (\S+)")


def main(command: list[str]) -> int:
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        for line in running.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.rstrip("\n"))
    if running.returncode:
        print("\n".join(annotations(lines)))
    return running.returncode


def annotations(lines: Iterable[str]) -> list[str]:
    """GitHub's workflow commands for what the lines say of files that are here, one a place."""
    found: dict[tuple[str, str], str] = {}
    for line in lines:
        if match := REFORMAT.match(line):
            found.setdefault((match[1], "1"), "ruff would format this file differently: ruff format")
        elif (match := PLACE.search(line)) and not match[1].startswith(".venv") and Path(match[1]).is_file():
            found.setdefault((match[1], match[2]), match[3])
    return [
        f"::error file={_escaped(file)},line={line}::{_escaped(message)}"
        for (file, line), message in found.items()
    ]


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
