# SPDX-License-Identifier: Apache-2.0
"""The text that the ladder is trained on: the King James Bible of Debian's bible-kjv, a byte a token.

Of every 20 blocks of 32 KiB one is held out: blocks from everywhere, because the last books differ in style from the
first, and a loss on them would measure that as well.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import List, NamedTuple

PACKAGE = "bible-kjv"
DATASET = "king-james-bible"
TOKENIZER = "bytes"
BLOCK_BYTES = 32 * 1024
HELD_OUT_PERIOD = 20


class CorpusError(Exception):
    """The text cannot be had; the message says why."""


class Corpus(NamedTuple):
    train: bytes
    held_out: bytes
    sha256: str

    @property
    def unique_token_count(self) -> int:
        return len(self.train)


def read_corpus() -> Corpus:
    """Raises CorpusError without the package."""
    if shutil.which("bible") is None:
        raise CorpusError("there is no program `bible`; install Debian's %s (deploy/check --full does)" % PACKAGE)
    printed = subprocess.run(["bible", "-l", "10000", "gen1:1-rev22:21"], stdout=subprocess.PIPE, check=False)
    if printed.returncode != 0 or len(printed.stdout) < 4_000_000:
        raise CorpusError("`bible` printed %d bytes, exit %d; expected over 4 MB" % (len(printed.stdout), printed.returncode))
    return split(printed.stdout)


def split(text: bytes) -> Corpus:
    """Parts `text` in what is trained on and what is held out."""
    train: List[bytes] = []
    held_out: List[bytes] = []
    for index, begin in enumerate(range(0, len(text), BLOCK_BYTES)):
        is_held_out = index % HELD_OUT_PERIOD == HELD_OUT_PERIOD // 2
        (held_out if is_held_out else train).append(text[begin : begin + BLOCK_BYTES])
    return Corpus(b"".join(train), b"".join(held_out), hashlib.sha256(text).hexdigest())
