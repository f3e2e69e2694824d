# SPDX-License-Identifier: Apache-2.0
"""A run as TensorBoard events, by whichever library is there."""

from __future__ import annotations

import importlib
from typing import Any

from ._record import SAMPLE_VALUES, RunRecord, unix_seconds


def tensorboard(record: RunRecord, directory: str) -> int:
    """Writes scalars rhumb/loss_nats and so on, and rhumb/planned/loss as a series beside; returns the number of samples.

    Raises ValueError where neither torch.utils.tensorboard nor tensorboardX can be imported.
    """
    writer = _writer(directory)
    try:
        for sample in record.samples:
            for name in SAMPLE_VALUES:
                if sample.get(name) is not None:
                    writer.add_scalar("rhumb/" + name, sample[name], sample["step"], unix_seconds(sample["sample_time"]))
        step_tokens = record.step_tokens()
        for point in record.loss_curve if step_tokens else ():
            if point.get("planned_nats") is not None:
                writer.add_scalar("rhumb/planned/loss", point["planned_nats"], round(point["token_count"] / step_tokens))
    finally:
        writer.close()
    return len(record.samples)


def _writer(directory: str) -> Any:
    for name in ("torch.utils.tensorboard", "tensorboardX"):
        try:
            return importlib.import_module(name).SummaryWriter(directory)
        except Exception:  # pylint: disable=broad-except
            # PyTorch raises what it likes where tensorboard itself is missing.
            continue
    raise ValueError("TensorBoard events need tensorboardX, or PyTorch with tensorboard; neither can be used")
