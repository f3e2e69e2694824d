# SPDX-License-Identifier: Apache-2.0
"""A run, as the training process holds it."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set, Type

from ._delivery import Delivery
from ._reporter import Reporter, ReporterOptions
from ._spool import Spool
from ._window import RawEntry, plain_entry, plain_number, shown, shown_error, timestamp

LOG = logging.getLogger("rhumb")

EXIT_SECONDS = 2.0
_PLAIN = frozenset((int, float, type(None)))
_monotonic = time.monotonic
_STATES = ("SUCCEEDED", "FAILED", "CANCELLED")

# Kept alive until they have ended: a script may let go of its run and still expect that it is told.
_open_runs: "Set[ReportingRun]" = set()


class Run:
    """A run that tells nobody: of ranks other than 0, and with RHUMB_DISABLED=1. `start` makes the others.

    Every method of every run may be called at any time and raises nothing; so training goes on as if it were not there.
    """

    #: runs/{run}; empty before the daemon has said it, and of a run that tells nobody.
    name: str = ""
    #: Whether this process tells the daemon.
    is_reporting: bool = False
    #: What was wrong with the arguments of `start` and the calls of `log`, and what the daemon refused, a sentence each.
    problems: List[str] = []

    def log(
        self,
        step: Any = None,
        tokens: Any = None,
        loss: Any = None,
        step_time: Any = None,
        mem: Any = None,
        lr: Any = None,
        grad_norm: Any = None,
        noise_scale: Any = None,
        val_loss: Any = None,
        tokens_per_second: Any = None,
        **fields: Any,
    ) -> None:
        """Says where training stands, after an optimizer step; a microsecond or two, and never an exception.

        step: optimizer steps done. tokens: trained on, over restarts, all ranks together; may be left out where the
        tokens of a step are known: `global_batch_tokens` of `start`, of the run, or of its plan. loss: mean training loss, nats a
        token. step_time: seconds a step; left out, the time since the last call, less `pause`. mem: highest bytes on a
        GPU. lr, grad_norm, noise_scale (tokens), val_loss (nats a token), tokens_per_second (all GPUs): where known.
        The names of RunSample are taken as well. Tensors are read at once, which waits for their device.
        """

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """`with run.pause():` around evaluation and checkpoints, whose time is not a step's."""
        yield

    def finish(self, state: str = "SUCCEEDED", timeout_seconds: float = 10.0) -> None:
        """Says how the run ended: SUCCEEDED, FAILED or CANCELLED. Of a job of a scheduler it is the scheduler that says."""

    @property
    def alarms(self) -> List[Dict[str, Any]]:
        """DriftAlarms that last, as the daemon told with its last answer."""
        return []

    @property
    def state(self) -> str:
        """The run's state, as the daemon told with its last answer; empty before."""
        return ""

    @property
    def stats(self) -> Dict[str, Any]:
        """Counts of what became of the calls of `log`; for tests, and for those who doubt."""
        return {}

    def openmetrics(self) -> str:
        """OpenMetrics text of the last sample and of `alarms`, as for node_exporter's textfile collector."""
        return "# EOF\n"

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Any) -> None:
        if kind is None:
            self.finish("SUCCEEDED")
        elif issubclass(kind, SystemExit) and (error is None or getattr(error, "code", None) in (None, 0)):
            self.finish("SUCCEEDED")
        elif issubclass(kind, KeyboardInterrupt):
            self.finish("CANCELLED")
        else:
            self._fail()

    def _fail(self) -> None:
        self.finish("FAILED")


# Names of RunSample, where `log` has a shorter one.
_LOG_ALIASES = {
    "token_count": "tokens",
    "loss_nats": "loss",
    "step_seconds": "step_time",
    "peak_memory_bytes": "mem",
    "learning_rate": "lr",
    "gradient_norm": "grad_norm",
    "noise_scale_tokens": "noise_scale",
    "validation_loss_nats": "val_loss",
}


class ReportingRun(Run):
    """A run that tells the daemon, from a thread of its own."""

    is_reporting = True

    def __init__(
        self,
        delivery: Delivery,
        spool: Spool,
        options: ReporterOptions,
        step_tokens: Optional[int] = None,
        problems: Optional[List[str]] = None,
        is_restarted_on_failure: bool = False,
    ) -> None:
        self._delivery = delivery
        self._reporter = Reporter(delivery, spool, options)
        self._step_tokens = step_tokens
        self._is_restarted_on_failure = is_restarted_on_failure
        self._paused_seconds = 0.0
        self._invalid_count = 0
        self._warned = False
        self._is_open = True
        self._problems = list(problems or ())
        self._reporter.start()
        _open_runs.add(self)

    @property
    def name(self) -> str:  # type: ignore[override]
        return self._delivery.run

    @property
    def problems(self) -> List[str]:  # type: ignore[override]
        return self._problems + self._reporter.problems + self._delivery.told.problems

    def log(
        self,
        step: Any = None,
        tokens: Any = None,
        loss: Any = None,
        step_time: Any = None,
        mem: Any = None,
        lr: Any = None,
        grad_norm: Any = None,
        noise_scale: Any = None,
        val_loss: Any = None,
        tokens_per_second: Any = None,
        **fields: Any,
    ) -> None:
        if not self._is_open:
            return
        try:
            if fields:
                self._log_fields(
                    fields,
                    step=step,
                    tokens=tokens,
                    loss=loss,
                    step_time=step_time,
                    mem=mem,
                    lr=lr,
                    grad_norm=grad_norm,
                    noise_scale=noise_scale,
                    val_loss=val_loss,
                    tokens_per_second=tokens_per_second,
                )
                return
            if tokens is None and self._step_tokens is not None and step is not None:
                # Of another library's numbers the product might overflow.
                tokens = (step if type(step) is int else plain_number(step)) * self._step_tokens
            raw: RawEntry = (
                _monotonic(),
                self._paused_seconds,
                step,
                tokens,
                loss,
                step_time,
                mem,
                lr,
                grad_norm,
                noise_scale,
                val_loss,
                tokens_per_second,
            )
            # Nearly always. What else has a number in it is read now, before the caller changes it; the rest is the
            # thread's to do: between two steps nothing of this is in the processor's caches, and every line costs.
            if not _PLAIN.issuperset(map(type, raw)):
                raw = plain_entry(raw)
            self._reporter.add(raw)
        except Exception as error:  # pylint: disable=broad-except
            self._invalid_count += 1
            self._warn_once("log(step=%s, tokens=%s, ...) is left out, a value being no number: %s" % (shown(step), shown(tokens), shown_error(error)))

    def _log_fields(self, fields: Mapping[str, Any], **known: Any) -> None:
        for name, value in fields.items():
            word = _LOG_ALIASES.get(name)
            if word is None:
                self._warn_once("log() knows no %s; what it knows is left, this is left out" % name)
            elif known[word] is None:
                known[word] = value
        self.log(**known)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._paused_seconds += time.monotonic() - began

    def finish(self, state: str = "SUCCEEDED", timeout_seconds: float = 10.0) -> None:
        if not self._is_open:
            return
        word = str(state).upper()
        if word not in _STATES:
            self._warn_once("finish(%r) is taken for FAILED; allowed: %s" % (state, ", ".join(_STATES)))
            word = "FAILED"
        self._close({"state": word, "end_time": timestamp(time.time())}, timeout_seconds)

    def _fail(self) -> None:
        if self._is_restarted_on_failure:
            # torchrun starts this process anew, and the run goes on: it has not failed.
            self._close(None, EXIT_SECONDS)
        else:
            self.finish("FAILED")

    @property
    def alarms(self) -> List[Dict[str, Any]]:
        return list(self._delivery.told.alarms)

    @property
    def state(self) -> str:
        return self._delivery.told.run_state

    @property
    def stats(self) -> Dict[str, Any]:
        told, reporter = self._delivery.told, self._reporter
        return {
            "logged_count": reporter.logged_count,
            "invalid_count": self._invalid_count + reporter.invalid_count,
            "dropped_count": reporter.dropped_count,
            "sample_count": reporter.sample_count,
            "stored_count": told.stored_count,
            "duplicate_count": told.duplicate_count,
            "late_count": told.late_count,
            "refused_count": told.refused_count,
            "spooled_count": reporter.spooled_count,
            "lost_count": reporter.lost_count,
            "last_error": reporter.last_error,
        }

    def openmetrics(self) -> str:
        # Imported when it is wanted, which is seldom.
        from .export import RunRecord, openmetrics

        sample = self._reporter.last_sample
        run = {"name": self.name, "state": self.state, "alarms": self.alarms}
        return openmetrics(RunRecord(run, [sample] if sample is not None else [], [], None))

    def _close(self, finish: Optional[Mapping[str, Any]], timeout_seconds: float) -> None:
        self._is_open = False
        _open_runs.discard(self)
        try:
            self._reporter.stop(finish, timeout_seconds)
        except Exception as error:  # pylint: disable=broad-except
            self._warn_once("the end of the run was not told: %s" % error)

    def _abandon(self) -> None:
        self._is_open = False
        self._reporter.abandon()

    def _warn_once(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            self._problems.append(text)
            LOG.warning("rhumb: %s", text)


def _at_exit() -> None:
    """What was logged goes out; whether the run went well is not known here."""
    deadline = time.monotonic() + EXIT_SECONDS
    for run in list(_open_runs):
        run._close(None, max(0.0, deadline - time.monotonic()))  # pylint: disable=protected-access


def _after_fork_in_child() -> None:
    """Workers of a data loader hold a copy of the run, without its thread: they tell nobody."""
    for run in list(_open_runs):
        run._abandon()  # pylint: disable=protected-access
    _open_runs.clear()


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
