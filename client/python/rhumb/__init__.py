# SPDX-License-Identifier: Apache-2.0
"""Rhumb plans LLM training runs, and hears how they go.

    plan = rhumb.plan(gpus="256xH100-SXM5-80GB", deadline="21d", unique_tokens="4T")
    with rhumb.start(plan=plan) as run:
        for step in ...:
            run.log(step=step, loss=loss)

Nothing but Python's own library is imported, and nothing of a run raises into training. docs/python.md has the whole.
"""

from ._client import Client
from ._errors import FieldViolation, InvalidArgument, NotFound, RhumbError, Unavailable
from ._plan import Plan, get_plan, list_plans, plan
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
]
