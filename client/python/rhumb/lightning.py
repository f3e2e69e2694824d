# SPDX-License-Identifier: Apache-2.0
"""Lightning's Trainer, told by a callback: `Trainer(callbacks=[rhumb.lightning.RhumbCallback(step_tokens=...)])`.

Needs lightning or pytorch_lightning. The tests use a stand-in with the same method names, neither being packaged where
they run.
"""

from __future__ import annotations

import time
from typing import Any, Optional

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback  # type: ignore[no-redef]

from ._run import Run
from ._start import start


class RhumbCallback(Callback):  # type: ignore[misc]
    """Starts a run when training begins, logs each optimizer step, and ends the run with it.

    step_tokens: tokens of an optimizer step, all ranks together. val_loss: what the module logs its validation loss as.
    log_every: optimizer steps between readings of the loss, which wait for the device. run: tells this run, which the
    caller ends. Otherwise settings are those of rhumb.start.
    """

    def __init__(
        self,
        step_tokens: int,
        val_loss: str = "val_loss",
        log_every: int = 1,
        run: Optional[Run] = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.run: Run = run if run is not None else Run()
        self._is_own = run is None
        self._settings = dict(settings)
        self._settings.setdefault("global_batch_tokens", step_tokens)
        self._step_tokens = step_tokens
        self._val_loss = val_loss
        self._log_every = max(1, log_every)
        self._mark, self._mark_step = 0.0, 0
        self._validation_began = 0.0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._mark, self._mark_step = time.monotonic(), trainer.global_step
        if self._is_own:
            settings = dict(self._settings)
            settings.setdefault("rank", 0 if trainer.is_global_zero else 1)
            self.run = start(**settings)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, *rest: Any) -> None:
        steps = trainer.global_step - self._mark_step
        # Batches that only accumulate gradients are no step.
        if steps < self._log_every:
            return
        now = time.monotonic()
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        self.run.log(
            step=trainer.global_step,
            tokens=trainer.global_step * self._step_tokens,
            loss=None if loss is None else _number(loss),
            step_time=(now - self._mark) / steps,
            lr=_learning_rate(trainer),
        )
        self._mark, self._mark_step = now, trainer.global_step

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._validation_began = time.monotonic()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._mark += time.monotonic() - self._validation_began
        value = trainer.callback_metrics.get(self._val_loss)
        # The check before training is no validation of it.
        if value is not None and not getattr(trainer, "sanity_checking", False):
            self.run.log(
                step=trainer.global_step, tokens=trainer.global_step * self._step_tokens, val_loss=_number(value)
            )

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self._is_own:
            self.run.finish("CANCELLED" if isinstance(exception, KeyboardInterrupt) else "FAILED")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self._is_own:
            self.run.finish()


def _number(value: Any) -> Optional[float]:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _learning_rate(trainer: Any) -> Optional[float]:
    try:
        return float(trainer.optimizers[0].param_groups[0]["lr"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None
