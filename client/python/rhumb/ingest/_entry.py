# SPDX-License-Identifier: Apache-2.0
"""What a line of a training log says, whatever framework wrote it."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple, Optional

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,6}))?")


class LogError(ValueError):
    """A log says too little: of which flag it must be told."""


class Shape(NamedTuple):
    """What the lines of a log do not say. None: not given; a log may still say it itself."""

    sequence_length: Optional[int] = None
    global_batch_size: Optional[int] = None  # sequences a step
    global_batch_tokens: Optional[int] = None
    gpu_count: Optional[int] = None


class Facts(NamedTuple):
    """What a log says of its run; of a new run without a plan they become settings. None: not said."""

    target_token_count: Optional[int] = None
    global_batch_tokens: Optional[int] = None
    gpu_count: Optional[int] = None


class LogEntry(NamedTuple):
    """One line, or several of one step. None: not said."""

    step: int
    token_count: int
    unix_seconds: Optional[float] = None
    loss_nats: Optional[float] = None  # NaN and infinities as they are
    validation_loss_nats: Optional[float] = None
    step_seconds: Optional[float] = None
    tokens_per_second: Optional[float] = None  # all GPUs
    learning_rate: Optional[float] = None
    gradient_norm: Optional[float] = None
    peak_memory_bytes: Optional[int] = None
    loss_not_finite: bool = False  # of a step among those that the line is about


def plain(line: str) -> str:
    """The line without colours."""
    return _COLOUR.sub("", line)


def time_of(line: str) -> Optional[float]:
    """Seconds since the epoch of the first date and time in the line, which is local time."""
    match = _TIME.search(line)
    if not match:
        return None
    try:
        moment = datetime.datetime.strptime(match.group(1) + " " + match.group(2), "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    return moment.timestamp() + (float("0." + match.group(3)) if match.group(3) else 0.0)


def number(text: str) -> Optional[float]:
    """Of `1,234.5`, `1.825991E+00`, `nan`; None of anything else."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
