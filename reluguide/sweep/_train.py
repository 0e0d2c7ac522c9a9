"""Train one chunk of networks, from its seeds to its results."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from reluguide.activations import PRELU_START, named
from reluguide.device import generator
from reluguide.sweep._feed import Feed
from reluguide.sweep._init import draw_weights
from reluguide.sweep._network import Blocks, Elementwise, Networks, Place
from reluguide.sweep._optimizers import Optimizer, clip_
from reluguide.sweep._plan import Network, Plan
from reluguide.sweep._watch import Arrays, Watch, array, final, scores, summary


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
        results |= {f"test_{name}": value for name, value in scores(plan, outputs, y).items()}
    return results | (final(parameters) if "parameters" in plan.record else {})


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
