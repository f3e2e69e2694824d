# SPDX-License-Identifier: Apache-2.0
"""Logs of torchtitan.

Facts of the format, as seen in github.com/pytorch/torchtitan pull requests 950, 2389 and 3393: `step: 10  loss:  7.6258
grad_norm: 26.6250  memory: 66.91GiB(37.51%)  tps: 10,050  tflops: 314.71  mfu: 13.99%` behind date, time and perhaps
`[rank0]:`, in colours on a terminal; every rank may print the line, those without the last pipeline stage with a loss of
-1. tps (wps in older versions) is of one GPU, memory the most that it has reserved. At the start `Trainer is initialized
with local batch size 8, global batch size 64, gradient accumulation steps 1, sequence length 2048, total steps 10`.
"""

from __future__ import annotations

import math
import re
from typing import List, Optional

from ._entry import Facts, LogEntry, LogError, Shape, number, plain, time_of

_STEP = re.compile(r"\bstep:\s*(\d+)\s+(.*\bloss:\s*\S+.*)")
_FIELD = re.compile(r"(\w+):\s*(\S+)")
_MEMORY = re.compile(r"([\d.]+)GiB")
_BATCH = re.compile(r"\bglobal batch size:?\s+(\d+)")
_LENGTH = re.compile(r"\bsequence length:?\s+(\d+)")
_TOTAL = re.compile(r"\btotal steps:?\s+(\d+)")
_RANK = re.compile(r"\s*(\[rank[^\]]*\])")
_VALIDATION = re.compile(r"\bvalidate\s+step:\s*(\d+)\s+(.*)")


class Parser:
    """Lines in, entries out. shape: global_batch_tokens, or sequence_length and global_batch_size; gpu_count for rates."""

    def __init__(self, shape: Shape) -> None:
        self._given = shape
        self._sequence_length = shape.sequence_length
        self._target_tokens: Optional[int] = None
        self._rank: Optional[str] = None  # whose lines are read
        self._step_tokens = shape.global_batch_tokens
        if self._step_tokens is None and shape.global_batch_size and shape.sequence_length:
            self._step_tokens = shape.global_batch_size * shape.sequence_length
        self._gpu_count = shape.gpu_count
        self._last_step: Optional[int] = None

    @property
    def facts(self) -> Facts:
        """As far as the log has been read."""
        return Facts(self._target_tokens, self._step_tokens, self._gpu_count)

    def feed(self, line: str) -> List[LogEntry]:
        """Raises LogError where tokens cannot be counted."""
        text = plain(line)
        batch = _BATCH.search(text)
        if batch:
            self._learn_batch(int(batch.group(1)), text)
            return []
        validation = _VALIDATION.search(text)
        match = validation or _STEP.search(text)
        if not match:
            return []
        step, fields = int(match.group(1)), dict(_FIELD.findall(match.group(2)))
        if self._step_tokens is None:
            raise LogError("the log does not say how many tokens a step has: give --batch-tokens, or --sequence-length and --global-batch-size")
        tokens, loss = step * self._step_tokens, number(fields.get("loss", ""))
        rank = _RANK.match(text)
        if loss == -1 or (rank and self._rank is not None and self._rank != rank.group(1)):
            return []
        if validation:
            is_loss = loss is not None and math.isfinite(loss) and loss >= 0
            return [LogEntry(step, tokens, time_of(text), validation_loss_nats=loss)] if is_loss else []
        if rank:
            self._rank = rank.group(1)
        # The same line of another rank, where none says which it is.
        if step == self._last_step:
            return []
        self._last_step = step
        rate, memory = number(fields.get("tps") or fields.get("wps") or ""), _MEMORY.match(fields.get("memory", ""))
        all_rate = rate * self._gpu_count if rate and self._gpu_count else None
        return [
            LogEntry(
                step,
                tokens,
                time_of(text),
                loss_nats=loss,
                step_seconds=self._step_tokens / all_rate if all_rate else None,
                tokens_per_second=all_rate,
                learning_rate=number(fields.get("lr", "")),
                gradient_norm=number(fields.get("grad_norm", "")),
                peak_memory_bytes=round(float(memory.group(1)) * 2**30) if memory else None,
            )
        ]

    def _learn_batch(self, batch: int, text: str) -> None:
        # A trainer begins: another rank may have the loss now.
        self._rank = None
        length, total = _LENGTH.search(text), _TOTAL.search(text)
        if length and int(length.group(1)) and self._given.sequence_length is None:
            self._sequence_length = int(length.group(1))
        is_given = self._given.global_batch_tokens is not None or (
            self._given.global_batch_size is not None and self._given.sequence_length is not None
        )
        if batch and self._sequence_length and not is_given:
            self._step_tokens = (self._given.global_batch_size or batch) * self._sequence_length
        if total and self._step_tokens:
            self._target_tokens = int(total.group(1)) * self._step_tokens or None

    def flush(self) -> List[LogEntry]:
        return []
