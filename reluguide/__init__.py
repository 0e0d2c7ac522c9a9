"""reluguide: a guide to the ReLU activation function, and the tools behind its numbers.

Public names resolve on first use, so that `import reluguide` (which every build of the site does)
loads neither torch nor matplotlib:

    diagnose, watch, prune_dead, revive     the doctor: dead units of your own model
    diagnose_arrays                         the same for numbers from elsewhere
    ranks                                   in how many directions a layer's activations vary
    checkup                                 cheap tests for a model that does not learn
    Report, Layer                           what a diagnosis gives
    DeadUnitsError, DiagnosisError          what can go wrong
    ACTIVATIONS                             every activation, its derivative, its paper

`from reluguide.sweep import sweep` trains many small networks at once.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Where each public name lives.
HOMES = {
    "ACTIVATIONS": "reluguide.activations",
    "diagnose": "reluguide.doctor",
    "watch": "reluguide.doctor",
    "prune_dead": "reluguide.doctor",
    "prune_where_possible": "reluguide.doctor",
    "revive": "reluguide.doctor",
    "checkup": "reluguide.doctor",
    "diagnose_arrays": "reluguide.doctor",
    "ranks": "reluguide.doctor",
    "DeadUnitsError": "reluguide.doctor",
    "DiagnosisError": "reluguide.doctor",
    "Layer": "reluguide.doctor",
    "Report": "reluguide.doctor",
}

__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    raise AttributeError(f"module 'reluguide' has no attribute {name!r}; it offers {__all__}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
