# SPDX-License-Identifier: Apache-2.0
"""Lines of a file, a growing file, or standard input, without waiting for ever for the next one."""

from __future__ import annotations

import os
import select
import time
from typing import Iterator, Optional

_POLL_SECONDS = 0.5
_CHUNK_BYTES = 1 << 20
_MAX_LINE_BYTES = 1 << 20


def lines_of(path: str, follow: bool = False) -> Iterator[Optional[str]]:
    """Each line without its end; None: there is none just now. Ends with the input, with `follow` never.

    path: `-` is standard input. A file that is followed and becomes shorter, or another, is read from its beginning.
    """
    if path == "-":
        yield from _split(_pipe(0))
    else:
        yield from _split(_file(path, follow))


def _pipe(descriptor: int) -> Iterator[Optional[bytes]]:
    while True:
        ready, _, _ = select.select([descriptor], [], [], _POLL_SECONDS)
        if not ready:
            yield None
            continue
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def _file(path: str, follow: bool) -> Iterator[Optional[bytes]]:
    file = open(path, "rb")
    try:
        while True:
            chunk = file.read(_CHUNK_BYTES)
            if chunk:
                yield chunk
                continue
            if not follow:
                return
            yield None
            time.sleep(_POLL_SECONDS)
            if _is_replaced(path, file.fileno(), file.tell()):
                file.close()
                file = open(path, "rb")
    finally:
        file.close()


def _is_replaced(path: str, descriptor: int, position: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False  # between two logs
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or there.st_size < position


def _split(chunks: Iterator[Optional[bytes]]) -> Iterator[Optional[str]]:
    rest = b""
    for chunk in chunks:
        if chunk is None:
            yield None
            continue
        # A progress bar ends its lines with carriage returns.
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        rest = rest[-_MAX_LINE_BYTES:]
    if rest:
        yield rest.decode(errors="replace")
