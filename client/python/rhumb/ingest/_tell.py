# SPDX-License-Identifier: Apache-2.0
"""Entries of a log, told to the daemon as samples of a run."""

from __future__ import annotations

import hashlib
import logging
import math
import statistics
import time
import uuid
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from .._client import Client
from .._delivery import BATCH_SIZE, Delivery
from .._errors import Unavailable
from .._launcher import full_name
from .._spool import Spool
from .._window import Sample, timestamp
from ._entry import Facts, LogEntry

LOG = logging.getLogger("rhumb")
_REQUEST_SECONDS = 30.0
_RETRY_SECONDS = 5.0
_MOST_PENDING = 20 * BATCH_SIZE
_NAMESPACE = uuid.UUID("0d3c8f3e-4d52-5a0b-8a76-3f3c3a2f9f10")


class IngestResult(NamedTuple):
    run: str
    entry_count: int
    attempt_count: int
    stored_count: int
    duplicate_count: int
    refused_count: int
    spooled_count: int  # samples that no daemon took


class _Attempts:
    """Entries to samples: where steps fall back, the run was restarted, and another attempt begins.

    Ids and sequences follow from the log alone, so that a log that is read again is stored once.
    """

    def __init__(self, framework: str) -> None:
        self._framework = framework
        self._log_id = ""
        self._last_step = -1
        self._sequence = 0
        self.count = 0

    @property
    def attempt_id(self) -> str:
        return "ingest-%s-%d" % (self._log_id, self.count)

    @property
    def request_id(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, self._log_id))

    def begins_anew(self, entry: LogEntry) -> bool:
        """To be called with each entry, before `sample`."""
        if not self._log_id:
            first = repr((self._framework, entry.step, entry.loss_nats, entry.step_seconds, entry.gradient_norm))
            self._log_id = hashlib.sha256(first.encode()).hexdigest()[:24]
        is_new = self.count == 0 or entry.step < self._last_step
        if is_new:
            self.count += 1
            self._sequence = 0
        self._last_step = entry.step
        return is_new

    def sample(self, entry: LogEntry, unix_seconds: float) -> Sample:
        self._sequence += 1
        sample: Sample = {
            "sequence": self._sequence,
            "sample_time": timestamp(unix_seconds),
            "step": entry.step,
            "token_count": entry.token_count,
        }
        for name in LogEntry._fields[3:-1]:
            value = getattr(entry, name)
            if value is not None and math.isfinite(value):
                sample[name] = value
        loss = entry.loss_nats
        if entry.loss_not_finite or (loss is not None and not math.isfinite(loss)):
            sample["loss_not_finite"] = True
        return sample


class _Teller:
    """One attempt after the other. Where the daemon is away: waits while the log grows, and at its end keeps on the disk."""

    def __init__(self, client: Client, run: str, create: Mapping[str, Any], spool_directory: str) -> None:
        self._client = client
        self._create = dict(create)
        self._spool_directory = spool_directory
        self._pending: List[Sample] = []
        self._delivery: Optional[Delivery] = None
        self._spool: Optional[Spool] = None
        self._attempt_id = ""
        self._retry_clock = 0.0
        self.run = run
        self.counts = dict.fromkeys(("stored_count", "duplicate_count", "refused_count", "spooled_count"), 0)

    def begin(self, attempt_id: str, request_id: str, facts: Facts, begin_seconds: float) -> None:
        """The first begins a run, if there is none yet: with what the log says of it, when the log begins."""
        self.end()
        if "request_id" not in self._create:
            self._create = _create_request(self._create, request_id, facts, begin_seconds)
        self._attempt_id = attempt_id
        self._delivery = Delivery(self._client, attempt_id, self.run, self._create)

    def add(self, sample: Sample) -> None:
        self._pending.append(sample)
        if len(self._pending) >= BATCH_SIZE:
            self.try_to_tell()
        if len(self._pending) >= _MOST_PENDING:
            self._keep(None)

    def try_to_tell(self) -> Optional[Unavailable]:
        """None: there is nothing left to tell, or it is not yet time to try again. RhumbError where trying is useless."""
        if not self._pending or self._delivery is None or time.monotonic() < self._retry_clock:
            return None
        try:
            self._delivery.report(self._pending, _REQUEST_SECONDS)
        except Unavailable as error:
            LOG.warning("rhumb: %s", error)
            self._retry_clock = time.monotonic() + _RETRY_SECONDS
            return error
        self._pending = []
        self.run = self._delivery.run
        return None

    def end(self, finish: Optional[Mapping[str, Any]] = None) -> None:
        """RhumbError and OSError where neither daemon nor disk takes the rest."""
        self._retry_clock = 0.0
        error = self.try_to_tell()
        if error is None and self._spool is None and finish is not None and self._delivery is not None:
            self._delivery.finish(finish, _REQUEST_SECONDS)
        if self._pending or self._spool is not None:
            self._keep(finish)
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._delivery is not None:
            for word in ("stored_count", "duplicate_count", "refused_count"):
                self.counts[word] += getattr(self._delivery.told, word)
            self._delivery = None

    def _keep(self, finish: Optional[Mapping[str, Any]]) -> None:
        if self._spool is None:
            known: Dict[str, Any] = {"run": self.run} if self.run else {"create": self._create}
            self._spool = Spool(self._spool_directory, dict(known, attempt_id=self._attempt_id))
        records: List[Dict[str, Any]] = [{"sample": sample} for sample in self._pending]
        self._spool.append(records + ([{"finish": finish}] if finish is not None else []))
        self.counts["spooled_count"] += len(self._pending)
        self._pending = []


def _create_request(create: Mapping[str, Any], request_id: str, facts: Facts, begin_seconds: float) -> Dict[str, Any]:
    run = dict(create.get("run") or {})
    # With a plan, what differs from it was given.
    if not run.get("plan"):
        known = {word: value for word, value in facts._asdict().items() if value is not None}
        known.update(run.get("settings") or {})
        run["settings"] = known
    run.setdefault("start_time", timestamp(min(begin_seconds, time.time())))
    return dict(create, run=run, request_id=request_id)


def ingest(
    framework: str,
    lines: Iterable[Optional[str]],
    parser: Any,
    client: Client,
    *,
    spool_directory: str,
    run: str = "",
    create: Optional[Mapping[str, Any]] = None,
    end_seconds: Optional[float] = None,
    finish: Optional[Mapping[str, Any]] = None,
) -> IngestResult:
    """Tells what a log says, and returns when it ends.

    lines: None among them: there is no line just now. run: the run that it is of; empty: `create`, a CreateRunRequest,
    makes one, the same one for the same log as long as the daemon remembers requests. end_seconds: when the log's last
    line was written, since the epoch, of a log that is complete: lines without a time are dated back from there by their
    step times; and `finish`, a FinishRunRequest, is then of the last line, and not of the time that it says. None: they are
    dated as they are read. Raises LogError, RhumbError, OSError.
    """
    attempts = _Attempts(framework)
    teller = _Teller(client, full_name("runs", run), create or {}, spool_directory)
    count = 0
    first_facts: Optional[Facts] = None

    def take(entries: Sequence[LogEntry]) -> None:
        for number, entry in enumerate(entries):
            seconds = entry.unix_seconds if entry.unix_seconds is not None else time.time()
            if attempts.begins_anew(entry):
                begin = begin_of([entry._replace(unix_seconds=seconds)] + list(entries[number + 1 :]))
                teller.begin(attempts.attempt_id, attempts.request_id, first_facts or parser.facts, begin)
            teller.add(attempts.sample(entry, seconds))

    if end_seconds is not None:
        whole: List[LogEntry] = []
        for line in lines:
            whole += parser.feed(line) if line is not None else []
            # As of a log that has not grown yet: the same question for the same run.
            first_facts = first_facts or (parser.facts if whole else None)
        whole += parser.flush()
        count = len(whole)
        whole = dated(whole, end_seconds)
        take(whole)
        if finish is not None and whole:
            finish = dict(finish, end_time=timestamp(max(entry.unix_seconds or 0.0 for entry in whole)))
    else:
        for line in lines:
            if line is None:
                teller.try_to_tell()
                continue
            entries = parser.feed(line)
            count += len(entries)
            take(entries)
        rest = parser.flush()
        count += len(rest)
        take(rest)
    teller.end(finish)
    return IngestResult(teller.run, count, attempts.count, **teller.counts)


def dated(entries: Sequence[LogEntry], end_seconds: float) -> List[LogEntry]:
    """Each with a time: its own, else that of the dated one before it in its attempt.

    Attempts lie one after the other: one of which nothing has a time ends where the next begins, the last at the end, and
    is counted back from there by step times.
    """
    known = [entry.step_seconds for entry in entries if entry.step_seconds]
    usual = statistics.median(known) if known else 0.0
    result: List[LogEntry] = []
    for attempt in reversed(_attempts(entries)):
        if any(entry.unix_seconds is not None for entry in attempt):
            attempt = _carried(attempt)
        else:
            attempt = _counted_back(attempt, end_seconds, usual)
        end_seconds = begin_of(attempt, usual)
        result = attempt + result
    return result


def begin_of(entries: Sequence[LogEntry], usual_seconds: float = 0.0) -> float:
    """When what the first entry, which has a time, says began: before it by the time of the steps that it stands for, as
    many as the next one does and no more than were done."""
    first = entries[0]
    assert first.unix_seconds is not None
    seconds = next((entry.step_seconds for entry in entries if entry.step_seconds), usual_seconds)
    later = next((entry.step for entry in entries if entry.step > first.step), first.step + 1)
    return first.unix_seconds - min(first.step, later - first.step) * seconds


def _attempts(entries: Sequence[LogEntry]) -> List[List[LogEntry]]:
    attempts: List[List[LogEntry]] = []
    for entry in entries:
        if not attempts or entry.step < attempts[-1][-1].step:
            attempts.append([])
        attempts[-1].append(entry)
    return attempts


def _carried(entries: Sequence[LogEntry]) -> List[LogEntry]:
    last = next(entry.unix_seconds for entry in entries if entry.unix_seconds is not None)
    result = []
    for entry in entries:
        last = entry.unix_seconds if entry.unix_seconds is not None else last
        result.append(entry._replace(unix_seconds=last))
    return result


def _counted_back(entries: Sequence[LogEntry], end_seconds: float, usual_seconds: float) -> List[LogEntry]:
    moment, after, backwards = end_seconds, None, []
    for entry in reversed(entries):
        if after is not None:
            moment -= (after.step - entry.step) * (after.step_seconds or usual_seconds)
        backwards.append(entry._replace(unix_seconds=moment))
        after = entry
    return backwards[::-1]
