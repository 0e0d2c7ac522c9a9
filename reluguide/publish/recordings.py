"""Recorded times: `reluguide/recorded/<device>.json`, written by `make measure`, read by findings.

Times are never measured during a build, or no two builds would agree. A recording says when, on what and
with which command it was made; a page quotes it with that.
"""

import json
from dataclasses import dataclass
from typing import Any

from reluguide.publish.house import House


@dataclass(frozen=True)
class Recording:
    """Times of one device: its name in words, date, versions, command, and `times` by benchmark."""

    device: str
    kind: str
    date: str
    versions: dict[str, str]
    command: str
    times: dict[str, Any]


def load(house: House) -> list[Recording]:
    """Every recording of the guide, CPUs first, then by name."""
    found = [
        Recording(**json.loads(path.read_text(encoding="utf-8"))) for path in house.recorded.glob("*.json")
    ]
    return sorted(found, key=lambda one: (one.kind != "cpu", one.device))
