# SPDX-License-Identifier: Apache-2.0
"""`python -m rhumb`: training logs and spool files to the daemon, runs to other tools.

Exit codes are those of the command `rhumb`: 0 ok, 1 error, 2 usage or invalid input, 4 not found, 5 daemon unavailable,
6 permission denied. Data on stdout, talk on stderr.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import stat
import sys
import time
from typing import Any, Dict, Iterator, List, Optional

from ._client import Client
from ._errors import RhumbError
from ._human import read_integer
from ._launcher import full_name, read_launcher
from ._settings import read_settings
from ._spool import spool_directory
from ._sync import sync_directory
from ._version import __version__
from ._window import timestamp

_EXIT_CODES = {
    "INVALID_ARGUMENT": 2,
    "NOT_FOUND": 4,
    "UNAVAILABLE": 5,
    "DEADLINE_EXCEEDED": 5,
    "PERMISSION_DENIED": 6,
    "UNAUTHENTICATED": 6,
}


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs one command; returns its exit code."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        client = Client(options.addr)
        code: int = options.run_command(options, client)
        return code
    except RhumbError as error:
        print("rhumb: %s" % error, file=sys.stderr)
        return _EXIT_CODES.get(error.code, 1)
    except ValueError as error:
        print("rhumb: %s" % error, file=sys.stderr)
        return 2
    except OSError as error:
        print("rhumb: %s" % error, file=sys.stderr)
        return 2 if isinstance(error, FileNotFoundError) else 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rhumb", description="Runs of LLM training, told to rhumbd.")
    parser.add_argument("--version", action="version", version="rhumb " + __version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--addr", metavar="ADDRESS", help="unix:///path or http://host:port; default RHUMB_HTTP_ADDR, else the usual places")

    sync = commands.add_parser("sync", parents=[common], help="tells what was kept while the daemon was away")
    sync.add_argument("--directory", help="of the files; default RHUMB_SPOOL_DIR, else where runs keep them")
    sync.add_argument("--run", help="takes the place of runs that the daemon refused to create")
    sync.set_defaults(run_command=_sync)

    ingest = commands.add_parser("ingest", parents=[common], help="tells what a training log says")
    kind = ingest.add_mutually_exclusive_group(required=True)
    for framework, title in (("megatron", "Megatron-LM's"), ("nanogpt", "nanoGPT's"), ("torchtitan", "torchtitan's")):
        kind.add_argument("--" + framework, metavar="FILE", help="a log of %s; - is standard input" % title)
    ingest.add_argument("-f", "--follow", action="store_true", help="goes on as the file grows, until interrupted")
    ingest.add_argument("--run", help="the run that it is of; default RHUMB_RUN_ID, else a new one")
    ingest.add_argument("--plan", help="of a new run; default RHUMB_PLAN_ID")
    ingest.add_argument("--title", default="", help="of a new run")
    ingest.add_argument("--tokens", "--target-tokens", dest="tokens", metavar="TOKENS", help="where a new run ends")
    ingest.add_argument("--params", metavar="N", help="parameters of a new run's model")
    ingest.add_argument("--gpu", metavar="TYPE", help="GPU type of a new run")
    ingest.add_argument("--sequence-length", metavar="TOKENS", help="of a sequence, where the log does not say it")
    ingest.add_argument("--global-batch-size", metavar="N", help="sequences a step, where the log does not say it")
    ingest.add_argument(
        "--batch-tokens",
        "--global-batch-tokens",
        dest="batch_tokens",
        metavar="TOKENS",
        help="tokens a step, where the log does not say it",
    )
    ingest.add_argument("--gpu-count", metavar="N", help="GPUs, for rates of logs that are of one GPU")
    ingest.add_argument("--finish", choices=("SUCCEEDED", "FAILED", "CANCELLED"), help="says at the end of the log how the run ended")
    ingest.set_defaults(run_command=_ingest)

    export = commands.add_parser("export", parents=[common], help="prints or sends a run to other tools")
    export.add_argument("run", metavar="RUN")
    target = export.add_mutually_exclusive_group(required=True)
    target.add_argument("--openmetrics", action="store_true", help="as OpenMetrics text on stdout")
    target.add_argument("--mlflow", metavar="URL", help="to an MLflow tracking server, as http://localhost:5000")
    target.add_argument("--tensorboard", metavar="DIRECTORY", help="as TensorBoard events; needs tensorboardX or PyTorch with tensorboard")
    export.add_argument("--experiment", default="rhumb", help="of MLflow; default rhumb")
    export.set_defaults(run_command=_export)
    return parser


def _sync(options: argparse.Namespace, client: Client) -> int:
    result = sync_directory(client, options.directory or spool_directory(os.environ), options.run)
    for failure in result.failures:
        print("rhumb: %s" % failure, file=sys.stderr)
    print(
        "%s told: %s stored, %d known before, %d too late, %d refused; %s in use, %d kept"
        % (
            _counted(result.file_count, "file"),
            _counted(result.stored_count, "sample"),
            result.duplicate_count,
            result.late_count,
            result.refused_count,
            _counted(result.busy_count, "file"),
            result.kept_count,
        )
    )
    return _EXIT_CODES.get(result.failure_code, 1) if result.failures else 0


def _counted(count: int, noun: str) -> str:
    return "%d %s%s" % (count, noun, "" if count == 1 else "s")


def _ingest(options: argparse.Namespace, client: Client) -> int:
    from . import ingest

    framework = next(name for name in ingest.PARSERS if getattr(options, name) is not None)
    path = getattr(options, framework)
    shape = ingest.Shape(
        _count("--sequence-length", options.sequence_length),
        _count("--global-batch-size", options.global_batch_size),
        _count("--batch-tokens", options.batch_tokens),
        _count("--gpu-count", options.gpu_count),
    )
    is_growing = path == "-" or options.follow or not stat.S_ISREG(os.stat(path).st_mode)
    launcher = read_launcher(os.environ)
    from .ingest._lines import lines_of

    lines = lines_of(path, options.follow)
    result = ingest.ingest(
        framework,
        _until_interrupted(lines) if is_growing else lines,
        ingest.PARSERS[framework](shape),
        client,
        spool_directory=spool_directory(os.environ),
        run=full_name("runs", options.run or "") or launcher.run,
        create=_create_request(options, framework, shape, launcher.plan),
        end_seconds=None if is_growing else os.stat(path).st_mtime,
        finish={"state": options.finish, "end_time": timestamp(time.time())} if options.finish else None,
    )
    if result.entry_count == 0:
        print("rhumb: %s has no line that %s writes of its steps" % (path, framework), file=sys.stderr)
        return 1
    print(
        "%s: %s of %s: %d stored, %d known before, %d refused, %d kept on the disk"
        % (
            (
                result.run or "run not created",
                _counted(result.entry_count, "sample"),
                _counted(result.attempt_count, "attempt"),
            )
            + result[3:]
        )
    )
    return 5 if result.spooled_count else 0


def _until_interrupted(lines: Iterator[Optional[str]]) -> Iterator[Optional[str]]:
    """An interrupt ends a log that grows, wherever it comes, and what was read is still told; a second one ends all."""
    interrupts: List[int] = []

    def end(number: int, frame: Any) -> None:
        interrupts.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, end)
    try:
        for line in lines:
            yield line
            if interrupts:
                return
    finally:
        signal.signal(signal.SIGINT, before)


def _create_request(options: argparse.Namespace, framework: str, shape: Any, plan: str) -> Dict[str, Any]:
    step_tokens = shape.global_batch_tokens
    if step_tokens is None and shape.global_batch_size and shape.sequence_length:
        step_tokens = shape.global_batch_size * shape.sequence_length
    settings, problems = read_settings(
        {
            # nanoGPT is none that plans know.
            "framework": framework if framework != "nanogpt" else None,
            "total_tokens": options.tokens,
            "params": options.params,
            "gpu": options.gpu,
            "gpu_count": shape.gpu_count,
            "global_batch_tokens": step_tokens,
        }
    )
    if problems:
        raise ValueError("; ".join("--" + problem for problem in problems))
    run: Dict[str, Any] = {"settings": settings}
    if options.plan or plan:
        run["plan"] = full_name("plans", options.plan or "") or plan
    if options.title:
        run["title"] = options.title
    return {"run": run}


def _count(flag: str, text: Optional[str]) -> Optional[int]:
    if text is None:
        return None
    try:
        value = read_integer(text)
    except ValueError as error:
        raise ValueError("%s: %s" % (flag, error)) from None
    if value < 1:
        raise ValueError("%s: must be at least 1, got %s" % (flag, text))
    return value


def _export(options: argparse.Namespace, client: Client) -> int:
    from . import export

    record = export.read_run(client, options.run)
    if options.openmetrics:
        sys.stdout.write(export.openmetrics(record))
    elif options.mlflow:
        print(export.mlflow(record, options.mlflow, options.experiment))
    else:
        print("%d samples" % export.tensorboard(record, options.tensorboard))
    return 0
