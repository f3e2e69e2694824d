# SPDX-License-Identifier: Apache-2.0
"""Training logs. Lines are made up in the formats seen in the threads that the parsers cite, with other numbers."""

import contextlib
import io
import math
import os
import subprocess
import sys
import time
import unittest
from unittest import mock

from support import PACKAGE, DaemonTest, eventually

from rhumb import _command
from rhumb._window import timestamp
from rhumb.ingest import PARSERS, LogEntry, LogError, Shape, parse
from rhumb.ingest._tell import dated

_MEGATRON_ARGUMENTS = """\
------------------------ arguments ------------------------
  global_batch_size ............................... 64
  hidden_size ..................................... 1024
  seq_length ...................................... 2048
-------------------- end of arguments ---------------------
"""
_MEGATRON = """\
 [2026-11-28 10:00:00] iteration       10/    1000 | consumed samples:          640 | elapsed time per iteration (ms): 500.0 | throughput per GPU (TFLOP/s/GPU): 239.8 | learning rate: 8.600000E-06 | global batch size:    64 | lm loss: 8.500000E+00 | load_balancing_loss: 1.019746E+00 | loss scale: 1.0 | grad norm: 1.426 | num zeros: 0.0 | number of skipped iterations:   0 | number of nan iterations:   0 |
 [2026-11-28 10:00:05] iteration       20/    1000 | consumed samples:         1280 | elapsed time per iteration (ms): 520.0 | throughput per GPU (TFLOP/s/GPU): 236.0 | learning rate: 8.800000E-06 | global batch size:    64 | lm loss: 7.250000E+00 | loss scale: 1.0 | grad norm: 1.327 | num zeros: 0.0 | number of skipped iterations:   0 | number of nan iterations:   1 |
(min, max) time across ranks (ms):
----------------------------------------------------------------------------------------------
 validation loss at iteration 20 | lm loss value: 7.300000E+00 | lm loss PPL: 1.480300E+03 |
"""
_NANOGPT = """\
tokens per iteration will be: 491,520
step 0: train loss 10.9900, val loss 10.9850
iter 0: loss 10.9867, time 33000.00ms, mfu -100.00%
iter 10: loss 9.5000, time 250.00ms, mfu 30.10%
iter 20: loss nan, time 250.50ms
step 30: train loss 8.1000, val loss 8.2000
"""
_TITAN = """\
[rank0]:[titan] 2026-11-28 10:00:00,250 - root - INFO - \x1b[31mstep:  1  \x1b[32mloss: 12.2500  \x1b[38;2;54;234;195mgrad_norm:  5.5000  \x1b[33mmemory: 66.91GiB(37.51%)  \x1b[34mtps: 1,000  \x1b[36mtflops: 31.47  \x1b[35mmfu: 13.99%\x1b[39m
[rank1]:[titan] 2026-11-28 10:00:00,251 - root - INFO - step:  1  loss: 12.2500  grad_norm:  5.5000  memory: 66.91GiB(37.51%)  tps: 999  tflops: 31.47  mfu: 13.99%
[rank0]:[titan] 2026-11-28 10:00:01,000 - root - WARNING - Dataset c4_test is being re-looped
[titan] 2026-11-28 10:00:02,500 - root - INFO - step: 10  loss:  9.0000  memory:  1.50GiB(1.79%)  tps: 193,831  tflops: 18.36  mfu: 1.86%
[titan] 2026-11-28 10:00:03,000 - root - INFO - validate step: 10  loss:  9.1000  memory:  1.50GiB(1.79%)  tps: 200,000
"""


def local_time(text):
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


class MegatronTest(unittest.TestCase):
    def entries(self, text, **shape):
        return list(parse("megatron", text.splitlines(), Shape(**shape)))

    def test_reads_steps_tokens_losses_and_times(self):
        first, second, validation = self.entries(_MEGATRON_ARGUMENTS + _MEGATRON)
        self.assertEqual((first.step, first.token_count), (10, 640 * 2048))
        self.assertEqual((first.loss_nats, first.gradient_norm, first.learning_rate), (8.5, 1.426, 8.6e-6))
        self.assertEqual((first.step_seconds, first.tokens_per_second), (0.5, 64 * 2048 / 0.5))
        self.assertEqual(first.unix_seconds, local_time("2026-11-28 10:00:00"))
        self.assertTrue(second.loss_not_finite)
        self.assertEqual((validation.step, validation.token_count, validation.validation_loss_nats), (20, 1280 * 2048, 7.3))

    def test_what_is_given_goes_before_what_the_log_lists(self):
        self.assertEqual(self.entries(_MEGATRON_ARGUMENTS + _MEGATRON, sequence_length=4096)[0].token_count, 640 * 4096)

    def test_asks_for_the_sequence_length_where_nobody_says_it(self):
        with self.assertRaisesRegex(LogError, "--sequence-length"):
            self.entries(_MEGATRON)

    def test_older_lines_have_no_date(self):
        line = " iteration      122/  250000 | consumed samples:       124928 | elapsed time per iteration (ms): 86545.2 | learning rate: 9.150E-06 | global batch size:  1024 | lm loss: nan | loss scale: 1.0 | grad norm: 0.231 |"
        (entry,) = self.entries(line, sequence_length=16)
        self.assertIsNone(entry.unix_seconds)
        self.assertTrue(math.isnan(entry.loss_nats))

    def test_the_test_set_is_no_validation(self):
        line = "validation loss at iteration 1000 on test set | lm loss value: 2.0E+00 | lm loss PPL: 7.4E+00 |"
        self.assertEqual(self.entries(line, sequence_length=16), [])


    def test_memory_of_the_fullest_rank_is_of_the_steps_behind_it(self):
        memory = "[Rank %d] (after 1 iterations) memory (MB) | allocated: 9334.3 | max allocated: %s | reserved: 11180.0\n"
        first = self.entries(_MEGATRON_ARGUMENTS + memory % (0, "10606.5") + memory % (1, "10700.0") + _MEGATRON)[0]
        self.assertEqual(first.peak_memory_bytes, 10700 * 2**20)

    def test_tokens_that_are_counted_go_before_sequences(self):
        line = " iteration 2/ 10 | consumed samples: 8 | consumed tokens: 12345 | elapsed time per iteration (ms): 5.0 | lm loss: 2.0 |"
        self.assertEqual(self.entries(line)[0].token_count, 12345)

    def test_says_of_the_run_what_the_arguments_do(self):
        parser = PARSERS["megatron"](Shape())
        lines = "  seq_length ........ 4096\n  world_size ........ 64\n"
        lines += " iteration 2/ 10 | consumed samples: 256 | elapsed time per iteration (ms): 5.0 | global batch size: 128 | lm loss: 2.0 |"
        for line in lines.splitlines():
            parser.feed(line)
        self.assertEqual(parser.facts, (10 * 128 * 4096, 128 * 4096, 64))


class NanoGptTest(unittest.TestCase):
    def test_reads_iterations_and_evaluations(self):
        entries = list(parse("nanogpt", _NANOGPT.splitlines()))
        self.assertEqual([entry.step for entry in entries], [0, 1, 11, 21, 30])
        self.assertEqual([entry.token_count for entry in entries], [491520 * step for step in (0, 1, 11, 21, 30)])
        self.assertEqual((entries[0].validation_loss_nats, entries[4].validation_loss_nats), (10.985, 8.2))
        self.assertEqual((entries[2].loss_nats, entries[2].step_seconds), (9.5, 0.25))
        self.assertTrue(math.isnan(entries[3].loss_nats))

    def test_the_time_of_an_iteration_with_its_evaluation_is_no_step_time(self):
        self.assertIsNone(list(parse("nanogpt", _NANOGPT.splitlines()))[1].step_seconds)

    def test_asks_for_the_tokens_where_nobody_says_them(self):
        with self.assertRaisesRegex(LogError, "--batch-tokens"):
            list(parse("nanogpt", ["iter 5: loss 3.0, time 5.00ms"]))


class TorchtitanTest(unittest.TestCase):
    def entries(self, **shape):
        return list(parse("torchtitan", _TITAN.splitlines(), Shape(**shape)))

    def test_reads_through_colours_and_ranks(self):
        first, second, validation = self.entries(global_batch_tokens=8000, gpu_count=4)
        self.assertEqual((first.step, first.token_count, first.loss_nats, first.gradient_norm), (1, 8000, 12.25, 5.5))
        self.assertEqual(first.peak_memory_bytes, round(66.91 * 2**30))
        self.assertEqual((first.tokens_per_second, first.step_seconds), (4000, 2.0))
        self.assertEqual(first.unix_seconds, local_time("2026-11-28 10:00:00") + 0.25)
        self.assertEqual((second.step, second.loss_nats), (10, 9.0))
        self.assertEqual((validation.step, validation.validation_loss_nats), (10, 9.1))

    def test_rates_of_one_gpu_are_none_of_all(self):
        self.assertIsNone(self.entries(global_batch_tokens=8000)[0].tokens_per_second)

    def test_takes_sequences_for_tokens(self):
        self.assertEqual(self.entries(global_batch_size=8, sequence_length=512)[1].token_count, 10 * 4096)


    def test_the_batch_is_what_the_trainer_says_it_is(self):
        begin = (
            "[titan] 2025-11-25 19:44:58,838 - root - INFO - Trainer is initialized with local batch size 8, global batch size 64, "
            "gradient accumulation steps 1, sequence length 2048, total steps 10 (warmup 2)\n"
        )
        parser = PARSERS["torchtitan"](Shape())
        entries = [entry for line in (begin + _TITAN).splitlines() for entry in parser.feed(line)]
        self.assertEqual(entries[0].token_count, 64 * 2048)
        self.assertEqual(parser.facts, (10 * 64 * 2048, 64 * 2048, None))
        self.assertEqual(list(parse("torchtitan", (begin + _TITAN).splitlines(), Shape(global_batch_tokens=7)))[0].token_count, 7)

    def test_ranks_without_the_last_stage_have_no_loss(self):
        line = "[rank%d]:[titan] 2025-11-25 19:45:01,441 - root - INFO - step:  1  loss: %s  memory:  1.21GiB(0.86%%)  wps: 5,756"
        (entry,) = list(parse("torchtitan", [line % (0, "-1.0000"), line % (3, "8.0277")], Shape(global_batch_tokens=7, gpu_count=2)))
        self.assertEqual((entry.loss_nats, entry.tokens_per_second), (8.0277, 2 * 5756))


class DatedTest(unittest.TestCase):
    def test_lines_without_times_are_dated_back_from_the_end(self):
        entries = list(parse("nanogpt", ["iter 10: loss 3, time 500ms", "iter 20: loss 3, time 500ms"], Shape(global_batch_tokens=1)))
        self.assertEqual([entry.unix_seconds for entry in dated(entries, 1000.0)], [995.0, 1000.0])

    def test_lines_between_dated_ones_take_the_time_before(self):
        entries = list(parse("megatron", _MEGATRON.splitlines(), Shape(sequence_length=1)))
        self.assertEqual(dated(entries, 0.0)[2].unix_seconds, local_time("2026-11-28 10:00:05"))


    def test_an_attempt_without_times_ends_where_the_next_begins(self):
        def entry(step, seconds, moment=None):
            return LogEntry(step, step, moment, loss_nats=2.0, step_seconds=seconds)

        untimed = [entry(10, 2.0), entry(20, 2.0), entry(11, 4.0), entry(12, 4.0)]
        self.assertEqual([each.unix_seconds for each in dated(untimed, 1000.0)], [972.0, 992.0, 996.0, 1000.0])
        timed = [entry(10, 2.0), entry(20, 2.0), entry(11, 4.0, 500.0), entry(12, 4.0, 504.0)]
        self.assertEqual([each.unix_seconds for each in dated(timed, 1000.0)], [476.0, 496.0, 500.0, 504.0])


class CommandTest(DaemonTest):
    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(os.environ, self.environment)
        patch.start()
        self.addCleanup(patch.stop)

    def run_command(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _command.main(list(arguments))
        return code, out.getvalue(), err.getvalue()

    def log(self, text):
        path = os.path.join(self.directory, "log")
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_log_becomes_a_run(self):
        path = self.log(_MEGATRON_ARGUMENTS + _MEGATRON)
        code, out, err = self.run_command("ingest", "--megatron", path, "--plan", "p1", "--tokens", "1B", "--finish", "SUCCEEDED")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("3 samples of 1 attempt: 3 stored", out)
        run = self.daemon.runs["runs/r1"]
        self.assertEqual((run["plan"], run["settings"], run["state"]), ("plans/p1", {"framework": "megatron", "target_token_count": 10**9}, "SUCCEEDED"))

    def test_a_log_that_has_grown_is_told_where_it_has(self):
        path = self.log(_NANOGPT)
        self.run_command("ingest", "--nanogpt", path)
        self.log("iter 30: loss 8.0000, time 250.50ms\n")
        code, out, _ = self.run_command("ingest", "--nanogpt", path)
        self.assertEqual(code, 0)
        self.assertIn("1 stored, 5 known before", out)
        self.assertEqual(len(self.daemon.runs), 1)

    def test_a_run_begins_and_ends_with_its_log(self):
        path = self.log("".join("iter %d: loss 3.0, time 1000ms\n" % step for step in (9, 19, 29)))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        self.run_command("ingest", "--nanogpt", path, "--global-batch-tokens", "1K", "--gpu-count", "8", "--finish", "SUCCEEDED")
        run = self.daemon.runs["runs/r1"]
        self.assertEqual(run["start_time"], timestamp(1_700_000_000 - 30))
        self.assertEqual(run["settings"], {"global_batch_tokens": 1000, "gpu_count": 8})
        finish = next(messages[0] for method, messages in self.daemon.calls if method == "FinishRun")
        self.assertEqual(finish["end_time"], timestamp(1_700_000_000))

    def test_steps_that_fall_back_are_another_attempt(self):
        path = self.log("".join("iter %d: loss 3.0, time 1ms\n" % step for step in (10, 20, 30, 15, 25)))
        self.run_command("ingest", "--nanogpt", path, "--batch-tokens", "1K")
        attempts = {attempt for _, attempt, _ in self.daemon.samples}
        self.assertEqual(len(attempts), 2)
        self.assertEqual(len(self.daemon.samples), 5)

    def test_without_a_daemon_the_samples_are_kept_for_sync(self):
        path = self.log(_NANOGPT)
        self.daemon.stop()
        code, out, _ = self.run_command("ingest", "--nanogpt", path, "--finish", "FAILED")
        self.assertEqual(code, 5)
        self.assertIn("5 kept on the disk", out)
        self.daemon.start()
        code, out, _ = self.run_command("sync")
        self.assertEqual(code, 0)
        self.assertIn("1 file told: 5 samples stored", out)
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "FAILED")

    def test_a_log_of_something_else_is_an_error(self):
        code, _, err = self.run_command("ingest", "--torchtitan", self.log("hello\n"))
        self.assertEqual(code, 1)
        self.assertIn("no line that torchtitan writes", err)

    def test_a_flag_that_is_no_number_is_named(self):
        code, _, err = self.run_command("ingest", "--nanogpt", self.log(_NANOGPT), "--batch-tokens", "lots")
        self.assertEqual(code, 2)
        self.assertIn("--batch-tokens", err)

    def test_a_missing_file_is_named(self):
        self.assertEqual(self.run_command("ingest", "--nanogpt", "/nonexistent")[0], 2)

    def test_an_unknown_run_is_not_found(self):
        code, _, err = self.run_command("ingest", "--nanogpt", self.log(_NANOGPT), "--run", "r9")
        self.assertEqual(code, 4)
        self.assertIn("there is no runs/r9", err)

    def test_follows_a_growing_file(self):
        path = self.log("tokens per iteration will be: 100\n")
        command = [sys.executable, "-m", "rhumb", "ingest", "--nanogpt", path, "-f"]
        process = subprocess.Popen(command, env=dict(os.environ, PYTHONPATH=str(PACKAGE)), stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(0.5)
            self.log("iter 1: loss 3.0, time 1ms\niter 2: lo")
            self.assertTrue(eventually(lambda: len(self.daemon.samples) == 1))
            self.log("ss 2.5, time 1ms\n")
            self.assertTrue(eventually(lambda: len(self.daemon.samples) == 2))
        finally:
            process.send_signal(2)
            out, _ = process.communicate(timeout=10)
        self.assertIn("2 stored", out)

    def test_reads_standard_input_as_it_comes(self):
        command = [sys.executable, "-m", "rhumb", "ingest", "--nanogpt", "-", "--batch-tokens", "100"]
        process = subprocess.Popen(
            command, env=dict(os.environ, PYTHONPATH=str(PACKAGE)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        process.stdin.write("iter 1: loss 3.0, time 1ms\n")
        process.stdin.flush()
        self.assertTrue(eventually(lambda: len(self.daemon.samples) == 1))
        out, _ = process.communicate("iter 2: loss 2.5, time 1ms", timeout=10)
        self.assertIn("2 stored", out)


if __name__ == "__main__":
    unittest.main()
