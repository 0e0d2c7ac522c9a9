"""A report from numbers that come from elsewhere: Keras, JAX, a file, the latents of a sparse autoencoder."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.doctor.errors import DiagnosisError, at_least_zero
from reluguide.doctor.errors import share as share_of
from reluguide.doctor.explanation import GIVEN
from reluguide.doctor.flow import NOWHERE
from reluguide.doctor.layer import Behind, Layer, layer_of
from reluguide.doctor.layout import on_axis
from reluguide.doctor.report import EXTRAS, Report
from reluguide.doctor.slopes import slope
from reluguide.doctor.spellings import SPELLINGS, kind_of
from reluguide.doctor.statistics import UnitStatistics, by_unit
from reluguide.doctor.wiring import Call
from reluguide.doctor.words import listed


def diagnose_arrays(
    layers: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    activation: str = "relu",
    axis: int = -1,
    also: Iterable[str] = (),
    slope_below: float = 0.01,
    share: float = 0.95,
    tau: float = 0.1,
) -> Report:
    """A report from arrays of any framework: numbers in, report out, as `diagnose` gives it.

    What was said of samples, bounds and verdicts holds here as well; causes cannot be told, since weights are
    not given. Reports of several calls add up with `+`.

    Args:
        layers: {"name": array}, or batches of such. An array is anything that NumPy can read, of shape
            (samples, ..., units). It holds preactivations; for ReLU, and what else gives 0 to all that is not
            positive, such as the top-k latents of a sparse autoencoder, activations do as well.
        activation: the function as `torch.nn.functional` names it, such as "relu", "relu6" or "gelu".
        axis: of the units; 1 for arrays with channels first.
        also: "saturated", "dormant" and "moments", as for `diagnose`.
        slope_below: slopes below this count as flat, for "saturated".
        share: of its values, from 0 to 1, that have to be flat in a saturated unit.
        tau: share of the layer's mean activation up to which a unit is dormant.

    Returns:
        A Report with one Layer for each name.

    Raises:
        DiagnosisError: for what is no array of numbers with an axis of samples and one of units.
    """
    wanted = [also] if isinstance(also, str) else list(also)
    if unknown := set(wanted) - set(EXTRAS):
        raise DiagnosisError(f"also={sorted(unknown)} is not known; there is {', '.join(EXTRAS)}.")
    share = share_of("share", share, of="of values")
    tau = at_least_zero("tau", tau, what="a share of the layer's mean activation")
    slope_below = at_least_zero("slope_below", slope_below, what="the size of a slope")
    func = _function(activation)
    seen: dict[str, tuple[Call, UnitStatistics]] = {}
    samples = batches = 0
    for number, batch in enumerate([layers] if isinstance(layers, Mapping) else layers, 1):
        if not isinstance(batch, Mapping):
            raise DiagnosisError(
                f"batch {number} is {type(batch).__name__}; it has to be a dict of arrays by name."
            )
        most = 0
        for name, array in batch.items():
            z = _tensor(str(name), array, axis, number)
            units = z.shape[axis]
            if str(name) not in seen:
                spelling = SPELLINGS[func]
                statistics = UnitStatistics(
                    kind_of(spelling, func, (z,), {}, z),
                    units,
                    slope_below=slope_below,
                    want=frozenset(wanted),
                )
                seen[str(name)] = (
                    Call(str(name), activation, on_axis(z.ndim, axis, units), True, NOWHERE), statistics,
                )  # fmt: skip
            _see(*seen[str(name)], z, func, axis, number)
            most = max(most, len(z))
        samples, batches = samples + most, number
    if not seen:
        raise DiagnosisError("there is no array: give {'name': array}, or batches of such.")
    found: dict[str, Layer] = {}
    for name, (call, statistics) in seen.items():
        layer = layer_of(call, statistics, share=share, tau=tau)
        found[name] = replace(layer, behind=Behind(GIVEN, None, None, None))
    return Report(found, samples=samples, batches=batches, training=False)


def _function(name: str) -> Callable[..., Any]:
    known = {other: one for other in dir(F) if callable(one := getattr(F, other)) and one in SPELLINGS}
    names = sorted(other for other in known if not other.endswith("_") and other != "prelu")
    if name not in names:
        raise DiagnosisError(f"activation={name!r} is not known; there is {', '.join(names)}.")
    function: Callable[..., Any] = known[name]
    return function


def _tensor(name: str, array: Any, axis: int, batch: int) -> Tensor:
    if isinstance(array, Tensor):
        array = array.detach().cpu()
        array = array.float() if array.dtype == torch.bfloat16 else array
    try:
        numbers = np.asarray(array)
        if numbers.dtype not in (np.float16, np.float32, np.float64):
            numbers = numbers.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DiagnosisError(f"{name} in batch {batch} is no array of numbers: {error}") from error
    if numbers.ndim < 2:
        raise DiagnosisError(
            f"{name} in batch {batch} has shape {numbers.shape}; it needs an axis of samples and one of units."
        )
    if not -numbers.ndim <= axis < numbers.ndim or axis % numbers.ndim == 0:
        raise DiagnosisError(
            f"axis is {axis}; {name} has shape {numbers.shape}, with samples on axis 0 and units on another."
        )
    return torch.from_numpy(np.ascontiguousarray(numbers))


def _see(call: Call, statistics: UnitStatistics, z: Tensor, func: Any, axis: int, batch: int) -> None:
    if z.shape[axis] != statistics.units:
        raise DiagnosisError(
            f"{call.name} has {z.shape[axis]} units in batch {batch} and {statistics.units} before."
        )
    rows = by_unit(z, axis=axis)
    bad = by_unit(z.isnan().float(), axis=axis)
    off = (
        (bad.amax(dim=(0, 2)) if bad.ndim == 3 else bad.amax(dim=0)).nonzero().flatten()
        if z.numel()
        else bad[0:0]
    )
    if len(off):
        raise DiagnosisError(
            f"NaN in {call.name}, batch {batch}, units {listed([int(u) for u in off.flatten()])}."
        )
    statistics.see(rows, samples=len(z))
    if "saturated" in statistics.want or statistics.kind.by_slope:
        steepness = by_unit(slope(func, (z,), {}, z), axis=axis)
        if "saturated" in statistics.want:
            statistics.see_slope(steepness)
        if statistics.kind.by_slope:
            statistics.see_live(steepness)
    if "dormant" in statistics.want:
        statistics.see_output(by_unit(func(z), axis=axis))
