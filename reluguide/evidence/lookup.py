"""What the store holds, as pages ask for it: facts by coordinate, settings, figures, claims with their checks."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"^(?P<module>\w+)\.(?P<family>\w+)(?:\[(?P<at>[^\[\]]*)\])?$")
_SETTING = re.compile(r"^(?P<module>\w+)\.(?P<experiment>\w+)\.(?P<setting>\w+)$")

Citer = Callable[[str], tuple[str, str] | None]
"""A bibliography key to (text as cited: "He et al. 2015", anchor); None for an unknown key."""

Fact = Mapping[str, Any]


class UnknownNameError(KeyError):
    """A page asks for what is not there; the message says what is, and the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass
class Evidence:
    """All that the store holds for the pages: findings by module. `waiting` shows placeholders for the rest.

    `cite` looks a key up in the bibliography. `claims` are those that stand on the pages, by id, each with
    the outcome of its check.
    """

    findings: Mapping[str, Mapping[str, Any]]
    cite: Citer = field(default=lambda key: (key, key))
    waiting: bool = False
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def fact(self, expression: str) -> tuple[str, Fact]:
        """The fact that `module.family` or `module.family[2, gelu]` means, with its name in full.

        Coordinates stand in the order of the array's dimensions, or by name: `[rate=0.1, activation=gelu]`.
        Raises UnknownNameError with what there is.
        """
        asked = _NAME.match(expression)
        if not asked:
            raise UnknownNameError(
                f"{expression!r} is neither a fact (module.name, module.name[coordinate]) nor a setting "
                "(module.experiment.name)."
            )
        module, family = asked["module"], asked["family"]
        found = self._module(module)
        if family not in found["families"]:
            raise UnknownNameError(self._no_such("fact", module, family, found["families"]))
        dims = found["families"][family]
        at = self._coordinates(f"{module}.{family}", dims, asked["at"])
        name = f"{family}[{at}]" if dims else family
        if name not in found["facts"]:
            raise UnknownNameError(f"{module}.{name} is missing: the result has no number there.")
        return f"{module}.{name}", found["facts"][name]

    def setting(self, expression: str) -> str | None:
        """The setting that `module.experiment.name` means, as prose shows it; None where it is none."""
        asked = _SETTING.match(expression)
        if not asked:
            return None
        module, experiment, name = asked.groups()
        experiments = self._module(module)["settings"]
        if experiment not in experiments:
            raise UnknownNameError(self._no_such("experiment", module, experiment, experiments))
        if name not in experiments[experiment]:
            raise UnknownNameError(
                self._no_such("setting", f"{module}.{experiment}", name, experiments[experiment])
            )
        value: str = experiments[experiment][name]
        return value

    def _module(self, module: str) -> Mapping[str, Any]:
        if module not in self.findings:
            near = difflib.get_close_matches(module, self.findings, n=1, cutoff=0.5)
            raise UnknownNameError(
                f"findings/{module}.py is not there; " + (f"did you mean {near[0]}?" if near else "")
                + f" There are {', '.join(self.findings)}."
            )  # fmt: skip
        return self.findings[module]

    def _coordinates(self, told: str, dims: Sequence[tuple[str, list[str]]], at: str | None) -> str:
        """Labels in the order of the dimensions, each checked against those that exist."""
        tokens = [token.strip() for token in at.split(",")] if at and at.strip() else []
        by_name = {k.strip(): v.strip() for k, _, v in (t.partition("=") for t in tokens if "=" in t)}
        known = [dim for dim, _ in dims]
        if wrong := [name for name in by_name if name not in known]:
            raise UnknownNameError(f"{told} has no dimension {wrong[0]!r}; it has {_list(known)}.")
        in_order = iter([token for token in tokens if "=" not in token])
        chosen = []
        for dim, labels in dims:
            token = by_name.get(dim) or next(in_order, None)
            if token is None:
                raise UnknownNameError(
                    f"{told} is a family and {dim} is not given: write {told}[{', '.join(known)}], where {dim} "
                    f"is {_list(labels)}."
                )
            chosen.append(_label(told, dim, labels, token))
        if left := list(in_order):
            raise UnknownNameError(f"{told} has {_list(known)}; {left[0]!r} is one coordinate too many.")
        return ", ".join(chosen)

    def _no_such(self, kind: str, module: str, name: str, there: Mapping[str, Any]) -> str:
        near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {_list(list(there))}."
        if kind == "fact" and name in self.findings.get(module, {}).get("settings", {}):
            hint = f"{name} is an experiment; its settings are {_list(list(self.findings[module]['settings'][name]))}."
        return f"{module} has no {kind} {name!r}; {hint}"


def _label(told: str, dim: str, labels: Sequence[str], token: str) -> str:
    """The coordinate that a token means: as it is written, or as the same number."""
    token = token.replace("−", "-").strip("'\"")
    if token in labels:
        return token
    try:
        same = [label for label in labels if float(label) == float(token)]
    except ValueError:
        same = []
    if same:
        return same[0]
    near = difflib.get_close_matches(token, labels, n=1, cutoff=0.5)
    raise UnknownNameError(
        f"{told} has no {dim} {token!r}; " + (f"did you mean {near[0]}? " if near else "")
        + f"It has {_list(list(labels))}."
    )  # fmt: skip


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
