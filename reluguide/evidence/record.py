"""What makes a record of results: one module's experiments are run on their seeds. It counts in their key."""

import importlib
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from reluguide.evidence import store
from reluguide.evidence.guide import Guide

Results = dict[str, Any]


class EvidenceError(RuntimeError):
    """An experiment, a fact, a figure or a check of some module failed; the message says which and why."""


def measure(
    guide: Guide,
    module: str,
    device: str,
    *,
    only: Sequence[str] | None = None,
    seeds: Callable[[Any], Sequence[int]] | None = None,
) -> tuple[store.Record, dict[str, float]]:
    """Run a module's experiments (or `only` those named); the record of results, and seconds by name.

    `seeds` chooses an experiment's seeds; by default its own, or its second block where the guide says so.
    """
    from reluguide.device import describe
    from reluguide.evidence.experiments import Experiment, declared
    from reluguide.evidence.results import ResultError, as_record

    source = f"{guide.package}/experiments/{module}.py"
    experiments = declared(imported(guide, "experiments", module), Experiment)
    if not experiments:
        raise EvidenceError(f"{source} declares no @experiment.")
    record: store.Record = {"module": module, "experiments": {}}
    took: dict[str, float] = {}
    for name, one in experiments.items():
        if only is not None and name not in only:
            continue
        began = time.perf_counter()
        chosen = seeds(one) if seeds else one.check_seeds if guide.check else one.seeds
        try:
            result = as_record(one(seeds=chosen, device=device), settings=one.settings)
        except ResultError as error:
            raise EvidenceError(f"{source}: experiment {name}: {error}\n{again(module)}") from None
        except Exception:
            raise EvidenceError(
                f"{source}: experiment {name} raised\n{traceback.format_exc()}{again(module)}"
            ) from None
        took[name] = time.perf_counter() - began
        record["experiments"][name] = {
            "result": result,
            "summary": one.summary,
            "seeds": list(chosen),
            "device": describe("cpu" if one.cpu_only else device),
            "device_dependent": one.device_dependent,
            "versions": store.versions(guide, module),
            "seconds": round(took[name], 2),
        }
    return record, took


def results(guide: Guide, record: store.Record) -> Results:
    """A record's results as findings get them: labelled arrays by experiment, and the recorded times."""
    from reluguide import recorded
    from reluguide.evidence.results import revived

    found: Results = {name: revived(one["result"]) for name, one in record["experiments"].items()}
    return {**found, "recorded": recorded.load(guide.recorded)}


def imported(guide: Guide, kind: str, module: str) -> Any:
    """A module of the package by its kind; EvidenceError with the reason where it cannot be imported."""
    try:
        return importlib.import_module(f"{guide.package}.{kind}.{module}")
    except Exception:
        raise EvidenceError(
            f"{guide.package}/{kind}/{module}.py cannot be imported\n{traceback.format_exc()}{again(module)}"
        ) from None


def again(module: str) -> str:
    """How to rerun one module, as messages end."""
    return f"Rerun only this module: python -m reluguide evidence {module}"
