"""Dead units while a Hugging Face Trainer trains: `Trainer(..., callbacks=[WatchCallback()])`."""

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from reluguide.doctor.errors import steps
from reluguide.doctor.seen import Seen
from reluguide.doctor.watch import Log, watch

try:
    from transformers import TrainerCallback
except ModuleNotFoundError:
    TrainerCallback = None


class WatchCallback(TrainerCallback or object):  # type: ignore[misc]
    """Follows dead units through training, and adds their shares to what the trainer logs.

    What `reluguide.watch` does for a loop of one's own; a step is a forward pass in training mode, so there
    are several to an optimizer step where gradients are accumulated. `callback.seen` holds what was seen;
    print it after training. Where training ends by an exception, call `close()`.

    The shares are added to the numbers that the trainer prints and keeps in `state.log_history`. Trackers
    such as TensorBoard and W&B have been told by then; give `log=` for them.
    """

    def __init__(
        self,
        *,
        every: int = 100,
        patience: int = 10,
        log: Log | None = None,
        only: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
    ) -> None:
        """What to look at, and when.

        Args:
            every: look at every n-th forward pass, beginning with the first.
            patience: how many looks in a row without a gradient make a unit dead.
            log: called as `log(scalars, step)` whenever the trainer logs, such as `wandb.log`.
            only: a pattern, or patterns, of the names of activation calls to look at.
            ignore: a pattern, or patterns, of the names of activation calls to leave out.

        Raises:
            ImportError: where Transformers is not installed.
            DiagnosisError: if every or patience is no number of steps.
        """
        if TrainerCallback is None:
            raise ImportError("this callback needs Transformers: pip install 'reluguide[transformers]'")
        self.options: dict[str, Any] = {
            "every": steps("every", every),
            "patience": steps("patience", patience),
            "only": only,
            "ignore": ignore,
        }
        self.log = log
        self.seen = Seen(patience)
        self._open = ExitStack()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **others: Any) -> None:
        self.close()
        self.seen = self._open.enter_context(watch(model, **self.options))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        scalars = self.seen.scalars()
        if logs is None or "loss" not in logs or not scalars:
            return
        logs.update(scalars)
        if state.log_history:
            state.log_history[-1].update(scalars)
        if self.log is not None:
            self.log(scalars, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        self.close()

    def close(self) -> None:
        """Leave the model alone."""
        self._open.close()
