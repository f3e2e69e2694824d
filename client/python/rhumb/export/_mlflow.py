# SPDX-License-Identifier: Apache-2.0
"""A run to an MLflow tracking server, over its REST API (mlflow.org/docs/latest/rest-api.html).

Limits of a batch there: 1 MB, 1000 metrics, 100 params, 100 tags, 1000 of all; params are written once. The tests use a
stand-in that holds requests to these.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from .._errors import NotFound, RhumbError, Unavailable
from ._record import SAMPLE_VALUES, RunRecord, unix_seconds

_MOST_METRICS, _MOST_PARAMS, _MOST_BYTES = 1000, 100, 900_000
_MOST_PARAM_LENGTH = 500
_TIMEOUT_SECONDS = 30.0
_STATUS = {"SUCCEEDED": "FINISHED", "CANCELLED": "KILLED", "RUNNING": "RUNNING", "PENDING": "SCHEDULED"}
_PLAN_PARTS = ("model", "batch", "learning_rate", "allocation", "layout", "loss", "time", "cost")


def mlflow(record: RunRecord, url: str, experiment: str = "rhumb") -> str:
    """Creates or goes on with the MLflow run of this run, and returns its run_id.

    Samples become metrics rhumb.loss_nats and so on, by step; the planned curve rhumb.planned.loss, .low and .high, once;
    the plan params rhumb.plan.*; names tags rhumb.run_id and rhumb.plan_id. May be repeated: samples of before are not
    sent again. MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD, are used as MLflow's own client does. Raises RhumbError.
    """
    server = _Server(url)
    experiment_id = server.experiment(experiment)
    name = str(record.run["name"])
    run_id, tags = server.find_run(experiment_id, name)
    if run_id is None:
        run_id = server.create_run(experiment_id, record.run)
    told = tags.get("rhumb.last_sample_time", "")
    if not told:
        for batch in _slices(_params(record), _MOST_PARAMS):
            server.post("runs/log-batch", {"run_id": run_id, "params": batch})
        _log_metrics(server, run_id, _planned_metrics(record))
    news = [sample for sample in record.samples if not told or unix_seconds(sample["sample_time"]) > unix_seconds(told)]
    _log_metrics(server, run_id, _sample_metrics(news))
    if news:
        # Last: what is cut off before is sent once more, never left out.
        tag = {"key": "rhumb.last_sample_time", "value": max((sample["sample_time"] for sample in news), key=unix_seconds)}
        server.post("runs/log-batch", {"run_id": run_id, "tags": [tag]})
    update: Dict[str, Any] = {"run_id": run_id, "status": _STATUS.get(str(record.run.get("state")), "FAILED")}
    if record.run.get("end_time"):
        update["end_time"] = round(unix_seconds(record.run["end_time"]) * 1000)
    server.post("runs/update", update)
    return run_id


class _Server:
    def __init__(self, url: str) -> None:
        self._base = url.rstrip("/") + "/api/2.0/mlflow/"
        self._headers = {"Content-Type": "application/json"}
        token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
        if token:
            self._headers["Authorization"] = "Bearer " + token
        elif user:
            pair = "%s:%s" % (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()

    def post(self, path: str, message: Mapping[str, Any]) -> Dict[str, Any]:
        return self._call(urllib.request.Request(self._base + path, json.dumps(message).encode(), self._headers))

    def get(self, path: str, **query: str) -> Dict[str, Any]:
        return self._call(urllib.request.Request(self._base + path + "?" + urllib.parse.urlencode(query), headers=self._headers))

    def experiment(self, name: str) -> str:
        try:
            return str(self.get("experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"])
        except NotFound:
            return str(self.post("experiments/create", {"name": name})["experiment_id"])

    def find_run(self, experiment_id: str, name: str) -> Tuple[Optional[str], Dict[str, str]]:
        found = self.post(
            "runs/search",
            {"experiment_ids": [experiment_id], "filter": "tags.`rhumb.run_id` = '%s'" % name, "max_results": 1},
        ).get("runs") or []
        if not found:
            return None, {}
        tags = {tag["key"]: tag["value"] for tag in found[0].get("data", {}).get("tags") or ()}
        return str(found[0]["info"]["run_id"]), tags

    def create_run(self, experiment_id: str, run: Mapping[str, Any]) -> str:
        tags = [{"key": "rhumb.run_id", "value": run["name"]}]
        if run.get("plan"):
            tags.append({"key": "rhumb.plan_id", "value": run["plan"]})
        begin = run.get("start_time") or run.get("create_time")
        message = {"experiment_id": experiment_id, "run_name": run.get("title") or run["name"], "tags": tags}
        if begin:
            message["start_time"] = round(unix_seconds(begin) * 1000)
        return str(self.post("runs/create", message)["run"]["info"]["run_id"])

    def _call(self, request: urllib.request.Request) -> Dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
                answer = json.loads(response.read().decode() or "{}")
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")[:1000]
            if error.code == 404 and "RESOURCE_DOES_NOT_EXIST" in text:
                raise NotFound("MLflow: " + text) from None
            raise RhumbError("UNKNOWN", "MLflow answered %s with HTTP status %d: %s" % (request.full_url, error.code, text)) from None
        except (OSError, ValueError) as error:
            raise Unavailable("MLflow does not answer %s: %s" % (request.full_url, error)) from None
        if not isinstance(answer, dict):
            raise Unavailable("MLflow answered %s with no JSON object" % request.full_url)
        return answer


def _log_metrics(server: _Server, run_id: str, metrics: List[Dict[str, Any]]) -> None:
    for batch in _slices(metrics, _MOST_METRICS):
        server.post("runs/log-batch", {"run_id": run_id, "metrics": batch})


def _slices(items: List[Dict[str, Any]], most: int) -> Iterator[List[Dict[str, Any]]]:
    """At most so many, and so many bytes, at a time."""
    batch: List[Dict[str, Any]] = []
    size = 0
    for item in items:
        length = len(json.dumps(item)) + 2
        if batch and (len(batch) == most or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch


def _sample_metrics(samples: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    return [
        _metric("rhumb." + name, sample[name], sample["sample_time"], sample["step"])
        for sample in samples
        for name in SAMPLE_VALUES + ("token_count",)
        if sample.get(name) is not None
    ]


def _planned_metrics(record: RunRecord) -> List[Dict[str, Any]]:
    step_tokens = record.step_tokens()
    if not step_tokens:
        return []
    moment = record.run.get("start_time") or record.run.get("create_time") or "1970-01-01T00:00:00Z"
    names = (("planned_nats", ""), ("planned_low_nats", ".low"), ("planned_high_nats", ".high"))
    return [
        _metric("rhumb.planned.loss" + suffix, point[name], moment, round(point["token_count"] / step_tokens))
        for point in record.loss_curve
        for name, suffix in names
        if point.get(name) is not None
    ]


def _metric(key: str, value: Any, moment: str, step: int) -> Dict[str, Any]:
    return {"key": key, "value": value, "timestamp": round(unix_seconds(moment) * 1000), "step": step}


def _params(record: RunRecord) -> List[Dict[str, Any]]:
    params: Dict[str, str] = {}
    plan = record.plan or {}
    for part in _PLAN_PARTS:
        _flatten("rhumb.plan." + part, plan.get(part), params)
    _flatten("rhumb.plan.token_count", plan.get("token_count"), params)
    _flatten("rhumb.settings", record.run.get("settings"), params)
    return [{"key": key, "value": value} for key, value in params.items()]


def _flatten(path: str, value: Any, params: Dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten("%s.%s" % (path, key), each, params)
    elif isinstance(value, (str, int, float)) and len(str(value)) <= _MOST_PARAM_LENGTH:
        params[path] = str(value)
