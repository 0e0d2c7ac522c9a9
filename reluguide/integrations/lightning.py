"""Dead units while Lightning trains: `Trainer(callbacks=[WatchCallback()])`."""

from collections.abc import Iterable
from typing import Any

from reluguide.doctor.errors import steps
from reluguide.doctor.seen import Seen, warn_of_nothing
from reluguide.doctor.watching import Watcher

try:
    from lightning.pytorch.callbacks import Callback
except ModuleNotFoundError:
    try:
        from pytorch_lightning.callbacks import Callback
    except ModuleNotFoundError:
        Callback = None


class WatchCallback(Callback or object):  # type: ignore[misc]
    """Follows dead units through training, and logs their shares.

    What `reluguide.watch` does for a loop of one's own. A step is a training batch, from its start to its
    first backward pass, so that it does not matter whether `training_step` calls the module itself or parts
    of it. `callback.seen` holds what was seen; print it after training.
    """

    def __init__(
        self,
        *,
        every: int = 100,
        patience: int = 10,
        log: bool = True,
        only: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
    ) -> None:
        """What to look at, and when.

        Args:
            every: look at every n-th training batch, beginning with the first.
            patience: how many looks in a row without a gradient make a unit dead.
            log: send `seen.scalars()`, such as {"dead/net.1.relu": 0.12}, to all loggers of the trainer.
            only: a pattern, or patterns, of the names of activation calls to look at.
            ignore: a pattern, or patterns, of the names of activation calls to leave out.

        Raises:
            ImportError: where Lightning is not installed.
            DiagnosisError: if every or patience is no number of steps.
        """
        if Callback is None:
            raise ImportError("this callback needs Lightning: pip install 'reluguide[lightning]'")
        super().__init__()
        self.every, self.patience, self.log_scalars = steps("every", every), steps("patience", patience), log
        self.only, self.ignore = only, ignore
        self.seen = Seen(patience)
        self._watcher: Watcher | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.seen = Seen(self.patience)
        self._watcher = Watcher(pl_module, self.seen, every=self.every, only=self.only, ignore=self.ignore)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self._watcher is not None:
            self._watcher.begin()

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        if self._watcher is not None:
            self._watcher.end()

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._watcher is None:
            return
        self._watcher.end()  # a step without a backward pass
        if self.log_scalars and self._watcher.looked:
            self._watcher.looked = False
            for logger in trainer.loggers:
                logger.log_metrics(self.seen.scalars(), step=trainer.global_step)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._close()
        warn_of_nothing(self.seen)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
