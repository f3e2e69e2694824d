# SPDX-License-Identifier: Apache-2.0
"""What one process has to tell of its run, told to the daemon. Every call may be repeated: nothing is stored twice."""

from __future__ import annotations

import logging
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ._client import Client
from ._errors import InvalidArgument, RhumbError
from ._spool import Contents, read_contents, read_samples

LOG = logging.getLogger("rhumb")
BATCH_SIZE = 1000
_MOST_PROBLEMS = 10
_SETTING = re.compile(r"run\.settings\.(\w+)")
_TOKENS_OF_SAMPLE = re.compile(r"samples\[(\d+)\]\.token_count")
_TIME_OF_SAMPLE = re.compile(r"samples\[(\d+)\]\.sample_time")

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
        self.problems: List[str] = []  # what it refused and why, a sentence each, the first few

    def complain(self, problem: str) -> None:
        """Of many that are alike, as many as help."""
        if len(self.problems) < _MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)


class Delivery:
    """Of one attempt. run: its name, or empty, then `create` is the CreateRunRequest that makes it.

    on_run is called with the name of a run that was created, before anything is told of it. leaves_out_settings: of a
    run that must not fail by its report: what the daemon refuses of its settings is left out. Methods raise RhumbError.
    """

    def __init__(
        self,
        client: Client,
        attempt_id: str,
        run: str,
        create: Optional[Mapping[str, Any]],
        on_run: Callable[[str], None] = lambda run: None,
        leaves_out_settings: bool = False,
    ) -> None:
        self._client = client
        self._attempt_id = attempt_id
        self._create = create
        self._on_run = on_run
        self._leaves_out_settings = leaves_out_settings
        self._said_that_it_ended = False
        self._kept_back: Optional[RhumbError] = None  # why some samples were not told yet
        self.run = run
        self.told = Told()

    def ensure_run(self, timeout_seconds: float) -> str:
        """The run's name, created if it is not yet."""
        if not self.run:
            answer = self._create_run(self._create or {}, timeout_seconds)
            self.run = str(answer["name"])
            self.told.run_state = str(answer.get("state", ""))
            self._on_run(self.run)
        return self.run

    def _create_run(self, create: Mapping[str, Any], timeout_seconds: float) -> Dict[str, Any]:
        try:
            return self._client.call("RunService", "CreateRun", create, timeout_seconds)
        except InvalidArgument as error:
            refused = [_SETTING.match(violation.field) for violation in error.field_violations]
            words = {match.group(1) for match in refused if match}
            run = dict(create.get("run") or {})
            settings = dict(run.get("settings") or {})
            if not self._leaves_out_settings or not refused or None in refused or not words & set(settings):
                raise
            for violation in error.field_violations:
                self.told.complain("%s is left out: %s" % (violation.field, violation.description))
            LOG.warning("rhumb: settings that the daemon refuses are left out: %s", error)
            run["settings"] = {word: value for word, value in settings.items() if word not in words}
            return self._create_run(dict(create, run=run), timeout_seconds)

    def report(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float) -> None:
        """Returns when all of them are durable, or refused for what they are."""
        self._report_all(samples, timeout_seconds)
        self._raise_if_kept_back()

    def _report_all(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float) -> None:
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
        if contents.sample_count or contents.finish is not None:
            # Refused, it is no refusal of what the file says, which stays.
            self.ensure_run(timeout_seconds())
        for batch in read_samples(path, BATCH_SIZE):
            self._report_all(batch, timeout_seconds())
        self._raise_if_kept_back()
        if contents.finish is not None:
            try:
                self.finish(contents.finish, timeout_seconds())
            except RhumbError as error:
                if not is_refusal(error):
                    raise
                LOG.warning("rhumb: the end of %s was refused: %s", self.run, error)
                self.told.complain("the end of %s was refused: %s" % (self.run, error))
        return contents

    def _report_batch(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float) -> bool:
        """Whether all of them are durable."""
        message = {"run": self.run, "attempt_id": self._attempt_id, "samples": list(samples)}
        try:
            answer = self._client.call("RunService", "ReportProgress", message, timeout_seconds)
        except RhumbError as error:
            if not is_refusal(error):
                raise
            early = _first_early(error)
            if early is not None and early < len(samples):
                return self._keep_back(samples, early, timeout_seconds, error)
            if _is_of_the_run(error):
                raise
            first = _first_without_tokens(error)
            if first is not None and first < len(samples):
                return self._leave_out_tokenless(samples, first, timeout_seconds, error)
            return self._split(samples, timeout_seconds, error)
        self.told.stored_count += int(answer.get("stored_count", 0))
        self.told.duplicate_count += int(answer.get("duplicate_count", 0))
        self.told.late_count += int(answer.get("late_count", 0))
        self.told.run_state = str(answer.get("state", ""))
        self._hear_alarms(answer.get("alarms") or [])
        return True

    def _keep_back(self, samples: Sequence[Mapping[str, Any]], early: int, timeout_seconds: float, error: RhumbError) -> bool:
        """What is dated ahead of the daemon's clock will be taken later; what is not, now. False."""
        self._kept_back = error
        limit = str(samples[early].get("sample_time", ""))
        good = [sample for sample in samples if str(sample.get("sample_time", "")) < limit]
        if good:
            self._report_batch(good, timeout_seconds)
        return False

    def _raise_if_kept_back(self) -> None:
        error, self._kept_back = self._kept_back, None
        if error is not None:
            raise error

    def _leave_out_tokenless(
        self, samples: Sequence[Mapping[str, Any]], first: int, timeout_seconds: float, error: RhumbError
    ) -> bool:
        """Where nobody knows the tokens of a step, nobody does for the later ones either. False."""
        good = [sample for number, sample in enumerate(samples) if number < first or sample.get("token_count")]
        self.told.refused_count += len(samples) - len(good)
        why = next(each.description for each in error.field_violations if _TOKENS_OF_SAMPLE.match(each.field))
        problem = "samples without tokens were refused: token_count %s" % why
        if problem not in self.told.problems:
            LOG.warning("rhumb: %s", problem)
        self.told.complain(problem)
        if good:
            self._report_batch(good, timeout_seconds)
        return False

    def _split(self, samples: Sequence[Mapping[str, Any]], timeout_seconds: float, error: RhumbError) -> bool:
        """What is refused for one sample of a batch: the others are as good as before. False."""
        has_ended = error.reason == "RUN_HAS_ENDED"
        if len(samples) == 1:
            self.told.refused_count += 1
            if not has_ended or not self._said_that_it_ended:
                problem = "sample %s was refused: %s" % (samples[0].get("sequence"), error)
                LOG.warning("rhumb: %s", problem)
                self.told.complain(problem)
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


def _is_of_the_run(error: RhumbError) -> bool:
    """Whether no sample is at fault: under another name of the run they would be taken."""
    return bool(error.field_violations) and not any(each.field.startswith("samples") for each in error.field_violations)


def _first_early(error: RhumbError) -> Optional[int]:
    """The first sample that was refused because it lies in the future by the daemon's clock."""
    matches = [_TIME_OF_SAMPLE.match(each.field) for each in error.field_violations if "future" in each.description]
    return min((int(match.group(1)) for match in matches if match), default=None)


def _first_without_tokens(error: RhumbError) -> Optional[int]:
    """The first sample that was refused because nobody knows its tokens."""
    matches = [_TOKENS_OF_SAMPLE.match(each.field) for each in error.field_violations if "must be given" in each.description]
    return min((int(match.group(1)) for match in matches if match), default=None)
