"""Layers of which many units are dead on the batch, and whether they were born so."""

import copy

import torch
from torch import nn

from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.examination.notes import Notes, Patient
from reluguide.doctor.examination.trial import copied
from reluguide.doctor.words import percent

MANY_DEAD = 0.5  # share of a layer that is worth a look
FRESH = 3  # models drawn anew, to tell born dead from died


def dead_units(patient: Patient, notes: Notes) -> None:
    """Layers of which many units are dead on this batch, and whether they were born so."""
    try:
        report = diagnose(patient.model, [copied(patient.batch)], forward=patient.forward)
    except DiagnosisError as error:
        notes.untested(f"dead units: {error}")
        return
    dead = {layer.name: len(layer.dead_units) for layer in report if layer.units}
    if not dead:
        notes.untested("dead units: no activation call was seen")
        return
    basis = f"on these {report.samples} samples"
    # A ReLU behind the last layer has been told of; that some of its units are off is a part of that.
    last = next((name for name in reversed(dead) if name.rpartition(".")[0] == notes.last_relu), None)
    judged = [layer for layer in report if layer.units and layer.name != last]
    whole = [layer for layer in judged if len(layer.dead_units) == layer.units]
    many = [layer for layer in judged if layer.dead_fraction >= MANY_DEAD and not bool(layer.dead.all())]
    few = f"{sum(dead.values())} of {report.units} units are dead {basis}"
    if not whole and not many:
        notes.fine(f"{few}; no layer has {percent(MANY_DEAD)} or more")
        return
    fresh = _fresh_shares(patient)
    worst = [*whole, *many]
    born = ""
    if fresh:
        born = " Of models drawn anew, in the same layers: " + ", ".join(
            f"{layer.name} {percent(fresh.get(layer.name, 0.0))}" for layer in worst[:4]
        )
        alike = all(fresh.get(layer.name, 0.0) >= 0.5 * layer.dead_fraction for layer in worst)
        born += ". They are born dead." if alike else ". They died in training."
    else:
        notes.untested("whether dead units were born dead: the model cannot be drawn anew")
    shares = ", ".join(f"{layer.name} {len(layer.dead_units)} of {layer.units}" for layer in worst[:6])
    named = f"{shares}{', and more' if len(worst) > 6 else ''}"
    report_as = notes.fault if whole else notes.look
    report_as(
        "dead-layer" if whole else "dead-units",
        f"{'All units of a layer' if whole else 'Half of a layer or more'} are dead {basis}: {named}.",
        confirmed=f"the gradient of each is 0 on every sample, in eval mode.{born}",
        mend="print(reluguide.diagnose(model, data).explain()) says why, unit by unit; reluguide.revive brings them back. "
        "A smaller learning rate keeps units from dying, Kaiming's initialisation from being born dead.",
        slug="dead-units",
    )


def _fresh_shares(patient: Patient) -> dict[str, float]:
    """The mean share of dead units by layer, in models of the same kind with weights drawn anew."""
    shares: dict[str, list[float]] = {}
    with torch.random.fork_rng(devices=[]):
        for seed in range(FRESH):
            torch.manual_seed(seed)
            try:
                fresh = copy.deepcopy(patient.model)
            except Exception:
                return {}
            for module in fresh.modules():
                reset = getattr(module, "reset_parameters", None)
                own = any(True for _ in module.parameters(recurse=False))
                if own and not callable(reset):
                    return {}
                if callable(reset):
                    reset()
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.reset_running_stats()
            try:
                report = diagnose(fresh, [copied(patient.batch)], forward=patient.forward)
            except DiagnosisError:
                return {}
            for layer in report:
                shares.setdefault(layer.name, []).append(layer.dead_fraction)
    return {name: sum(found) / len(found) for name, found in shares.items()}
