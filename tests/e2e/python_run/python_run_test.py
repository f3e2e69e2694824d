#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A whole run through the Python package and a real daemon, without PyTorch: planned, trained, reported, compared.

usage: RHUMB=PROGRAM RHUMBD=PROGRAM python3 -m unittest python_run_test
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any, Dict, List

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "client" / "python"), str(HERE.parent / "ladder"), str(HERE)]

import rhumb  # noqa: E402
from rhumb.noise_scale import NoiseScale  # noqa: E402

import bigram  # noqa: E402
from programs import Daemon, Rhumb  # noqa: E402

HIDDEN_SIZE = 6
MICRO_BATCH_TOKENS = 16
STEP_TOKENS = 2 * MICRO_BATCH_TOKENS
STEP_COUNT = 400


class PythonRunTest(unittest.TestCase):
    """One run is trained for all tests, which look at what the daemon knows of it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls._folder = tempfile.TemporaryDirectory(prefix="rhumb-python-run.")
        folder = pathlib.Path(cls._folder.name)
        cls.daemon = Daemon(pathlib.Path(os.environ["RHUMBD"]), folder)
        cls.daemon.__enter__()
        cls.addClassCleanup(cls._folder.cleanup)
        cls.addClassCleanup(cls.daemon.__exit__)
        os.environ.update(cls.daemon.environment)
        cls.command = Rhumb(pathlib.Path(os.environ["RHUMB"]), cls.daemon.environment, folder)
        cls.client = rhumb.Client()
        cls.trained = train(cls.client)

    def sample_list(self) -> List[Dict[str, Any]]:
        samples: List[Dict[str, Any]] = []
        token = ""
        while True:
            answer = self.client.call(
                "RunService", "ListRunSamples", {"name": self.trained["run"], "page_size": 1000, "page_token": token}
            )
            samples += answer.get("samples", [])
            token = answer.get("next_page_token", "")
            if not token:
                return samples

    def test_training_lowers_the_loss_below_that_of_single_letters(self) -> None:
        # 2.8 nats a letter: the entropy of English letters and blanks by their frequency alone.
        self.assertLess(self.trained["val_loss"], 2.7)

    def test_every_step_is_known_to_the_daemon(self) -> None:
        self.assertEqual(self.trained["stats"]["lost_count"], 0)
        self.assertEqual(self.trained["stats"]["refused_count"], 0)
        samples = self.sample_list()
        self.assertEqual(samples[-1]["step"], STEP_COUNT)
        self.assertEqual(samples[-1]["token_count"], STEP_COUNT * STEP_TOKENS)
        self.assertEqual(len({sample["sequence"] for sample in samples}), len(samples))

    def test_losses_are_those_of_the_script(self) -> None:
        first = self.sample_list()[0]
        self.assertEqual(first["step"], 1)
        self.assertAlmostEqual(first["loss_nats"], self.trained["losses"][0], places=12)

    def test_noise_scale_is_that_of_the_script(self) -> None:
        self.assertIsNotNone(self.trained["noise_scale"])
        told = [sample["noise_scale_tokens"] for sample in self.sample_list() if "noise_scale_tokens" in sample]
        self.assertAlmostEqual(told[-1], self.trained["noise_scale"], places=6)

    def test_the_run_has_ended_and_names_its_plan(self) -> None:
        run = self.client.call("RunService", "GetRun", {"name": self.trained["run"]})
        self.assertEqual(run["state"], "SUCCEEDED")
        self.assertEqual(run["plan"], self.trained["plan"])

    def test_the_command_line_shows_planned_beside_actual(self) -> None:
        run = json.loads(self.command.text("run", "show", self.trained["run"], "--json"))
        compared = {each["quantity"]: each for each in run["comparisons"]}
        self.assertEqual(compared["token_count"]["actual"], STEP_COUNT * STEP_TOKENS)
        self.assertEqual(compared["token_count"]["planned"], STEP_COUNT * STEP_TOKENS)
        self.assertGreater(compared["step_seconds"]["planned"], 0)

    def test_samples_wait_on_the_disk_until_there_is_a_daemon(self) -> None:
        environment = {"RHUMB_HTTP_ADDR": "unix:///nowhere/at.all", "XDG_STATE_HOME": str(pathlib.Path(self._folder.name) / "late")}
        away = rhumb.start(title="away", environment=environment, batch_tokens=STEP_TOKENS)
        for step in range(1, 6):
            away.log(step=step, tokens=step * STEP_TOKENS, loss=3.0)
        away.finish(timeout_seconds=0.2)
        synced = subprocess.run(
            [sys.executable, "-m", "rhumb", "sync"],
            env={**os.environ, "XDG_STATE_HOME": environment["XDG_STATE_HOME"], "PYTHONPATH": str(ROOT / "client" / "python")},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(synced.returncode, 0, synced.stderr)
        runs = self.client.call("RunService", "ListRuns", {})["runs"]
        self.assertIn("away", [run.get("title") for run in runs])


def train(client: rhumb.Client) -> Dict[str, Any]:
    """As a person's script would, and what it saw."""
    tokens = bigram.read_tokens((ROOT / "docs" / "concepts.md").read_text(encoding="utf-8"))
    held_out = bigram.pairs_of(tokens[-2000:])
    model = bigram.Bigram(HIDDEN_SIZE, seed=1)
    # No law is of so small a model. The plan is of a transformer on as many tokens, to have numbers beside the run's.
    plan = rhumb.plan(
        client=client,
        arch=ARCHITECTURE,
        tokens=STEP_COUNT * STEP_TOKENS,
        batch_tokens=STEP_TOKENS,
        gpus="1xH100-SXM5-80GB",
        noise_scale=600,
        law="besiroglu2024",
    )
    assert plan.is_feasible, plan
    noise = NoiseScale(MICRO_BATCH_TOKENS, STEP_TOKENS)
    batches = bigram.micro_batches(tokens[:-2000], MICRO_BATCH_TOKENS, seed=2)
    losses: List[float] = []
    with rhumb.start(plan, client=client, interval_seconds=0.5, title="bigram") as run:
        for step in range(1, STEP_COUNT + 1):
            began = time.perf_counter()
            first_loss, *first = model.loss_and_gradients(next(batches))
            second_loss, *second = model.loss_and_gradients(next(batches))
            mean = [bigram.mean_of(a, b) for a, b in zip(first, second)]
            small = (bigram.square_norm(*first) + bigram.square_norm(*second)) / 2
            noise.update(small, bigram.square_norm(*mean))
            rate = 2.0 * (1 - (step - 1) / STEP_COUNT)
            model.descend(mean[0], mean[1], rate)
            losses.append((first_loss + second_loss) / 2)
            seconds = time.perf_counter() - began
            run.log(step=step, tokens=step * STEP_TOKENS, loss=losses[-1], step_time=seconds, lr=rate, noise_scale=noise.tokens)
        val_loss = model.loss(held_out)
        run.log(step=STEP_COUNT, tokens=STEP_COUNT * STEP_TOKENS, val_loss=val_loss)
    return {
        "run": run.name,
        "plan": plan.name,
        "stats": run.stats,
        "losses": losses,
        "val_loss": val_loss,
        "noise_scale": noise.tokens,
    }


ARCHITECTURE = {
    "name": "small",
    "num_layers": 1,
    "hidden_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "ffn_hidden_size": 256,
    "gated": False,
    "tied_embeddings": True,
    "vocab_size": 256,
    "sequence_length": 8,
}

if __name__ == "__main__":
    unittest.main()
