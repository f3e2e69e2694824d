# SPDX-License-Identifier: Apache-2.0
"""Log calls to samples: one stands for all steps since the one before, so that a run of any speed sends a few."""

from __future__ import annotations

import datetime
import math
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

Sample = Dict[str, Any]

# Early on a loss falls by the logarithm of the tokens: a window is at most this part of the run so far.
_GROWTH_FRACTION = 0.05


class Entry(NamedTuple):
    """One call of Run.log; None: not given. Clocks are time.monotonic, in seconds."""

    clock: float
    paused_seconds: float  # of the run so far
    step: int
    token_count: Optional[int]  # None: the daemon knows the tokens of a step, or refuses the sample
    loss_nats: Optional[float] = None
    step_seconds: Optional[float] = None
    peak_memory_bytes: Optional[int] = None
    learning_rate: Optional[float] = None
    gradient_norm: Optional[float] = None
    noise_scale_tokens: Optional[float] = None
    validation_loss_nats: Optional[float] = None
    tokens_per_second: Optional[float] = None


# The fields of an Entry before they are checked.
RawEntry = Tuple[Any, ...]


def shown(value: Any) -> str:
    """As it is written, cut to a readable length; of what cannot be written, its type."""
    try:
        text = repr(value[:100] if isinstance(value, (str, bytes)) else value)
    except Exception:  # pylint: disable=broad-except
        text = "<%s>" % type(value).__name__
    return text if len(text) <= 100 else text[:97] + "..."


def shown_error(error: BaseException) -> str:
    """Its text, cut, or its type."""
    try:
        text = str(error)
    except Exception:  # pylint: disable=broad-except
        text = ""
    return text[:200] or type(error).__name__


def plain_entry(raw: RawEntry) -> RawEntry:
    """With numbers of Python for what has a number in it, as a tensor. TypeError or ValueError for what has none."""
    return tuple(plain_number(value) for value in raw)


def plain_number(value: Any) -> Any:
    """As `plain_entry`, of one."""
    if value is None or type(value) in (int, float):
        return value
    # Counts beyond 2^53 of other libraries are rounded; a text or a bool is no number.
    if isinstance(value, (str, bytes, bool)):
        raise ValueError(shown(value))
    return value.item() if hasattr(value, "item") else float(value)


def checked_entry(raw: RawEntry) -> Entry:
    """ValueError where it says too little, or counts what cannot be counted."""
    entry = Entry(*raw)
    counts = {name: getattr(entry, name) for name in ("step", "token_count", "peak_memory_bytes")}
    for name, value in counts.items():
        if value is None:
            if name == "step":
                raise ValueError("step is not given")
            continue
        if not math.isfinite(value) or not 0 <= value < 2**63:
            raise ValueError("%s must be at or above 0, got %r" % (name, value))
    return entry._replace(**{name: int(value) for name, value in counts.items() if type(value) is float})


class _Mean:
    """Of the finite values among what is added."""

    __slots__ = ("total", "count", "odd_count")

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0
        self.odd_count = 0

    def add(self, value: Optional[float]) -> None:
        if value is None:
            return
        if math.isfinite(value):
            self.total += value
            self.count += 1
        else:
            self.odd_count += 1

    def value(self) -> Optional[float]:
        return self.total / self.count if self.count else None


def _tokens_between(previous: Optional[Entry], entry: Entry) -> int:
    """0 where they are not known."""
    if previous is None or previous.token_count is None or entry.token_count is None:
        return 0
    return entry.token_count - previous.token_count


class _Window:
    """Sums over the entries since the last sample."""

    def __init__(self, begin: float) -> None:
        self.begin = begin
        self.last: Optional[Entry] = None
        self.loss, self.norm, self.step_seconds, self.rate = _Mean(), _Mean(), _Mean(), _Mean()
        # Tokens and seconds of the steps for which both are known.
        self.token_count, self.token_seconds = 0, 0.0
        self.latest: Dict[str, Any] = {}

    def add(self, entry: Entry, previous: Optional[Entry]) -> None:
        seconds = entry.step_seconds
        steps = entry.step - previous.step if previous is not None else 0
        if seconds is None and previous is not None and steps > 0:
            pause = entry.paused_seconds - previous.paused_seconds
            seconds = max(0.0, entry.clock - previous.clock - pause) / steps
        if seconds is not None and math.isfinite(seconds) and seconds > 0:
            self.step_seconds.add(seconds)
            tokens = _tokens_between(previous, entry)
            if steps > 0 and tokens > 0:
                self.token_count += tokens
                self.token_seconds += seconds * steps
        self.loss.add(entry.loss_nats)
        self.norm.add(entry.gradient_norm)
        self.rate.add(entry.tokens_per_second)
        for name in ("learning_rate", "noise_scale_tokens", "validation_loss_nats"):
            value = getattr(entry, name)
            if value is not None and math.isfinite(value) and (name != "noise_scale_tokens" or value > 0):
                self.latest[name] = value
        if entry.peak_memory_bytes is not None:
            self.latest["peak_memory_bytes"] = max(self.latest.get("peak_memory_bytes", 0), entry.peak_memory_bytes)
        self.last = entry

    def sample(self, sequence: int, wall_offset: float) -> Sample:
        assert self.last is not None
        rate = self.rate.value()
        if rate is None and self.token_seconds > 0:
            rate = self.token_count / self.token_seconds
        values = {
            "loss_nats": self.loss.value(),
            "step_seconds": self.step_seconds.value(),
            "tokens_per_second": rate,
            "gradient_norm": self.norm.value(),
        }
        sample: Sample = {
            "sequence": sequence,
            "sample_time": timestamp(self.last.clock + wall_offset),
            "step": self.last.step,
        }
        if self.last.token_count is not None:
            sample["token_count"] = self.last.token_count
        # Sums of the largest numbers may overflow, and JSON has no infinity.
        sample.update((name, value) for name, value in values.items() if value is not None and math.isfinite(value))
        sample.update(self.latest)
        if self.loss.odd_count:
            sample["loss_not_finite"] = True
        return sample


class Sampler:
    """Entries in, samples out. Of one thread.

    interval_seconds: the longest window of a run whose steps are shorter; 0: every entry is a sample.
    first_count: entries that are samples of their own, because a run that starts badly should be seen at once.
    """

    def __init__(self, interval_seconds: float = 10.0, first_count: int = 10) -> None:
        self._interval_seconds = interval_seconds
        self._first_count = first_count
        self._sequence = 0
        self._begin: Optional[float] = None
        self._previous: Optional[Entry] = None
        self._window: Optional[_Window] = None

    def add(self, entry: Entry, wall_offset: float) -> List[Sample]:
        """The samples that are whole with this entry. wall_offset: time.time() less time.monotonic()."""
        samples = []
        if self._begin is None:
            self._begin = entry.clock
        if self._previous is not None and entry.step < self._previous.step:
            # Gone back to a checkpoint: no window reaches over that.
            samples += self.flush(wall_offset)
            self._previous = None
        if self._window is None:
            self._window = _Window(entry.clock if self._previous is None else self._previous.clock)
        self._window.add(entry, self._previous)
        self._previous = entry
        length = min(self._interval_seconds, _GROWTH_FRACTION * (entry.clock - self._begin))
        if self._sequence < self._first_count or entry.clock - self._window.begin >= length:
            samples += self.flush(wall_offset)
        return samples

    def flush(self, wall_offset: float) -> List[Sample]:
        """The sample of a window that is not whole yet, if there is one."""
        if self._window is None:
            return []
        self._sequence += 1
        sample = self._window.sample(self._sequence, wall_offset)
        self._window = None
        return [sample]

    def flush_if_stale(self, clock: float, wall_offset: float) -> List[Sample]:
        """As flush, where no entry has come for a whole interval: training hangs, or evaluates."""
        last = self._window.last if self._window is not None else None
        if last is None or clock - last.clock < self._interval_seconds:
            return []
        return self.flush(wall_offset)


def timestamp(unix_seconds: float) -> str:
    """RFC 3339, UTC, in microseconds."""
    moment = datetime.datetime.fromtimestamp(unix_seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
