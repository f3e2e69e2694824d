# SPDX-License-Identifier: Apache-2.0
"""rhumb and rhumbd as a person runs them: a daemon of the ladder's own, and commands that ask it."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import subprocess
import time
from typing import Any, Dict, List, Optional


class ProgramError(Exception):
    """A command failed, or the daemon did not come up; the message has what it said."""


class Daemon:
    """rhumbd on sockets in `folder`, with its database there: a second start finds what the first stored."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path) -> None:
        self._program, self._folder = program, folder
        self._process: Optional["subprocess.Popen[bytes]"] = None

    @property
    def environment(self) -> Dict[str, str]:
        """For commands and for the Python package."""
        return {
            "RHUMB_ADDR": "unix://%s" % (self._folder / "rhumbd.sock"),
            "RHUMB_HTTP_ADDR": "unix://%s" % (self._folder / "rhumbd-http.sock"),
            "XDG_STATE_HOME": str(self._folder / "state"),
        }

    def __enter__(self) -> "Daemon":
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [str(self._program), "--database", str(self._folder / "rhumb.db")]
        command += ["--socket", str(self._folder / "rhumbd.sock"), "--http-socket", str(self._folder / "rhumbd-http.sock")]
        with open(self._folder / "rhumbd.log", "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not all((self._folder / name).is_socket() for name in ("rhumbd.sock", "rhumbd-http.sock")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "rhumbd.log").read_text(errors="replace")[-2000:]
                self.__exit__()
                raise ProgramError("%s does not come up:\n%s" % (self._program, said))
            time.sleep(0.05)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)


class Rhumb:
    """The command line. What was run and what it printed is kept, for the page."""

    def __init__(self, program: pathlib.Path, environment: Dict[str, str], folder: pathlib.Path) -> None:
        self._program, self._folder = program, folder
        self._environment = {**os.environ, **environment, "NO_COLOR": "1", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}
        self.transcript: List[Dict[str, str]] = []

    def text(self, *arguments: str, allowed: "tuple[int, ...]" = (0,), is_shown: bool = True) -> str:
        """stdout, run in the ladder's folder. Raises ProgramError for another exit code."""
        command = [str(self._program), *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode not in allowed:
            raise ProgramError("exit %d of rhumb %s\n%s%s" % (done.returncode, shlex.join(arguments), done.stdout, done.stderr))
        if is_shown:
            self.transcript.append({"command": "rhumb " + shlex.join(arguments), "output": done.stdout.rstrip()})
        return done.stdout

    def json(self, *arguments: str, allowed: "tuple[int, ...]" = (0,)) -> Any:
        return json.loads(self.text(*arguments, "--json", allowed=allowed, is_shown=False))
