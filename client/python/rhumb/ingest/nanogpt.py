# SPDX-License-Identifier: Apache-2.0
"""Logs of nanoGPT.

Facts of the format, as seen in github.com/karpathy/nanoGPT issues 110, 178 and 215: `iter 100: loss 4.1234, time 250.12ms,
mfu 11.30%` (older ones without mfu; -100.00% while it is not known; `loss nan`), and before the iteration of an
evaluation `step 250: train loss 1.5440, val loss 1.7220`. At the start `tokens per iteration will be: 491,520`. Time is
of the one iteration, with the evaluation in it. `iter N`, counted from 0, has the loss of the step that is then done.
"""

from __future__ import annotations

import re
from typing import List, Optional

from ._entry import Facts, LogEntry, LogError, Shape, number, plain, time_of

_ITERATION = re.compile(r"\biter\s+(\d+):\s+loss\s+([^\s,]+)(?:,\s+time\s+([\d.]+)\s*ms)?")
_EVALUATION = re.compile(r"\bstep\s+(\d+):\s+train loss\s+([^\s,]+),\s+val loss\s+([^\s,]+)")
_TOKENS = re.compile(r"tokens per iteration will be:\s*([\d,]+)", re.IGNORECASE)


class Parser:
    """Lines in, entries out. shape: global_batch_tokens goes before what the log says."""

    def __init__(self, shape: Shape) -> None:
        self._given = shape.global_batch_tokens
        if self._given is None and shape.global_batch_size and shape.sequence_length:
            self._given = shape.global_batch_size * shape.sequence_length
        self._step_tokens = self._given
        self._gpu_count = shape.gpu_count
        self._evaluation: Optional[LogEntry] = None

    @property
    def facts(self) -> Facts:
        """As far as the log has been read."""
        return Facts(None, self._step_tokens, self._gpu_count)

    def feed(self, line: str) -> List[LogEntry]:
        """Raises LogError where tokens cannot be counted."""
        text = plain(line)
        said = _TOKENS.search(text)
        if said and self._given is None:
            self._step_tokens = int(said.group(1).replace(",", ""))
        evaluation = _EVALUATION.search(text)
        if evaluation:
            entries = self.flush()
            step = int(evaluation.group(1))
            self._evaluation = LogEntry(step, self._tokens(step), time_of(text), validation_loss_nats=number(evaluation.group(3)))
            return entries
        iteration = _ITERATION.search(text)
        if not iteration:
            return []
        step = int(iteration.group(1))
        milliseconds = number(iteration.group(3) or "")
        # An evaluation before the iteration is in its time; so is, in the first one, all that is compiled.
        is_long = step == 0 or (self._evaluation is not None and self._evaluation.step == step)
        seconds = milliseconds / 1000.0 if milliseconds and not is_long else None
        tokens = self._tokens(step + 1)
        entries = self.flush()
        entries.append(
            LogEntry(
                step + 1,
                tokens,
                time_of(text),
                loss_nats=number(iteration.group(2)),
                step_seconds=seconds,
                tokens_per_second=self._tokens(1) / seconds if seconds else None,
            )
        )
        return entries

    def flush(self) -> List[LogEntry]:
        """The evaluation that no iteration has followed yet."""
        entries = [self._evaluation] if self._evaluation is not None else []
        self._evaluation = None
        return entries

    def _tokens(self, steps: int) -> int:
        if self._step_tokens is None:
            raise LogError("the log does not say how many tokens an iteration has: give --batch-tokens")
        return steps * self._step_tokens
