# SPDX-License-Identifier: Apache-2.0
"""Plans: questions asked of the daemon, and their answers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from ._client import Client
from ._launcher import full_name
from ._question import read_question


class Record(Dict[str, Any]):
    """A message as a dict whose keys are attributes as well: plan.model.num_layers is plan["model"]["num_layers"].

    What the message does not have is an AttributeError that says what there is, or a KeyError.
    """

    def __init__(self, message: Any = ()) -> None:
        super().__init__()
        for key, value in dict(message).items():
            self[key] = _wrap(value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError("no %s here; there are %s" % (name, ", ".join(self) or "no fields")) from None

    def __dir__(self) -> List[str]:
        return sorted(set(super().__dir__()) | {key for key in self if key.isidentifier()})


def _wrap(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    if isinstance(value, list):
        return [_wrap(each) for each in value]
    return value


class Plan(Record):
    """The Plan that the daemon answered: plan.param_count is not there, plan.model.param_count is."""

    @property
    def is_feasible(self) -> bool:
        """False: `infeasibility` says which constraints are in conflict, and what would resolve that."""
        return bool(self.get("state") == "FEASIBLE")


def plan(*, client: Optional[Client] = None, **question: Any) -> Plan:
    """Asks for a plan, which the daemon stores; the same question is the same plan.

    question: the fields of CreatePlanRequest, with `rhumb plan`'s shorter words and human forms: gpus="256xH100-SXM5-80GB",
    deadline="21d", params="7B", budget="$25k", tensor_parallel_size=4, ... A question without an answer is no error: see
    Plan.is_feasible. Raises InvalidArgument with every field that is wrong, Unavailable without a daemon.
    """
    return Plan((client or Client()).call("PlanService", "CreatePlan", read_question(question)))


def get_plan(name: str, *, client: Optional[Client] = None) -> Plan:
    """The stored plan plans/{plan}, or of the bare id. Raises NotFound."""
    return Plan((client or Client()).call("PlanService", "GetPlan", {"name": full_name("plans", name)}))


def list_plans(*, client: Optional[Client] = None, page_size: int = 0) -> Iterator[Plan]:
    """Stored plans, newest first, without their breakdowns; asks for more as they are taken."""
    asked = client or Client()
    token = ""
    while True:
        answer = asked.call("PlanService", "ListPlans", {"page_size": page_size, "page_token": token})
        for message in answer.get("plans") or ():
            yield Plan(message)
        token = answer.get("next_page_token") or ""
        if not token:
            return


def watch(run: str, *, client: Optional[Client] = None) -> Iterator[Record]:
    """A run as it goes: WatchRunResponse, the run first and then what changes, until it has ended. Raises RhumbError."""
    for message in (client or Client()).stream("RunService", "WatchRun", {"name": full_name("runs", run)}):
        yield Record(message)
