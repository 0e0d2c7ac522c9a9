"""What the recorder could not see, so that no report calls it healthy."""

import re
from collections import Counter
from dataclasses import dataclass

import torch
from torch import nn

from reluguide.doctor.naming import tidy
from reluguide.doctor.record import Recorder


@dataclass(frozen=True)
class Unseen:
    """Layers of which the report says nothing: `why`, and their `names`."""

    why: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.why}: {', '.join(grouped(self.names))}"


SCRIPTED = "TorchScript, whose calls cannot be seen"
FUSED = "recurrent layers, whose steps run inside one fused call"
UNANSWERED = (
    "layers with parameters after which no known activation was seen (an output layer or a projection is "
    "one; a hand-written x * (x > 0) hides behind one)"
)
FAILED = "calls that could not be judged"
UNREACHED = "experts that no sample was sent to"
IDLE = "layers with parameters that did not run"


def unseen(model: nn.Module, recorder: Recorder) -> tuple[Unseen, ...]:
    """The blind spots of this run, by reason."""
    scripted, fused, idle = [], [], []
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
