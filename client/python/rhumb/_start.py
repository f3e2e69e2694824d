# SPDX-License-Identifier: Apache-2.0
"""From a training script's one line, and its launcher's environment, to a run."""

from __future__ import annotations

import logging
import os
import re
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from ._client import Client
from ._delivery import Delivery
from ._errors import RhumbError
from ._launcher import Launcher, create_request_id, full_name, new_attempt_id, read_launcher
from ._plan import Plan
from ._reporter import ReporterOptions
from ._run import ReportingRun, Run
from ._settings import read_settings
from ._spool import Spool, spool_directory
from ._window import timestamp

LOG = logging.getLogger("rhumb")

_CREATE_SECONDS = 2.0
_RESOURCE_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_MAX_TITLE_LENGTH = 200


def start(
    plan: Union[Plan, str, None] = None,
    *,
    run: Optional[str] = None,
    title: str = "",
    rank: Optional[int] = None,
    interval_seconds: float = 10.0,
    client: Optional[Client] = None,
    environment: Optional[Mapping[str, str]] = None,
    **settings: Any,
) -> Run:
    """Begins to report a run; `with rhumb.start(...) as run:` also says how it ended.

    plan: what is carried out, a Plan or its name; None: RHUMB_PLAN_ID, or RHUMB_PLAN of `rhumb plan --emit env`.
    run: goes on with that run; None: RHUMB_RUN_ID, else the run of this Slurm job, else a new one.
    rank: of this process; None: RANK, or as its launcher says. Only rank 0 tells anything.
    interval_seconds: the longest time between two samples of a run whose steps are shorter. 0: every `log` is a sample.
    settings: RunSettings: total_tokens, param_count, global_batch_tokens, schedule="cosine", framework, gpu_type,
    gpu_count, price_usd_per_gpu_hour, tokenizer, dataset, learn, ...; counts as 7e9 or "7B".

    Raises nothing and waits 2 s at most. What is wrong with the arguments is a warning, and in `Run.problems`. Without a
    daemon the run keeps its samples on the disk until there is one, or until `rhumb sync`.
    """
    try:
        known = os.environ if environment is None else environment
        launcher = read_launcher(known)
        if launcher.is_disabled or (launcher.rank if rank is None else rank) != 0:
            return Run()
        reporting = _begin(plan, run, title, interval_seconds, client, known, launcher, settings)
        for problem in reporting.problems:
            LOG.warning("rhumb: %s", problem)
        return reporting
    except Exception as error:  # pylint: disable=broad-except
        LOG.warning("rhumb: the run is not reported: %s", error)
        silent = Run()
        silent.problems = [str(error)]
        return silent


def _begin(
    plan: Union[Plan, str, None],
    run: Optional[str],
    title: str,
    interval_seconds: float,
    client: Optional[Client],
    environment: Mapping[str, str],
    launcher: Launcher,
    given: Mapping[str, Any],
) -> ReportingRun:
    settings, problems = read_settings(given)
    if launcher.gpu_type and "gpu_type" not in settings:
        settings["gpu_type"] = launcher.gpu_type
    if launcher.gpu_type and launcher.world_size and "gpu_count" not in settings:
        settings["gpu_count"] = launcher.world_size
    plan_name = plan.name if isinstance(plan, Plan) else full_name("plans", plan or launcher.plan)
    message: Dict[str, Any] = {"settings": settings}
    if plan_name:
        message["plan"] = plan_name
    if title:
        message["title"] = str(title)[:_MAX_TITLE_LENGTH]
    jobs, job_problems = _jobs(launcher)
    if jobs:
        message["jobs"] = jobs
    problems += job_problems
    # The daemon may hear of it only when all is over. A restarted worker, who asks for a later time, gets the same run.
    if not jobs:
        message["start_time"] = timestamp(time.time())
    create = {"run": message, "request_id": create_request_id(launcher)}

    name = full_name("runs", run or "") or launcher.run
    attempt_id = new_attempt_id(launcher)
    header: Dict[str, Any] = {"attempt_id": attempt_id}
    header["run" if name else "create"] = name or create
    spool = Spool(spool_directory(environment), header)
    delivery = Delivery(client or Client(environment=environment), attempt_id, name, create, spool.name_run, leaves_out_settings=True)
    try:
        delivery.ensure_run(_CREATE_SECONDS)
    except RhumbError as error:
        problems.append("the run is not known to the daemon yet, samples are kept in %s: %s" % (spool.path, error))
    options = ReporterOptions(interval_seconds=max(0.0, float(interval_seconds)))
    step_tokens = _step_tokens(plan, settings, environment)
    return ReportingRun(delivery, spool, options, step_tokens, problems, launcher.is_restarted_on_failure)


def _step_tokens(plan: Union[Plan, str, None], settings: Mapping[str, Any], environment: Mapping[str, str]) -> Optional[int]:
    if "global_batch_tokens" in settings:
        told: int = settings["global_batch_tokens"]
        return told
    if isinstance(plan, Plan):
        planned: Optional[int] = plan.get("batch", {}).get("global_batch_tokens")
        return planned
    # Of `rhumb plan --emit env`: of the plan that RHUMB_PLAN names, not of another.
    text = environment.get("RHUMB_GLOBAL_BATCH_TOKENS", "")
    return int(text) if plan is None and text.isdigit() else None


def _jobs(launcher: Launcher) -> Tuple[List[Dict[str, Any]], List[str]]:
    if not launcher.job_id:
        return [], []
    if not launcher.cluster:
        return [], ["job %s is not told of, SLURM_CLUSTER_NAME not being set" % launcher.job_id]
    if not _RESOURCE_ID.fullmatch(launcher.cluster):
        return [], ["job %s is not told of: %r is no name of a cluster" % (launcher.job_id, launcher.cluster)]
    return [{"cluster": "clusters/" + launcher.cluster, "job_id": launcher.job_id}], []
