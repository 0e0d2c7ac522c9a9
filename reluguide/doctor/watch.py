"""Looks on while a model trains: which units die, which come back, at which step."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

from torch import nn

from reluguide.doctor.errors import DiagnosisError, steps
from reluguide.doctor.naming import unwrapped
from reluguide.doctor.seen import Seen, warn_of_nothing
from reluguide.doctor.watching import Watcher, uncompiled

Log = Callable[[Mapping[str, float], int], object]


@contextmanager
def watch(
    model: nn.Module,
    *,
    patience: int = 10,
    every: int = 1,
    log: Log | None = None,
    only: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
) -> Iterator[Seen]:
    """Inside the block, follow training steps of `model`: `with watch(model) as seen: train()`.

    A step is a forward pass of `model` in training mode with gradients on; others are not looked at. A unit
    counts as dead once its gradient was zero on every sample of `patience` looks in a row, and as revived at
    the first look with a gradient after that. Training itself is not changed, except that a compiled model
    runs uncompiled meanwhile; with `every`, and given as `torch.compile` returned it, only in the steps that
    are looked at. A block that saw nothing warns, and says why.

    Args:
        model: the model that is called in the loop; the module inside `torch.compile`, DataParallel or
            DistributedDataParallel is looked at.
        patience: how many looks in a row without a gradient make a unit dead; 1 for full-batch training.
        every: look at every n-th step, beginning with the first.
        log: called as `log(scalars, step)` after each look, with `Seen.scalars()`, such as
            {"dead/1.relu": 0.12, "dead/all": 0.05}. `wandb.log` and Lightning's `logger.log_metrics` fit.
        only: a pattern, or patterns, of the names of activation calls to look at.
        ignore: a pattern, or patterns, of the names of activation calls to leave out.

    Raises:
        DiagnosisError: if model is no module, or patience or every is no number of steps.
    """
    if not isinstance(model, nn.Module):
        raise DiagnosisError(f"watch takes an nn.Module, this is {type(model).__name__}: {model!r:.80}")
    if log is not None and not callable(log):
        raise DiagnosisError(f"log is {log!r:.80}; it is a function of (scalars, step), such as wandb.log.")
    root, every = unwrapped(model), steps("every", every)
    # A compiled model can be switched where it is called, not from inside; else it stays uncompiled throughout.
    switch = every > 1 and hasattr(model, "_orig_mod")
    watcher = Watcher(
        root, Seen(steps("patience", patience)), every=every, log=log, only=only, ignore=ignore,
        called=model if switch else root, uncompile=switch,
    )  # fmt: skip
    start = watcher.called.register_forward_pre_hook(watcher.before_forward, with_kwargs=True)
    end = watcher.called.register_forward_hook(watcher.after_forward, always_call=True)
    try:
        with nullcontext() if switch else uncompiled(), nullcontext() if switch else watcher.noticing_parts():
            yield watcher.seen
        warn_of_nothing(watcher.seen)
    finally:
        start.remove()
        end.remove()
        watcher.close()
