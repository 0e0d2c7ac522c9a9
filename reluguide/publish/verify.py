"""Does the page show what the code does? Blocks are run, outputs compared, and rewritten on request.

A block of a question page is a whole snippet and runs as if it had been copied into an empty file: in a
namespace of its own, in an empty folder. Nothing here knows pytest or Sybil; `verification` ties it in.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from reluguide.evidence.guide import Guide
from reluguide.publish import pages
from reluguide.publish.pages import Fence, Page, PageError

_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def printed(guide: Guide, page: Page, fence: Fence) -> str | None:
    """Run a Python block and give what it prints; None for a section of the package, which only defines.

    PageError, with the lines of the page and of the snippet, where it raises.
    """
    source, name, first = fence.body, page.name, fence.line + 1
    if fence.include:
        if fence.include[1]:
            pages.included(guide, page, fence)
            return None
        source, name, first = pages.included(guide, page, fence)
    try:
        return run(source, name=name, first=first)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
        where = f"{name}:{frames[-1].lineno}: {frames[-1].line or ''}" if frames else name
        raise PageError(
            page.name, fence.line, f"the code raised {type(error).__name__}: {error}\n  {where}"
        ) from None


def run(source: str, *, name: str, first: int = 1) -> str:
    """Execute a program whose text begins on line `first` of the file `name`; what it prints."""
    code = compile("\n" * (first - 1) + source, name, "exec")
    out = io.StringIO()
    with _as_found(), contextlib.redirect_stdout(out):
        exec(code, {"__name__": "__main__", "__file__": name})
    return out.getvalue()


def console(page: Page, fence: Fence) -> str:
    """A console block as it would look now: every `$ reluguide ...` line run, followed by what it prints."""
    shown = []
    with tempfile.TemporaryDirectory() as folder:
        for number, line in enumerate(fence.body.splitlines(), fence.line + 1):
            if not line.startswith("$ "):
                continue
            command = shlex.split(line[2:])
            if command[:1] != ["reluguide"]:
                raise PageError(
                    page.name, number,
                    f"{line!r}: only `$ reluguide ...` is run; for anything else write <!-- skip: reason -->.",
                )  # fmt: skip
            ended = subprocess.run(
                [sys.executable, "-m", "reluguide", *command[1:]],
                cwd=folder, capture_output=True, text=True, check=False,
                env={**os.environ, "COLUMNS": "100", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )  # fmt: skip
            shown.append(f"{line}\n{ended.stdout}{ended.stderr}")
    return "".join(shown)


def difference(expected: str, got: str, *, exact: bool = True) -> str | None:
    """What differs, or None. Trailing blanks never count; a last decimal may differ by one unless `exact`."""
    want, have = (_trimmed(text) for text in (expected, got))
    if want == have or (not exact and _nearly(want, have)):
        return None
    return f"Expected:\n{_indented(want)}\nGot:\n{_indented(have)}"


def rewritten(page: Page, outputs: dict[int, str]) -> str:
    """The page's text with new bodies for the fences that begin on the given lines."""
    lines = page.text.splitlines(keepends=True)
    for fence in sorted(page.fences, key=lambda one: -one.line):  # upwards, so that line numbers stay true
        if fence.line in outputs:
            body = _trimmed(outputs[fence.line])
            lines[fence.line : fence.end - 1] = [f"{fence.indent}{row}".rstrip() + "\n" for row in body]
    return "".join(lines)


def _trimmed(text: str) -> list[str]:
    rows = [row.rstrip() for row in text.splitlines()]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _nearly(want: list[str], have: list[str]) -> bool:
    """Same text but for numbers, and each number within one unit of its last shown place."""
    if len(want) != len(have):
        return False
    for one, other in zip(want, have, strict=True):
        if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
            return False
        for a, b in zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True):
            if a != b and not _one_unit(a.replace("−", "-"), b.replace("−", "-")):
                return False
    return True


def _one_unit(a: str, b: str) -> bool:
    mantissa, _, exponent = a.partition("e")
    if "." not in mantissa:
        return False
    unit = 10.0 ** (-len(mantissa.partition(".")[2]) + int(exponent or 0))
    return len(b.partition("e")[0].partition(".")[2]) == len(mantissa.partition(".")[2]) and abs(
        float(a) - float(b)
    ) <= unit * (1 + 1e-9)


def _indented(rows: list[str]) -> str:
    return "\n".join(f"    {row}" for row in rows) or "    (nothing)"


@contextlib.contextmanager
def _as_found() -> Iterator[None]:
    """An empty folder to run in; afterwards torch's random state, dtype and threads are as before."""
    torch = sys.modules.get("torch")
    before = (torch.get_rng_state(), torch.get_default_dtype(), torch.get_num_threads()) if torch else None
    cwd = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(cwd)
            if torch and before:
                torch.set_rng_state(before[0])
                torch.set_default_dtype(before[1])
                torch.set_num_threads(before[2])
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")
