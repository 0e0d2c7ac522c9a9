"""What a sweep found: one row a network, in the order of the seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reluguide.sweep._network import Elementwise
from reluguide.sweep._plan import Parameters, Plan
from reluguide.sweep._train import function
from reluguide.sweep._watch import Arrays

Array = NDArray[Any]


@dataclass(frozen=True, repr=False)
class SweepResult:
    """K networks after training; lists have one array a hidden layer, of shape (K, width).

    Always there: `final_loss` (K,) on the training data; `accuracy` (K,), NaN for regression; `test_loss`
    and `test_accuracy` (K,), NaN where the data has nothing to test on; `diverged` (K,), True where the
    loss or a parameter is NaN or infinite; and of the hidden units on all training samples, after the last
    step: `never_active` (z at most the threshold on every sample), `always_on` (above it on every sample),
    `dead` (slope exactly 0 on every sample; for ReLU the same as never active) and `active_share` (share of
    samples above it). Units of a diverged network, whose z is NaN, count as none of these: leave it out.

    On request (`record=`): "curves" gives `curves`, a dict of `loss` and `accuracy` (K, looks) and
    `never_active` (K, looks, hidden layers), at steps `curves["step"]`; "revivals" gives `revivals`, how
    often a unit that was never active became active again; "gradient_norms" gives `gradient_norms`
    (K, layers), of each layer's weights, over all training samples, after the last step; "parameters" gives
    `parameters`, per layer weights (K, in, out) and biases (K, out), `slopes` (K, hidden layers) where a
    network learns them (NaN in the others), and what needs these: `layers` and `module`.
    """

    sizes: tuple[int, ...]
    seeds: Array
    final_loss: Array
    accuracy: Array
    test_loss: Array
    test_accuracy: Array
    diverged: Array
    never_active: list[Array]
    always_on: list[Array]
    dead: list[Array]
    active_share: list[Array]
    revivals: list[Array] | None = None
    gradient_norms: Array | None = None
    curves: dict[str, Array] | None = None
    parameters: Parameters | None = None
    slopes: Array | None = None
    _plan: Plan | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    def __repr__(self) -> str:
        good = ~self.diverged
        loss = f"{np.median(self.final_loss[good]):.3g}" if good.any() else "none"
        return (
            f"SweepResult({len(self)} networks {'-'.join(map(str, self.sizes))}, median loss {loss}, "
            f"{int(self.diverged.sum())} diverged)"
        )

    @torch.no_grad()
    def layers(self, x: Tensor) -> list[tuple[Array, Array]]:
        """Preactivations and activations (K, samples, width) of every layer for x (samples, features).

        `x` may be (K, samples, features) too. The last layer's two are the outputs.
        """
        parameters, plan = self._kept("layers")
        values = torch.as_tensor(x, dtype=plan.dtype)
        if values.shape[-1] != self.sizes[0] or values.ndim not in (2, 3):
            raise ValueError(
                f"x is {tuple(values.shape)}; it must be (samples, {self.sizes[0]}) or "
                f"({len(self)}, samples, {self.sizes[0]})."
            )
        h = values.expand(len(self), *values.shape[-2:])
        out = []
        for i, (weights, biases) in enumerate(parameters):
            z = torch.baddbmm(torch.from_numpy(biases)[:, None], h, torch.from_numpy(weights))
            h = z
            if i < len(parameters) - 1:
                h = torch.stack([self._function(k, i)(z[k]) for k in range(len(self))])
            out.append((z.numpy(), h.numpy()))
        return out

    def module(self, k: int) -> nn.Sequential:
        """Network k as an `nn.Sequential` of its own, for whatever takes a module."""
        parameters, plan = self._kept("module")
        parts: list[nn.Module] = []
        for i, (weights, biases) in enumerate(parameters):
            linear = nn.Linear(weights.shape[1], weights.shape[2], dtype=plan.dtype)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weights[k]).T)
                linear.bias.copy_(torch.from_numpy(biases[k]))
            parts += [linear, self._unit(k, i)]
        return nn.Sequential(*parts[:-1])

    def _kept(self, what: str) -> tuple[Parameters, Plan]:
        if self.parameters is None or self._plan is None:
            raise ValueError(
                f"{what}() needs the parameters; ask for them: sweep(..., record=['parameters'])."
            )
        return self.parameters, self._plan

    def _function(self, k: int, layer: int) -> Elementwise:
        _, plan = self._kept("layers")
        if plan.networks[k].activation == "prelu" and self.slopes is not None:
            slope = float(self.slopes[k, layer])
            return lambda z: torch.where(z > 0, z, z * slope)
        return function(plan.networks[k])

    def _unit(self, k: int, layer: int) -> nn.Module:
        _, plan = self._kept("module")
        network = plan.networks[k]
        if layer == len(self.sizes) - 2:
            return nn.Identity()  # after the outputs there is none; `module` drops it
        if network.activation == "relu" and not network.threshold:
            return nn.ReLU()
        return _Unit(self._function(k, layer))


class _Unit(nn.Module):
    """A function of the table as a module."""

    def __init__(self, fn: Elementwise) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, z: Tensor) -> Tensor:
        return self.fn(z)


def collect(plan: Plan, parts: Sequence[tuple[list[int], Arrays]]) -> SweepResult:
    """Put the chunks' rows in the order of the seeds."""
    count = len(plan.networks)
    rows: dict[str, Any] = {}
    for members, arrays in parts:
        for name, value in arrays.items():
            if isinstance(value, list):
                into = rows.setdefault(name, [_empty(count, part) for part in value])
                for whole, part in zip(into, value):
                    whole[members] = part
            else:
                rows.setdefault(name, _empty(count, value))[members] = value
    nothing = np.full(count, np.nan)
    curves = {name.removeprefix("curve_"): rows.pop(name) for name in list(rows) if name.startswith("curve_")}
    if curves:
        curves["step"] = np.array([*range(0, plan.steps, plan.record_every), plan.steps])
    kept = list(zip(rows.pop("weights"), rows.pop("biases"))) if "weights" in rows else None
    for name in ("accuracy", "test_loss", "test_accuracy"):
        rows.setdefault(name, nothing)
    return SweepResult(
        sizes=plan.sizes,
        seeds=np.array([network.seed for network in plan.networks]),
        final_loss=rows.pop("loss"),
        curves=curves or None,
        parameters=kept,
        _plan=plan if kept is not None else None,
        **rows,
    )


def _empty(count: int, part: Array) -> Array:
    whole = np.zeros((count, *part.shape[1:]), part.dtype)
    # What a chunk does not have, as learned slopes of another activation, is missing, not 0.
    return np.full_like(whole, np.nan) if part.dtype.kind == "f" else whole
