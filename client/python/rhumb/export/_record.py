# SPDX-License-Identifier: Apache-2.0
"""A run as the daemon has it, for those who pass it on."""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, NamedTuple, Optional

from .._client import Client
from .._errors import RhumbError
from .._launcher import full_name

# Of RunSample, without what says where and when it is.
SAMPLE_VALUES = (
    "loss_nats",
    "validation_loss_nats",
    "step_seconds",
    "tokens_per_second",
    "learning_rate",
    "gradient_norm",
    "noise_scale_tokens",
    "peak_memory_bytes",
)


class RunRecord(NamedTuple):
    """Run in full, its samples from first to last, planned and actual loss by tokens, and its plan; what there is of it."""

    run: Dict[str, Any]
    samples: List[Dict[str, Any]]
    loss_curve: List[Dict[str, Any]]
    plan: Optional[Dict[str, Any]]

    def step_tokens(self) -> Optional[float]:
        """Tokens of a step: as planned, as told, or as it was."""
        for known in ((self.plan or {}).get("batch") or {}, self.run.get("settings") or {}):
            if known.get("global_batch_tokens"):
                return float(known["global_batch_tokens"])
        last = self.samples[-1] if self.samples else {}
        return last["token_count"] / last["step"] if last.get("step") and last.get("token_count") else None


def read_run(client: Client, name: str) -> RunRecord:
    """Raises RhumbError; NotFound where there is no such run. A plan or curve that the daemon cannot say is left out."""
    full = full_name("runs", name)
    run = client.call("RunService", "GetRun", {"name": full})
    samples: List[Dict[str, Any]] = []
    token = ""
    while True:
        page = client.call("RunService", "ListRunSamples", {"name": full, "page_size": 1000, "page_token": token})
        samples += page.get("samples") or []
        token = page.get("next_page_token") or ""
        if not token:
            break
    curve: List[Dict[str, Any]] = []
    plan = None
    if run.get("plan"):
        try:
            curve = client.call("RunService", "CompareRun", {"name": full, "point_count": 1000}).get("loss_curve") or []
            plan = client.call("PlanService", "GetPlan", {"name": run["plan"]})
        except RhumbError as error:
            # Plans may be deleted, and not every plan has a curve.
            if error.code not in ("NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"):
                raise
    return RunRecord(run, samples, curve, plan)


def unix_seconds(text: str) -> float:
    """Of an RFC 3339 time in UTC with at most nine digits of a second."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + (float("0." + fraction) if fraction else 0.0)
