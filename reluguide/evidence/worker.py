"""What happens in a worker process: one module's experiments are run, then its findings drawn and checked."""

import dataclasses
import importlib
import math
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reluguide.evidence import store
from reluguide.evidence.guide import Guide


class EvidenceError(RuntimeError):
    """An experiment, a fact, a figure or a claim of some module failed; the message says which and why."""


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


def measure(guide: Guide, module: str, device: str) -> tuple[store.Record, dict[str, float]]:
    """Run every experiment of a module on its seeds; the record of results, and seconds by name."""
    from reluguide.device import describe
    from reluguide.evidence.declare import Experiment, declared

    source = f"{guide.package}/experiments/{module}.py"
    experiments = declared(_imported(guide, "experiments", module), Experiment)
    if not experiments:
        raise EvidenceError(f"{source} declares no @experiment.")
    record: store.Record = {"module": module, "experiments": {}}
    seconds: dict[str, float] = {}
    for one in experiments:
        began = time.perf_counter()
        seeds = one.check_seeds if guide.check else one.seeds
        try:
            fields = plain(one(seeds=seeds, device=device), place=f"{source}: {one.name}")
        except EvidenceError as error:
            raise EvidenceError(f"{error}\n{_again(module)}") from None
        except Exception:
            raise EvidenceError(
                f"{source}: experiment {one.name} raised\n{traceback.format_exc()}{_again(module)}"
            ) from None
        seconds[one.name] = time.perf_counter() - began
        record["experiments"][one.name] = {
            "fields": fields,
            "summary": one.summary,
            "seeds": list(seeds),
            "device": describe("cpu" if one.cpu_only else device),
            "device_dependent": one.device_dependent,
            "versions": store.versions(guide, module),
            "seconds": round(seconds[one.name], 2),
        }
    return record, seconds


def conclude(guide: Guide, module: str, record: store.Record) -> store.Record:
    """Facts, figures, data and checked claims of one module, from its results."""
    import matplotlib.pyplot as plt

    from reluguide.evidence import svg
    from reluguide.evidence.declare import Claim, DataMaker, FactMaker, FigureMaker, declared

    source = f"{guide.package}/findings/{module}.py"
    results = revived(record, recorded=guide)
    findings = _imported(guide, "findings", module)
    facts: dict[str, Any] = {}
    figures: dict[str, Any] = {}

    def said(kind: str, name: str, needs: tuple[str, ...], make: Callable[[dict[str, Any]], Any]) -> Any:
        if missing := [need for need in needs if need not in results]:
            raise EvidenceError(
                f"{source}: {kind} {name} asks for the experiment {missing[0]!r}, which experiments/{module}.py "
                f"does not declare; it has {', '.join(results)}.\n{_again(module)}"
            )
        try:
            return make(results)
        except Exception:
            raise EvidenceError(
                f"{source}: {kind} {name} raised\n{traceback.format_exc()}{_again(module)}"
            ) from None

    for maker in declared(findings, FactMaker):
        for name, one in said("fact", maker.name, maker.needs, maker.make).items():
            facts[name] = dataclasses.asdict(one)
    with svg.style():
        for drawing in declared(findings, FigureMaker):
            picture = said("figure", drawing.name, drawing.needs, drawing.make)
            text, width, height = svg.save(
                picture.figure, name=f"{module}-{drawing.name}".replace("_", "-"), title=drawing.title
            )
            plt.close(picture.figure)
            numbers = {
                "columns": list(picture.numbers.columns),
                "rows": [[_cell(cell) for cell in row] for row in picture.numbers.rows],
            }
            figures[drawing.name] = {
                "title": drawing.title, "svg": text, "width": width, "height": height,
                "numbers": numbers, "needs": list(drawing.needs),
            }  # fmt: skip
    claims = []
    for claim in declared(findings, Claim):
        check = said("claim", claim.id, claim.needs, claim.checked)
        decided = {key: float(value) for key, value in check.numbers.items()} if check else {}
        if check and not check.holds:
            listed = ", ".join(f"{name} = {value:.6g}" for name, value in decided.items())
            raise EvidenceError(
                f"{source}: claim {claim.id} was judged {claim.verdict!r}, but its check no longer holds: "
                f"{listed}. Change the verdict to what the evidence says, or mend the experiment.\n"
                f"{_again(module)}"
            )
        claims.append({
            "id": claim.id, "said": claim.said, "where": claim.where, "verdict": claim.verdict,
            "because": claim.because, "needs": list(claim.needs), "checked": check is not None,
            "numbers": decided,
        })  # fmt: skip
    data = {
        maker.name: plain_value(
            said("data", maker.name, maker.needs, maker.make), f"{source}: data {maker.name}"
        )
        for maker in declared(findings, DataMaker)
    }
    provenance = {
        name: {key: value for key, value in one.items() if key not in ("fields", "seconds")}
        for name, one in record["experiments"].items()
    }
    makers: list[FactMaker | FigureMaker] = [*declared(findings, FactMaker)]
    makers += declared(findings, FigureMaker)
    if any("recorded" in one.needs for one in makers):
        provenance["recorded"] = {
            "summary": "Times, recorded by make measure on "
            + ", ".join(sorted({one.date for one in results["recorded"]})),
            "seeds": [], "device": "; ".join(one.device for one in results["recorded"]),
            "device_dependent": True, "versions": {},
        }  # fmt: skip
    return {
        "module": module, "facts": facts, "figures": figures, "claims": claims, "data": data,
        "provenance": provenance,
    }  # fmt: skip


def revived(record: store.Record, *, recorded: Guide | None = None) -> dict[str, Any]:
    """Results as findings see them: attributes by name, lists of numbers as arrays."""
    results: dict[str, Any] = {
        name: SimpleNamespace(**{key: _array(value) for key, value in one["fields"].items()})
        for name, one in record["experiments"].items()
    }
    if recorded is not None:
        from reluguide import recorded as recordings

        results["recorded"] = recordings.load(recorded.recorded)
    return results


def plain(result: Any, *, place: str) -> dict[str, Any]:
    """A result dataclass as JSON-able fields; EvidenceError names the field that is not finite."""
    if not dataclasses.is_dataclass(result) or isinstance(result, type):
        raise EvidenceError(f"{place} must return a dataclass of plain numbers, not {type(result).__name__}.")
    return {
        one.name: plain_value(getattr(result, one.name), f"{place}, field {one.name}")
        for one in dataclasses.fields(result)
    }


def plain_value(value: Any, place: str) -> Any:
    """Arrays and tensors as nested lists; EvidenceError for NaN, infinity and types that are not data."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain_value(item, place if i else f"{place}[0]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {str(key): plain_value(item, f"{place}[{key!r}]") for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise EvidenceError(
            f"{place} holds {value}; a result must be finite. Report a network that diverged as such (a count, "
            "a flag) and leave its numbers out."
        )
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise EvidenceError(
        f"{place} holds a {type(value).__name__}; results are numbers, strings, lists and arrays."
    )


def _array(value: Any) -> Any:
    import numpy as np

    if isinstance(value, list) and value:
        try:
            array = np.array(value)
        except ValueError:  # ragged: layers of different width, say
            return [_array(item) for item in value]
        return array if array.dtype.kind in "bif" else value
    return {key: _array(item) for key, item in value.items()} if isinstance(value, dict) else value


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e6):
        return f"{int(value)}".replace("-", "−")
    return f"{float(value):.4g}".replace("-", "−")


def _imported(guide: Guide, kind: str, module: str) -> Any:
    try:
        return importlib.import_module(f"{guide.package}.{kind}.{module}")
    except Exception:
        raise EvidenceError(
            f"{guide.package}/{kind}/{module}.py cannot be imported\n{traceback.format_exc()}{_again(module)}"
        ) from None


def _again(module: str) -> str:
    return f"Rerun only this module: python -m reluguide evidence {module}"
