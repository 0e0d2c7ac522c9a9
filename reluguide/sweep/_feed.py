"""The data of a chunk of networks: on its device, in whole rows of samples, and batch by batch."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from reluguide.device import generator
from reluguide.sweep._network import Place, filled
from reluguide.sweep._plan import Network, Plan

# Batches come from a stream of their own, so that they do not depend on how the weights are drawn.
_BATCHES = 1 << 40


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
        return self._of_networks(x, _rows(x.shape[1]))

    def targets(self, y: Tensor) -> Tensor:
        """(networks, samples, ...) of the data sets' (sets, samples, ...)."""
        return self._of_networks(y, slice(None))

    def _of_networks(self, part: Tensor, samples: Tensor | slice) -> Tensor:
        """One copy a network, or one for all where the networks of this chunk see the same data."""
        shared = bool((self.rows == self.rows[0]).all())
        chosen = self.place.put(part[self.rows[:1] if shared else self.rows][:, samples])
        return chosen.expand(len(self.networks), *chosen.shape[1:])

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
