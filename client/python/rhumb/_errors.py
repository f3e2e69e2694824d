# SPDX-License-Identifier: Apache-2.0
"""What a call to the daemon can fail with."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence


class FieldViolation(NamedTuple):
    """A field of a question, as `gpu_pools[0].gpu_type`, and what is wrong with it."""

    field: str
    description: str


class RhumbError(Exception):
    """An answer of the daemon that is an error.

    code: the name of the gRPC code, as INVALID_ARGUMENT. field_violations: every field that is wrong, at once.
    reason: UPPER_SNAKE, as RUN_HAS_JOBS; empty where the daemon gives none.
    """

    def __init__(
        self, code: str, message: str, field_violations: Sequence[FieldViolation] = (), reason: str = ""
    ) -> None:
        lines = [message] + ["  %s: %s" % violation for violation in field_violations]
        super().__init__("\n".join(lines))
        self.code = code
        self.message = message
        self.reason = reason
        self.field_violations: List[FieldViolation] = list(field_violations)


class InvalidArgument(RhumbError):
    """The question is malformed; raised by the daemon, and here before anything is sent."""

    def __init__(self, message: str, field_violations: Sequence[FieldViolation] = (), reason: str = "") -> None:
        super().__init__("INVALID_ARGUMENT", message, field_violations, reason)


class NotFound(RhumbError):
    """There is no such plan or run."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__("NOT_FOUND", message, (), reason)


class Unavailable(RhumbError):
    """No daemon answered, or not in time. Repeating the call later may help."""

    def __init__(self, message: str, code: str = "UNAVAILABLE", reason: str = "") -> None:
        super().__init__(code, message, (), reason)
