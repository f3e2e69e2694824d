# SPDX-License-Identifier: Apache-2.0
"""Runs for other tools: MLflow, OpenMetrics, TensorBoard."""

from ._mlflow import mlflow
from ._openmetrics import openmetrics
from ._record import RunRecord, read_run
from ._tensorboard import tensorboard

__all__ = ["RunRecord", "openmetrics", "read_run", "mlflow", "tensorboard"]
