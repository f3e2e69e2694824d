# SPDX-License-Identifier: Apache-2.0
"""Runs for other tools. MLflow is a stand-in that holds requests to the limits that MLflow's documentation states."""

import http.server
import json
import os
import re
import threading
import unittest
import urllib.parse
from unittest import mock

from support import DaemonTest

import rhumb
from rhumb.export import RunRecord, mlflow, openmetrics, read_run, tensorboard

_PLAN = {"name": "plans/p1", "model": {"num_layers": 4, "gated": True}, "batch": {"global_batch_tokens": 100}, "token_count": 10**6}


def record(sample_count=3, points=0, state="SUCCEEDED", **run):
    samples = [
        {
            "sequence": number, "sample_time": "2026-11-28T10:%02d:%02d.5Z" % (number // 60 % 60, number % 60), "step": number,
            "token_count": number * 100, "loss_nats": 5.0 - number * 1e-3, "step_seconds": 0.5,
        }
        for number in range(1, sample_count + 1)
    ]  # fmt: skip
    curve = [{"token_count": 100 * number, "planned_nats": 4.0, "planned_low_nats": 3.9} for number in range(1, points + 1)]
    known = dict({"name": "runs/r1", "plan": "plans/p1", "state": state, "create_time": "2026-11-28T10:00:00Z"}, **run)
    return RunRecord(known, samples, curve, _PLAN)


class _Mlflow(http.server.BaseHTTPRequestHandler):
    """Experiments, runs, metrics (append), params (written once), tags."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        assert path == "/api/2.0/mlflow/experiments/get-by-name", path
        name = urllib.parse.parse_qs(query)["experiment_name"][0]
        if name not in self.server.experiments:
            return self.answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": name})
        return self.answer(200, {"experiment": {"experiment_id": self.server.experiments[name]}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = json.loads(body)
        self.server.authorizations.append(self.headers.get("Authorization"))
        try:
            method = self.path[len("/api/2.0/mlflow/") :].replace("/", "_").replace("-", "_")
            self.answer(200, getattr(self, method)(message, len(body)))
        except AssertionError as error:
            self.answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": str(error)})

    def experiments_create(self, message, _):
        self.server.experiments[message["name"]] = "7"
        return {"experiment_id": "7"}

    def runs_search(self, message, _):
        wanted = re.fullmatch(r"tags.`([\w.]+)` = '([^']*)'", message["filter"]).groups()
        found = [run for run in self.server.runs.values() if run["tags"].get(wanted[0]) == wanted[1]]
        return {"runs": [{"info": {"run_id": run["id"]}, "data": {"tags": [{"key": k, "value": v} for k, v in run["tags"].items()]}} for run in found]}

    def runs_create(self, message, _):
        identity = "m%d" % (len(self.server.runs) + 1)
        tags = {tag["key"]: tag["value"] for tag in message["tags"]}
        self.server.runs[identity] = {"id": identity, "tags": tags, "metrics": [], "params": {}, "create": message}
        return {"run": {"info": {"run_id": identity}}}

    def runs_log_batch(self, message, size):
        metrics, params, tags = (message.get(name, []) for name in ("metrics", "params", "tags"))
        assert size <= 1 << 20, "1 MB"
        assert len(metrics) <= 1000 and len(params) <= 100 and len(tags) <= 100, "too many"
        assert len(metrics) + len(params) + len(tags) <= 1000, "too many in total"
        run = self.server.runs[message["run_id"]]
        for metric in metrics:
            assert set(metric) == {"key", "value", "timestamp", "step"} and isinstance(metric["timestamp"], int), metric
        for param in params:
            assert run["params"].setdefault(param["key"], param["value"]) == param["value"], "written once"
        run["metrics"] += metrics
        run["tags"].update((tag["key"], tag["value"]) for tag in tags)
        self.server.batch_count += 1
        return {}

    def runs_update(self, message, _):
        self.server.runs[message["run_id"]]["status"] = message["status"]
        return {}

    def answer(self, status, message):
        text = json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *unused):
        pass


class MlflowTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Mlflow)
        self.server.experiments, self.server.runs, self.server.authorizations, self.server.batch_count = {}, {}, [], 0
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]

    def metrics(self, run_id, key):
        return [metric for metric in self.server.runs[run_id]["metrics"] if metric["key"] == key]

    def test_sends_samples_plan_curve_params_and_names(self):
        run_id = mlflow(record(points=2, title="mine"), self.url)
        run = self.server.runs[run_id]
        self.assertEqual(run["create"]["run_name"], "mine")
        self.assertEqual((run["tags"]["rhumb.run_id"], run["tags"]["rhumb.plan_id"]), ("runs/r1", "plans/p1"))
        self.assertEqual([metric["step"] for metric in self.metrics(run_id, "rhumb.loss_nats")], [1, 2, 3])
        self.assertEqual([metric["step"] for metric in self.metrics(run_id, "rhumb.planned.loss")], [1, 2])
        self.assertEqual(len(self.metrics(run_id, "rhumb.planned.loss.low")), 2)
        self.assertEqual(run["params"]["rhumb.plan.model.num_layers"], "4")
        self.assertEqual(run["status"], "FINISHED")
        self.assertEqual(self.metrics(run_id, "rhumb.loss_nats")[0]["timestamp"], 1795860001500)

    def test_keeps_to_the_limits_of_a_batch(self):
        run_id = mlflow(record(sample_count=2500, points=1000), self.url)
        self.assertEqual(len(self.metrics(run_id, "rhumb.loss_nats")), 2500)
        self.assertGreater(self.server.batch_count, 8)

    def test_goes_on_where_it_was(self):
        first = mlflow(record(sample_count=3, points=2, state="RUNNING"), self.url)
        self.assertEqual(self.server.runs[first]["status"], "RUNNING")
        self.assertEqual(mlflow(record(sample_count=5, points=2), self.url), first)
        self.assertEqual([metric["step"] for metric in self.metrics(first, "rhumb.loss_nats")], [1, 2, 3, 4, 5])
        self.assertEqual(len(self.metrics(first, "rhumb.planned.loss")), 2)

    def test_says_who_asks(self):
        with mock.patch.dict(os.environ, {"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}):
            mlflow(record(), self.url)
        self.assertEqual(set(self.server.authorizations), {"Basic dTpw"})

    def test_a_refusal_is_an_error_with_its_text(self):
        with mock.patch("rhumb.export._mlflow._MOST_METRICS", 1001):
            with self.assertRaisesRegex(rhumb.RhumbError, "too many"):
                mlflow(record(sample_count=500), self.url)

    def test_no_server_is_unavailable(self):
        with self.assertRaises(rhumb.Unavailable):
            mlflow(record(), "http://127.0.0.1:1")


class OpenMetricsTest(unittest.TestCase):
    def test_has_every_family_once_and_ends(self):
        text = openmetrics(record(comparisons=[{"quantity": "step_seconds", "planned": 0.4, "actual": 0.5}, {"quantity": "mfu", "planned": 0.3}]))
        self.assertTrue(text.endswith("# EOF\n"))
        families = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
        self.assertEqual(len(families), len(set(families)))
        self.assertIn('rhumb_run_loss_nats{run="runs/r1"} 4.997 1795860003.500', text)
        self.assertIn('rhumb_run_planned{run="runs/r1",quantity="mfu"} 0.3\n', text)
        self.assertIn("# UNIT rhumb_run_step_seconds seconds", text)

    def test_a_unit_is_the_end_of_its_name(self):
        for name, unit in re.findall(r"^# UNIT (\S+) (\S+)", openmetrics(record()), re.MULTILINE):
            with self.subTest(name):
                self.assertTrue(name.endswith("_" + unit))

    def test_escapes_labels(self):
        self.assertIn('title="a \\"b\\"\\\\\\n"', openmetrics(record(title='a "b"\\\n')))

    def test_a_run_without_samples_has_what_is_known(self):
        self.assertIn("rhumb_run_info", openmetrics(record(sample_count=0)))

    def test_only_alarms_that_last_count(self):
        text = openmetrics(record(alarms=[{"code": "A"}, {"code": "B", "clear_time": "2026-11-28T10:00:00Z"}]))
        self.assertIn('rhumb_run_alarms{run="runs/r1"} 1\n', text)


class TensorBoardTest(unittest.TestCase):
    def test_without_a_library_it_says_what_is_needed(self):
        with mock.patch.dict("sys.modules", {"torch.utils.tensorboard": None, "tensorboardX": None}):
            with self.assertRaisesRegex(ValueError, "tensorboardX"):
                tensorboard(record(), "/nonexistent")

    def test_writes_scalars_by_step_with_the_planned_curve_beside(self):
        writer = mock.Mock()
        module = mock.Mock(SummaryWriter=mock.Mock(return_value=writer))
        with mock.patch.dict("sys.modules", {"torch.utils.tensorboard": None, "tensorboardX": module}):
            self.assertEqual(tensorboard(record(points=1), "/d"), 3)
        calls = [call.args for call in writer.add_scalar.call_args_list]
        self.assertIn(("rhumb/loss_nats", 4.999, 1, 1795860001.5), calls)
        self.assertIn(("rhumb/planned/loss", 4.0, 1), calls)
        writer.close.assert_called_once()


class ReadRunTest(DaemonTest):
    def test_takes_every_page_and_does_without_a_plan_that_is_gone(self):
        run = self.start(plan="p1")
        for step in range(1, 6):
            run.log(step=step, tokens=step)
        run.finish()
        found = read_run(rhumb.Client(self.daemon.address), run.name)
        self.assertEqual([sample["step"] for sample in found.samples], [1, 2, 3, 4, 5])
        self.assertEqual((found.plan, found.loss_curve), (None, []))

    def test_a_run_shows_itself_as_openmetrics(self):
        run = self.start()
        run.log(step=7, tokens=70, loss=2.5)
        run.finish()
        self.assertIn('rhumb_run_loss_nats{run="%s"} 2.5 ' % run.name, run.openmetrics())


if __name__ == "__main__":
    unittest.main()
