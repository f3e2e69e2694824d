# SPDX-License-Identifier: Apache-2.0
"""A run as OpenMetrics text: its last sample, and planned beside actual. For a textfile collector or a scraper."""

from __future__ import annotations

import math
from typing import Any, List, Mapping, Optional, Tuple

from ._record import RunRecord, unix_seconds

# Of the sample: metric, unit (a suffix of the name, or empty), help.
_GAUGES = (
    ("loss_nats", "nats", "Mean training loss of the last steps, per token."),
    ("validation_loss_nats", "nats", "Loss of held-out text, per token."),
    ("step_seconds", "seconds", "Mean wall time of the last steps."),
    ("tokens_per_second", "", "Tokens trained on a second, over all GPUs."),
    ("learning_rate", "", "Learning rate."),
    ("gradient_norm", "", "Gradient norm."),
    ("noise_scale_tokens", "tokens", "Gradient noise scale."),
    ("peak_memory_bytes", "bytes", "Highest memory on any GPU."),
    ("step", "", "Optimizer steps done."),
    ("token_count", "", "Tokens trained on."),
)


def openmetrics(record: RunRecord) -> str:
    """Ends with # EOF. Every metric has the label run, and a time where its sample has one."""
    run = record.run
    label = (("run", run.get("name", "")),)
    facts = label + tuple((key, str(run[key])) for key in ("plan", "title", "state") if run.get(key))
    lines = _family("rhumb_run", "info", "", "What the run is.")
    lines.append(_line("rhumb_run_info", facts, 1, None))
    sample: Mapping[str, Any] = record.samples[-1] if record.samples else run.get("last_sample") or {}
    moment = unix_seconds(sample["sample_time"]) if sample.get("sample_time") else None
    for name, unit, text in _GAUGES:
        if sample.get(name) is not None:
            metric = "rhumb_run_" + name
            lines += _family(metric, "gauge", unit, text)
            lines.append(_line(metric, label, sample[name], moment))
    for side, text in (("planned", "As planned, by quantity."), ("actual", "As it is, by quantity.")):
        values = [each for each in run.get("comparisons") or () if each.get(side) is not None]
        if values:
            lines += _family("rhumb_run_" + side, "gauge", "", text)
            lines += [_line("rhumb_run_" + side, label + (("quantity", each["quantity"]),), each[side], None) for each in values]
    lines += _family("rhumb_run_alarms", "gauge", "", "Drift alarms that last.")
    lasting = [alarm for alarm in run.get("alarms") or () if not alarm.get("clear_time")]
    lines.append(_line("rhumb_run_alarms", label, len(lasting), None))
    return "\n".join(lines + ["# EOF"]) + "\n"


def _family(name: str, kind: str, unit: str, text: str) -> List[str]:
    lines = ["# TYPE %s %s" % (name, kind)]
    if unit:
        lines.append("# UNIT %s %s" % (name, unit))
    return lines + ["# HELP %s %s" % (name, text)]


def _line(name: str, labels: Tuple[Tuple[str, str], ...], value: Any, moment: Optional[float]) -> str:
    inside = ",".join('%s="%s"' % (key, _escaped(text)) for key, text in labels)
    time = "" if moment is None else " %.3f" % moment
    return "%s{%s} %s%s" % (name, inside, _number(value), time)


def _number(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    return repr(float(value)) if math.isfinite(value) else {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
