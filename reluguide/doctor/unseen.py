"""What the recorder could not see, so that no report calls it healthy."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from reluguide.doctor.naming import tidy

if TYPE_CHECKING:
    from reluguide.doctor.record import Recorder


@dataclass(frozen=True)
class Unseen:
    """Layers of which the report says nothing: `why`, and their `names`."""

    why: str
    names: tuple[str, ...]

    @property
    def heading(self) -> str:
        """What a report puts before it."""
        return "The gradient disagrees" if self.why in DISAGREEMENTS else "Not seen"

    def __str__(self) -> str:
        return f"{self.why}: {', '.join(grouped(self.names))}"


ROUND = (
    "dead at the call, and yet a gradient reaches the units of the layer behind it: its output is also read "
    "elsewhere, or the call is part of something larger"
)
STOPPED = "not dead at the call, and yet no gradient reaches these units: what follows does not pass it on"
UNSEEN_DEAD = "no gradient reaches these units of layers after which no activation was seen"
UNPULLED = "the model's output has no gradient (it ran under no_grad, or gives whole numbers)"
DISAGREEMENTS = (ROUND, STOPPED, UNSEEN_DEAD, UNPULLED)

SCRIPTED = "TorchScript, whose calls cannot be seen"
QUANTIZED = "statically quantised layers, whose activations are fused into them; diagnose the float model"
FUSED = "recurrent layers, whose steps run inside one fused call"
UNANSWERED = (
    "layers with parameters after which no known activation was seen (an output layer or a projection is "
    "one; a function of some entries hides behind one)"
)
FAILED = "calls that could not be judged"
UNREACHED = "experts that no sample was sent to"
UNMASKED = "calls whose positions are not those of the mask, so that padding counts there"
IDLE = "layers with parameters that did not run"


def unseen(model: nn.Module, recorder: "Recorder") -> tuple[Unseen, ...]:
    """The blind spots of this run, by reason."""
    scripted, fused, idle, quantized = [], [], [], []
    hidden: tuple[str, ...] = ()
    for raw, module in model.named_modules():
        name = tidy(raw)
        if hidden and name.startswith(hidden):
            continue
        if isinstance(module, torch.jit.ScriptModule):
            scripted.append(name or "the whole model")
            hidden += (f"{name}." if name else "",)
            if not name:
                break
        elif isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
            fused.append(name or "the whole model")
        elif ".quantized" in type(module).__module__ and hasattr(module, "scale"):
            quantized.append(name or "the whole model")
        elif isinstance(module, nn.MultiheadAttention):
            hidden += (f"{name}.",)  # its projection is used without being called
        own = [id(parameter) for parameter in module.parameters(recurse=False)]
        if own and name not in recorder.wiring.ran and not recorder.tracks.touched.intersection(own):
            idle.append(name)
    failed = [f"{name} ({why})" for name, why in recorder.calls.failed.items()]
    quiet = [
        name
        for name in recorder.wiring.unanswered
        if name not in recorder.wiring.answered and name not in fused and name not in scripted
    ]
    found = (
        (SCRIPTED, scripted),
        (FUSED, fused),
        (QUANTIZED, quantized),
        (FAILED, failed),
        (UNREACHED, recorder.calls.unreached()),
        (UNANSWERED, quiet),
        (IDLE, [n for n in idle if n not in scripted]),
    )
    return tuple(Unseen(why, tuple(names)) for why, names in found if names)


def grouped(names: tuple[str, ...]) -> list[str]:
    """Names that differ in their numbers only, as one: "layers.*.linear2 (12)"."""
    kinds = Counter(re.sub(r"(?<![^.])\d+(?![^.])", "*", name) for name in names)
    single = {re.sub(r"(?<![^.])\d+(?![^.])", "*", name): name for name in names}
    return [f"{kind} ({count})" if count > 1 else single[kind] for kind, count in kinds.items()]
