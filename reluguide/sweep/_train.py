"""Train one chunk of networks, from its seeds to its results."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from reluguide.activations import PRELU_START, named
from reluguide.device import generator
from reluguide.sweep._init import draw_weights
from reluguide.sweep._network import Blocks, Elementwise, Networks, Place, filled
from reluguide.sweep._optimizers import Optimizer, clip_
from reluguide.sweep._plan import Network, Plan
from reluguide.sweep._watch import Arrays, Watch, array, summary

# Batches come from a stream of their own, so that they do not depend on how the weights are drawn.
_BATCHES = 1 << 40


def train(plan: Plan, members: Sequence[int], tick: Callable[[int], None]) -> Arrays:
    """The results of the networks `members` (places in the sweep, at least two), one row a network.

    They share a `kind`. `tick` is called after each step with the steps done, and may raise to stop.
    """
    networks = [plan.networks[k] for k in members]
    place = Place(plan.device, plan.dtype)
    blocks = partial(Blocks, len(members), plan.sizes, place, networks[0].activation == "prelu")
    parameters, gradients = blocks(), blocks()
    begin(plan, members, parameters)
    fn = function(networks[0])
    whole = Networks(parameters, plan.sizes, plan.samples, fn, place)
    feed = Feed(plan, networks, place)
    batched = plan.batch_size is not None and plan.batch_size < plan.samples
    work = Networks(parameters, plan.sizes, feed.size, fn, place) if batched else whole
    optimizer = optimizer_of(plan, networks, blocks)
    limit = column(networks, "clip", place) if math.isfinite(networks[0].clip) else None
    l1 = column(networks, "activation_l1", place) if networks[0].activation_l1 else None
    frozen = [view for i in plan.frozen for view in gradients.of_layer(i)]
    watch = Watch(plan, networks[0].threshold, feed.y) if plan.record & {"curves", "revivals"} else None

    for step in range(plan.steps):
        seen = watch if step % plan.record_every == 0 else None
        if seen and batched:
            seen.see(whole, whole.forward(feed.x))
        x, y = next(feed.batches) if batched else (feed.x, feed.y)
        outputs = work.forward(x, gradient=True)
        if seen and not batched:
            seen.see(whole, outputs)
        work.backward(plan.loss.gradient(outputs, y), gradients, l1=None if l1 is None else l1.view(-1, 1, 1))
        for view in frozen:
            view.zero_()
        if limit is not None:
            clip_(gradients.views, limit)
        optimizer.step(parameters.flat, gradients.flat)
        tick(step + 1)

    results = summary(plan, whole, feed.x, feed.y, networks[0].threshold)
    if watch:
        watch.see(whole, whole.forward(feed.x))
        results |= watch.results()
    if "gradient_norms" in plan.record:
        outputs = whole.forward(feed.x, gradient=True)
        whole.backward(plan.loss.gradient(outputs, feed.y), gradients)
        norms = [weights.flatten(1).norm(dim=1) for weights in gradients.weights]
        results["gradient_norms"] = array(torch.stack(norms, 1))
    if plan.test_x is not None and plan.test_y is not None:
        x, y = feed.inputs(plan.test_x), feed.targets(plan.test_y)
        outputs = Networks(parameters, plan.sizes, y.shape[1], fn, place).forward(x)
        results["test_loss"] = array(plan.loss.values(outputs, y).mean(1))
        if plan.loss.correct:
            results["test_accuracy"] = array(plan.loss.correct(outputs, y).float().mean(1))
    if "parameters" in plan.record:
        results["weights"] = [array(weights, exact=True) for weights in parameters.weights]
        results["biases"] = [array(biases[:, 0], exact=True) for biases in parameters.biases]
        if parameters.slopes:
            results["slopes"] = array(
                torch.cat([slopes[:, 0] for slopes in parameters.slopes], 1), exact=True
            )
    return results


class Feed:
    """The data of a chunk on its device: whole in `x` and `y`, and batch by batch."""

    def __init__(self, plan: Plan, networks: Sequence[Network], place: Place) -> None:
        self.plan, self.networks, self.place = plan, networks, place
        self.rows = torch.tensor([network.data for network in networks])
        self.x, self.y = self.inputs(plan.x), self.targets(plan.y)
        self.size = min(plan.batch_size or plan.samples, plan.samples)
        self.batches = self._batches()

    def inputs(self, x: Tensor) -> Tensor:
        """(networks, filled(samples), features) of the data sets' (sets, samples, features)."""
        return self.targets(x[:, _rows(x.shape[1])])

    def targets(self, y: Tensor) -> Tensor:
        """(networks, samples, ...); one copy for all where all networks see the same data."""
        if y.shape[0] == 1:
            return self.place.put(y).expand(len(self.networks), *y.shape[1:])
        return self.place.put(y[self.rows])

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Each epoch in an order of each seed's own; samples that fill no batch wait for the next order."""
        x, y = (self.place.put(part.flatten(0, 1)) for part in (self.plan.x, self.plan.y))
        samples, size = self.plan.samples, self.size
        rows = _rows(size).to(self.place.device)
        random = {network.seed: generator(network.seed ^ _BATCHES) for network in self.networks}
        while True:
            orders = {seed: torch.randperm(samples, generator=one) for seed, one in random.items()}
            order = torch.stack([orders[network.seed] for network in self.networks])
            order = (order + samples * self.rows[:, None]).to(self.place.device)
            for start in range(0, samples - size + 1, size):
                chosen = order[:, start : start + size]
                inputs = chosen[:, rows]
                yield (
                    x.index_select(0, inputs.reshape(-1)).view(*inputs.shape, *x.shape[1:]),
                    y.index_select(0, chosen.reshape(-1)).view(*chosen.shape, *y.shape[1:]),
                )


def _rows(samples: int) -> Tensor:
    """Which sample stands in which row: the first one also fills up the end."""
    rows = torch.arange(filled(samples))
    return torch.where(rows < samples, rows, 0)


def begin(plan: Plan, members: Sequence[int], parameters: Blocks) -> None:
    """Write the first weights and biases: given ones, or drawn on the CPU from each network's seed."""
    for slope in parameters.slopes:
        slope.fill_(PRELU_START)
    if plan.initial is not None:
        for (w, b), weights, biases in zip(plan.initial, parameters.weights, parameters.biases):
            weights.copy_(torch.as_tensor(w)[list(members)])
            biases.copy_(torch.as_tensor(b)[list(members)][:, None])
        return
    for row, k in enumerate(members):
        network = plan.networks[k]
        random = generator(network.seed)
        for i, (fan_in, fan_out) in enumerate(zip(plan.sizes, plan.sizes[1:])):
            weights, biases = draw_weights(network.weight_init, random, fan_in, fan_out)
            parameters.weights[i][row] = weights * network.weight_scale
            parameters.biases[i][row, 0] = biases + (network.bias_init[i : i + 1] or (0.0,))[0]


def function(network: Network) -> Elementwise:
    """What the network's hidden units compute."""
    threshold = network.threshold
    if threshold:
        # The constant where z <= c, so that NaN stays NaN and the slope at c is 0, as ReLU's at 0.
        return lambda z: torch.where(z <= threshold, torch.full_like(z, threshold), z)
    return network.activation if callable(network.activation) else named(network.activation).fn


def optimizer_of(plan: Plan, networks: Sequence[Network], blocks: Callable[[], Blocks]) -> Optimizer:
    """The optimiser with each network's rate and decays spread over that network's parameters."""

    def flat(name: str, *, biases: str = "") -> Tensor:
        out = blocks()
        place = Place(plan.device, plan.dtype)
        out.fill(column(networks, name, place))
        if biases:
            out.fill(column(networks, biases, place), only=out.biases)
        # A rate of 0 keeps a frozen layer's decay and momentum out as well.
        for i in plan.frozen if name == "lr" else ():
            for view in out.of_layer(i):
                view.zero_()
        return out.flat

    decays = any(network.weight_decay or network.bias_decay for network in networks)
    return Optimizer(
        plan.optimizer,
        rate=flat("lr"),
        decay=flat("weight_decay", biases="bias_decay") if decays else None,
        momentum=flat("momentum") if any(network.momentum for network in networks) else None,
    )


def column(networks: Sequence[Network], name: str, place: Place) -> Tensor:
    """One setting of all networks of the chunk: (networks,)."""
    return place.put(torch.tensor([getattr(network, name) for network in networks], dtype=torch.float64))
