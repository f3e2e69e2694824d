# SPDX-License-Identifier: Apache-2.0
"""What one process has to tell of its run, told to the daemon. Every call may be repeated: nothing is stored twice."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ._client import Client
from ._errors import InvalidArgument, RhumbError
from ._spool import Contents, read_contents, read_samples

LOG = logging.getLogger("rhumb")
BATCH_SIZE = 1000

# What is wrong with the message itself: it would be refused for ever.
_REFUSED_CODES = frozenset(("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "ALREADY_EXISTS"))


def is_refusal(error: RhumbError) -> bool:
    """Whether repeating is useless. A daemon that is away, denies or does not know may do otherwise later."""
    return error.code in _REFUSED_CODES


class Told:
    """What the daemon has acknowledged, and what it said."""

    def __init__(self) -> None:
        self.stored_count = 0
        self.duplicate_count = 0
        self.late_count = 0
        self.refused_count = 0
        self.run_state = ""
        self.alarms: List[Dict[str, Any]] = []


class Delivery:
    """Of one attempt. run: its name, or empty, then `create` is the CreateRunRequest that makes it.

    on_run is called with the name of a run that was created, before anything is told of it. Methods raise RhumbError.
    """

    def __init__(
        self,
        client: Client,
        attempt_id: str,
        run: str,
        create: Optional[Mapping[str, Any]],
        on_run: Callable[[str], None] = lambda run: None,
    ) -> None:
        self._client = client
        self._attempt_id = attempt_id
        self._create = create
        self._on_run = on_run
        self._said_that_it_ended = False
        self.run = run
        self.told = Told()

    def ensure_run(self, timeout_seconds: float) -> str:
        """The run's name, created if it is not yet."""
        if not self.run:
            answer = self._client.call("RunService", "CreateRun", self._create or {}, timeout_seconds)
            self.run = str(answer["name"])
            self.told.run_state = str(answer.get("state", ""))
            self._on_run(self.run)
        return self.run

    def report(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float) -> None:
        """Returns when all of them are durable, or refused for what they are."""
        self.ensure_run(timeout_seconds)
        for begin in range(0, len(samples), BATCH_SIZE):
            self._report_batch(samples[begin : begin + BATCH_SIZE], timeout_seconds)

    def finish(self, finish: Mapping[str, Any], timeout_seconds: float) -> None:
        """Says how the run ended. Of a run of jobs it is their scheduler that says so."""
        self.ensure_run(timeout_seconds)
        try:
            try:
                self._finish(finish, timeout_seconds)
            except InvalidArgument as error:
                if not any(violation.field == "end_time" for violation in error.field_violations):
                    raise
                # The run was created after it had ended, no daemon being there before, or by another clock: it ends now.
                self._finish({"state": finish["state"]}, timeout_seconds)
        except RhumbError as error:
            if error.reason == "RUN_HAS_ENDED":
                LOG.warning("rhumb: %s", error)  # said before, by a log that is read again or a sync that was cut off
            elif error.reason != "RUN_HAS_JOBS":
                raise

    def _finish(self, finish: Mapping[str, Any], timeout_seconds: float) -> None:
        answer = self._client.call("RunService", "FinishRun", dict(finish, name=self.run), timeout_seconds)
        self.told.run_state = str(answer.get("state", ""))

    def send_file(self, path: str, timeout_seconds: Callable[[], float]) -> Optional[Contents]:
        """All that a spool file says; None where it says nothing. The file stays."""
        contents = read_contents(path)
        if contents is None:
            return None
        for batch in read_samples(path, BATCH_SIZE):
            self.report(batch, timeout_seconds())
        if contents.finish is not None:
            try:
                self.finish(contents.finish, timeout_seconds())
            except RhumbError as error:
                if not is_refusal(error):
                    raise
                LOG.warning("rhumb: the end of %s was refused: %s", self.run, error)
        return contents

    def _report_batch(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float) -> bool:
        """Whether all of them are durable."""
        message = {"run": self.run, "attempt_id": self._attempt_id, "samples": list(samples)}
        try:
            answer = self._client.call("RunService", "ReportProgress", message, timeout_seconds)
        except RhumbError as error:
            if not is_refusal(error):
                raise
            return self._split(samples, timeout_seconds, error)
        self.told.stored_count += int(answer.get("stored_count", 0))
        self.told.duplicate_count += int(answer.get("duplicate_count", 0))
        self.told.late_count += int(answer.get("late_count", 0))
        self.told.run_state = str(answer.get("state", ""))
        self._hear_alarms(answer.get("alarms") or [])
        return True

    def _split(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float, error: RhumbError) -> bool:
        """What is refused for one sample of a batch: the others are as good as before. False."""
        has_ended = error.reason == "RUN_HAS_ENDED"
        if len(samples) == 1:
            self.told.refused_count += 1
            if not has_ended or not self._said_that_it_ended:
                LOG.warning("rhumb: sample %s was refused: %s", samples[0].get("sequence"), error)
            self._said_that_it_ended = self._said_that_it_ended or has_ended
            return False
        middle = len(samples) // 2
        is_first_told = self._report_batch(samples[:middle], timeout_seconds)
        if has_ended and not is_first_told:
            # They are in the order of their times: what comes later is after the end as well.
            self.told.refused_count += len(samples) - middle
        else:
            self._report_batch(samples[middle:], timeout_seconds)
        return False

    def _hear_alarms(self, alarms: Sequence[Dict[str, Any]]) -> None:
        known = {_alarm_key(alarm) for alarm in self.told.alarms}
        for alarm in alarms:
            if _alarm_key(alarm) not in known:
                LOG.warning("rhumb: %s: %s %s", self.run, alarm.get("text", ""), alarm.get("directive", ""))
        self.told.alarms = list(alarms)


def _alarm_key(alarm: Mapping[str, Any]) -> Any:
    return alarm.get("kind"), alarm.get("code"), alarm.get("raise_time"), alarm.get("raise_step")
