# SPDX-License-Identifier: Apache-2.0
"""A training script's side: start, log, finish."""

import math
import os
import signal
import time
import unittest

from fake_daemon import FakeDaemon, Refusal
from support import DaemonTest, eventually

import rhumb
from rhumb._sync import sync_directory


class StartTest(DaemonTest):
    def test_tells_plan_title_and_settings(self):
        run = self.start(plan="p7", title="a run", total_tokens="1B", schedule="cosine", gpu_count=8)
        told = self.daemon.runs[run.name]
        self.assertEqual(told["plan"], "plans/p7")
        self.assertEqual(told["title"], "a run")
        self.assertEqual(
            told["settings"], {"target_token_count": 10**9, "schedule": {"kind": "COSINE"}, "gpu_count": 8}
        )
        run.finish()

    def test_takes_a_plan_object(self):
        client = rhumb.Client(self.daemon.address)
        run = self.start(plan=rhumb.plan(compute="1e21", client=client))
        self.assertEqual(self.daemon.runs[run.name]["plan"], "plans/p1")
        run.finish()

    def test_takes_the_plan_that_emit_env_names_and_its_batch(self):
        with self.start({"RHUMB_PLAN": "plans/p9", "RHUMB_GLOBAL_BATCH_TOKENS": "4096"}) as run:
            run.log(step=3, loss=2.0)
        self.assertEqual(self.daemon.runs[run.name]["plan"], "plans/p9")
        self.assertEqual(self.daemon.stored(run.name)[0]["token_count"], 3 * 4096)

    def test_binds_the_run_to_the_slurm_job(self):
        run = self.start({"SLURM_JOB_ID": "123", "SLURM_CLUSTER_NAME": "alpha"})
        self.assertEqual(self.daemon.runs[run.name]["jobs"], [{"cluster": "clusters/alpha", "job_id": "123"}])
        run.finish()
        self.assertEqual(run.stats["last_error"], "")

    def test_goes_on_with_the_run_that_the_launcher_names(self):
        first = self.start()
        first.finish()
        second = self.start({"RHUMB_RUN_ID": "r1"})
        second.log(step=1, tokens=1)
        second.finish()
        self.assertEqual(second.name, first.name)
        self.assertEqual(len(self.daemon.runs), 1)

    def elastic(self, restart_count):
        return self.start({"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": str(restart_count), "TORCHELASTIC_MAX_RESTARTS": "1"})

    def fail(self, run):
        with self.assertRaises(ValueError):
            with run:
                run.log(step=1, tokens=1)
                raise ValueError("x")

    def test_restarted_workers_of_one_torchrun_agent_are_one_run(self):
        first = self.elastic(0)
        self.fail(first)
        self.assertEqual(self.daemon.runs[first.name]["state"], "RUNNING")
        second = self.elastic(1)
        self.assertEqual(second.name, first.name)
        self.fail(second)
        self.assertEqual(self.daemon.runs[first.name]["state"], "FAILED")
        self.assertEqual(len(self.daemon.stored(first.name)), 2)

    def test_two_runs_of_no_launcher_are_two(self):
        first, second = self.start(), self.start()
        self.assertNotEqual(first.name, second.name)
        first.finish()
        second.finish()

    def test_names_what_is_wrong_and_goes_on_without_it(self):
        run = self.start(total_tokens="many", learning="fast", gpu_count=8)
        self.assertEqual(self.daemon.runs[run.name]["settings"], {"gpu_count": 8})
        self.assertEqual(len(run.problems), 2)
        self.assertIn("total_tokens", run.problems[0])
        run.finish()

    def test_an_address_that_is_none_leaves_a_silent_run(self):
        run = rhumb.start(environment={"RHUMB_HTTP_ADDR": "nowhere"})
        run.log(step=1, tokens=1, loss=2.0)
        run.finish()
        self.assertFalse(run.is_reporting)
        self.assertIn("nowhere", run.problems[0])


class TokenlessTest(DaemonTest):
    """The form that docs/launchers.md shows: the plan is known, tokens are not said."""

    def test_steps_of_a_plan_need_no_tokens(self):
        run = self.start({"RHUMB_PLAN": "plans/p-1"})
        for step in range(1, 4):
            run.log(step=step, loss=2.0)
        run.finish()
        self.assertEqual([sample["token_count"] for sample in self.daemon.stored(run.name)], [4096, 8192, 12288])
        self.assertEqual(run.problems, [])
        self.assertEqual(run.stats["invalid_count"], 0)

    def test_they_are_kept_while_the_daemon_is_away(self):
        self.daemon.stop()
        run = self.start(plan="p-1")
        run.log(step=7, loss=2.0)
        run.finish(timeout_seconds=1)
        self.daemon.start()
        result = sync_directory(rhumb.Client(self.daemon.address), self.spool)
        self.assertEqual((result.stored_count, result.failures), (1, []))
        self.assertEqual(self.daemon.stored("runs/r1")[0]["token_count"], 7 * 4096)

    def test_what_nobody_knows_is_refused_and_said_in_few_calls(self):
        run = self.start()
        calls = len(self.daemon.calls)
        for step in range(1, 101):
            run.log(step=step, loss=2.0)
        run.log(step=101, tokens=5, loss=2.0)
        run.finish()
        self.assertEqual(run.stats["refused_count"], 100)
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], [101])
        self.assertEqual(len(run.problems), 1)
        self.assertIn("must be given: nobody says the tokens", run.problems[0])
        self.assertLess(len(self.daemon.calls) - calls, 20)

    def test_of_a_plan_that_is_not_there_they_stay_on_the_disk(self):
        self.daemon.refusal = Refusal("NOT_FOUND", "plans/p-typo does not exist", reason="PLAN_NOT_FOUND")
        run = self.start(plan="p-typo")
        run.log(step=1, loss=2.0)
        run.finish(timeout_seconds=2)
        self.assertIn("samples are kept in", run.problems[0])
        with open(os.path.join(self.spool, self.spool_files()[0]), encoding="utf-8") as file:
            self.assertEqual(sum('"sample"' in line for line in file), 1)
        self.daemon.refusal = None
        self.daemon.runs["runs/r9"] = {"name": "runs/r9", "state": "RUNNING", "plan": "plans/p-1", "create_time": "1"}
        self.assertEqual(sync_directory(rhumb.Client(self.daemon.address), self.spool, "r9").stored_count, 1)


class ProblemsTest(DaemonTest):
    def test_a_sample_that_is_refused_is_a_problem_of_the_run(self):
        run = self.start()
        run.log(step=1, tokens=1, loss=1e9)
        run.finish()
        self.assertEqual(len(run.problems), 1)
        self.assertIn("sample 1 was refused", run.problems[0])

    def test_a_call_that_says_too_little_is_one_too(self):
        run = self.start()
        run.log(loss=2.0)
        run.finish()
        self.assertIn("step is not given", run.problems[0])

    def test_a_setting_that_the_daemon_refuses_is_left_out_and_said(self):
        run = self.start(gpu_type="H1000", gpu_count=8)
        self.assertEqual(self.daemon.runs[run.name]["settings"], {"gpu_count": 8})
        self.assertIn('unknown GPU type "H1000"', run.problems[0])
        run.finish()


class RankTest(DaemonTest):
    def test_other_ranks_tell_nothing(self):
        with self.start({"RANK": "1", "WORLD_SIZE": "2"}) as run:
            run.log(step=1, tokens=1, loss=2.0)
        self.assertFalse(run.is_reporting)
        self.assertEqual(self.daemon.calls, [])

    def test_rank_of_the_worker_counts_before_that_of_the_srun_task(self):
        run = self.start({"RANK": "0", "SLURM_PROCID": "3"})
        self.assertTrue(run.is_reporting)
        run.finish()

    def test_disabled_runs_tell_nothing(self):
        with self.start({"RHUMB_DISABLED": "1"}) as run:
            run.log(step=1, tokens=1, loss=2.0)
            with run.pause():
                pass
        self.assertEqual(self.daemon.calls, [])


class LogTest(DaemonTest):
    def logged(self, **entry):
        run = self.start()
        run.log(**entry)
        run.finish()
        self.assertEqual(run.stats["refused_count"], 0, run.stats)
        stored = self.daemon.stored(run.name)
        return stored[0] if stored else None

    def test_tells_all_that_a_sample_has(self):
        sample = self.logged(
            step=7, tokens=7000, loss=2.5, step_time=0.25, mem=1 << 30, lr=3e-4, grad_norm=0.5, noise_scale=1e5,
            val_loss=2.6, tokens_per_second=4000,
        )
        del sample["sample_time"]
        self.assertEqual(
            sample,
            {
                "sequence": 1, "step": 7, "token_count": 7000, "loss_nats": 2.5, "step_seconds": 0.25,
                "peak_memory_bytes": 1 << 30, "learning_rate": 3e-4, "gradient_norm": 0.5, "noise_scale_tokens": 1e5,
                "validation_loss_nats": 2.6, "tokens_per_second": 4000,
            },
        )  # fmt: skip

    def test_takes_the_names_of_the_api(self):
        sample = self.logged(step=1, token_count=10, loss_nats=2.5, peak_memory_bytes=5)
        self.assertEqual((sample["token_count"], sample["loss_nats"], sample["peak_memory_bytes"]), (10, 2.5, 5))

    def test_says_that_a_loss_was_not_finite(self):
        sample = self.logged(step=1, tokens=10, loss=math.nan)
        self.assertTrue(sample["loss_not_finite"])
        self.assertNotIn("loss_nats", sample)

    def test_reads_what_has_a_float_in_it(self):
        class Tensor:
            def __float__(self):
                return 2.25

        self.assertEqual(self.logged(step=1, tokens=10, loss=Tensor())["loss_nats"], 2.25)

    def test_reads_what_has_an_item(self):
        class Scalar:
            def __init__(self, value):
                self.value = value

            def item(self):
                return self.value

        sample = self.logged(step=Scalar(3), tokens=Scalar(30.0), mem=Scalar(7), loss=2.0)
        self.assertEqual((sample["step"], sample["token_count"], sample["peak_memory_bytes"]), (3, 30, 7))

    def test_a_value_is_that_of_the_call(self):
        class Accumulator:
            value = 1.0

            def __float__(self):
                return self.value

        run, loss = self.start(), Accumulator()
        run.log(step=1, tokens=1, loss=loss)
        loss.value = 99.0
        run.finish()
        self.assertEqual(self.daemon.stored(run.name)[0]["loss_nats"], 1.0)

    def test_never_raises(self):
        run = self.start()
        run.log()
        run.log(step="x", tokens=[])
        run.log(step=1, tokens=1, loss="high")
        run.log(step=-1, tokens=1)
        run.log(step=1, tokens=1, loss=1.0, colour="red")
        run.finish("GLORIOUS")
        self.assertEqual(run.stats["invalid_count"], 4)
        self.assertEqual(self.daemon.runs[run.name]["state"], "FAILED")

    def test_never_raises_nor_writes_much_whatever_a_value_is(self):
        class Odd:
            def __repr__(self):
                raise RuntimeError("no")

        with self.assertLogs("rhumb", "WARNING") as logs:
            for step in (Odd(), "1" * 100000):
                run = self.start(global_batch_tokens=4194304)
                run.log(step=step)
                run.finish()
        self.assertLess(max(map(len, logs.output)), 1000)

    def test_tokens_of_a_step_of_another_librarys_numbers_do_not_overflow(self):
        class Int32:
            def item(self):
                return 10000

            def __mul__(self, other):
                return (10000 * other) % 2**32

        run = self.start(global_batch_tokens=524288)
        run.log(step=Int32(), loss=2.0)
        run.finish()
        self.assertEqual(self.daemon.stored(run.name)[0]["token_count"], 5242880000)

    def test_counts_what_the_full_queue_drops(self):
        run = self.start()
        run._reporter._queue_size = 3
        for step in range(200):
            run.log(step=step, tokens=step)
        run.finish()
        stats = run.stats
        self.assertGreater(stats["dropped_count"], 0)
        self.assertEqual(stats["dropped_count"] + stats["stored_count"], 200)

    def test_tells_the_alarms_that_the_daemon_answers(self):
        self.daemon.alarms = [{"kind": "LOSS", "code": "LOSS_HIGH", "text": "loss is high"}]
        run = self.start()
        run.log(step=1, tokens=1)
        self.assertTrue(eventually(lambda: run.alarms))
        self.assertEqual(run.alarms[0]["code"], "LOSS_HIGH")
        self.assertEqual(run.state, "RUNNING")
        run.finish()

    def test_one_refused_sample_takes_no_other_with_it(self):
        run = self.start()
        for step in range(1, 8):
            run.log(step=step, tokens=step, loss=1e9 if step == 4 else 2.0)
        run.finish()
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], [1, 2, 3, 5, 6, 7])
        self.assertEqual(run.stats["refused_count"], 1)


class FinishTest(DaemonTest):
    def state_after(self, error):
        run = self.start()
        try:
            with run:
                if error is not None:
                    raise error
        except BaseException as raised:  # the same one, as nothing may hide it
            self.assertIs(raised, error)
        return self.daemon.runs[run.name]["state"]

    def test_the_end_of_the_block_is_success(self):
        self.assertEqual(self.state_after(None), "SUCCEEDED")

    def test_an_exception_is_failure(self):
        self.assertEqual(self.state_after(ValueError("x")), "FAILED")

    def test_an_interrupt_is_cancellation(self):
        self.assertEqual(self.state_after(KeyboardInterrupt()), "CANCELLED")

    def test_exit_with_zero_is_success(self):
        self.assertEqual(self.state_after(SystemExit(0)), "SUCCEEDED")

    def test_exit_with_one_is_failure(self):
        self.assertEqual(self.state_after(SystemExit(1)), "FAILED")

    def test_twice_is_once(self):
        run = self.start()
        run.finish("CANCELLED")
        run.finish("SUCCEEDED")
        self.assertEqual(self.daemon.runs[run.name]["state"], "CANCELLED")
        self.assertEqual(self.daemon.count("FinishRun"), 1)

    def test_does_not_wait_for_a_daemon_that_hangs(self):
        run = self.start()
        run.log(step=1, tokens=1, loss=2.0)
        self.daemon.hang_seconds = 20
        began = time.monotonic()
        run.finish(timeout_seconds=1.0)
        self.assertLess(time.monotonic() - began, 1.5)
        self.assertEqual(len(self.spool_files()), 1)


class ProcessTest(DaemonTest):
    def in_child(self, work):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work()
                code = 0
            finally:
                os._exit(code)
        return os.waitpid(child, 0)[1]

    def test_a_forked_child_tells_nothing_and_does_not_end_the_run(self):
        run = self.start()
        run.log(step=1, tokens=1)
        self.assertTrue(eventually(lambda: self.daemon.stored(run.name)))

        def child():
            run.log(step=2, tokens=2)
            run.finish("FAILED")

        self.assertEqual(self.in_child(child), 0)
        run.log(step=3, tokens=3)
        run.finish()
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], [1, 3])
        self.assertEqual(self.daemon.runs[run.name]["state"], "SUCCEEDED")

    def test_may_be_logged_and_finished_from_a_signal_handler(self):
        run = self.start()

        def handler(*unused):
            run.log(step=2, tokens=2)
            run.finish("CANCELLED", timeout_seconds=5)

        before = signal.signal(signal.SIGUSR1, handler)
        try:
            run.log(step=1, tokens=1)
            os.kill(os.getpid(), signal.SIGUSR1)
            self.assertTrue(eventually(lambda: self.daemon.runs[run.name]["state"] == "CANCELLED"))
        finally:
            signal.signal(signal.SIGUSR1, before)
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], [1, 2])


class TcpTest(unittest.TestCase):
    def test_tells_over_tcp(self):
        daemon = FakeDaemon()
        self.addCleanup(daemon.stop)
        with rhumb.start(environment={"RHUMB_HTTP_ADDR": daemon.address}, interval_seconds=0) as run:
            run.log(step=1, tokens=5, loss=2.0)
        self.assertEqual(daemon.stored(run.name)[0]["token_count"], 5)
        self.assertEqual(daemon.runs[run.name]["state"], "SUCCEEDED")


class RefusalTest(DaemonTest):
    def test_what_is_sampled_after_the_end_is_left_out_in_a_few_calls(self):
        run = self.start()
        run.log(step=0, tokens=0)
        self.assertTrue(eventually(lambda: self.daemon.stored(run.name)))
        run._reporter._retry_clock = time.monotonic() + 3600  # until the end
        for step in range(1, 257):
            run.log(step=step, tokens=step)
        self.daemon.last_step = 100
        calls = len(self.daemon.calls)
        run.finish()
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], list(range(101)))
        self.assertEqual(run.stats["refused_count"], 156)
        self.assertLess(len(self.daemon.calls) - calls, 25)

    def test_a_refused_run_is_named_and_its_samples_stay_on_the_disk(self):
        self.daemon.refusal = Refusal("INVALID_ARGUMENT", "no plan", [("run.plan", "there is no plans/p0")])
        run = self.start(plan="p0")
        run.log(step=1, tokens=1, loss=2.0)
        run.finish(timeout_seconds=2)
        self.assertIn("there is no plans/p0", run.problems[0])
        self.assertEqual(len(self.spool_files()), 1)


if __name__ == "__main__":
    unittest.main()
