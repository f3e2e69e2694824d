# SPDX-License-Identifier: Apache-2.0
"""The helper of plain PyTorch loops, with PyTorch. Skipped, loudly, without it: deploy/install-deps does not install it."""

import os
import subprocess
import sys
import time
import unittest

from support import PACKAGE, DaemonTest

import rhumb

try:
    import torch

    import rhumb.torch as rhumb_torch
except ImportError:
    torch = None
    print("SKIPPED: python3-torch is not installed, rhumb.torch is not tested with it", file=sys.stderr)

# The gradient of (w * x).sum() by w is x: its mean and covariance are those of the data. tr(Sigma) / |G|^2 is
# 16 * 1.0 / (16 * 0.25) = 4 tokens, a row being a token.
_DIMENSION, _MEAN, _NOISE_SCALE = 16, 0.5, 4.0

_DDP = """
import sys, torch, torch.distributed as dist
import rhumb, rhumb.torch
passes, no_sync = int(sys.argv[1]), sys.argv[2] == "no_sync"
dist.init_process_group("gloo")
torch.manual_seed(dist.get_rank())
model = torch.nn.Linear(16, 1, bias=False)
ddp = torch.nn.parallel.DistributedDataParallel(model)
tracker = rhumb.torch.track(rhumb.Run(), ddp, micro_batch_tokens=2, accumulation_steps=passes)
for step in range(300):
    for index in range(passes):
        def one():
            loss = ddp(0.5 + torch.randn(2, 16)).mean() / passes
            loss.backward()
            tracker.backward(loss)
        if no_sync and index < passes - 1:
            with ddp.no_sync():
                one()
        else:
            one()
    tracker.step()
    model.zero_grad()
if dist.get_rank() == 0:
    print(tracker.noise.small_batch_tokens, tracker.noise.big_batch_tokens, tracker.noise.tokens)
dist.barrier()
dist.destroy_process_group()
"""


@unittest.skipIf(torch is None, "python3-torch is not installed")
class TrackerTest(DaemonTest):
    def trained(self, run, passes, steps, divided=True, **arguments):
        torch.manual_seed(1)
        model = torch.nn.Linear(_DIMENSION, 1, bias=False)
        tracker = rhumb_torch.track(
            run, model, micro_batch_tokens=2, accumulation_steps=passes, loss_is_divided=divided, **arguments
        )
        for _ in range(steps):
            for _ in range(passes):
                loss = model(_MEAN + torch.randn(2, _DIMENSION)).mean() / (passes if divided else 1)
                loss.backward()
                tracker.backward(loss)
            tracker.step(lr=0.5)
            model.zero_grad()
        return tracker

    def test_measures_the_noise_scale_of_micro_batches(self):
        tracker = self.trained(rhumb.Run(), passes=4, steps=1500)
        self.assertEqual((tracker.noise.small_batch_tokens, tracker.noise.big_batch_tokens), (2, 8))
        # Over about 100 updates: one standard deviation is an eighth.
        self.assertAlmostEqual(tracker.noise.tokens / _NOISE_SCALE, 1.0, delta=0.5)

    def test_measures_the_same_where_losses_are_not_divided(self):
        whole = self.trained(rhumb.Run(), passes=4, steps=100, divided=False)
        parts = self.trained(rhumb.Run(), passes=4, steps=100)
        self.assertAlmostEqual(whole.noise.tokens / parts.noise.tokens, 1.0, places=4)

    def test_one_pass_of_one_process_measures_nothing(self):
        self.assertIsNone(self.trained(rhumb.Run(), passes=1, steps=30).noise)

    def test_tells_steps_tokens_loss_and_norm(self):
        run = self.start()
        tracker = self.trained(run, passes=2, steps=25)
        run.finish()
        samples = self.daemon.stored(run.name)
        self.assertEqual([sample["step"] for sample in samples], list(range(1, 26)))
        self.assertEqual(samples[-1]["token_count"], 25 * 4)
        self.assertEqual(samples[-1]["learning_rate"], 0.5)
        self.assertIn("step_seconds", samples[-1])
        # |g|^2 of 4 tokens is 16 * (0.25 + 1 / 4) = 8 in the mean.
        self.assertTrue(1 < samples[-1]["gradient_norm"] < 5)
        self.assertEqual(tracker.token_count, 100)

    def test_reads_the_device_every_so_often(self):
        run = self.start()
        self.trained(run, passes=1, steps=20, log_every=5)
        run.finish()
        self.assertEqual([sample["step"] for sample in self.daemon.stored(run.name)], [1, 5, 10, 15, 20])

    def test_a_pause_is_no_step_time(self):
        run = self.start()
        model = torch.nn.Linear(1, 1)
        tracker = rhumb_torch.track(run, model, micro_batch_tokens=1)
        tracker.step()
        with tracker.pause():
            time.sleep(0.5)
        tracker.step()
        run.finish()
        self.assertLess(self.daemon.stored(run.name)[-1]["step_seconds"], 0.4)


@unittest.skipIf(torch is None, "python3-torch is not installed")
class DataParallelTest(unittest.TestCase):
    def measured(self, passes, sync):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _DDP, str(passes), sync],
                env=dict(
                    os.environ, PYTHONPATH=str(PACKAGE), RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
                    MASTER_PORT=str(29000 + os.getpid() % 1000 + passes * 1000), OMP_NUM_THREADS="1",
                ),
                stdout=subprocess.PIPE, text=True,
            )
            for rank in range(2)
        ]  # fmt: skip
        outputs = [process.communicate(timeout=100)[0] for process in processes]
        self.assertEqual([process.returncode for process in processes], [0, 0])
        return [float(word) for word in outputs[0].split()]

    def test_one_pass_is_measured_before_and_after_the_all_reduce(self):
        small, big, tokens = self.measured(1, "sync")
        self.assertEqual((small, big), (2, 4))
        self.assertAlmostEqual(tokens / _NOISE_SCALE, 1.0, delta=0.7)

    def test_the_first_pass_without_sync_is_of_one_rank(self):
        small, big, tokens = self.measured(2, "no_sync")
        self.assertEqual((small, big), (2, 8))
        self.assertAlmostEqual(tokens / _NOISE_SCALE, 1.0, delta=0.7)

    def test_the_first_pass_with_sync_is_of_all_ranks(self):
        small, big, _ = self.measured(3, "sync")
        self.assertEqual((small, big), (4, 12))


if __name__ == "__main__":
    unittest.main()
