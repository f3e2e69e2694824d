# SPDX-License-Identifier: Apache-2.0
"""The callbacks of Hugging Face's Trainer and of Lightning, with stand-ins that call the same methods in the same order."""

import os
import sys
import types
import unittest
from unittest import mock

from support import DaemonTest


def _module(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    return module


class _TrainerCallback:
    """As transformers.TrainerCallback: a method an event, each with (args, state, control, **kwargs)."""

    def on_train_begin(self, args, state, control, **kwargs):
        pass

    on_step_begin = on_step_end = on_log = on_evaluate = on_save = on_train_end = on_epoch_begin = on_train_begin


class _Callback:
    """As lightning.pytorch.Callback."""

    def on_train_start(self, trainer, pl_module):
        pass


class HookTest(DaemonTest):
    def setUp(self):
        super().setUp()
        patches = [mock.patch.dict(os.environ, self.environment)]
        patches.append(
            mock.patch.dict(
                sys.modules,
                {
                    "transformers": _module("transformers", TrainerCallback=_TrainerCallback),
                    "lightning": _module("lightning"),
                    "lightning.pytorch": _module("lightning.pytorch", Callback=_Callback),
                },
            )
        )
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)


class HuggingFaceTest(HookTest):
    def train(self, callback, steps=4, is_zero=True, tokens_seen=0):
        state = types.SimpleNamespace(global_step=0, max_steps=steps, is_world_process_zero=is_zero, num_input_tokens_seen=0)
        callback.on_train_begin(None, state, None)
        for step in range(1, steps + 1):
            callback.on_step_begin(None, state, None)
            state.global_step = step
            state.num_input_tokens_seen = step * tokens_seen
            callback.on_step_end(None, state, None)
            logs = {"loss": 4.0 / step, "grad_norm": 1.5, "learning_rate": 1e-3, "epoch": 0.1}
            callback.on_log(None, state, None, logs=logs)
        callback.on_log(None, state, None, logs={"eval_loss": 0.9, "eval_runtime": 1.0})
        callback.on_evaluate(None, state, None, metrics={})
        callback.on_save(None, state, None)
        callback.on_log(None, state, None, logs={"train_runtime": 1.0, "train_loss": 2.0})
        callback.on_train_end(None, state, None)

    def callback(self, **arguments):
        import rhumb.hf  # pylint: disable=import-outside-toplevel

        return rhumb.hf.RhumbCallback(interval_seconds=0, **arguments)

    def test_tells_what_the_trainer_logs(self):
        self.train(self.callback(step_tokens=1000))
        run = self.daemon.runs["runs/r1"]
        self.assertEqual(run["settings"], {"global_batch_tokens": 1000, "target_token_count": 4000})
        self.assertEqual(run["state"], "SUCCEEDED")
        samples = self.daemon.stored("runs/r1")
        self.assertEqual([sample.get("loss_nats") for sample in samples], [4.0, 2.0, 4.0 / 3, 1.0, None])
        self.assertEqual(samples[3]["token_count"], 4000)
        self.assertEqual(samples[3]["gradient_norm"], 1.5)
        self.assertGreater(samples[3]["step_seconds"], 0)
        self.assertEqual(samples[4]["validation_loss_nats"], 0.9)

    def test_takes_the_tokens_that_the_trainer_counts(self):
        self.train(self.callback(), tokens_seen=300)
        self.assertEqual(self.daemon.stored("runs/r1")[3]["token_count"], 1200)

    def test_other_ranks_tell_nothing(self):
        self.train(self.callback(step_tokens=1), is_zero=False)
        self.assertEqual(self.daemon.calls, [])

    def test_leaves_the_end_of_a_given_run_to_its_owner(self):
        run = self.start()
        self.train(self.callback(step_tokens=1, run=run))
        self.assertEqual(self.daemon.runs[run.name]["state"], "RUNNING")
        run.finish()
        self.assertEqual(len(self.daemon.stored(run.name)), 5)


class LightningTest(HookTest):
    def callback(self, **arguments):
        import rhumb.lightning  # pylint: disable=import-outside-toplevel

        return rhumb.lightning.RhumbCallback(step_tokens=100, interval_seconds=0, **arguments)

    def trainer(self):
        optimizer = types.SimpleNamespace(param_groups=[{"lr": 0.01}])
        return types.SimpleNamespace(
            global_step=0, is_global_zero=True, optimizers=[optimizer], callback_metrics={}, sanity_checking=False
        )

    def train(self, callback, batches=4, accumulate=1, error=None):
        trainer = self.trainer()
        callback.on_train_start(trainer, None)
        for index in range(batches):
            trainer.global_step = (index + 1) // accumulate
            callback.on_train_batch_end(trainer, None, {"loss": 2.0}, None, index)
        callback.on_validation_start(trainer, None)
        trainer.callback_metrics = {"val_loss": 1.5}
        callback.on_validation_end(trainer, None)
        if error is not None:
            callback.on_exception(trainer, None, error)
        else:
            callback.on_train_end(trainer, None)

    def test_tells_each_optimizer_step(self):
        self.train(self.callback(), batches=6, accumulate=2)
        samples = self.daemon.stored("runs/r1")
        self.assertEqual([sample["step"] for sample in samples], [1, 2, 3, 3])
        self.assertEqual([sample["token_count"] for sample in samples], [100, 200, 300, 300])
        self.assertEqual(samples[0]["loss_nats"], 2.0)
        self.assertEqual(samples[0]["learning_rate"], 0.01)
        self.assertEqual(samples[3]["validation_loss_nats"], 1.5)
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "SUCCEEDED")

    def test_an_exception_is_failure(self):
        self.train(self.callback(), error=ValueError("x"))
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "FAILED")

    def test_an_interrupt_is_cancellation(self):
        self.train(self.callback(), error=KeyboardInterrupt())
        self.assertEqual(self.daemon.runs["runs/r1"]["state"], "CANCELLED")

    def test_the_check_before_training_is_not_told(self):
        callback, trainer = self.callback(), self.trainer()
        trainer.sanity_checking, trainer.callback_metrics = True, {"val_loss": 9.0}
        callback.on_validation_start(trainer, None)
        callback.on_validation_end(trainer, None)
        self.train(callback)
        self.assertNotIn(9.0, [sample.get("validation_loss_nats") for sample in self.daemon.stored("runs/r1")])


if __name__ == "__main__":
    unittest.main()
