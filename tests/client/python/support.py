# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share."""

import contextlib
import logging
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "client" / "python"
sys.path.insert(0, str(PACKAGE))

import rhumb  # noqa: E402  pylint: disable=wrong-import-position
from fake_daemon import FakeDaemon  # noqa: E402  pylint: disable=wrong-import-position

logging.getLogger("rhumb").addHandler(logging.NullHandler())
logging.getLogger("rhumb").propagate = False


def eventually(condition, seconds=10.0):
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class DaemonTest(unittest.TestCase):
    """A fake daemon on a unix socket, and an environment that knows it and nothing else."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="rhumb-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.daemon = FakeDaemon(os.path.join(self.directory, "http.sock"))
        self.addCleanup(self.daemon.stop)
        self.spool = os.path.join(self.directory, "spool")
        self.environment = {"RHUMB_HTTP_ADDR": self.daemon.address, "RHUMB_SPOOL_DIR": self.spool}

    def start(self, environment=None, **arguments):
        """A run that reports every step."""
        arguments.setdefault("interval_seconds", 0)
        return rhumb.start(environment=dict(self.environment, **(environment or {})), **arguments)

    def spool_files(self):
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self.spool))
        return []
