# SPDX-License-Identifier: Apache-2.0
"""This machine as a GPU type of Rhumb's: what it multiplies, copies and holds, measured."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

import torch


def measure_machine(thread_count: int, now: Callable[[], float]) -> Dict[str, Any]:
    """The best of many short measurements by the clock `now`: other work on the machine only ever takes time."""
    torch.set_num_threads(thread_count)
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    product_seconds = _best_seconds(lambda: torch.mm(left, right), now)
    # What a step of these models reads and writes lies in the cache: so does this, read and written.
    source, target = torch.randn(1 << 20), torch.empty(1 << 20)
    copy_seconds = _best_seconds(lambda: target.copy_(source), now)
    return {
        "gpu_type": "CPU-%d-CORES" % thread_count,
        "thread_count": thread_count,
        "processor": _processor_name(),
        "peak_flops_per_second": 2 * 1024**3 / product_seconds,
        "memory_bytes_per_second": 2 * 4 * len(source) / copy_seconds,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def gpu_type_file(machine: Dict[str, Any]) -> str:
    """The TOML that `rhumb gpu apply` reads. The catalogue's types have 16-bit peaks: what is stated as one is fp32."""
    return "\n".join(
        [
            "# Measured by tests/e2e/ladder. PyTorch trains in fp32 here; Rhumb's plans are of 16 bit and less, so that the",
            "# fp32 rate stands where the 16-bit one is asked for.",
            'name = "%s"' % machine["gpu_type"],
            'family = "cpu"',
            "memory_bytes = %d" % machine["memory_bytes"],
            "memory_bytes_per_second = %.3e" % machine["memory_bytes_per_second"],
            "peak_bf16_flops_per_second = %.3e" % machine["peak_flops_per_second"],
            'scale_up_link = "memory"',
            "scale_up_bytes_per_second = %.3e" % machine["memory_bytes_per_second"],
            "gpus_per_scale_up_domain = 1",
            "network_bytes_per_second = 1e8",
            "board_watts = %d" % (15 * machine["thread_count"]),
            'source = "measured: fp32 matrix product of 1,024, copy of 4 MiB; watts assumed, 15 a core"',
            "",
        ]
    )


def _best_seconds(work: Callable[[], Any], now: Callable[[], float], tries: int = 30) -> float:
    best = float("inf")
    for _ in range(tries):
        began = now()
        work()
        best = min(best, now() - began)
    return best


def _processor_name() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"
