"""What the tests of a checkup are given, and what they write down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from reluguide.doctor.examination.trial import Step, step
from reluguide.doctor.keep import as_it_was
from reluguide.doctor.links import page


@dataclass(frozen=True)
class Symptom:
    """One thing that is wrong ("fault"), or may be ("look"): what, how it was confirmed, and what helps."""

    name: str
    level: Literal["fault", "look"]
    what: str
    confirmed: str
    mend: str
    page: str


@dataclass
class Notes:
    """What the tests write down."""

    symptoms: list[Symptom] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    last_relu: str | None = None  # where a ReLU behind the last layer stands, once it has been told of

    def fault(self, name: str, what: str, *, confirmed: str, mend: str, slug: str) -> None:
        self.symptoms.append(Symptom(name, "fault", what, confirmed, mend, page(slug)))

    def look(self, name: str, what: str, *, confirmed: str, mend: str, slug: str) -> None:
        self.symptoms.append(Symptom(name, "look", what, confirmed, mend, page(slug)))

    def fine(self, text: str) -> None:
        self.passed.append(text)

    def untested(self, text: str) -> None:
        self.skipped.append(text)


@dataclass
class Patient:
    """The model, its batch, and one step in each mode."""

    model: nn.Module
    inputs: Any
    target: Any
    batch: Any
    call: Callable[[nn.Module, Any], Any]
    forward: Callable[[nn.Module, Any], Any] | None
    loss: Callable[[Any, Any], Tensor] | None
    optimizer: torch.optim.Optimizer | None
    samples: int
    training: Step | None = None
    evaluation: Step | None = None

    @property
    def tried(self) -> Step:
        assert self.training is not None
        return self.training

    def again(self, *, training: bool, gradients: bool = False, numbers: bool = False) -> Step:
        """Another try, in this mode."""
        with as_it_was(self.model, training=training):
            return step(
                self.model, self.inputs, self.target, self.call, self.loss,
                samples=self.samples, gradients=gradients, numbers=numbers,
            )  # fmt: skip
