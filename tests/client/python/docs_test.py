# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/python.md and of the package's README, run as they are printed."""

import contextlib
import io
import os
import re
import unittest
from unittest import mock

from support import ROOT, DaemonTest

_BLOCK = re.compile(r"(<!-- not run: needs (\w+) -->\n)?```python\n(.*?)```", re.DOTALL)


def blocks(path):
    """(needs, code) of each."""
    return [(match.group(2), match.group(3)) for match in _BLOCK.finditer(path.read_text())]


class DocsTest(DaemonTest):
    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(os.environ, self.environment)
        patch.start()
        self.addCleanup(patch.stop)
        self.daemon.plan_answer = {"name": "plans/p1", "state": "FEASIBLE", "batch": {"global_batch_tokens": 4096}}

    def run_blocks(self, path):
        names, output = {}, io.StringIO()
        with contextlib.redirect_stdout(output):
            for needs, code in blocks(path):
                if needs is None:
                    exec(compile(code, str(path), "exec"), names)  # pylint: disable=exec-used
                else:
                    compile(code, str(path), "exec")
        return output.getvalue()

    def test_the_readme_runs(self):
        self.run_blocks(ROOT / "client" / "python" / "README.md")
        self.assertEqual(len(self.daemon.stored("runs/r1")), 3)

    def test_the_documentation_runs(self):
        output = self.run_blocks(ROOT / "docs" / "python.md")
        self.assertEqual([run["state"] for run in self.daemon.runs.values()], ["SUCCEEDED"] * 3)
        self.assertEqual(self.daemon.stored("runs/r1")[-1]["step"], 100)
        self.assertEqual([sample["step"] for sample in self.daemon.stored("runs/r2")], [1, 2])
        self.assertEqual(self.daemon.stored("runs/r3")[0]["token_count"], 4096)
        printed = output.splitlines()
        self.assertEqual(printed[:2], ["2 []", "['deadline_seconds', 'colour']"])
        self.assertAlmostEqual(float(printed[2]), 12790, delta=5)

    def test_most_of_it_is_run(self):
        needs = [need for need, _ in blocks(ROOT / "docs" / "python.md")]
        self.assertEqual(needs.count(None), 5)

    def test_every_command_that_is_named_exists(self):
        from rhumb import _command  # pylint: disable=import-outside-toplevel

        text = (ROOT / "docs" / "python.md").read_text() + (ROOT / "docs" / "launchers.md").read_text()
        commands = re.findall(r"python -m rhumb ([a-z][^`\n|>]*)", text)
        self.assertGreater(len(commands), 6)
        for command in commands:
            with self.subTest(command):
                _command._parser().parse_args(command.split())


if __name__ == "__main__":
    unittest.main()
