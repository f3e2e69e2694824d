# SPDX-License-Identifier: Apache-2.0
"""What the launcher of this process says in its environment."""

from __future__ import annotations

import os
import re
import socket
import uuid
from typing import Mapping, NamedTuple, Optional

# Of those that set it for every process they start; the first that is set counts. Under srun torchrun sets RANK for
# its workers, while SLURM_PROCID is that of the agent.
_RANK_VARIABLES = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
_NAMESPACE = uuid.UUID("5a3f0a6e-2f0c-5c0f-9c5e-6d1f3ad0a5d1")


class Launcher(NamedTuple):
    """Empty text and None: not said."""

    rank: int = 0
    world_size: Optional[int] = None
    run: str = ""  # runs/{run}
    plan: str = ""  # plans/{plan}
    job_id: str = ""
    cluster: str = ""
    restart_count: int = 0
    # Whether torchrun will start workers that fail once more.
    is_restarted_on_failure: bool = False
    # The same for every process that one torchrun agent starts, restarted ones included; of no other.
    elastic_key: str = ""
    gpu_type: str = ""
    is_disabled: bool = False


def read_launcher(environment: Mapping[str, str]) -> Launcher:
    """Numbers that cannot be read count as not said."""
    return Launcher(
        rank=next((rank for rank in (_integer(environment, name) for name in _RANK_VARIABLES) if rank is not None), 0),
        world_size=_integer(environment, "WORLD_SIZE"),
        run=full_name("runs", environment.get("RHUMB_RUN_ID", "")),
        # RHUMB_PLAN is what `rhumb plan --emit` writes.
        plan=full_name("plans", environment.get("RHUMB_PLAN_ID", "") or environment.get("RHUMB_PLAN", "")),
        job_id=_slurm_job(environment),
        cluster=environment.get("SLURM_CLUSTER_NAME", ""),
        restart_count=_integer(environment, "TORCHELASTIC_RESTART_COUNT") or _integer(environment, "SLURM_RESTART_COUNT") or 0,
        is_restarted_on_failure=(_integer(environment, "TORCHELASTIC_RESTART_COUNT") or 0)
        < (_integer(environment, "TORCHELASTIC_MAX_RESTARTS") or 0),
        elastic_key=_elastic_key(environment),
        gpu_type=environment.get("RHUMB_GPU_TYPE", ""),
        is_disabled=environment.get("RHUMB_DISABLED", "") not in ("", "0", "false"),
    )


def full_name(collection: str, name: str) -> str:
    """`plans/x` of `plans/x` or `x`; empty stays empty."""
    return name if not name or name.startswith(collection + "/") else "%s/%s" % (collection, name)


def new_attempt_id(launcher: Launcher) -> str:
    """1 to 64 of [A-Za-z0-9._-], never used again: begins with job and restart where there are any."""
    prefix = re.sub(r"[^A-Za-z0-9_]", "", launcher.job_id)[:24]
    if prefix or launcher.restart_count:
        prefix = "%s.%d-" % (prefix or "restart", launcher.restart_count)
    return prefix + uuid.uuid4().hex


def create_request_id(launcher: Launcher) -> str:
    """UUID. A worker that torchrun restarts asks with that of the one before it, and is answered the same run."""
    return str(uuid.uuid5(_NAMESPACE, launcher.elastic_key) if launcher.elastic_key else uuid.uuid4())


def _integer(environment: Mapping[str, str], name: str) -> Optional[int]:
    text = environment.get(name, "")
    return int(text) if text.isdigit() else None


def _slurm_job(environment: Mapping[str, str]) -> str:
    # An element of an array has a job id of its own too, which squeue and sacct do not show: 120_3.
    array, task = environment.get("SLURM_ARRAY_JOB_ID", ""), environment.get("SLURM_ARRAY_TASK_ID", "")
    return "%s_%s" % (array, task) if array and task else environment.get("SLURM_JOB_ID", "")


def _elastic_key(environment: Mapping[str, str]) -> str:
    run = environment.get("TORCHELASTIC_RUN_ID", "")
    if not run:
        return ""
    # The id alone may be "none", or the same every day: the agent, this process's parent, is what tells runs apart.
    agent = os.getppid()
    try:
        with open("/proc/%d/stat" % agent, encoding="ascii", errors="replace") as file:
            started = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return "|".join((run, socket.gethostname(), str(agent), started, _boot_id()))


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
