# SPDX-License-Identifier: Apache-2.0
"""Files that keep what a run could not tell: one a process, JSON lines, each flushed to the disk when it is written.

The first line is the header: {"format": 1, "attempt_id", "run" or "create": CreateRunRequest}. Then, in any order,
{"run": name} once the run is known, {"sample": RunSample}, and {"finish": {"state", "end_time"}}. A line that is cut off,
as by a kill, counts as not written. What is sent twice from here is stored once: by run, attempt and sequence.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

FORMAT = 1
SUFFIX = ".ndjson"
_MAX_LINE_BYTES = 1 << 20
# How long a sync may hold a file that says nothing yet.
_LOCK_SECONDS = 0.2


class SpoolFull(OSError):
    """The file has its largest size."""


class Contents(NamedTuple):
    """What a file says, but for its samples."""

    attempt_id: str
    run: str  # empty: not created yet
    create: Optional[Dict[str, Any]]
    finish: Optional[Dict[str, Any]]
    sample_count: int
    unreadable_count: int  # whole lines that are no record


def spool_directory(environment: Mapping[str, str]) -> str:
    """RHUMB_SPOOL_DIR, else rhumb/spool where programs keep their state."""
    given = environment.get("RHUMB_SPOOL_DIR", "")
    if given:
        return os.path.abspath(given)
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        home = environment.get("HOME", "")
        state = os.path.join(home, ".local", "state") if os.path.isabs(home) else ""
    return os.path.join(state, "rhumb", "spool") if state else os.path.abspath(".rhumb-spool")


class Spool:
    """The file of one process. Locked from its first line on, so that nobody sends it while it grows."""

    def __init__(self, directory: str, header: Mapping[str, Any], max_bytes: int = 64 << 20) -> None:
        self.path = os.path.join(directory, str(header["attempt_id"]) + SUFFIX)
        self._header = dict(header, format=FORMAT)
        self._max_bytes = max_bytes
        self._file: Optional[BinaryIO] = None
        self._size = 0

    @property
    def is_empty(self) -> bool:
        return self._file is None

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Durable when it returns. OSError where it cannot be; SpoolFull before anything is written."""
        lines = b"".join(_line(record) for record in records)
        if self._size + len(lines) > self._max_bytes:
            raise SpoolFull("%s has %d bytes, at most %d" % (self.path, self._size, self._max_bytes))
        if self._file is None:
            self._create()
        assert self._file is not None
        try:
            self._write(self._file, lines)
        except OSError:
            # Half a line would spoil the next one.
            self._file.truncate(self._size)
            raise
        self._size += len(lines)

    def name_run(self, run: str) -> None:
        """Says, from now on, which run this is of."""
        self._header["run"] = run
        if self._file is not None:
            self.append([{"run": run}])

    def remove(self) -> None:
        """All of it is told."""
        if self._file is not None:
            os.unlink(self.path)
            self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._size = 0

    def _create(self) -> None:
        directory = os.path.dirname(self.path)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        file = self._open_locked()
        try:
            file.truncate(0)
            header = _line(self._header)
            self._write(file, header)
            _sync_directory(directory)
        except BaseException:
            file.close()
            raise
        self._file, self._size = file, len(header)

    def _open_locked(self) -> BinaryIO:
        """The file at the path, this process's own. A sync that finds it before it is locked takes it for a dead process's."""
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            file = os.fdopen(descriptor, "r+b", buffering=0)
            try:
                lock(file, self.path)
                return file
            except OSError as error:
                file.close()
                if not isinstance(error, (BlockingIOError, FileNotFoundError)) or time.monotonic() > deadline:
                    raise
            time.sleep(0.001)

    @staticmethod
    def _write(file: BinaryIO, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def lock(file: BinaryIO, path: str) -> None:
    """Of the file opened at the path. BlockingIOError: another holds it. FileNotFoundError: it was removed meanwhile, and
    what is at the path now is another's."""
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
        raise FileNotFoundError(errno.ENOENT, "was removed and made anew", path)


def read_contents(path: str) -> Optional[Contents]:
    """None where the file has no header: it was cut off before anything could be said."""
    attempt_id, run, create, finish, sample_count, unreadable_count = "", "", None, None, 0, 0
    for number, record in enumerate(_records(path)):
        if record is None:
            unreadable_count += 1
            continue
        if not attempt_id:
            if record.get("format") != FORMAT or not isinstance(record.get("attempt_id"), str):
                return None
            attempt_id, create = record["attempt_id"], record.get("create")
        run = record.get("run") or run
        finish = record.get("finish") or finish
        sample_count += "sample" in record
    return Contents(attempt_id, run, create, finish, sample_count, unreadable_count) if attempt_id else None


def read_samples(path: str, batch_size: int) -> Iterator[List[Dict[str, Any]]]:
    """The samples of a file, at most batch_size at a time."""
    batch: List[Dict[str, Any]] = []
    for record in _records(path):
        if record is not None and "sample" in record:
            batch.append(record["sample"])
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


def _records(path: str) -> Iterator[Optional[Dict[str, Any]]]:
    """None: a whole line that is no record."""
    with open(path, "rb") as file:
        while True:
            line = file.readline(_MAX_LINE_BYTES)
            if not line.endswith(b"\n") and len(line) < _MAX_LINE_BYTES:
                return
            try:
                record = json.loads(line.decode())
            except (ValueError, RecursionError):
                record = None
            yield record if _is_record(record) else None


def _is_record(record: Any) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("run", ""), str):
        return False
    return all(isinstance(record.get(word) or {}, dict) for word in ("create", "sample", "finish"))


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
