# SPDX-License-Identifier: Apache-2.0
"""A daemon that is away, comes back, or forgets; trainers that are killed."""

import contextlib
import fcntl
import io
import os
import random
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

from fake_daemon import Refusal
from support import PACKAGE, DaemonTest, eventually

import rhumb
from rhumb import _command
from rhumb._errors import FieldViolation
from rhumb._spool import Spool, lock, read_contents, read_samples
from rhumb._sync import sync_directory

_TRAINER = """
import itertools, os, sys, time
import rhumb
run = rhumb.start(interval_seconds=0)
for step in itertools.count(1):
    run.log(step=step, tokens=step * 10, loss=2.0)
    time.sleep(0.002)
    print(step, flush=True)
"""


class OutageTest(DaemonTest):
    def hasten(self, run):
        """Retries at once instead of after a second."""
        run._reporter._retry_clock = 0.0

    def test_a_run_that_starts_without_a_daemon_is_told_when_there_is_one(self):
        self.daemon.stop()
        run = self.start(title="early")
        run.log(step=1, tokens=1, loss=2.0)
        self.assertTrue(eventually(lambda: run.stats["spooled_count"] == 1))
        self.daemon.start()
        self.hasten(run)
        run.log(step=2, tokens=2, loss=2.0)
        self.assertTrue(eventually(lambda: len(self.daemon.stored("runs/r1")) == 2))
        run.finish()
        self.assertEqual(self.daemon.runs["runs/r1"]["title"], "early")
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "SUCCEEDED")
        self.assertEqual(self.spool_files(), [])

    def test_samples_of_an_outage_follow_in_order_and_once(self):
        run = self.start()
        for step in range(1, 31):
            if step == 10:
                self.assertTrue(eventually(lambda: len(self.daemon.stored(run.name)) == 9))
                self.daemon.stop()
            if step == 20:
                self.assertTrue(eventually(lambda: run.stats["spooled_count"] == 10))
                self.daemon.start()
                self.hasten(run)
            run.log(step=step, tokens=step)
        run.finish()
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], list(range(1, 31)))
        self.assertEqual(run.stats["lost_count"], 0)
        self.assertEqual(self.spool_files(), [])

    def test_an_answer_that_is_lost_makes_a_duplicate_and_no_second_sample(self):
        run = self.start()
        self.daemon.drop_answers = 1
        run.log(step=1, tokens=1)
        self.assertTrue(eventually(lambda: run.stats["spooled_count"] == 1))
        self.hasten(run)
        run.finish()
        self.assertEqual(len(self.daemon.stored(run.name)), 1)
        self.assertEqual(run.stats["duplicate_count"], 1)

    def test_where_the_disk_takes_nothing_the_samples_wait(self):
        with open(self.spool, "w", encoding="ascii"):
            pass  # a file where the directory should be
        run = self.start()
        self.daemon.stop()
        run.log(step=1, tokens=1)
        self.assertTrue(eventually(lambda: "disk" in run.stats["last_error"]))
        self.daemon.start()
        self.hasten(run)
        self.assertTrue(eventually(lambda: self.daemon.stored(run.name)))
        run.finish()

    def test_without_daemon_and_disk_the_loss_is_counted(self):
        with open(self.spool, "w", encoding="ascii"):
            pass
        run = self.start()
        self.daemon.stop()
        run.log(step=1, tokens=1)
        run.finish(timeout_seconds=1)
        self.assertEqual(run.stats["lost_count"], 1)
        self.daemon.start()


class SyncTest(DaemonTest):
    def left_behind(self, **start):
        """A run that ended while no daemon was there."""
        self.daemon.stop()
        run = self.start(**start)
        for step in range(1, 6):
            run.log(step=step, tokens=step, loss=2.0)
        run.finish(timeout_seconds=1)
        self.daemon.start()
        return run

    def sync(self, **arguments):
        return sync_directory(rhumb.Client(self.daemon.address), self.spool, **arguments)

    def test_tells_a_run_that_nobody_heard_of(self):
        self.left_behind(title="late")
        result = self.sync()
        self.assertEqual((result.file_count, result.stored_count, result.failures), (1, 5, []))
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "SUCCEEDED")
        self.assertEqual(self.spool_files(), [])

    def test_keeps_the_file_while_the_daemon_is_away(self):
        self.left_behind()
        self.daemon.stop()
        result = self.sync()
        self.assertEqual(len(result.failures), 1)
        self.assertEqual(len(self.spool_files()), 1)
        self.daemon.start()

    def test_asks_a_daemon_that_is_away_once_and_says_so(self):
        self.left_behind()
        self.left_behind()
        self.daemon.stop()
        result = self.sync()
        self.assertEqual((len(result.failures), result.kept_count, result.failure_code), (1, 2, "UNAVAILABLE"))
        self.assertEqual(len(self.spool_files()), 2)
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
            code = _command.main(["sync", "--addr", self.daemon.address, "--directory", self.spool])
        self.assertEqual(code, 5)
        self.assertIn("0 files told: 0 samples stored, 0 known before, 0 too late, 0 refused; 0 files in use, 2 kept", out.getvalue())
        self.daemon.start()

    def test_the_end_of_a_run_that_is_refused_stays(self):
        self.daemon.stop()
        run = self.start(title="no more than its end")
        run.finish(timeout_seconds=1)
        self.daemon.start()
        self.daemon.refusal = Refusal("INVALID_ARGUMENT", "no plan", [("run.plan", "there is none")])
        self.assertIn("there is none", self.sync().failures[0])
        self.assertEqual(len(self.spool_files()), 1)

    def test_a_run_is_created_once_though_sync_is_cut_off_after_that(self):
        self.left_behind()
        self.daemon.drop_answers = 1
        self.sync()
        self.assertEqual(len(self.spool_files()), 1)
        self.sync()
        self.assertEqual(len(self.daemon.runs), 1)
        self.assertEqual(len(self.daemon.stored("runs/r1")), 5)

    def test_keeps_a_file_with_lines_that_cannot_be_read_and_tells_the_others(self):
        self.left_behind()
        path = os.path.join(self.spool, self.spool_files()[0])
        with open(path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        lines[2] = b'{"sample": {"sequ\x00\n'
        with open(path, "wb") as file:
            file.write(b"".join(lines))
        result = self.sync()
        self.assertEqual((result.stored_count, result.file_count), (4, 0))
        self.assertIn("1 line cannot be read", result.failures[0])
        self.assertEqual(len(self.spool_files()), 1)

    def test_keeps_a_file_whose_run_has_a_name_that_is_none(self):
        spool = Spool(self.spool, {"attempt_id": "a1", "run": "My_Run"})
        spool.append([{"sample": {"sequence": 1, "step": 1, "token_count": 1}}])
        spool.close()
        self.daemon.refusal = Refusal("INVALID_ARGUMENT", "1 wrong", [("run", "is no name of a run")])
        result = self.sync()
        self.assertEqual((result.file_count, result.refused_count), (0, 0))
        self.assertIn("is no name of a run", result.failures[0])
        self.assertEqual(len(self.spool_files()), 1)

    def test_a_sample_of_the_future_keeps_no_other_back_and_stays(self):
        spool = Spool(self.spool, {"attempt_id": "a1", "run": "runs/r1"})
        years = {1: 2026, 2: 2099, 3: 2026}
        spool.append([{"sample": {"sequence": n, "sample_time": "%d-01-01T00:00:0%dZ" % (years[n], n)}} for n in years])
        spool.close()
        client, told = rhumb.Client(self.daemon.address), {}

        def call(service, method, message, timeout_seconds):
            early = [n for n, sample in enumerate(message["samples"]) if sample["sample_time"] > "2027"]
            if early:
                field = "samples[%d].sample_time" % early[0]
                raise rhumb.InvalidArgument("1 wrong", [FieldViolation(field, "lies in the future by the daemon's clock")], "")
            told.update((sample["sequence"], sample) for sample in message["samples"])
            return {"stored_count": len(message["samples"])}

        client.call = call
        result = sync_directory(client, self.spool)
        self.assertEqual(sorted(told), [1, 3])
        self.assertIn("in the future", result.failures[0])
        self.assertEqual((result.refused_count, len(self.spool_files())), (0, 1))

    def test_a_file_that_is_none_keeps_no_other_back(self):
        self.left_behind()
        header = b'{"format": 1, "attempt_id": "b", "run": "runs/r9"}\n'
        for name, text in (("0.ndjson", header + b'{"finish": 5}\n'), ("1.ndjson", header + b"[" * 100000 + b"\n")):
            with open(os.path.join(self.spool, name), "wb") as file:
                file.write(text)
        os.mkfifo(os.path.join(self.spool, "2.ndjson"))
        result = self.sync()
        self.assertEqual((result.file_count, result.stored_count, len(result.failures)), (1, 5, 3))

    def test_leaves_alone_the_file_of_a_process_that_lives(self):
        self.daemon.stop()
        run = self.start()
        run.log(step=1, tokens=1)
        self.assertTrue(eventually(lambda: run.stats["spooled_count"] == 1))
        result = self.sync()
        self.assertEqual((result.file_count, result.busy_count), (0, 1))
        self.daemon.start()
        run.finish()

    def test_tells_a_refused_run_under_the_name_that_is_given(self):
        self.left_behind(plan="p0")
        self.daemon.answer("RunService", "CreateRun", b"{}")
        self.sync(run="runs/r1")
        self.assertEqual(len(self.daemon.stored("runs/r1")), 5)


class SpoolFileTest(DaemonTest):
    def written(self, count):
        spool = Spool(self.spool, {"attempt_id": "a1", "run": "runs/r1"})
        spool.append([{"sample": {"sequence": number}} for number in range(1, count + 1)])
        spool.close()
        return spool.path

    def test_a_cut_at_any_byte_leaves_whole_samples_only(self):
        path = self.written(3)
        with open(path, "rb") as file:
            whole = file.read()
        for length in range(len(whole)):
            with open(path, "wb") as file:
                file.write(whole[:length])
            contents = read_contents(path)
            expected = max(0, whole[:length].count(b"\n") - 1)
            self.assertEqual(contents.sample_count if contents else 0, expected)
            found = [sample["sequence"] for batch in read_samples(path, 2) for sample in batch]
            self.assertEqual(found, list(range(1, expected + 1)))

    def test_a_sync_that_comes_while_the_file_is_made_takes_nothing_from_it(self):
        client, flock, results = rhumb.Client(self.daemon.address), fcntl.flock, []

        def flock_behind_a_sync(file, operation):
            mocked.stop()
            results.append(sync_directory(client, self.spool))
            flock(file, operation)

        mocked = mock.patch("fcntl.flock", flock_behind_a_sync)
        mocked.start()
        path = self.written(1)
        self.assertEqual([(result.file_count, result.failures) for result in results], [(0, [])])
        with open(path, "rb") as file:
            self.assertEqual(file.read().count(b"\n"), 2)

    def test_a_file_made_anew_is_not_taken_for_the_one_that_was_opened(self):
        path = self.written(1)
        with open(path, "rb") as file:
            os.unlink(path)
            with self.assertRaises(FileNotFoundError):
                lock(file, path)
            self.written(2)
            with self.assertRaises(FileNotFoundError):
                lock(file, path)

    def test_is_never_larger_than_allowed(self):
        spool = Spool(self.spool, {"attempt_id": "a1", "run": "runs/r1"}, max_bytes=200)
        with self.assertRaises(OSError):
            for number in range(100):
                spool.append([{"sample": {"sequence": number}}])
        self.assertLessEqual(os.path.getsize(spool.path), 200)
        spool.close()


class KillTest(DaemonTest):
    def trainer(self):
        return subprocess.Popen(
            [sys.executable, "-c", _TRAINER],
            env=dict(os.environ, PYTHONPATH=str(PACKAGE), **self.environment),
            stdout=subprocess.PIPE,
        )

    def test_a_killed_trainer_leaves_nothing_that_is_stored_twice_as_new(self):
        # The daemon goes and comes; the trainer dies at a moment that nobody chose.
        chance = random.Random(20261128)
        for _ in range(4):
            trainer = self.trainer()
            trainer.stdout.readline()
            time.sleep(chance.uniform(0.3, 0.8))
            self.daemon.stop()
            time.sleep(chance.uniform(0.6, 1.2))
            trainer.send_signal(signal.SIGKILL)
            last_step = int(trainer.stdout.read().split()[-1])
            trainer.wait()
            trainer.stdout.close()
            self.daemon.start()
            sync_directory(rhumb.Client(self.daemon.address), self.spool)
            run = "runs/r%d" % len(self.daemon.runs)
            steps = [sample["step"] for sample in self.daemon.stored(run)]
            self.assertEqual(steps, list(range(1, len(steps) + 1)))
            self.assertLessEqual(len(steps), last_step)
            self.assertGreater(len(steps), 0)
            self.assertEqual(self.spool_files(), [])


class ExitTest(DaemonTest):
    def ended(self, script):
        return subprocess.run(
            [sys.executable, "-c", "import rhumb\n" + script],
            env=dict(os.environ, PYTHONPATH=str(PACKAGE), **self.environment),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def test_what_was_logged_goes_out_at_exit(self):
        self.ended("rhumb.start().log(step=1, tokens=5, loss=2.0)")
        self.assertEqual(len(self.daemon.stored("runs/r1")), 1)
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "RUNNING")

    def test_exit_waits_two_seconds_for_a_daemon_that_hangs(self):
        self.daemon.hang_seconds = 20
        began = time.monotonic()
        done = self.ended("rhumb.start().log(step=1, tokens=5, loss=2.0)")
        # 2 s of start, 2 s of exit, and Python's own.
        self.assertLess(time.monotonic() - began, 5.5)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(self.spool_files()), 1)


if __name__ == "__main__":
    unittest.main()
