# SPDX-License-Identifier: Apache-2.0
"""Spool files that dead processes left behind, told to the daemon."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
from typing import BinaryIO, List, NamedTuple, Optional, Tuple

from ._client import Client
from ._delivery import Delivery
from ._errors import RhumbError
from ._launcher import full_name
from ._spool import FORMAT, SUFFIX, lock, read_contents

LOG = logging.getLogger("rhumb")
_REQUEST_SECONDS = 30.0
#: Of errors that say that no daemon answers.
ABSENCE_CODES = ("UNAVAILABLE", "DEADLINE_EXCEEDED")


class SyncResult(NamedTuple):
    file_count: int  # told and removed
    busy_count: int  # of processes that live
    stored_count: int
    duplicate_count: int
    late_count: int
    refused_count: int
    kept_count: int  # that stay, for `failures` or because the daemon is away
    failures: List[str]  # a sentence for each file that was tried and stays
    failure_code: str  # of RhumbError, of the first of them; empty: of no call of the daemon


def sync_directory(client: Client, directory: str, run: Optional[str] = None) -> SyncResult:
    """Tells every file of the directory that no living process holds, and removes what was acknowledged.

    May be cut off and repeated at any time: nothing is stored twice. run: takes the place of runs that were never
    created, as when the daemon refused them.
    """
    counts = dict.fromkeys(SyncResult._fields[:-2], 0)
    failures: List[Tuple[str, str]] = []
    names: List[str] = []
    with contextlib.suppress(FileNotFoundError):
        names = sorted(name for name in os.listdir(directory) if name.endswith(SUFFIX))
    for number, name in enumerate(names):
        _sync_file(client, os.path.join(directory, name), full_name("runs", run or ""), counts, failures)
        if failures and failures[-1][0] in ABSENCE_CODES:
            # Nor will it be there for the next.
            counts["kept_count"] = len(names) - number - 1
            break
    counts["kept_count"] += len(failures)
    return SyncResult(failures=[text for _, text in failures], failure_code=failures[0][0] if failures else "", **counts)


def _sync_file(
    client: Client, path: str, run: str, counts: "dict[str, int]", failures: List[Tuple[str, str]]
) -> None:
    """Adds to failures (code, sentence)."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            failures.append(("", "%s: is no regular file" % path))
            return
        with open(path, "r+b", buffering=0) as file:
            try:
                lock(file, path)
            except BlockingIOError:
                counts["busy_count"] += 1
                return
            contents = read_contents(path)
            if contents is None:
                if os.path.getsize(path) == 0 or _is_cut_off(path):
                    os.unlink(path)  # killed before anything was said
                else:
                    failures.append(("", "%s: is no spool file of format %d" % (path, FORMAT)))
                return
            name = contents.run or run
            delivery = Delivery(client, contents.attempt_id, name, contents.create, lambda run: _name_run(file, run), True)
            try:
                delivery.send_file(path, lambda: _REQUEST_SECONDS)
            finally:
                for word in ("stored_count", "duplicate_count", "late_count", "refused_count"):
                    counts[word] += getattr(delivery.told, word)
            if contents.unreadable_count:
                count = "1 line" if contents.unreadable_count == 1 else "%d lines" % contents.unreadable_count
                failures.append(("", "%s: %s cannot be read; what else it says is told, remove it by hand" % (path, count)))
                return
            os.unlink(path)
            counts["file_count"] += 1
    except FileNotFoundError:
        return  # its process told it itself, meanwhile
    except (RhumbError, OSError) as error:
        failures.append((error.code if isinstance(error, RhumbError) else "", "%s: %s" % (path, error)))


def _name_run(file: BinaryIO, run: str) -> None:
    """Behind the last whole line, before anything is told: a sync that is cut off then creates no second run."""
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    file.truncate(whole)
    file.seek(whole)
    file.write(json.dumps({"run": run}).encode() + b"\n")
    os.fsync(file.fileno())


def _is_cut_off(path: str) -> bool:
    with open(path, "rb") as file:
        return b"\n" not in file.read()
