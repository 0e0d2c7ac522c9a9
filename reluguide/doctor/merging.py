"""Reports of parts of the data, added up: what they say together of each unit."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.layer import Layer
from reluguide.doctor.saved import Unwired
from reluguide.doctor.unseen import IDLE, UNANSWERED, UNREACHED, Unseen
from reluguide.doctor.wiring import Wiring


def merged_layer(one: Layer, other: Layer) -> Layer:
    """One activation call on the data of both."""
    if (one.units, one.kind.name) != (other.units, other.kind.name):
        raise DiagnosisError(
            f"{one.name} has {one.units} units of {one.kind.name} in one report and {other.units} of "
            f"{other.kind.name} in the other: they are of different models."
        )
    values = one.values + other.values
    parts = [(layer.values / max(1, values), layer) for layer in (one, other)]

    def mean(of: Callable[[Layer], Tensor]) -> Tensor:
        first, second = ((share * of(layer).double()) if share else 0.0 for share, layer in parts)
        return torch.as_tensor(first + second)

    extras: dict[str, Tensor] = {}
    both = set(one.extras) & set(other.extras)
    for name in ("flat_share", "mean_size"):
        if name in both:
            extras[name] = mean(lambda layer, name=name: layer.extras[name])  # type: ignore[misc]
    if "flat_share" in extras:
        extras["saturated"] = extras["flat_share"] >= one.share
    if "mean_size" in extras:
        extras["dormant"] = extras["mean_size"] <= one.tau * extras["mean_size"].mean()
    if {"mean", "std"} <= both:
        middle = mean(lambda layer: layer.mean)
        spread = mean(lambda layer: layer.std.double().square() + (layer.mean.double() - middle).square())
        extras |= {"mean": middle.float(), "std": spread.sqrt().float()}
    return replace(
        one,
        samples=one.samples + other.samples,
        values=values,
        dead=one.dead & other.dead,
        always_on=one.always_on & other.always_on,
        active_fraction=mean(lambda layer: layer.active_fraction).float(),
        preactivation_max=torch.fmax(one.preactivation_max, other.preactivation_max),
        preactivation_min=torch.fmin(one.preactivation_min, other.preactivation_min),
        extras=extras,
    )


def merged_layers(one: Mapping[str, Layer], other: Mapping[str, Layer]) -> dict[str, Layer]:
    """The calls of both, in the order of the first."""
    return {
        name: merged_layer(one[name], other[name])
        if name in one and name in other
        else (one if name in one else other)[name]
        for name in [*one, *(name for name in other if name not in one)]
    }


def merged_unseen(one: tuple[Unseen, ...], other: tuple[Unseen, ...]) -> tuple[Unseen, ...]:
    """What neither saw; and what either could not see."""
    tables = [{each.why: each.names for each in part} for part in (one, other)]
    out = []
    for why in dict.fromkeys([*tables[0], *tables[1]]):
        first, second = (table.get(why, ()) for table in tables)
        if why in (IDLE, UNANSWERED, UNREACHED):
            names = tuple(name for name in first if name in second)
        else:
            names = tuple(dict.fromkeys([*first, *second]))
        if names:
            out.append(Unseen(why, names))
    return tuple(out)


def merged_wiring(one: Wiring, other: Wiring) -> Wiring:
    """What both learnt of the model's structure; nothing where one was read from a file."""
    if isinstance(one, Unwired) or isinstance(other, Unwired):
        return one if isinstance(one, Unwired) else other
    new = Wiring()
    for part in (one, other):
        for name in ("consumers", "escapes", "answers", "leaks", "partners"):
            table = getattr(new, name)
            for key, found in getattr(part, name).items():
                table.setdefault(key, set()).update(found)
        new.ran |= part.ran
        new.borrowed |= part.borrowed
        new.answered |= part.answered
        new.unanswered |= part.unanswered
        for name, times in part.uses.items():
            new.uses[name] = max(new.uses[name], times)
    return new
