# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's Trainer, told by a callback: `Trainer(..., callbacks=[rhumb.hf.RhumbCallback()])`.

Needs transformers. The tests use a stand-in with the same method names, transformers not being packaged where they run.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from transformers import TrainerCallback

from ._run import Run
from ._start import start


class RhumbCallback(TrainerCallback):  # type: ignore[misc]
    """Starts a run when training begins, logs what the Trainer logs, and ends the run with it.

    step_tokens: tokens of an optimizer step, all ranks together; None: TrainingArguments.include_num_input_tokens_seen
    must be on, which counts them. run: tells this run, which the caller ends: `with rhumb.start() as run` knows of
    exceptions, which the Trainer does not tell its callbacks. Otherwise settings are those of rhumb.start.
    """

    def __init__(self, step_tokens: Optional[int] = None, run: Optional[Run] = None, **settings: Any) -> None:
        self.run: Run = run if run is not None else Run()
        self._is_own = run is None
        self._settings = settings
        self._step_tokens = step_tokens
        self._mark = 0.0
        self._seconds, self._steps = 0.0, 0
        self._logged: Dict[str, Any] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._mark = time.monotonic()
        if not self._is_own:
            return
        settings = dict(self._settings)
        if self._step_tokens is not None:
            settings.setdefault("global_batch_tokens", self._step_tokens)
            if getattr(state, "max_steps", 0) > 0:
                settings.setdefault("total_tokens", state.max_steps * self._step_tokens)
        settings.setdefault("rank", 0 if state.is_world_process_zero else 1)
        self.run = start(**settings)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        now = time.monotonic()
        self._seconds += now - self._mark
        self._steps += 1
        self._mark = now

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logs = logs or {}
        # The last call of a training has its summary, without a loss.
        if "loss" in logs or "eval_loss" in logs:
            tokens = getattr(state, "num_input_tokens_seen", 0) or None
            if self._step_tokens is not None:
                tokens = state.global_step * self._step_tokens
            step_time = self._seconds / self._steps if self._steps and "loss" in logs else None
            if "loss" in logs:
                self._seconds, self._steps = 0.0, 0
            self.run.log(
                step=state.global_step,
                tokens=tokens,
                loss=logs.get("loss"),
                step_time=step_time,
                lr=logs.get("learning_rate"),
                grad_norm=logs.get("grad_norm"),
                val_loss=logs.get("eval_loss"),
                mem=_peak_memory(),
            )
        self._mark = time.monotonic()

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._mark = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._mark = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._is_own:
            self.run.finish()


def _peak_memory() -> Optional[int]:
    import sys

    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda.max_memory_allocated() if cuda is not None and cuda.is_available() else None
