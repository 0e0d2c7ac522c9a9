"""A chunk of networks of one shape, computed as one: parameters, forward pass, gradients.

Matrix products run as `bmm` over the chunk, the loss and the products are differentiated by hand, the
activation by autograd, so that any elementwise function works. Everything lies in flat buffers whose
lengths are whole vectors: torch computes the last few numbers of any other length with another kernel,
and a network's result would depend on where in the chunk it lies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

LANES = 64  # numbers; a multiple of what any CPU's vector loops take at once

Elementwise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Place:
    """Where computing happens: device and dtype."""

    device: torch.device
    dtype: torch.dtype

    def zeros(self, length: int) -> Tensor:
        return torch.zeros(length, device=self.device, dtype=self.dtype)

    def put(self, tensor: Tensor) -> Tensor:
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.device, dtype)


class Blocks:
    """One flat buffer with a contiguous block for each parameter tensor of a chunk.

    `weights[l]` is (networks, sizes[l], sizes[l + 1]) and `biases[l]` (networks, 1, sizes[l + 1]); they
    are views of `flat`, on which the optimisers work.
    """

    def __init__(self, networks: int, sizes: Sequence[int], place: Place, slopes: bool) -> None:
        pairs = list(pairwise(sizes))
        shapes = [(networks, *pair) for pair in pairs] + [(networks, 1, out) for _, out in pairs]
        shapes += [(networks, 1, 1)] * (len(pairs) - 1 if slopes else 0)
        lengths = [prod(shape) + -prod(shape) % LANES for shape in shapes]
        self.flat = place.zeros(sum(lengths))
        parts = torch.split(self.flat, lengths)
        self.views = [part[: prod(shape)].view(shape) for part, shape in zip(parts, shapes)]
        layers = len(pairs)
        self.weights, self.biases = self.views[:layers], self.views[layers : 2 * layers]
        self.slopes = self.views[2 * layers :]  # learned slopes left of 0, one a hidden layer

    def of_layer(self, i: int) -> list[Tensor]:
        """Everything that belongs to layer `i`, the slope of its activation included."""
        return [self.weights[i], self.biases[i], *self.slopes[i : i + 1]]

    def fill(self, per_network: Tensor, only: Sequence[Tensor] | None = None) -> None:
        """Write one number a network into all blocks, or into `only` these views."""
        for view in self.views if only is None else only:
            view.copy_(per_network.view(-1, 1, 1).expand_as(view))


class Layer:
    """The buffers of one layer: preactivations `z`, activations `h`, the loss's gradient `dz` by z."""

    def __init__(self, networks: int, samples: int, width: int, place: Place) -> None:
        shape = (networks, samples, width)
        length = prod(shape)
        padded = length + -length % LANES
        self.leaf = place.zeros(padded).requires_grad_()  # what autograd sees of z
        self.z = self.leaf.detach()[:length].view(shape)
        self._dh = place.zeros(padded)
        self.dh = self._dh[:length].view(shape)
        self.h = self.z
        self.dz = self.dh
        self._shape, self._length = shape, length
        self._graph: Tensor = self.leaf  # the activations with their history; set by `activate`
        self._slope: Tensor | None = None

    def activate(self, fn: Elementwise, gradient: bool, slope: Tensor | None = None) -> None:
        """Set `h` from `z`; with `gradient`, remember how, for `backward`."""
        with torch.set_grad_enabled(gradient):
            if slope is None:
                self._graph = fn(self.leaf)
                self.h = self._graph.detach()[: self._length].view(self._shape)
            else:
                self._slope = slope.detach().requires_grad_(gradient)
                z = self.leaf[: self._length].view(self._shape)
                self._graph = torch.where(z > 0, z, z * self._slope)
                self.h = self._graph.detach()

    def backward(self, dslope: Tensor | None = None) -> None:
        """Set `dz` from `dh`, and the learned slope's gradient where there is one."""
        if dslope is None or self._slope is None:
            (dz,) = torch.autograd.grad(self._graph, self.leaf, self._dh)
        else:
            dz, grown = torch.autograd.grad(self._graph, (self.leaf, self._slope), self.dh)
            dslope.copy_(grown)
        self.dz = dz[: self._length].view(self._shape)

    def slope(self) -> Tensor:
        """The activation's derivative at every z, as autograd has it."""
        (slope,) = torch.autograd.grad(self._graph, self.leaf, torch.ones_like(self._graph))
        return slope[: self._length].view(self._shape)


class Networks:
    """A chunk of networks at work on `samples` samples each: the layers' buffers around its parameters."""

    def __init__(
        self, parameters: Blocks, sizes: Sequence[int], samples: int, fn: Elementwise, place: Place
    ) -> None:
        self.parameters = parameters
        self.fn = fn
        self.samples = samples
        networks = parameters.weights[0].shape[0]
        self.layers = [Layer(networks, samples, width, place) for width in sizes[1:]]

    @torch.no_grad()
    def forward(self, x: Tensor, *, gradient: bool = False) -> Tensor:
        """Outputs (networks, samples, sizes[-1]) for inputs (networks, samples, sizes[0])."""
        self.x = x
        h, last = x, len(self.layers) - 1
        for i, (layer, w, b) in enumerate(zip(self.layers, self.parameters.weights, self.parameters.biases)):
            torch.baddbmm(b, h, w, out=layer.z)
            if i < last:
                slopes = self.parameters.slopes
                layer.activate(self.fn, gradient, slopes[i] if slopes else None)
                h = layer.h
        return self.layers[-1].z

    @torch.no_grad()
    def backward(self, doutput: Tensor, gradients: Blocks, *, l1: Tensor | None = None) -> None:
        """Fill `gradients` from the loss's gradient at the outputs; a `forward` with gradient went before.

        `l1` (networks, 1, 1) adds that much per mean absolute activation of every hidden layer.
        """
        dz = doutput
        for i in reversed(range(len(self.layers))):
            below = self.layers[i - 1].h if i else self.x
            torch.bmm(below.transpose(1, 2), dz, out=gradients.weights[i])
            torch.sum(dz, 1, keepdim=True, out=gradients.biases[i])
            if i:
                layer = self.layers[i - 1]
                torch.bmm(dz, self.parameters.weights[i].transpose(1, 2), out=layer.dh)
                if l1 is not None:
                    layer.dh.add_(layer.h.sign().mul_(l1 / (self.samples * layer.h.shape[2])))
                layer.backward(gradients.slopes[i - 1] if gradients.slopes else None)
                dz = layer.dz
