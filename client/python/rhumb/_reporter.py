# SPDX-License-Identifier: Apache-2.0
"""The thread that takes a run's log entries to the daemon, or to the disk while the daemon is away."""

from __future__ import annotations

import collections
import logging
import queue
import random
import threading
import time
from typing import Any, Deque, Dict, List, Mapping, NamedTuple, Optional

from ._delivery import Delivery, is_refusal
from ._errors import RhumbError
from ._spool import Spool
from ._window import RawEntry, Sample, Sampler, checked_entry

LOG = logging.getLogger("rhumb")

_TICK_SECONDS = 0.5
_REQUEST_SECONDS = 5.0
_FIRST_BACKOFF_SECONDS, _LAST_BACKOFF_SECONDS = 1.0, 60.0
# Kept back from the time there is at the end, for the disk.
_DISK_SECONDS = 0.4


class ReporterOptions(NamedTuple):
    interval_seconds: float = 10.0
    first_count: int = 10
    # Log entries that wait for the thread; more are dropped and counted.
    queue_size: int = 65536


class _Stop(NamedTuple):
    """What ends the thread. finish: how the run ended; None: this process alone did."""

    deadline: float  # of time.monotonic
    finish: Optional[Dict[str, Any]]


class Reporter:
    """Of one process of one run. `add` and `stop` are the training thread's, the rest is the thread's own.

    `add` takes no lock: it may be called from signal handlers and threads.
    """

    def __init__(self, delivery: Delivery, spool: Spool, options: ReporterOptions) -> None:
        self._delivery = delivery
        self._spool = spool
        self._queue_size = options.queue_size
        self._entries: Deque[RawEntry] = collections.deque()
        self._sampler = Sampler(options.interval_seconds, options.first_count)
        # Re-entrant, unlike Event: a signal handler may end the run while the main thread does.
        self._wake: "queue.SimpleQueue[_Stop]" = queue.SimpleQueue()
        self._outgoing: List[Sample] = []
        self._retry_clock = 0.0
        self._backoff_seconds = 0.0
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="rhumb", daemon=True)
        self.logged_count = 0  # log entries that came here
        self.invalid_count = 0  # of them, those that say too little
        self.dropped_count = 0  # log entries, the queue being full
        self.lost_count = 0  # samples, neither daemon nor disk taking them
        self.sample_count = 0
        self.spooled_count = 0
        self.last_error = ""
        self.problems: List[str] = []  # with calls of log()
        self.last_sample: Optional[Sample] = None

    def start(self) -> None:
        self._thread.start()

    def add(self, entry: RawEntry) -> None:
        if len(self._entries) >= self._queue_size:
            self.dropped_count += 1
        else:
            self._entries.append(entry)

    def stop(self, finish: Optional[Mapping[str, Any]], timeout_seconds: float) -> bool:
        """Tells the rest within the time, else leaves it on the disk. Whether the thread has ended."""
        if threading.current_thread() is self._thread:
            return False
        deadline = time.monotonic() + max(0.0, timeout_seconds - _DISK_SECONDS)
        self._wake.put(_Stop(deadline, dict(finish) if finish is not None else None))
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """In a forked child, where the thread is not: lets go of what is the parent's."""
        self._spool.close()
        self._entries.clear()

    def _work(self) -> None:
        while True:
            stop = None
            try:
                stop = self._wait()
                self._collect(stop is not None)
                if stop is not None:
                    self._end(stop)
                    return
                self._deliver()
            except Exception as error:  # pylint: disable=broad-except
                # A mistake of ours must not become the trainer's.
                self._complain("internal error: %s: %s" % (type(error).__name__, error))
                if stop is not None:
                    return
                time.sleep(_TICK_SECONDS)

    def _wait(self) -> Optional[_Stop]:
        try:
            return self._wake.get(timeout=_TICK_SECONDS)
        except queue.Empty:
            return None

    def _collect(self, flush: bool) -> None:
        clock = time.monotonic()
        wall_offset = time.time() - clock
        samples: List[Sample] = []
        # No more than there are now: a trainer that logs in a tight loop must not keep this loop busy.
        for _ in range(len(self._entries)):
            self.logged_count += 1
            try:
                entry = checked_entry(self._entries.popleft())
            except (TypeError, ValueError) as error:
                self._leave_out(error)
                continue
            samples += self._sampler.add(entry, wall_offset)
        samples += self._sampler.flush(wall_offset) if flush else self._sampler.flush_if_stale(clock, wall_offset)
        self.sample_count += len(samples)
        self.last_sample = samples[-1] if samples else self.last_sample
        self._outgoing += samples

    def _deliver(self) -> None:
        clock = time.monotonic()
        if clock < self._retry_clock:
            self._keep([])
            return
        if not self._outgoing and self._spool.is_empty and self._delivery.run:
            return
        try:
            self._delivery.ensure_run(_REQUEST_SECONDS)
            if not self._spool.is_empty:
                self._delivery.send_file(self._spool.path, lambda: _REQUEST_SECONDS)
                self._spool.remove()
            self._delivery.report(self._outgoing, _REQUEST_SECONDS)
            self._outgoing = []
            self._backoff_seconds = 0.0
            self._warned = False
        except (RhumbError, OSError) as error:
            self._fail(error)
            self._keep([])

    def _end(self, stop: _Stop) -> None:
        # To the disk first, so that nothing is lost if the daemon lets the time pass.
        finish = [{"finish": stop.finish}] if stop.finish is not None else []
        is_kept = self._keep(finish)
        try:
            if is_kept and not self._spool.is_empty:
                self._delivery.send_file(self._spool.path, lambda: _remaining(stop))
                self._spool.remove()
            elif not is_kept:
                self._delivery.report(self._outgoing, _remaining(stop))
                self._outgoing = []
                if stop.finish is not None:
                    self._delivery.finish(stop.finish, _remaining(stop))
        except (RhumbError, OSError) as error:
            self._fail(error)
            self.lost_count += len(self._outgoing)
        self._spool.close()

    def _keep(self, records: List[Dict[str, Any]]) -> bool:
        """Moves what is to be told to the disk, `records` behind it. Whether it could; if not, the newest stay."""
        samples = self._outgoing
        if not samples and not records:
            return True
        try:
            self._spool.append([{"sample": sample} for sample in samples] + records)
        except OSError as error:
            self._complain("cannot keep samples on the disk: %s" % error)
            excess = len(samples) - self._queue_size
            if excess > 0:
                self.lost_count += excess
                self._outgoing = samples[excess:]
            return False
        self.spooled_count += len(samples)
        self._outgoing = []
        return True

    def _fail(self, error: Exception) -> None:
        refused = isinstance(error, RhumbError) and is_refusal(error)
        longer = min(_LAST_BACKOFF_SECONDS, max(_FIRST_BACKOFF_SECONDS, 2 * self._backoff_seconds))
        self._backoff_seconds = _LAST_BACKOFF_SECONDS if refused else longer
        # Many runs lose one daemon at the same moment; they should not come back at one.
        self._retry_clock = time.monotonic() + self._backoff_seconds * random.uniform(0.5, 1.0)
        self._complain(str(error))

    def _leave_out(self, error: Exception) -> None:
        self.invalid_count += 1
        if self.invalid_count == 1:
            problem = "a call of log() is left out: %s" % error
            self.problems.append(problem)
            LOG.warning("rhumb: %s", problem)

    def _complain(self, text: str) -> None:
        self.last_error = text
        if not self._warned:
            self._warned = True
            LOG.warning("rhumb: %s; training goes on, samples are kept in %s", text, self._spool.path)


def _remaining(stop: _Stop) -> float:
    """Seconds, for one request; the last thing that is tried gets a moment even when the time is over."""
    return max(0.05, min(_REQUEST_SECONDS, stop.deadline - time.monotonic()))
