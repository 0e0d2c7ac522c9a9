"""Batches of any kind: what is in them, how many samples, and how they get to the model's device."""

import copy
import dataclasses
import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

import torch
from torch import Tensor, nn

from reluguide.doctor.errors import DiagnosisError
from reluguide.doctor.tracks import tensors_within


def batches(data: Any, *, most: int | None, progress: bool | None) -> Iterator[Any]:
    """The batches in `data`, at most so many, with a bar where somebody can see one."""
    if isinstance(data, Tensor) or _is_batch(data):
        yield data
        return
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise DiagnosisError(
            f"data is {type(data).__name__}: pass batches, such as a DataLoader, or one tensor."
        )
    _not_a_pair(data)
    count = len(data) if isinstance(data, Sized) else None
    total = most if count is None or (most is not None and most < count) else count
    with_bar = _somebody_looks() if progress is None else progress
    some = itertools.islice(data, most)
    yield from _bar(some, total) if with_bar else some


def forward(model: nn.Module, batch: Any) -> Any:
    """The usual call: keyword arguments from a dict, else the first entry of a tuple, else the batch."""
    if isinstance(batch, (tuple, list)):
        batch = batch[0]
    return model(**batch) if isinstance(batch, Mapping) else model(batch)


def moved(batch: Any, device: torch.device | None) -> Any:
    """The batch on this device: tensors in containers, dataclasses and namespaces, and what has a `to`."""
    if isinstance(batch, Tensor):
        return batch if device is None else batch.to(device)
    if isinstance(batch, Mapping):
        return {key: moved(value, device) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        parts = [moved(value, device) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    if device is None or batch is None or isinstance(batch, (str, bytes, int, float, nn.Module, type)):
        return batch
    if callable(getattr(batch, "to", None)):
        return batch.to(device)
    if dataclasses.is_dataclass(batch) or hasattr(batch, "__dict__"):
        new = copy.copy(batch)
        for key, value in vars(batch).items() if hasattr(batch, "__dict__") else ():
            object.__setattr__(new, key, moved(value, device))
        return new
    return batch


def samples_in(batch: Any, number: int, own_forward: bool) -> int:
    """How many samples a batch holds, by the first axis of its first tensor."""
    graphs = getattr(batch, "num_graphs", None)
    if isinstance(graphs, int) and graphs > 1:
        return graphs
    tensor = next(tensors_within(batch), None)
    if tensor is None:
        if not own_forward:
            raise DiagnosisError(
                f"batch {number} holds no tensor ({words(batch)}); it can be a tensor, (x, y) or a dict of "
                "them, and anything with forward=, as in forward=lambda model, batch: model(batch.x)."
            )
        size = len(batch) if hasattr(batch, "__len__") and not isinstance(batch, (str, bytes)) else 1
        if not size:
            raise DiagnosisError(f"batch {number} has no samples: it is empty ({words(batch)}).")
        return size
    if tensor.is_nested:
        return int(tensor.size(0))
    if tensor.ndim and not tensor.shape[0]:
        raise DiagnosisError(f"batch {number} has no samples: its shape is {tuple(tensor.shape)}.")
    whole_numbers = not tensor.is_floating_point() and not tensor.is_complex()
    return tensor.shape[0] if tensor.ndim > 1 or (tensor.ndim == 1 and whole_numbers) else 1


def words(batch: Any) -> str:
    """A batch in words, for errors."""
    if isinstance(batch, Tensor):
        return f"{str(batch.dtype).removeprefix('torch.')} {tuple(batch.shape)}"
    if isinstance(batch, Mapping):
        return "{" + ", ".join(f"{key}: {words(value)}" for key, value in batch.items()) + "}"
    if isinstance(batch, (tuple, list)):
        return f"{type(batch).__name__} of " + ", ".join(map(words, batch))
    return type(batch).__name__


def mask_of(mask: Any, batch: Any, number: int) -> Tensor:
    """The mask of a batch, bool, True where a position counts."""
    if callable(mask):
        found = mask(batch)
    else:
        inside = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
        try:
            found = inside[mask] if isinstance(inside, Mapping) else getattr(inside, mask)
        except (KeyError, AttributeError, TypeError):
            raise DiagnosisError(
                f"mask={mask!r} is not in batch {number} ({words(batch)}); it is a key of the batch, or a "
                "function of it, as in mask=lambda batch: batch[0] != padding."
            ) from None
    if not isinstance(found, Tensor):
        raise DiagnosisError(f"mask gave {type(found).__name__} on batch {number}; it must be a tensor.")
    if not bool(found.any()):
        raise DiagnosisError(f"the mask of batch {number} leaves no position.")
    return found.bool()


def _is_batch(data: Any) -> bool:
    """Whether data is one batch by itself, and not an iterable of them."""
    return isinstance(data, Mapping) or (
        (dataclasses.is_dataclass(data) or hasattr(data, "num_graphs"))
        and not isinstance(data, type)
        and next(tensors_within(data), None) is not None
        and not isinstance(data, (list, tuple))
    )


def _not_a_pair(data: Any) -> None:
    """A tuple (x, y) would be taken for two batches."""
    if not isinstance(data, tuple) or len(data) != 2 or hasattr(data, "_fields"):
        return
    one, other = data
    if isinstance(one, Tensor) and isinstance(other, Tensor) and one.ndim and other.ndim:
        alike = one.dtype == other.dtype and one.shape[1:] == other.shape[1:]
        if not alike and one.shape[0] == other.shape[0]:
            raise DiagnosisError(
                f"data is a tuple of {words(one)} and {words(other)}, which would be two batches: pass "
                "[(x, y)] for one batch of inputs and targets, or x alone."
            )


def _somebody_looks() -> bool:
    in_notebook = "ipykernel" in sys.modules
    return in_notebook or bool(getattr(sys.stderr, "isatty", lambda: False)())


def _bar(some: Iterator[Any], total: int | None) -> Iterator[Any]:
    """Shown on stderr once it takes longer than a second, and gone when it is over."""
    start = shown = time.monotonic()
    width = 0
    try:
        for done, batch in enumerate(some, 1):
            yield batch
            now = time.monotonic()
            if now - start > 1 and (now - shown > 0.2 or done == total):
                shown = now
                line = f"diagnose: batch {done}" + (f" of {total}" if total else "")
                if total and done < total:
                    line += f", about {(now - start) / done * (total - done):.0f} s left"
                width = max(width, len(line))
                print(f"\r{line.ljust(width)}", end="", file=sys.stderr, flush=True)
    finally:
        if width:
            print(f"\r{' ' * width}\r", end="", file=sys.stderr, flush=True)
