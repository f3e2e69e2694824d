# SPDX-License-Identifier: Apache-2.0
"""Rhumb plans LLM training runs, and hears how they go.

    plan = rhumb.plan(gpus="256xH100-SXM5-80GB", deadline="21d", unique_tokens="4T")
    with rhumb.start(plan=plan) as run:
        for step in ...:
            run.log(step=step, loss=loss)

Nothing but Python's own library is imported, and nothing of a run raises into training. docs/python.md has the whole.
"""

import importlib as _importlib
from typing import Any as _Any

from ._client import Client
from ._errors import FieldViolation, InvalidArgument, NotFound, RhumbError, Unavailable
from ._plan import Plan, get_plan, list_plans, plan, watch
from ._run import Run
from ._start import start
from ._version import __version__

__all__ = [
    "Client",
    "FieldViolation",
    "InvalidArgument",
    "NotFound",
    "Plan",
    "RhumbError",
    "Run",
    "Unavailable",
    "__version__",
    "get_plan",
    "list_plans",
    "plan",
    "start",
    "watch",
]

# Imported when they are first used: they want other packages, or are seldom wanted.
_ON_DEMAND = ("export", "hf", "ingest", "lightning", "noise_scale", "torch")


def __getattr__(name: str) -> _Any:
    if name in _ON_DEMAND:
        return _importlib.import_module("." + name, __name__)
    raise AttributeError("module %r has no attribute %r" % (__name__, name))
