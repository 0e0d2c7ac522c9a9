"""What is kept of a chunk: its summary at the end, and on request what was seen on the way."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reluguide.sweep._network import Blocks, Networks
from reluguide.sweep._plan import Plan

Arrays = dict[str, Any]  # an array with one row a network, or a list of such arrays, one a layer


def array(tensor: Tensor, *, exact: bool = False) -> NDArray[Any]:
    """The tensor as numpy: float64 for what is measured, as it is where `exact` or not a float."""
    out = tensor.detach().cpu()
    return (out if exact or not out.is_floating_point() else out.double()).numpy().copy()


@torch.no_grad()
def summary(plan: Plan, networks: Networks, x: Tensor, y: Tensor, threshold: float) -> Arrays:
    """Loss, accuracy and the state of every hidden unit on the training data, as the parameters are."""
    outputs = networks.forward(x, gradient=True)
    results = scores(plan, outputs, y)
    finite = torch.isfinite(outputs).flatten(1).all(1)
    for view in networks.parameters.views:
        finite &= torch.isfinite(view).flatten(1).all(1)
    results |= {
        "diverged": array(~finite) | ~np.isfinite(results["loss"]),
        "never_active": [array(z.amax(1) <= threshold) for z in networks.hidden],
        "always_on": [array(z.amin(1) > threshold) for z in networks.hidden],
        "active_share": [array((z > threshold).float().mean(1)) for z in networks.hidden],
        "dead": [array((layer.slope() == 0).all(1)) for layer in networks.layers],
    }
    return results


@torch.no_grad()
def scores(plan: Plan, outputs: Tensor, y: Tensor) -> Arrays:
    """Mean loss and, for classes, accuracy of each network."""
    results: Arrays = {"loss": array(plan.loss.values(outputs, y).mean(1))}
    if plan.loss.correct:
        results["accuracy"] = array(plan.loss.correct(outputs, y).float().mean(1))
    return results


def final(parameters: Blocks) -> Arrays:
    """The parameters themselves, layer by layer; slopes where they are learned."""
    results: Arrays = {
        "weights": [array(weights, exact=True) for weights in parameters.weights],
        "biases": [array(biases[:, 0], exact=True) for biases in parameters.biases],
    }
    if parameters.slopes:
        results["slopes"] = array(torch.cat(parameters.slopes, 1)[..., 0], exact=True)
    return results


class Watch:
    """Loss, accuracy and never-active units at every look; units that were never active and came back."""

    def __init__(self, plan: Plan, threshold: float, y: Tensor) -> None:
        self.plan, self.threshold, self.y = plan, threshold, y
        self._loss: list[Tensor] = []
        self._accuracy: list[Tensor] = []
        self._never: list[Tensor] = []
        self._off: list[Tensor] = []  # looks in a row at which a unit was never active
        self._revivals: list[Tensor] = []

    @torch.no_grad()
    def see(self, networks: Networks, outputs: Tensor) -> None:
        """Look at the networks just after a forward pass over all training samples."""
        never = [z.amax(1) <= self.threshold for z in networks.hidden]
        if "curves" in self.plan.record:
            self._loss.append(self.plan.loss.values(outputs, self.y).mean(1))
            if self.plan.loss.correct:
                self._accuracy.append(self.plan.loss.correct(outputs, self.y).float().mean(1))
            if never:
                self._never.append(torch.stack([off.float().mean(1) for off in never], 1))
        if "revivals" in self.plan.record:
            if not self._off:
                self._off = [torch.zeros_like(off, dtype=torch.int64) for off in never]
                self._revivals = [torch.zeros_like(off) for off in self._off]
            for off, looks, revivals in zip(never, self._off, self._revivals):
                revivals += ~off & (looks >= self.plan.revival_after)
                looks.add_(1).mul_(off)

    def results(self) -> Arrays:
        """Curves (networks, looks[, hidden layers]); revivals (networks, width) a hidden layer."""
        out: Arrays = {}
        for name, curve in (
            ("loss", self._loss),
            ("accuracy", self._accuracy),
            ("never_active", self._never),
        ):
            if curve:
                out[f"curve_{name}"] = array(torch.stack(curve, 1))
        if "revivals" in self.plan.record:
            out["revivals"] = [array(revivals).astype(np.int64) for revivals in self._revivals]
        return out
