# SPDX-License-Identifier: Apache-2.0
"""Addresses, calls, errors, plans; what the launcher says."""

import ast
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

from fake_daemon import Refusal
from support import PACKAGE, ROOT, DaemonTest

import rhumb
from rhumb._address import candidate_addresses, parse_address
from rhumb._launcher import new_attempt_id, read_launcher


class AddressTest(unittest.TestCase):
    def test_reads_its_forms(self):
        for text, shown in (
            ("unix:///run/x.sock", "unix:///run/x.sock"), ("/run/x.sock", "unix:///run/x.sock"), ("http://h:80", "http://h:80"),
            ("http://h:80/", "http://h:80"), ("h:80", "http://h:80"), ("http://h", "http://h:7449"), ("https://h:1", "https://h:1"),
        ):  # fmt: skip
            with self.subTest(text):
                self.assertEqual(parse_address(text).text, shown)

    def test_refuses_what_is_none(self):
        for text in ("", "h", "h:0", "h:x", "unix://x", "unix:///", "ftp://h:1/x", "/" + "x" * 108):
            with self.subTest(text):
                with self.assertRaises(rhumb.InvalidArgument):
                    parse_address(text)

    def test_tries_the_users_daemon_then_the_systems_then_loopback(self):
        self.assertEqual(
            [address.text for address in candidate_addresses({"XDG_RUNTIME_DIR": "/run/user/7"})],
            ["unix:///run/user/7/rhumb/rhumbd-http.sock", "unix:///run/rhumb/rhumbd-http.sock", "http://127.0.0.1:7449"],
        )

    def test_what_is_given_is_the_only_one(self):
        self.assertEqual([address.text for address in candidate_addresses({"RHUMB_HTTP_ADDR": "h:1", "XDG_RUNTIME_DIR": "/x"})], ["http://h:1"])


class DrippingTest(unittest.TestCase):
    """A server that sends a byte now and then: each wait is short, all of them together have no end."""

    def served(self, head, drop):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(head)
                    while True:
                        connection.sendall(drop)
                        time.sleep(0.05)

        threading.Thread(target=serve, daemon=True).start()
        return rhumb.Client("http://127.0.0.1:%d" % listener.getsockname()[1], timeout_seconds=0.5)

    def test_an_answer_has_the_time_of_the_call_however_it_comes(self):
        for head, drop in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
            (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        ):
            with self.subTest(head):
                began = time.monotonic()
                with self.assertRaises(rhumb.Unavailable) as caught:
                    rhumb.get_plan("p1", client=self.served(head, drop))
                self.assertEqual(caught.exception.code, "DEADLINE_EXCEEDED")
                self.assertLess(time.monotonic() - began, 2)


class CallTest(DaemonTest):
    def setUp(self):
        super().setUp()
        self.client = rhumb.Client(self.daemon.address, timeout_seconds=0.5)

    def refused(self, refusal):
        self.daemon.refusal = refusal
        with self.assertRaises(rhumb.RhumbError) as caught:
            rhumb.get_plan("p1", client=self.client)
        return caught.exception

    def test_an_error_carries_code_and_every_field(self):
        error = self.refused(Refusal("INVALID_ARGUMENT", "2 wrong", [("a", "is wrong"), ("b.c", "too")], "WHY"))
        self.assertIsInstance(error, rhumb.InvalidArgument)
        self.assertEqual([violation.field for violation in error.field_violations], ["a", "b.c"])
        self.assertIn("b.c: too", str(error))

    def test_what_is_not_there_is_not_found(self):
        self.assertIsInstance(self.refused(Refusal("NOT_FOUND", "no")), rhumb.NotFound)

    def test_a_draining_daemon_is_unavailable(self):
        self.assertIsInstance(self.refused(Refusal("UNAVAILABLE", "draining")), rhumb.Unavailable)

    def test_a_reason_is_kept(self):
        self.assertEqual(self.refused(Refusal("FAILED_PRECONDITION", "no", reason="LAW_NOT_FITTED")).reason, "LAW_NOT_FITTED")

    def test_a_daemon_that_hangs_is_not_waited_for(self):
        self.daemon.hang_seconds = 3
        with self.assertRaises(rhumb.Unavailable) as caught:
            rhumb.get_plan("p1", client=self.client)
        self.assertEqual(caught.exception.code, "DEADLINE_EXCEEDED")

    def test_no_daemon_names_every_place(self):
        self.daemon.stop()
        with self.assertRaisesRegex(rhumb.Unavailable, "http.sock"):
            rhumb.get_plan("p1", client=self.client)
        self.daemon.start()

    def test_a_socket_nobody_listens_on_is_no_reason_to_ask_another(self):
        runtime = os.path.join(self.directory, "rt")
        os.makedirs(os.path.join(runtime, "rhumb"))
        dead = os.path.join(runtime, "rhumb", "rhumbd-http.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(dead)
        with self.assertRaisesRegex(rhumb.Unavailable, "^no daemon answers at unix://" + re.escape(dead) + r" \([^)]*\)$"):
            rhumb.get_plan("p1", client=rhumb.Client(environment={"XDG_RUNTIME_DIR": runtime}))

    def test_a_plan_is_a_dict_with_attributes(self):
        self.daemon.plan_answer = {"name": "plans/p1", "state": "FEASIBLE", "model": {"num_layers": 4}, "warnings": [{"code": "X"}]}
        plan = rhumb.plan(compute="1e21", client=self.client)
        self.assertEqual(plan.model.num_layers, plan["model"]["num_layers"])
        self.assertEqual(plan.warnings[0].code, "X")
        self.assertTrue(plan.is_feasible)
        with self.assertRaisesRegex(AttributeError, "no num_heads here"):
            plan.model.num_heads  # pylint: disable=pointless-statement
        self.assertEqual(self.daemon.calls[-1], ("CreatePlan", [{"compute_flops": 1e21}]))

    def test_a_bare_id_is_a_name(self):
        rhumb.get_plan("p1", client=self.client)
        self.assertEqual(self.daemon.calls[-1], ("GetPlan", [{"name": "plans/p1"}]))


class WatchTest(DaemonTest):
    def watched(self):
        return list(rhumb.watch("r1", client=rhumb.Client(self.daemon.address)))

    def test_a_run_is_watched_to_its_end(self):
        with self.start() as run:
            run.log(step=1, tokens=10, loss=2.0)
        first, second = self.watched()
        self.assertEqual(first.run.state, "SUCCEEDED")
        self.assertEqual(second.samples[0].token_count, 10)

    def test_a_daemon_that_drains_says_so(self):
        self.start()
        with self.assertRaisesRegex(rhumb.Unavailable, "draining"):
            self.watched()

    def test_a_stream_that_breaks_off_is_no_end(self):
        self.start()
        self.daemon.breaks_off = True
        with self.assertRaisesRegex(rhumb.Unavailable, "broke off"):
            self.watched()

    def test_an_unknown_run_is_not_found(self):
        with self.assertRaises(rhumb.NotFound):
            self.watched()


class LauncherTest(unittest.TestCase):
    def test_reads_slurm(self):
        launcher = read_launcher({"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "c", "SLURM_PROCID": "2", "SLURM_RESTART_COUNT": "1"})
        self.assertEqual((launcher.job_id, launcher.cluster, launcher.rank, launcher.restart_count), ("7", "c", 2, 1))

    def test_an_element_of_an_array_goes_by_the_name_that_squeue_shows(self):
        launcher = read_launcher({"SLURM_JOB_ID": "125", "SLURM_ARRAY_JOB_ID": "120", "SLURM_ARRAY_TASK_ID": "3"})
        self.assertEqual(launcher.job_id, "120_3")

    def test_reads_torchrun(self):
        launcher = read_launcher({"RANK": "5", "WORLD_SIZE": "8", "TORCHELASTIC_RUN_ID": "x", "TORCHELASTIC_RESTART_COUNT": "2"})
        self.assertEqual((launcher.rank, launcher.world_size, launcher.restart_count), (5, 8, 2))

    def test_an_attempt_has_an_id_that_the_api_allows(self):
        for environment in ({}, {"SLURM_JOB_ID": "9" * 40}, {"SLURM_ARRAY_JOB_ID": "1", "SLURM_ARRAY_TASK_ID": "2", "SLURM_RESTART_COUNT": "123456"}):
            with self.subTest(str(environment)):
                first, second = (new_attempt_id(read_launcher(environment)) for _ in range(2))
                self.assertRegex(first, r"^[A-Za-z0-9._-]{1,64}$")
                self.assertNotEqual(first, second)


class PackageTest(unittest.TestCase):
    def test_version_is_the_projects(self):
        text = (ROOT / "CMakeLists.txt").read_text()
        self.assertEqual(re.search(r"project\(rhumb VERSION ([\d.]+)", text).group(1), rhumb.__version__)

    def test_every_file_is_python_3_8(self):
        for path in sorted((PACKAGE / "rhumb").rglob("*.py")):
            with self.subTest(path.name):
                ast.parse(path.read_text(), feature_version=(3, 8))

    @unittest.skipUnless(hasattr(sys, "stdlib_module_names"), "Python before 3.10 does not say what its library has")
    def test_imports_nothing_but_the_standard_library(self):
        names = subprocess.run(
            [sys.executable, "-I", "-c", "import sys; before = set(sys.modules); sys.path.insert(0, %r); import rhumb; print(*(set(sys.modules) - before))" % str(PACKAGE)],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        foreign = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"rhumb"}
        self.assertEqual(foreign, set())


if __name__ == "__main__":
    unittest.main()
