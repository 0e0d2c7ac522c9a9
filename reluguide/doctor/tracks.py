"""What a recorder remembers while a model runs: the trail of each tensor, the module it is in, the wiring."""

import dataclasses
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from reluguide.doctor.flow import Feed, Trail, Weight
from reluguide.doctor.naming import tidy
from reluguide.doctor.wiring import Wiring

THE_MODEL = "the model itself"


class Tracks:
    """The trails of the tensors that live, and what was learnt of the wiring on the way."""

    def __init__(self, root: nn.Module) -> None:
        self.wiring = Wiring()
        self.stack: list[str] = []
        self.used: Counter[str] = Counter()  # calls of each layer in this pass
        self.owners: dict[int, list[tuple[str, str]]] = {}  # parameter -> (module, its name in there)
        for name, parameter in root.named_parameters(remove_duplicate=False):
            owner, _, label = tidy(name).rpartition(".")
            self.owners.setdefault(id(parameter), []).append((owner, label))
        self.touched: set[int] = set()  # parameters that some function was given
        self.buffers = {id(buffer) for buffer in root.buffers()}
        self._trails: dict[int, tuple[weakref.ref[Tensor], Trail]] = {}
        self._weights: dict[int, tuple[weakref.ref[Tensor], Weight]] = {}

    @property
    def path(self) -> str:
        """The module that runs."""
        return self.stack[-1] if self.stack else ""

    def clear(self) -> None:
        self._trails.clear()
        self._weights.clear()

    def trail(self, tensor: Tensor) -> Trail | None:
        known = self._trails.get(id(tensor))
        # An id may have been given to another tensor since; the weak reference tells.
        return known[1] if known is not None and known[0]() is tensor else None

    def mark(self, tensor: Tensor, trail: Trail) -> None:
        key, trails = id(tensor), self._trails

        def gone(reference: weakref.ref[Tensor]) -> None:
            # A trail may hold on to other tensors, which must not outlive this one.
            if (held := trails.get(key)) is not None and held[0] is reference:
                del trails[key]

        trails[key] = (weakref.ref(tensor, gone), trail)

    def weight(self, tensor: Tensor) -> Weight | None:
        """What is known of a tensor made of parameters alone; None for any other."""
        known = self._weights.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        if isinstance(tensor, nn.Parameter):
            self.touched.add(id(tensor))
            owner, label = self.owner(tensor)
            return Weight(label, owner)
        return None

    def owner(self, parameter: Tensor) -> tuple[str, str]:
        """(module, name in there) of a parameter: the module that runs, if it is one of those that have it."""
        owners = self.owners.get(id(parameter), [(self.path, "weight")])
        return next((one for one in owners if one[0] == self.path), owners[0])

    def layer(self, weight: Weight | None) -> str:
        """The name of the layer that applies a weight: its module, also where another one uses it."""
        if weight is None or ".parametrizations." in f".{weight.owner}." or weight.owner == self.path:
            return self.path
        return weight.owner

    def mark_weight(self, tensor: Tensor, weight: Weight) -> None:
        self._weights[id(tensor)] = (weakref.ref(tensor), weight)

    def borrow(self, args: Any, kwargs: Any) -> None:
        """Note whose parameters a function reads that is no layer."""
        for tensor in tensors(args, kwargs):
            if isinstance(tensor, nn.Parameter):
                self.wiring.borrowed.add(self.owner(tensor)[0])

    def escape(self, feed: Feed, name: str) -> None:
        """Note that a function other than a layer reads the values of an activation."""
        self.wiring.escapes.setdefault(feed.source, set()).add(name)

    def leak(self, trail: Trail, name: str) -> None:
        """Note that a function other than an activation reads the output of a layer."""
        if (maker := trail.maker) is not None:
            self.wiring.leaks.setdefault(maker.name, set()).add(name)


def tensors(args: Iterable[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The tensors among arguments, also those one level down in tuples, lists and dicts."""
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from (part for part in value if isinstance(part, Tensor))
        elif isinstance(value, Mapping):
            yield from (part for part in value.values() if isinstance(part, Tensor))


def tensors_within(value: Any, seen: set[int] | None = None, depth: int = 8) -> Iterator[Tensor]:
    """Every tensor in what a model takes or gives, however deep: containers, dataclasses, plain objects."""
    if isinstance(value, Tensor):
        yield value
        return
    if depth == 0 or value is None or isinstance(value, (str, bytes, int, float, complex, type, nn.Module)):
        return
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    for part in _parts(value):
        yield from tensors_within(part, seen, depth - 1)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (tuple, list, set, frozenset)):
        return list(value)
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    if callable(getattr(value, "to_dict", None)) and hasattr(value, "stores"):  # a graph of PyG
        return [part for store in value.stores for part in store.values()]
    inside = getattr(value, "__dict__", None)
    return list(inside.values()) if isinstance(inside, dict) else ()
