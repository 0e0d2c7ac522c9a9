"""What makes findings of results: facts, figures, data and checks of one module."""

import dataclasses
import functools
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reluguide.evidence import store
from reluguide.evidence.guide import Guide
from reluguide.evidence.record import EvidenceError, Results, again, imported, results

if TYPE_CHECKING:
    from reluguide.evidence.checks import Check


def conclude(guide: Guide, module: str, record: store.Record) -> store.Record:
    """Facts, figures, data and checks of one module, from its results."""
    return _Conclusion(guide, module, record).record()


class _Conclusion:
    """One findings module and the results that it speaks of."""

    def __init__(self, guide: Guide, module: str, record: store.Record) -> None:
        self.module, self.measured = module, record["experiments"]
        self.source = f"{guide.package}/findings/{module}.py"
        self.results = results(guide, record)
        self.findings = imported(guide, "findings", module)

    def record(self) -> store.Record:
        facts, families = self.facts()
        return {
            "module": self.module, "facts": facts, "families": families, "figures": self.figures(),
            "checks": self.checks(), "data": self.data(), "settings": self.settings(),
            "provenance": self.provenance(),
        }  # fmt: skip

    def facts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        from reluguide.evidence.experiments import declared
        from reluguide.evidence.facts import Family

        facts: dict[str, Any] = {}
        families: dict[str, Any] = {}
        for name, family in declared(self.findings, Family).items():
            made, dims = self.said("fact", name, family.needs, functools.partial(family.make, name))
            facts |= {full: dataclasses.asdict(one) for full, one in made.items()}
            families[name] = [[dim, labels] for dim, labels in dims.items()]
        return facts, families

    def figures(self) -> dict[str, Any]:
        import matplotlib.pyplot as plt

        from reluguide.evidence import svg
        from reluguide.evidence.experiments import declared
        from reluguide.evidence.figures import Drawing

        figures: dict[str, Any] = {}
        with svg.style():
            for name, drawing in declared(self.findings, Drawing).items():
                picture = self.said("figure", name, drawing.needs, drawing.make)
                text, width, height = svg.save(
                    picture.figure, name=f"{self.module}-{name}".replace("_", "-"), title=drawing.title
                )
                plt.close(picture.figure)
                numbers = {
                    "columns": list(picture.numbers.columns),
                    "rows": [[_cell(cell) for cell in row] for row in picture.numbers.rows],
                }
                figures[name] = {
                    "title": drawing.title, "svg": text, "width": width, "height": height,
                    "numbers": numbers, "needs": list(drawing.needs),
                }  # fmt: skip
        return figures

    def checks(self) -> dict[str, Any]:
        """Every check with its conditions, held or not: the page, which knows the verdict, says what follows."""
        from reluguide.evidence.checks import Check
        from reluguide.evidence.experiments import declared

        checks: dict[str, Any] = {}
        for name, check in declared(self.findings, Check).items():
            if check.id in checks:
                raise EvidenceError(f"{self.source}: {name} is a second check of the claim {check.id}.")
            conditions = self.said("check", name, check.needs, check.conditions)
            checks[check.id] = {
                "needs": list(check.needs),
                "conditions": [{**dataclasses.asdict(one), "text": str(one)} for one in conditions],
            }
        return checks

    def data(self) -> dict[str, Any]:
        from reluguide.evidence.experiments import declared
        from reluguide.evidence.figures import Data

        return {
            name: plain(self.said("data", name, maker.needs, maker.make), f"{self.source}: data {name}")
            for name, maker in declared(self.findings, Data).items()
        }

    def settings(self) -> dict[str, Any]:
        """The settings of each experiment as pages quote them, and the number of its seeds."""
        from reluguide.evidence.formats import setting

        return {
            name: {key: setting(value) for key, value in one["result"]["settings"].items()}
            | ({"seeds": setting(len(one["seeds"]))} if one["seeds"] else {})
            for name, one in self.measured.items()
        }

    def provenance(self) -> dict[str, Any]:
        from reluguide.evidence.experiments import declared
        from reluguide.evidence.facts import Family
        from reluguide.evidence.figures import Drawing

        kept = ("summary", "seeds", "device", "device_dependent", "versions")
        found: dict[str, Any] = {name: {key: one[key] for key in kept} for name, one in self.measured.items()}
        makers: list[Family | Drawing] = [*declared(self.findings, Family).values()]
        makers += declared(self.findings, Drawing).values()
        if any("recorded" in one.needs for one in makers):
            times = self.results["recorded"]
            found["recorded"] = {
                "summary": f"Times, recorded by make measure on {', '.join(sorted({one.date for one in times}))}",
                "seeds": [], "device": "; ".join(one.device for one in times),
                "device_dependent": True, "versions": {},
            }  # fmt: skip
        return found

    def said(self, kind: str, name: str, needs: Sequence[str], make: Callable[[Results], Any]) -> Any:
        """What one declaration makes of the results; EvidenceError that names it where it cannot."""
        if missing := [need for need in needs if need not in self.results]:
            raise EvidenceError(
                f"{self.source}: {kind} {name} asks for the experiment {missing[0]!r}, which "
                f"experiments/{self.module}.py does not declare; it has {', '.join(self.results)}.\n"
                f"{again(self.module)}"
            )
        try:
            return make(self.results)
        except Exception:
            raise EvidenceError(
                f"{self.source}: {kind} {name} raised\n{traceback.format_exc()}{again(self.module)}"
            ) from None


def check_of(guide: Guide, module: str, id: str) -> "Check | None":
    """The check of a claim in the findings of its page; None where it has none."""
    from reluguide.evidence.checks import Check
    from reluguide.evidence.experiments import declared

    found = declared(imported(guide, "findings", module), Check)
    return next((one for one in found.values() if one.id == id), None)


def failed(found: Mapping[str, Any]) -> list[str]:
    """A findings record's checks that do not hold, each with the condition that broke."""
    return [
        f"the check of claim {id} in findings/{found['module']}.py does not hold: {one['text']}"
        for id, check in found["checks"].items()
        for one in check["conditions"]
        if not one["holds"]
    ]


def plain(value: Any, place: str) -> Any:
    """Arrays and tensors as nested lists; EvidenceError for NaN, infinity and types that are not data."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    elif hasattr(value, "values") and not isinstance(value, dict):
        value = value.values.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item, place if i else f"{place}[0]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        return {str(key): plain(item, f"{place}[{key!r}]") for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise EvidenceError(f"{place} holds {value}; what is published must be finite.")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise EvidenceError(f"{place} holds a {type(value).__name__}; data are numbers, texts, lists and arrays.")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e6):
        return f"{int(value)}".replace("-", "−")
    return f"{float(value):.4g}".replace("-", "−")
