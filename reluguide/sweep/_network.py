"""A chunk of networks of one shape, computed as one: parameters, forward pass, gradients.

Matrix products run as `bmm` over the chunk; the loss and the products are differentiated by hand, the
activation by autograd, so that any elementwise function works.

A network's numbers must not depend on where in the chunk it lies. Two things would let them: the last few
numbers of a buffer that is not whole vectors are computed by another loop, and a matrix product rounds
otherwise where its operands begin at another alignment. So flat buffers have a length of whole vectors,
and every network's part of one begins at a multiple of `ALIGN` numbers: weights leave a gap where they
must, and samples are filled up with copies of the first, which no result sees.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd, prod

import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS

LANES = 64  # numbers; a multiple of what any CPU's vector loops take at once
ALIGN = 16  # numbers; a cache line of float32, two of float64

Elementwise = Callable[[Tensor], Tensor]


def filled(samples: int) -> int:
    """The number of rows that hold `samples` samples."""
    return samples + -samples % ALIGN


@dataclass(frozen=True)
class Place:
    """Where computing happens: device and dtype."""

    device: torch.device
    dtype: torch.dtype

    def zeros(self, length: int) -> Tensor:
        """A flat buffer of whole vectors, at least `length` long."""
        return torch.zeros(length + -length % LANES, device=self.device, dtype=self.dtype)

    def put(self, tensor: Tensor) -> Tensor:
        """`tensor` on the device, and in the dtype if it is of floats."""
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.device, dtype)


class Blocks:
    """One flat buffer with a block for each parameter tensor of a chunk.

    `weights[l]` is (networks, sizes[l], sizes[l + 1]), `biases[l]` (networks, 1, sizes[l + 1]), `slopes[l]`,
    where the activation learns one, (networks, 1, 1); all are views of `flat`, on which the optimisers work.
    """

    def __init__(self, networks: int, sizes: Sequence[int], place: Place, slopes: bool) -> None:
        pairs = list(pairwise(sizes))
        hidden = len(pairs) - 1
        shapes = [(*pair,) for pair in pairs] + [(1, out) for _, out in pairs] + [(1, 1)] * hidden * slopes
        strides = [prod(shape) + -prod(shape) % ALIGN for shape in shapes]
        lengths = [networks * stride + -networks * stride % LANES for stride in strides]
        self.flat = place.zeros(sum(lengths))
        self.views = [
            part[: networks * stride].view(networks, stride)[:, : prod(shape)].view(networks, *shape)
            for part, shape, stride in zip(torch.split(self.flat, lengths), shapes, strides)
        ]
        self.weights, self.biases = self.views[: len(pairs)], self.views[len(pairs) : 2 * len(pairs)]
        self.slopes = self.views[2 * len(pairs) :]

    def of_layer(self, i: int) -> list[Tensor]:
        """Everything that belongs to layer `i`, the slope of its activation included."""
        return [self.weights[i], self.biases[i], *self.slopes[i : i + 1]]

    def fill(self, per_network: Tensor, only: Sequence[Tensor] | None = None) -> None:
        """Write one number a network into all blocks, or into `only` these views."""
        for view in self.views if only is None else only:
            view.copy_(per_network.view(-1, 1, 1).expand_as(view))


class Layer:
    """The buffers of one layer (networks, rows, width): `z`, activations `h`, gradients `dh` and `dz`."""

    def __init__(self, networks: int, rows: int, width: int, place: Place) -> None:
        self._shape = (networks, rows, width)
        self._length = prod(self._shape)
        self._leaf = place.zeros(self._length).requires_grad_()  # what autograd sees of z
        self._dh = place.zeros(self._length)
        self.z, self.dh = self._view(self._leaf.detach()), self._view(self._dh)
        self.h, self.dz = self.z, self.dh
        self._graph: Tensor = self._leaf  # the activations with their history
        self._slope: Tensor | None = None

    def activate(self, fn: Elementwise, gradient: bool, slope: Tensor | None = None) -> None:
        """Set `h` from `z`; with `gradient`, remember how, for `backward`. A `slope` is PReLU's."""
        with torch.set_grad_enabled(gradient):
            if slope is None:
                self._graph = fn(self._leaf)
                self.h = self._view(self._graph.detach())
            else:
                self._slope = slope.detach().requires_grad_(gradient)
                z = self._view(self._leaf)
                self._graph = torch.where(z > 0, z, z * self._slope)
                self.h = self._graph.detach()

    def backward(self, dslope: Tensor | None = None) -> None:
        """Set `dz` from `dh`, and write the learned slope's gradient where there is one."""
        if dslope is None or self._slope is None:
            (dz,) = torch.autograd.grad(self._graph, self._leaf, self._dh)
        else:
            dz, grown = torch.autograd.grad(self._graph, (self._leaf, self._slope), self.dh)
            dslope.copy_(grown)
        self.dz = self._view(dz)

    def slope(self) -> Tensor:
        """The activation's derivative at every z, as autograd has it; after `activate` with gradient."""
        (slope,) = torch.autograd.grad(self._graph, self._leaf, torch.ones_like(self._graph))
        return self._view(slope)

    def _view(self, flat: Tensor) -> Tensor:
        return flat[: self._length].view(self._shape)


class ReluLayer(Layer):
    """ReLU in place, since it is what most sweeps train: `h` lies in `z`'s buffer, `dz` in `dh`'s.

    What is asked of z elsewhere (its sign, and whether it is positive on all samples) `h` tells as well.
    """

    def activate(self, fn: Elementwise, gradient: bool, slope: Tensor | None = None) -> None:
        self._graph = self._leaf.detach().clamp_min_(0)

    def backward(self, dslope: Tensor | None = None) -> None:
        torch.ops.aten.threshold_backward.grad_input(self._dh, self._graph, 0, grad_input=self._dh)

    def slope(self) -> Tensor:
        return (self.h > 0).to(self.h.dtype)


class Head:
    """The output layer's buffers, features first: so, products with few outputs are several times faster."""

    def __init__(self, networks: int, rows: int, inputs: int, outputs: int, place: Place) -> None:
        spare = -outputs % (ALIGN // gcd(inputs, ALIGN))  # rows of zeros, so that the products are aligned
        shape, wide = (networks, outputs, rows), (networks, outputs + spare, rows)
        self.z = place.zeros(prod(shape))[: prod(shape)].view(shape)
        self._d = place.zeros(prod(wide))[: prod(wide)].view(wide)
        self.d = self._d[:, :outputs]

    def forward(self, h: Tensor, weights: Tensor, biases: Tensor) -> None:
        """Set `z` (networks, outputs, rows)."""
        torch.bmm(weights.transpose(1, 2), h.transpose(1, 2), out=self.z)
        self.z += biases.transpose(1, 2)

    def backward(
        self, h: Tensor, weights: Tensor, dweights: Tensor, dbiases: Tensor, dh: Tensor | None
    ) -> None:
        """From `d`, the loss's gradient by `z`: the gradients of the weights, the biases and the inputs."""
        dweights.copy_(torch.bmm(self._d, h)[:, : self.d.shape[1]].transpose(1, 2))
        torch.sum(self.d, 2, keepdim=True, out=dbiases.transpose(1, 2))
        if dh is None:
            return
        if self.d.shape[1] == 1:
            torch.mul(self.d.transpose(1, 2), weights.transpose(1, 2), out=dh)
        else:
            torch.bmm(self.d.transpose(1, 2), weights.transpose(1, 2), out=dh)


class Networks:
    """A chunk of networks at work on `samples` samples each: the layers' buffers around its parameters."""

    def __init__(
        self, parameters: Blocks, sizes: Sequence[int], samples: int, fn: Elementwise, place: Place
    ) -> None:
        self.parameters, self.fn, self.samples = parameters, fn, samples
        networks = parameters.weights[0].shape[0]
        kind = ReluLayer if fn is ACTIVATIONS["relu"].fn else Layer
        self.layers = [kind(networks, filled(samples), width, place) for width in sizes[1:-1]]
        self.head = Head(networks, filled(samples), sizes[-2], sizes[-1], place)

    @property
    def hidden(self) -> list[Tensor]:
        """Preactivations (networks, samples, width) of the hidden layers, from the last forward pass."""
        return [layer.z[:, : self.samples] for layer in self.layers]

    @torch.no_grad()
    def forward(self, x: Tensor, *, gradient: bool = False) -> Tensor:
        """Outputs (networks, samples, sizes[-1]) for inputs (networks, filled(samples), sizes[0])."""
        self.x = x
        h, slopes = x, self.parameters.slopes
        for i, layer in enumerate(self.layers):
            torch.baddbmm(self.parameters.biases[i], h, self.parameters.weights[i], out=layer.z)
            layer.activate(self.fn, gradient, slopes[i] if slopes else None)
            h = layer.h
        self.head.forward(h, self.parameters.weights[-1], self.parameters.biases[-1])
        return self.head.z.transpose(1, 2)[:, : self.samples]

    @torch.no_grad()
    def backward(self, doutputs: Tensor, gradients: Blocks, *, l1: Tensor | None = None) -> None:
        """Fill `gradients` from the loss's gradient at the outputs; a `forward` with gradient went before.

        `l1` (networks, 1, 1) adds that much per mean absolute activation of every hidden layer.
        """
        weights, slopes, samples = self.parameters.weights, gradients.slopes, self.samples
        inputs = [self.x, *(layer.h for layer in self.layers)]
        self.head.d[..., :samples] = doutputs.transpose(1, 2)
        dh = self.layers[-1].dh if self.layers else None
        self.head.backward(inputs[-1], weights[-1], gradients.weights[-1], gradients.biases[-1], dh)
        for i, layer in reversed(list(enumerate(self.layers))):
            if l1 is not None:
                signs = layer.h[:, :samples].sign()
                layer.dh[:, :samples] += signs * (l1 / signs[0].numel())
            layer.backward(slopes[i] if slopes else None)
            _product(inputs[i], layer.dz, gradients.weights[i])
            torch.sum(layer.dz, 1, keepdim=True, out=gradients.biases[i])
            if i:
                torch.bmm(layer.dz, weights[i].transpose(1, 2), out=self.layers[i - 1].dh)


def _product(h: Tensor, dz: Tensor, out: Tensor) -> None:
    """Weight gradients: h transposed times dz, into `out` (networks, inputs, outputs)."""
    inputs, outputs = out.shape[1:]
    if out.is_contiguous():
        torch.bmm(h.transpose(1, 2), dz, out=out)
    else:
        # The product itself must be aligned: more columns of zeros, until its parts are whole lines.
        dz = F.pad(dz, (0, -outputs % (ALIGN // gcd(inputs, ALIGN))))
        out.copy_(torch.bmm(h.transpose(1, 2), dz)[..., :outputs])
