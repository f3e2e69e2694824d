# SPDX-License-Identifier: Apache-2.0
"""The Python package and the real rhumbd, whose path is in RHUMBD."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from support import PACKAGE, eventually

import rhumb
from rhumb import _command
from rhumb.export import openmetrics, read_run

_RHUMBD = os.environ.get("RHUMBD", "")
if not _RHUMBD:
    print("SKIPPED: RHUMBD is not set, the package is not tested with the daemon", file=sys.stderr)


@unittest.skipUnless(_RHUMBD, "RHUMBD is not set")
class IntegrationTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="rhumb-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.address = os.path.join(self.directory, "rhumbd-http.sock")
        self.environment = {
            "RHUMB_HTTP_ADDR": self.address,
            "RHUMB_SPOOL_DIR": os.path.join(self.directory, "spool"),
            "PATH": os.environ["PATH"],
        }
        patch = mock.patch.dict(os.environ, self.environment, clear=True)
        patch.start()
        self.addCleanup(patch.stop)
        self.config = os.path.join(self.directory, "rhumbd.toml")
        with open(self.config, "w", encoding="ascii"):
            pass  # that of this machine must not count
        self.daemon = None
        self.start_daemon()
        self.addCleanup(self.stop_daemon, signal.SIGTERM)
        self.client = rhumb.Client()

    def start_daemon(self):
        self.daemon = subprocess.Popen(
            [
                _RHUMBD, "--database", os.path.join(self.directory, "rhumb.db"), "--socket", os.path.join(self.directory, "rhumbd.sock"),
                "--config", self.config, "--log-level", "warning",
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.assertTrue(eventually(lambda: self.daemon.poll() is not None or self.answers(), 20), "rhumbd does not answer")
        self.assertIsNone(self.daemon.poll(), "rhumbd has ended")

    def answers(self):
        try:
            rhumb.Client().call("PlanService", "ListPlans", {})
            return True
        except rhumb.Unavailable:
            return False

    def stop_daemon(self, how):
        self.daemon.send_signal(how)
        self.daemon.wait(timeout=30)

    def test_a_run_is_told_from_start_to_end(self):
        with rhumb.start(title="first", total_tokens="1M", global_batch_tokens=1000, param_count="10M", schedule="cosine", interval_seconds=0) as run:
            for step in range(1, 51):
                run.log(step=step, loss=5.0 - step / 100, step_time=0.5, mem=1 << 30, lr=3e-4, grad_norm=1.0, noise_scale=5e4)
            run.log(step=51, loss=float("nan"), val_loss=4.5)
        self.assertEqual(run.problems, [])
        self.assertEqual((run.stats["stored_count"], run.stats["refused_count"], run.stats["last_error"]), (51, 0, ""))
        found = read_run(self.client, run.name)
        self.assertEqual((found.run["title"], found.run["state"]), ("first", "SUCCEEDED"))
        self.assertEqual(found.run["settings"]["target_token_count"], 1000000)
        self.assertEqual([sample["step"] for sample in found.samples], list(range(1, 52)))
        self.assertEqual(found.samples[0]["loss_nats"], 4.99)
        self.assertTrue(found.samples[50]["loss_not_finite"])
        self.assertNotIn("loss_nats", found.samples[50])
        self.assertIn("rhumb_run_step{", openmetrics(found))

    def test_a_plan_is_asked_for_and_carried_out(self):
        plan = rhumb.plan(gpus="64xH100-SXM5-80GB", deadline="7d", unique_tokens="1T")
        self.assertTrue(plan.is_feasible)
        self.assertEqual(rhumb.get_plan(plan.name).model.param_count, plan.model.param_count)
        self.assertIn(plan.name, [each.name for each in rhumb.list_plans(page_size=1)])
        with rhumb.start(plan=plan) as run:
            run.log(step=10, loss=7.0, step_time=plan.time.step_seconds)
        told = self.client.call("RunService", "GetRun", {"name": run.name})
        self.assertEqual(told["plan"], plan.name)
        self.assertEqual(told["last_sample"]["token_count"], 10 * plan.batch.global_batch_tokens)

    def test_the_form_of_the_launchers_page_needs_no_tokens(self):
        plan = rhumb.plan(gpus="64xH100-SXM5-80GB", deadline="7d", unique_tokens="1T")
        with mock.patch.dict(os.environ, {"RHUMB_PLAN": plan.name}):
            with rhumb.start(interval_seconds=0) as run:
                run.log(step=10, loss=7.0, step_time=2.0)
        self.assertEqual(run.problems, [])
        told = self.client.call("RunService", "GetRun", {"name": run.name})
        self.assertEqual(told["last_sample"]["token_count"], 10 * plan.batch.global_batch_tokens)
        self.assertEqual(told["last_sample"]["tokens_per_second"], plan.batch.global_batch_tokens / 2)
        # The same of a run that the launcher names, and of one that the daemon hears of later.
        named = self.client.call("RunService", "CreateRun", {"run": {"plan": plan.name}})["name"]
        self.stop_daemon(signal.SIGTERM)
        with mock.patch.dict(os.environ, {"RHUMB_RUN_ID": named}):
            run = rhumb.start(interval_seconds=0)
            run.log(step=3, loss=7.0)
            run.finish(timeout_seconds=1)
        self.start_daemon()
        self.assertEqual(_command.main(["sync"]), 0)
        told = self.client.call("RunService", "GetRun", {"name": named})
        self.assertEqual(told["last_sample"]["token_count"], 3 * plan.batch.global_batch_tokens)

    def test_tokens_that_nobody_knows_are_a_problem(self):
        with rhumb.start(interval_seconds=0) as run:
            run.log(step=1, loss=7.0)
        self.assertEqual(run.stats["refused_count"], 1)
        self.assertIn("global_batch_tokens", run.problems[0])

    def test_a_gpu_type_that_nobody_knows_is_left_out_and_said(self):
        with rhumb.start(gpu_type="H1000", gpu_count=8) as run:
            run.log(step=1, tokens=1, loss=7.0)
        self.assertIn("nearest: H100", run.problems[0])
        told = self.client.call("RunService", "GetRun", {"name": run.name})
        self.assertEqual(told["settings"]["gpu_type"], "")

    def test_a_log_of_yesterday_is_a_run_of_yesterday(self):
        path = os.path.join(self.directory, "train.log")
        with open(path, "w", encoding="ascii") as file:
            file.write("".join("iter %d: loss 3.0, time 1000ms\n" % step for step in (9, 19, 29, 10, 20)))
        os.utime(path, (1_790_000_000, 1_790_000_000))
        self.assertEqual(_command.main(["ingest", "--nanogpt", path, "--batch-tokens", "1K", "--finish", "SUCCEEDED"]), 0)
        (run,) = self.client.call("RunService", "ListRuns", {})["runs"]
        # 30 steps, and 20 of the attempt that ends with the file.
        self.assertEqual(run["start_time"], "2026-09-21T14:12:30Z")
        self.assertEqual(run["end_time"], "2026-09-21T14:13:20Z")

    def test_a_question_that_is_wrong_names_its_fields(self):
        with self.assertRaises(rhumb.InvalidArgument) as caught:
            rhumb.plan(compute=1e21, law="no-such-law")
        self.assertEqual([violation.field for violation in caught.exception.field_violations], ["law"])

    def test_what_is_not_there_is_not_found(self):
        with self.assertRaises(rhumb.NotFound):
            rhumb.get_plan("p-none")

    def test_a_refused_plan_is_named(self):
        run = rhumb.start(plan="no-such-plan")
        run.finish(timeout_seconds=1)
        self.assertIn("no-such-plan", run.problems[0])

    def test_a_job_of_slurm_ends_by_its_job(self):
        with mock.patch.dict(os.environ, {"SLURM_JOB_ID": "123", "SLURM_CLUSTER_NAME": "alpha"}):
            first = rhumb.start(interval_seconds=0)
            first.log(step=1, tokens=10, loss=3.0)
            first.finish()
            second = rhumb.start(interval_seconds=0)
            second.log(step=2, tokens=20, loss=2.9)
            second.finish()
        self.assertEqual(first.name, second.name)
        self.assertEqual((first.stats["last_error"], second.stats["last_error"]), ("", ""))
        told = self.client.call("RunService", "GetRun", {"name": first.name})
        self.assertEqual(len(told["attempts"]), 2)

    def test_a_daemon_that_is_killed_loses_nothing_and_stores_nothing_twice(self):
        run = rhumb.start(interval_seconds=0, global_batch_tokens=10)
        step = 0
        for _ in range(3):
            for _ in range(200):
                step += 1
                run.log(step=step, loss=3.0)
            eventually(lambda: run.stats["sample_count"] == step, 5)
            self.stop_daemon(signal.SIGKILL)
            for _ in range(200):
                step += 1
                run.log(step=step, loss=3.0)
            eventually(lambda: run.stats["sample_count"] == step, 5)
            self.start_daemon()
            run._reporter._retry_clock = 0.0
        run.finish()
        self.assertEqual(run.stats["lost_count"], 0)
        found = read_run(self.client, run.name)
        self.assertEqual([sample["step"] for sample in found.samples], list(range(1, step + 1)))
        self.assertEqual(found.run["state"], "SUCCEEDED")
        self.assertEqual(os.listdir(self.environment["RHUMB_SPOOL_DIR"]), [])

    def test_a_run_that_was_over_before_there_was_a_daemon_is_synced_with_its_end(self):
        self.stop_daemon(signal.SIGTERM)
        with self.assertRaises(ZeroDivisionError):
            with rhumb.start() as run:
                run.log(step=1, tokens=10, loss=2.0)
                1 / 0  # pylint: disable=pointless-statement
        self.start_daemon()
        self.assertEqual(_command.main(["sync"]), 0)
        (told,) = self.client.call("RunService", "ListRuns", {})["runs"]
        self.assertEqual((told["state"], told["last_sample"]["step"]), ("FAILED", 1))

    def test_a_killed_trainer_is_synced(self):
        self.stop_daemon(signal.SIGTERM)
        script = "import rhumb, itertools, time\nrun = rhumb.start(interval_seconds=0)\nfor i in itertools.count(1):\n  run.log(step=i, tokens=i, loss=2.0); print(i, flush=True); time.sleep(0.01)"
        trainer = subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ, PYTHONPATH=str(PACKAGE)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while int(trainer.stdout.readline()) < 150:
            pass
        trainer.kill()
        trainer.communicate()
        self.start_daemon()
        self.assertEqual(_command.main(["sync"]), 0)
        (told,) = self.client.call("RunService", "ListRuns", {})["runs"]
        steps = [sample["step"] for sample in read_run(self.client, told["name"]).samples]
        self.assertGreater(len(steps), 50)
        self.assertEqual(steps, list(range(1, len(steps) + 1)))

    def test_a_log_is_ingested_once(self):
        path = os.path.join(self.directory, "log")
        with open(path, "w", encoding="utf-8") as file:
            file.write("tokens per iteration will be: 1,000\n" + "".join("iter %d: loss 3.0, time 1000.00ms\n" % step for step in range(2500)))
        self.assertEqual(_command.main(["ingest", "--nanogpt", path, "--finish", "SUCCEEDED"]), 0)
        self.assertEqual(_command.main(["ingest", "--nanogpt", path, "--finish", "SUCCEEDED"]), 0)
        (told,) = self.client.call("RunService", "ListRuns", {})["runs"]
        self.assertEqual(told["state"], "SUCCEEDED")
        self.assertEqual(told["attempts"][0]["sample_count"], 2500)

    def test_a_run_is_watched_to_its_end(self):
        run = rhumb.start(interval_seconds=0)
        run.log(step=1, tokens=10, loss=2.0)
        messages = rhumb.watch(run.name)
        self.assertEqual(next(messages).run.name, run.name)
        run.log(step=2, tokens=20, loss=1.9)
        run.finish()
        rest = list(messages)
        self.assertEqual([each.run.state for each in rest if "run" in each][-1], "SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
