#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A ladder of small transformers trained on this machine's processor, a law fitted to it, a run four times larger planned by
that law, trained, and compared with its plan. Exits 1 if a prediction misses its bar.

Run again with the same arguments it goes on where it stopped: what has ended is kept in the work folder.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import sys
import time
from typing import Any, Dict, List, Optional

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "client" / "python"))

import rhumb  # noqa: E402

import report  # noqa: E402
import training  # noqa: E402
from corpus import DATASET, TOKENIZER, Corpus, CorpusError, read_corpus  # noqa: E402
from machine import gpu_type_file, measure_machine  # noqa: E402
from programs import Daemon, ProgramError, Rhumb  # noqa: E402
from protocol import LEVEL, MAX_EPOCHS, MICRO_BATCH_SIZE, STEP_TOKENS, Protocol  # noqa: E402
from protocol import full_protocol, learning_rate, smoke_protocol, step_time_probes  # noqa: E402
from shape import Shape  # noqa: E402

PROBE_STEPS = 15


def say(text: str) -> None:
    print("ladder: %s" % text, file=sys.stderr, flush=True)


class Ladder:
    """The stages, each of which keeps what it found in a file of the work folder."""

    def __init__(self, protocol: Protocol, corpus: Corpus, arguments: argparse.Namespace, command: Rhumb) -> None:
        self._protocol, self._corpus, self._command = protocol, corpus, command
        self._work: pathlib.Path = arguments.work
        self._thread_count: int = arguments.threads
        self._clock: str = arguments.clock
        now = self._options(protocol.candidates[0], step_count=0, seed=0).now
        self._machine = self._kept("machine.json", lambda: {**measure_machine(self._thread_count, now), "clock": self._clock})

    def announce(self) -> None:
        """How long it will take, by a few steps of the middle size."""
        shape = self._protocol.runs[len(self._protocol.runs) // 2].shape
        options = self._options(shape, step_count=5, seed=1)
        step_seconds = training.time_steps(shape, self._corpus, options)
        flops_per_second = 6 * shape.param_count * options.step_tokens / step_seconds
        left = [run for run in self._protocol.runs if not self._result_path(run.name).exists()]
        flops = sum(run.training_flops for run in left) + self._protocol.target_flops
        say(
            "%d runs of %.3g FLOP in all, then one of %.3g FLOP; %s trains at %.0f GFLOP/s now: about %.0f minutes"
            % (
                len(left),
                sum(run.training_flops for run in left),
                self._protocol.target_flops,
                shape.name,
                flops_per_second / 1e9,
                flops / flops_per_second / 60 / 0.85,
            )
        )

    def train_ladder(self) -> List[Dict[str, Any]]:
        """One result a run of the protocol, in its order."""
        results = []
        for index, run in enumerate(self._protocol.runs):
            title = "%d/%d %s" % (index + 1, len(self._protocol.runs), run.name)
            results.append(self._train(run.name, run.shape, run.step_count, run.seed, None, title))
        return results

    def write_tables(self, results: List[Dict[str, Any]]) -> None:
        """runs.csv for `rhumb fit`, steps.csv for `rhumb calibrate`."""
        with open(self._work / "runs.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(report.OBSERVATION_COLUMNS)
            writer.writerows([result[column] for column in report.OBSERVATION_COLUMNS] for result in results)
        # A size is one configuration: of its runs the median, so that one that was disturbed does not contradict the others.
        by_shape: Dict[Shape, List[float]] = {}
        for run, result in zip(self._protocol.runs, results):
            by_shape.setdefault(run.shape, []).append(result["step_seconds"])
        rows = [
            report.step_row(shape.name, shape, self._machine, MICRO_BATCH_SIZE, statistics.median(seconds))
            for shape, seconds in by_shape.items()
        ]
        for shape, micro_batch_size in step_time_probes(self._protocol):
            name = "probe-%s-m%d" % (shape.name, micro_batch_size)
            options = self._options(shape, PROBE_STEPS, seed=1, micro_batch_size=micro_batch_size)
            probe = self._kept("probes/%s.json" % name, lambda: {"step_seconds": training.time_steps(shape, self._corpus, options)})
            rows.append(report.step_row(name, shape, self._machine, micro_batch_size, probe["step_seconds"]))
        with open(self._work / "steps.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)

    def learn(self) -> Dict[str, Any]:
        """Law, GPU type and calibration, from the tables and the machine's figures alone."""
        (self._work / "cpu.toml").write_text(gpu_type_file(self._machine), encoding="utf-8")
        self._command.text("gpu", "apply", "cpu.toml")
        fit = ["fit", "runs.csv", "--name", "ladder", "--level", str(LEVEL), "--tokenizer", TOKENIZER, "--dataset", DATASET]
        fit += ["--param-count-convention", "total", "--flops-convention", "six-nd"]
        fit += self._protocol.fit_flags
        answer = self._command.json(*fit)
        self._command.text(*fit, "--svg", "law.svg")
        self._command.text("calibrate", "--table", "steps.csv", "--name", "ladder")
        return answer

    def predict(self, results: List[Dict[str, Any]]) -> Dict[str, Any]:
        """Plans every candidate, takes the one of least loss, and writes down what is expected of it."""
        largest = results[-1]
        noise_scale = largest["noise_scale_tokens"]
        plans = []
        for shape in self._protocol.candidates:
            path = self._work / ("%s.json" % shape.name)
            path.write_text(json.dumps(shape.as_plan_model()) + "\n", encoding="utf-8")
            question = self._question(shape, noise_scale)
            plan = self._command.json(*question, allowed=(0, 3))
            if plan["state"] == "FEASIBLE":
                plans.append((plan["loss"]["mean_nats"], shape, plan, question))
        if not plans:
            raise ProgramError("no candidate has a plan within %.3g FLOP" % self._protocol.target_flops)
        _, shape, plan, question = min(plans, key=lambda each: each[0])
        self._command.text(*question)
        at = ["--params", str(plan["model"]["param_count"]), "--tokens", str(plan["token_count"])]
        at += ["--unique-tokens", str(self._corpus.unique_token_count), "--level", str(LEVEL)]
        at += ["--batch-tokens", str(plan["batch"]["global_batch_tokens"])]
        prediction = self._command.json("predict", "--law", "ladder", *at)
        self._command.text("predict", "--law", "ladder", *at)
        expected = {
            "written_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "plan": plan["name"],
            "shape": {"num_layers": shape.num_layers, "hidden_size": shape.hidden_size},
            "param_count": plan["model"]["param_count"],
            "token_count": plan["token_count"],
            "step_count": plan["batch"]["step_count"],
            "training_flops": plan["training_flops"],
            "loss": prediction["run_loss"],
            "step_seconds": plan["time"]["step_seconds"],
            "noise_scale_tokens": noise_scale,
            "losses_of_candidates": {each[1].name: each[0] for each in plans},
        }
        path = self._work / "expected.json"
        if path.exists():
            # Asked again, as for a report of what has ended: the same expectation is as old as it was.
            before = json.loads(path.read_text(encoding="utf-8"))
            if {**before, "written_time": ""} == {**expected, "written_time": ""}:
                return before
        _write_json(path, expected)
        return expected

    def train_largest(self, expected: Dict[str, Any]) -> Dict[str, Any]:
        shape = Shape(sequence_length=self._protocol.candidates[0].sequence_length, **expected["shape"])
        name = "largest-%s-s%d" % (shape.name, expected["step_count"])
        return self._train(name, shape, expected["step_count"], 1, expected["plan"], "largest " + shape.name)

    def compare(self, result: Dict[str, Any]) -> None:
        """The run beside its plan, as the product shows it."""
        self._command.text("run", "show", result["run_name"])
        self._command.text("run", "compare", result["run_name"], "--svg", "largest.svg")
        self._command.text("accuracy")

    def results(self, ladder: List[Dict[str, Any]], fit: Dict[str, Any], expected: Dict[str, Any], largest: Dict[str, Any]) -> Dict[str, Any]:
        return report.results(self._protocol, self._corpus, self._machine, ladder, fit, expected, largest)

    def _question(self, shape: Shape, noise_scale: Optional[float]) -> List[str]:
        question = ["plan", "--law", "ladder", "--arch", "%s.json" % shape.name, "--calibration", "ladder"]
        question += ["--gpus", "1x%s" % self._machine["gpu_type"], "--gpus-per-node", "1"]
        question += ["--compute", "%.4g" % self._protocol.target_flops, "--level", str(LEVEL)]
        question += ["--unique-tokens", str(self._corpus.unique_token_count), "--max-epochs", str(MAX_EPOCHS)]
        question += ["--batch-tokens", str(STEP_TOKENS)]
        question += ["--micro-batch-size", str(MICRO_BATCH_SIZE)]
        return question + (["--noise-scale", "%.0f" % noise_scale] if noise_scale is not None else [])

    def _train(self, name: str, shape: Shape, step_count: int, seed: int, plan: Optional[str], title: str) -> Dict[str, Any]:
        path = self._result_path(name)
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        progress = Progress(title)
        options = self._options(shape, step_count, seed, progress=progress.show)
        settings = training.settings_of(shape, self._corpus, options, self._machine["gpu_type"])
        with rhumb.start(plan, title=name, **settings) as run:
            measured = training.train(shape, self._corpus, options, run)
        if not run.name or run.stats["lost_count"] or run.stats["refused_count"]:
            raise ProgramError("the run %s was not reported: %s" % (name, run.stats))
        result = {
            "run": name,
            "run_name": run.name,
            "param_count": shape.param_count,
            "token_count": step_count * options.step_tokens,
            "unique_token_count": self._corpus.unique_token_count,
            "global_batch_tokens": options.step_tokens,
            "learning_rate": options.learning_rate,
            "seed": seed,
            **measured,
        }
        progress.end("loss %.4f, %.1f ms a step" % (result["loss_nats"], 1e3 * result["step_seconds"]))
        _write_json(path, result)
        return result

    def _options(self, shape: Shape, step_count: int, seed: int, **others: Any) -> training.TrainingOptions:
        others.setdefault("micro_batch_size", MICRO_BATCH_SIZE)
        return training.TrainingOptions(
            learning_rate=learning_rate(shape), seed=seed, step_count=step_count, thread_count=self._thread_count, clock=self._clock, **others
        )

    def _result_path(self, name: str) -> pathlib.Path:
        return self._work / "runs" / ("%s.json" % name)

    def _kept(self, name: str, measure: Any) -> Any:
        path = self._work / name
        if not path.exists():
            _write_json(path, measure())
        return json.loads(path.read_text(encoding="utf-8"))


class Progress:
    """Lines on stderr, one in ten seconds at most."""

    def __init__(self, title: str) -> None:
        self._title, self._began, self._shown = title, time.monotonic(), time.monotonic()

    def show(self, step: int, step_count: int, loss: float) -> None:
        now = time.monotonic()
        if now - self._shown >= 10:
            self._shown = now
            left = (now - self._began) * (step_count - step) / step
            say("%s: step %d of %d, loss %.3f, %.0f s left" % (self._title, step, step_count, loss, left))

    def end(self, text: str) -> None:
        say("%s: %s, %.0f s" % (self._title, text, time.monotonic() - self._began))


def _write_json(path: pathlib.Path, value: Any) -> None:
    """Whole or not at all: a run that was stopped leaves no half of a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=35, help="what is trained takes about so long on two quiet cores; default 35")
    parser.add_argument("--smoke", action="store_true", help="the whole chain in two minutes, predictions checked loosely")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch; default 2")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="of step times; cpu where other work goes on")
    parser.add_argument("--work", type=pathlib.Path, help="folder for what has ended; default: one of its own for these arguments, in build")
    parser.add_argument("--fresh", action="store_true", help="forget what has ended")
    parser.add_argument("--output", type=pathlib.Path, help="folder for results and pictures; default: below the work folder")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="build tree with rhumb and rhumbd")
    arguments = parser.parse_args()
    if not 1 <= arguments.minutes <= 1440:
        parser.error("--minutes must be from 1 to 1440, got %g" % arguments.minutes)
    if not 1 <= arguments.threads <= 1024:
        parser.error("--threads must be from 1 to 1024, got %d" % arguments.threads)
    name = "ladder-smoke" if arguments.smoke else "ladder-%g-%d-%s" % (arguments.minutes, arguments.threads, arguments.clock)
    arguments.work = (arguments.work or ROOT / "build" / name).resolve()
    arguments.output = (arguments.output or arguments.work / "report").resolve()
    return arguments


def command_of(arguments: argparse.Namespace) -> str:
    """What gives these results again, apart from where it keeps them."""
    size = ["--smoke"] if arguments.smoke else ["--minutes", "%g" % arguments.minutes]
    clock = ["--clock", "cpu"] if arguments.clock == "cpu" else []
    return " ".join(["tests/e2e/ladder/ladder.py", *size, "--threads", str(arguments.threads), *clock])


def forget(work: pathlib.Path) -> None:
    """Removes what a ladder keeps, and nothing else that lies there."""
    for name in ("runs", "probes", "state"):
        shutil.rmtree(work / name, ignore_errors=True)
    for name in ("machine.json", "expected.json", "rhumb.db", "rhumb.db-wal", "rhumb.db-shm"):
        (work / name).unlink(missing_ok=True)


def main() -> int:
    arguments = read_arguments()
    began = time.monotonic()
    protocol = smoke_protocol() if arguments.smoke else full_protocol(arguments.minutes)
    if arguments.fresh:
        forget(arguments.work)
    arguments.work.mkdir(parents=True, exist_ok=True)
    try:
        corpus = read_corpus()
        with Daemon(arguments.build / "daemon" / "rhumbd", arguments.work) as daemon:
            os.environ.update(daemon.environment)
            command = Rhumb(arguments.build / "client" / "cli" / "rhumb", daemon.environment, arguments.work)
            ladder = Ladder(protocol, corpus, arguments, command)
            ladder.announce()
            trained = ladder.train_ladder()
            ladder.write_tables(trained)
            fit = ladder.learn()
            expected = ladder.predict(trained)
            say("expected of %s: loss %.4f nats" % (expected["plan"], expected["loss"]["mean_nats"]))
            largest = ladder.train_largest(expected)
            ladder.compare(largest)
            results = ladder.results(trained, fit, expected, largest)
    except (CorpusError, ProgramError) as error:
        print("ladder: error: %s" % error, file=sys.stderr)
        return 1
    results = {"command": command_of(arguments), **results}
    report.write(arguments.output, arguments.work, results, command.transcript)
    print(report.table(results))
    say("%.0f s; results in %s" % (time.monotonic() - began, arguments.output))
    return 0 if all(bar["is_met"] for bar in results["bars"]) else 1


if __name__ == "__main__":
    sys.exit(main())
