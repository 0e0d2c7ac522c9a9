"""What happens in a worker process: one module's experiments are run, then its findings drawn and checked."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reluguide.evidence import store
from reluguide.evidence.conclude import conclude
from reluguide.evidence.guide import Guide
from reluguide.evidence.record import measure


@dataclass
class Ran:
    """What happened to one module: seconds an experiment (empty if reused), and whether it was redrawn."""

    module: str
    seconds: dict[str, float] = field(default_factory=dict)
    redrawn: bool = False


def work(guide: Guide, module: str, device: str, places: Sequence[Path]) -> Ran:
    """In a worker: measure what is stale of one module, then draw and check what is said of it.

    `places` are where result and findings belong, as the sources stood before this process imported any.
    Where they belong elsewhere by now, somebody has saved a file in between: what was made is of the old
    source, or of both, and is not kept.
    """
    if guide.root.as_posix() not in sys.path:
        sys.path.insert(0, guide.root.as_posix())
    seconds: dict[str, float] = {}
    record = store.read(places[0])
    if record is None:
        record, seconds = measure(guide, module, device)
        if store.result_path(guide, module, device) != places[0]:
            return Ran(module, seconds)
        store.write(places[0], record)
    findings = conclude(guide, module, record)
    if store.findings_path(guide, module, device) != places[1]:
        return Ran(module, seconds)
    store.write(places[1], findings)
    return Ran(module, seconds, redrawn=True)
