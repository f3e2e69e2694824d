# SPDX-License-Identifier: Apache-2.0
"""Logs of torchtitan.

Facts of the format, as seen in github.com/pytorch/torchtitan pull requests 950, 2389 and 3393: `step: 10  loss:  7.6258
grad_norm: 26.6250  memory: 66.91GiB(37.51%)  tps: 10,050  tflops: 314.71  mfu: 13.99%` behind date, time and perhaps
`[rank0]:`, in colours on a terminal; every rank may print the line. tps is of one GPU, memory the most that it has
reserved.
"""

from __future__ import annotations

import re
from typing import List, Optional

from ._entry import LogEntry, LogError, Shape, number, plain, time_of

_STEP = re.compile(r"\bstep:\s*(\d+)\s+(.*\bloss:\s*\S+.*)")
_FIELD = re.compile(r"(\w+):\s*(\S+)")
_MEMORY = re.compile(r"([\d.]+)GiB")
_VALIDATION = re.compile(r"\bvalidate\s+step:\s*(\d+)\s+(.*)")


class Parser:
    """Lines in, entries out. shape: global_batch_tokens, or sequence_length and global_batch_size; gpu_count for rates."""

    def __init__(self, shape: Shape) -> None:
        self._step_tokens = shape.global_batch_tokens
        if self._step_tokens is None and shape.global_batch_size and shape.sequence_length:
            self._step_tokens = shape.global_batch_size * shape.sequence_length
        self._gpu_count = shape.gpu_count
        self._last_step: Optional[int] = None

    def feed(self, line: str) -> List[LogEntry]:
        """Raises LogError where tokens cannot be counted."""
        text = plain(line)
        validation = _VALIDATION.search(text)
        match = validation or _STEP.search(text)
        if not match:
            return []
        step, fields = int(match.group(1)), dict(_FIELD.findall(match.group(2)))
        if self._step_tokens is None:
            raise LogError("the log does not say how many tokens a step has: give --batch-tokens, or --sequence-length and --global-batch-size")
        tokens, loss = step * self._step_tokens, number(fields.get("loss", ""))
        if validation:
            return [LogEntry(step, tokens, time_of(text), validation_loss_nats=loss)]
        # The same line of another rank.
        if step == self._last_step:
            return []
        self._last_step = step
        rate, memory = number(fields.get("tps", "")), _MEMORY.match(fields.get("memory", ""))
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

    def flush(self) -> List[LogEntry]:
        return []
