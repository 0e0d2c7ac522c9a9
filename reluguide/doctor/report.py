"""What a diagnosis found: one `Layer` for each activation call, and what can be asked of them all."""

import difflib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from reluguide.doctor.causes import explain
from reluguide.doctor.comparison import Comparison, compare
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError, share
from reluguide.doctor.explanation import Explanation
from reluguide.doctor.firing import TAUS, Dormancy, dormancy, rates
from reluguide.doctor.layer import Layer
from reluguide.doctor.markdown import markdown
from reluguide.doctor.merging import merged_layers, merged_unseen, merged_wiring
from reluguide.doctor.saved import FORMAT, layer_as_numbers, layer_from_numbers, strict, unwired
from reluguide.doctor.table import screenful, table
from reluguide.doctor.unseen import Unseen
from reluguide.doctor.webpage import fragment, webpage
from reluguide.doctor.wiring import Wiring
from reluguide.doctor.words import listed, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXTRAS = ("saturated", "dormant", "moments")


def versions() -> dict[str, str]:
    """What a report is made with: the versions of this package, of torch and of Python."""
    try:
        own = metadata.version("reluguide")
    except metadata.PackageNotFoundError:
        own = "(not installed)"
    return {"reluguide": own, "torch": str(torch.__version__), "Python": platform.python_version()}


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """What `diagnose` found. `report["name"]` is a Layer; `print(report)` is a table of them.

    Two reports are equal if they say the same of the same calls; the versions that made them aside.

    Attributes:
        layers: the Layer of each activation call, by its name, in the order in which they first ran.
        samples: how many samples were looked at.
        batches: in how many batches.
        training: whether the model was in training mode.
        unseen: what the report cannot vouch for: reasons, and the names of layers.
        made_with: versions of reluguide, torch and Python.
        units: of all activation calls together.
        mode: "eval mode" or "training mode".
    """

    layers: Mapping[str, Layer]
    samples: int
    batches: int
    training: bool
    unseen: tuple[Unseen, ...] = ()
    wiring: Wiring = field(default_factory=Wiring)
    made_with: Mapping[str, str] = field(default_factory=versions)

    def __getitem__(self, name: str) -> Layer:
        if not isinstance(name, str):
            raise TypeError(
                f"a report is asked by the name of an activation call, not by {name!r}; it has "
                f"{', '.join(list(self.layers)[:3]) or 'none'}, and list(report) gives its layers in order"
            )
        if name in self.layers:
            return self.layers[name]
        inside = [known for known in self.layers if known.startswith(f"{name}.")]
        if len(inside) == 1:
            return self.layers[inside[0]]
        near = (
            inside or difflib.get_close_matches(name, self.layers, n=3, cutoff=0.3) or list(self.layers)[:3]
        )
        raise KeyError(
            f"no activation call is named {name!r}; the nearest names are {', '.join(near) or 'none'}"
        )

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers.values())

    def __contains__(self, name: object) -> bool:
        return name in self.layers if isinstance(name, str) else any(name is layer for layer in self)

    def __len__(self) -> int:
        return len(self.layers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return self._without_versions() == other._without_versions()

    def __hash__(self) -> int:
        return hash((self.samples, self.batches, self.training, *self.layers))

    @property
    def units(self) -> int:
        return sum(layer.units for layer in self)

    @property
    def dead_fraction(self) -> float:
        """Dead units over units, of all activation calls seen; NaN where none was seen."""
        return sum(len(layer.dead_units) for layer in self) / self.units if self.units else float("nan")

    def __add__(self, other: "Report") -> "Report":
        """The report on the data of both, of one model: for shards, or for a loader in parts."""
        if not isinstance(other, Report):
            return NotImplemented
        if self.training != other.training:
            raise DiagnosisError(
                f"one report is of {self.mode} and the other of {other.mode}; they do not add up."
            )
        return Report(
            merged_layers(self.layers, other.layers),
            samples=self.samples + other.samples,
            batches=self.batches + other.batches,
            training=self.training,
            unseen=merged_unseen(self.unseen, other.unseen),
            wiring=merged_wiring(self.wiring, other.wiring),
        )

    def check(
        self, *, max_dead: float = 0.0, each: bool = False, allow_unseen: bool | str | Iterable[str] = True
    ) -> None:
        """Raise DeadUnitsError if more than this share of units is dead, for pytest and CI.

        A report without a single activation call, or of no samples, fails as well: it vouches for nothing.

        Args:
            max_dead: the largest share of dead units that passes, from 0 to 1.
            each: the share is of each activation call, not of all units together.
            allow_unseen: False fails if the report has anything under "Not seen"; names, or patterns of
                names such as "head.*", pass these layers and fail any other.

        Raises:
            DeadUnitsError: with layers and units.
            DiagnosisError: if max_dead is no share.
        """
        limit = share("max_dead", max_dead, of="of units")
        if not self.layers:
            raise DeadUnitsError("no activation call was seen, so nothing can be said of dead units.")
        empty = [layer.name for layer in self if not layer.values]
        if not self.samples or empty:
            where = f"{', '.join(empty[:3])} saw no values" if empty else "the report is of 0 samples"
            raise DeadUnitsError(f"{where}, so nothing can be said of dead units: diagnose on more data.")
        shares = {layer.name: len(layer.dead_units) / layer.units for layer in self if layer.dead_units}
        worst = sorted((layer for layer in self if layer.name in shares), key=lambda one: -shares[one.name])
        too_many = [layer for layer in worst if not each or shares[layer.name] > limit]
        if too_many and (each or self.dead_fraction > limit):
            lines = [
                f"  {layer.name}: {len(layer.dead_units)} of {layer.units}, units {listed(layer.dead_units)}"
                for layer in too_many
            ]
            dead = shares[too_many[0].name] if each else self.dead_fraction
            raise DeadUnitsError(
                f"{percent(dead)} of the units {f'of {too_many[0].name} ' if each else ''}are dead on these "
                f"{self.samples} samples; at most {percent(limit)} may be:\n" + "\n".join(lines)
            )
        self._check_unseen(allow_unseen)

    def _check_unseen(self, allowed: bool | str | Iterable[str]) -> None:
        if allowed is True:
            return
        patterns = () if allowed is False else (allowed,) if isinstance(allowed, str) else tuple(allowed)
        hidden = [
            (name, one.why)
            for one in self.unseen
            for name in one.names
            if not any(fnmatchcase(name, pattern) for pattern in patterns)
        ]
        if hidden:
            lines = [f"  {name}: {why}" for name, why in hidden]
            names = [name for name, _ in hidden]
            raise DeadUnitsError(
                "the report says nothing of these layers:\n" + "\n".join(lines) + "\nIf that is as it should "
                f"be, as for an output layer, name them: allow_unseen={[*patterns, *names]!r}."
            )

    def explain(self) -> Explanation:
        """For each dead unit the cause, the numbers behind it, and what helps; print it to read it."""
        return explain(self.layers, self.samples)

    def compare(self, earlier: "Report") -> Comparison:
        """What changed since an earlier report of the same model: units that died, and that came back.

        Args:
            earlier: a report of the same model, best on the same data; from this run or `from_json`.
        """
        if not isinstance(earlier, Report):
            raise DiagnosisError(
                f"a report is compared with an earlier report, not with {type(earlier).__name__}; "
                "Report.from_json(path) reads one from a file."
            )
        return compare(earlier, self)

    def dormancy(self, taus: Iterable[float] = TAUS) -> Dormancy:
        """The share of dormant units by call, for several thresholds; after diagnose(..., also=["dormant"]).

        A unit is tau-dormant if its mean absolute activation is at most tau times the mean of its layer
        (Sokar et al. 2023, who use 0.025 to count and 0.1 to recycle; 0 are those that never give anything).

        Args:
            taus: thresholds, at least 0.

        Raises:
            DiagnosisError: if it was not measured.
        """
        return dormancy(self, taus)

    def rates(self) -> dict[str, dict[str, int]]:
        """For each call, how many units fire never, on up to 0.0001 % of values, and so on to over 10 %."""
        return {layer.name: rates(layer) for layer in self}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers, strings and lists, without NaN (None) and infinity ("inf")."""
        numbers = {
            "format": FORMAT,
            "made_with": dict(self.made_with),
            "samples": self.samples,
            "batches": self.batches,
            "mode": self.mode,
            "units": self.units,
            "dead_fraction": self.dead_fraction,
            "layers": {layer.name: layer_as_numbers(layer) for layer in self},
            "unseen": [{"why": one.why, "names": list(one.names)} for one in self.unseen],
        }
        return dict(strict(numbers))

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict()` to `path`, as strict JSON."""
        out = Path(path)
        out.write_text(json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return out

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> "Report":
        """The report that `to_dict` gave: equal to it, but without what prune_dead and revive need.

        Raises:
            DiagnosisError: if these are not the numbers of a report, or of a newer version's.
        """
        if numbers.get("format") != FORMAT:
            raise DiagnosisError(
                f"this is format {numbers.get('format')!r} of a report, and this version of reluguide reads "
                f"format {FORMAT}: write it again with to_json, or install the version that wrote it "
                f"({numbers.get('made_with', {}).get('reluguide', 'unknown')})."
            )
        try:
            return cls(
                {name: layer_from_numbers(name, one) for name, one in numbers["layers"].items()},
                samples=numbers["samples"],
                batches=numbers["batches"],
                training=numbers["mode"] == "training mode",
                unseen=tuple(Unseen(one["why"], tuple(one["names"])) for one in numbers["unseen"]),
                wiring=unwired(),
                made_with=dict(numbers["made_with"]),
            )
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise DiagnosisError(
                f"these are not the numbers of a report: {type(error).__name__}: {error}"
            ) from error

    @classmethod
    def from_json(cls, path: str | Path) -> "Report":
        """Read what `to_json` wrote. Such a report cannot be given to prune_dead or revive.

        Raises:
            DiagnosisError: if the file holds no report.
        """
        try:
            numbers = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise DiagnosisError(f"{path} is not JSON: {error}") from error
        if not isinstance(numbers, dict):
            raise DiagnosisError(f"{path} holds {type(numbers).__name__}, not a report.")
        try:
            return cls.from_dict(numbers)
        except DiagnosisError as error:
            raise DiagnosisError(f"{path}: {error}") from error

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one self-contained HTML page to `path`."""
        out = Path(path)
        out.write_text(webpage(self), encoding="utf-8")
        return out

    def to_markdown(self) -> str:
        """The report as Markdown for a forum or an issue: table, causes, versions, links to the guide."""
        return markdown(self)

    def plot(self, kind: Literal["bands", "rates"] = "bands") -> "Figure":
        """A Matplotlib figure; it shows itself in notebooks.

        Args:
            kind: "bands", for each activation call the shares of its units that fire how often; or "rates",
                a histogram of firing rates on a logarithmic scale, as for sparse autoencoders.

        Raises:
            DiagnosisError: for any other kind.
        """
        from reluguide.doctor.drawing import DRAWINGS  # loads Matplotlib, which only a picture needs

        if kind not in DRAWINGS:
            raise DiagnosisError(f"kind is {kind!r}; there is {', '.join(DRAWINGS)}.")
        return DRAWINGS[kind](self, f"on these {self.samples} samples ({self.mode})")

    @property
    def mode(self) -> str:
        return "training mode" if self.training else "eval mode"

    def _without_versions(self) -> dict[str, Any]:
        return {key: value for key, value in self.to_dict().items() if key != "made_with"}

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        return screenful(self)

    def _repr_html_(self) -> str:
        return fragment(self)
