# SPDX-License-Identifier: Apache-2.0
"""Logs of Megatron-LM and what is built on it.

Facts of the format, as seen in github.com/NVIDIA/Megatron-LM issue 756 and github.com/epfLLM/Megatron-LLM issue 11: a
line an interval of iterations, `iteration N/ M | name: value | ...`, with a date in brackets before it in newer ones;
`elapsed time per iteration (ms)` and losses are means over the interval. The arguments are listed at the start, as
`  global_batch_size ......... 8` (github.com/bigcode-project/Megatron-LM issue 86). Evaluation prints
`validation loss at iteration N | lm loss value: X | lm loss PPL: Y |`. `[Rank 0] (after 1 iterations) memory (MB) |
allocated: 9334.3 | max allocated: 10606.5 | ...` is of the allocator, in units of 2^20 bytes; the highest of the ranks that
printed it counts. Megatron-DeepSpeed also says `consumed tokens`.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional

from ._entry import Facts, LogEntry, LogError, Shape, number, plain, time_of

_ITERATION = re.compile(r"\biteration\s+(\d+)/\s*(\d+)\s*\|(.*)")
_FIELD = re.compile(r"\s*([^:|]+?):\s*([^|]*?)\s*(?:\||$)")
_VALIDATION = re.compile(r"validation loss at iteration\s+(\d+)([^|]*)\|\s*lm loss value:\s*(\S+)")
_MEMORY = re.compile(r"memory \(MB\).*\bmax allocated:\s*([\d.]+)")
_ARGUMENT = re.compile(r"^\s*(?:\[[^\]]*\]:?\s*|\d+:\s*)?(seq_length|global_batch_size|world_size)\s*\.{2,}\s*(\d+)\s*$")


class Parser:
    """Lines in, entries out. shape: sequence_length and global_batch_size go before what the log lists."""

    def __init__(self, shape: Shape) -> None:
        self._given = shape
        self._sequence_length = shape.sequence_length
        self._batch_size = shape.global_batch_size
        self._gpu_count = shape.gpu_count
        self._peak_bytes: Optional[int] = None
        self._target_tokens: Optional[int] = None
        self._last: Optional[LogEntry] = None
        self._last_step_tokens: Optional[float] = None

    @property
    def facts(self) -> Facts:
        """As far as the log has been read."""
        tokens = self._last_step_tokens
        return Facts(self._target_tokens, int(tokens) if tokens else None, self._gpu_count)

    def feed(self, line: str) -> List[LogEntry]:
        """Raises LogError where tokens cannot be counted."""
        text = plain(line)
        argument = _ARGUMENT.match(text)
        if argument:
            self._learn(argument.group(1), int(argument.group(2)))
            return []
        memory = _MEMORY.search(text)
        if memory:
            self._learn_memory(number(memory.group(1)) or 0)
            return []
        validation = _VALIDATION.search(text)
        if validation:
            return self._validation(int(validation.group(1)), validation.group(2), validation.group(3), time_of(text))
        iteration = _ITERATION.search(text)
        if not iteration:
            return []
        fields = {name.strip(): value for name, value in _FIELD.findall(iteration.group(3))}
        entry = self._entry(int(iteration.group(1)), fields, time_of(text[: iteration.start()]))
        self._last = entry
        self._learn_target(int(iteration.group(2)), entry)
        return [entry]

    def flush(self) -> List[LogEntry]:
        return []

    def _learn(self, name: str, value: int) -> None:
        if name == "seq_length" and self._given.sequence_length is None:
            self._sequence_length = value
        if name == "global_batch_size" and self._given.global_batch_size is None:
            self._batch_size = value
        if name == "world_size" and self._given.gpu_count is None and value > 0:
            self._gpu_count = value

    def _learn_memory(self, megabytes: float) -> None:
        if 0 < megabytes < 1e9:
            self._peak_bytes = max(self._peak_bytes or 0, round(megabytes * 2**20))

    def _learn_target(self, last_step: int, entry: LogEntry) -> None:
        # The batch may grow in the beginning (--rampup-batch-size): then the last one tells no target.
        tokens = self._last_step_tokens
        if self._target_tokens is None and tokens and last_step and entry.token_count == entry.step * tokens:
            self._target_tokens = int(last_step * tokens)

    def _entry(self, step: int, fields: Dict[str, str], unix_seconds: Optional[float]) -> LogEntry:
        samples = number(fields.get("consumed samples", ""))
        batch = number(fields.get("global batch size", "")) or self._batch_size
        consumed = number(fields.get("consumed tokens", ""))
        tokens = int(consumed) if consumed is not None and consumed >= 0 else self._tokens(step, samples, batch)
        milliseconds = number(fields.get("elapsed time per iteration (ms)", ""))
        seconds = milliseconds / 1000.0 if milliseconds else None
        step_tokens = self._last_step_tokens = self._step_tokens(batch)
        loss = number(fields.get("lm loss", ""))
        bad = number(fields.get("number of nan iterations", "")) or 0
        return LogEntry(
            step,
            tokens,
            unix_seconds,
            loss_nats=loss,
            step_seconds=seconds,
            tokens_per_second=step_tokens / seconds if step_tokens and seconds else None,
            learning_rate=number(fields.get("learning rate", "")),
            gradient_norm=number(fields.get("grad norm", "")),
            peak_memory_bytes=self._peak_bytes,
            loss_not_finite=bad > 0,
        )

    def _validation(self, step: int, where: str, text: str, unix_seconds: Optional[float]) -> List[LogEntry]:
        # The test set is judged once, after training; it is no validation.
        value = number(text)
        if value is None or "test" in where:
            return []
        last = self._last
        tokens = last.token_count if last is not None and last.step == step else self._tokens(step, None, self._batch_size)
        return [LogEntry(step, tokens, unix_seconds, validation_loss_nats=value)]

    def _step_tokens(self, batch: Optional[float]) -> Optional[float]:
        if self._given.global_batch_tokens is not None:
            return self._given.global_batch_tokens
        return batch * self._sequence_length if batch and self._sequence_length else None

    def _tokens(self, step: int, samples: Optional[float], batch: Optional[float]) -> int:
        if samples is not None and self._sequence_length:
            return int(samples) * self._sequence_length
        step_tokens = self._step_tokens(batch)
        if step_tokens is None:
            raise LogError("the log does not say how long sequences are: give --sequence-length, or --batch-tokens")
        return int(step * step_tokens)
