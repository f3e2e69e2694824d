# SPDX-License-Identifier: Apache-2.0
"""Training logs as samples of runs: no patch of the framework is needed.

`python -m rhumb ingest --megatron FILE` from a shell; `parse` and `ingest` from Python.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator

from . import megatron, nanogpt, torchtitan
from ._entry import LogEntry, LogError, Shape
from ._tell import ingest

#: By the name of the framework: a class that takes a Shape, and has feed(line) and flush(), which return entries.
PARSERS: Dict[str, Any] = {"megatron": megatron.Parser, "nanogpt": nanogpt.Parser, "torchtitan": torchtitan.Parser}


def parse(framework: str, lines: Iterable[str], shape: Shape = Shape()) -> Iterator[LogEntry]:
    """The entries of a whole log. Raises LogError where it says too little; other lines than the framework's are nothing."""
    parser = PARSERS[framework](shape)
    for line in lines:
        yield from parser.feed(line)
    yield from parser.flush()


__all__ = ["LogEntry", "LogError", "PARSERS", "Shape", "ingest", "parse"]
