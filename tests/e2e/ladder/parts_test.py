# SPDX-License-Identifier: Apache-2.0
"""The parts of the ladder that need no PyTorch: what is trained, what is held out, and that a missed bar is missed."""

from __future__ import annotations

import unittest
from typing import Any, Dict, List

import report
from corpus import BLOCK_BYTES, HELD_OUT_PERIOD, split
from protocol import LADDER_FLOPS_RATIO, Protocol, full_protocol, smoke_protocol, step_time_probes
from shape import Shape

TEXT = bytes(i // 1000 % 256 for i in range(3 * HELD_OUT_PERIOD * BLOCK_BYTES + 17))


class CorpusTest(unittest.TestCase):
    def test_every_byte_is_trained_on_or_held_out(self) -> None:
        corpus = split(TEXT)
        self.assertEqual(len(corpus.train) + len(corpus.held_out), len(TEXT))

    def test_one_block_of_twenty_is_held_out(self) -> None:
        self.assertEqual(len(split(TEXT).held_out), 3 * BLOCK_BYTES)

    def test_blocks_held_out_come_from_everywhere(self) -> None:
        corpus = split(TEXT)
        begin = HELD_OUT_PERIOD // 2 * BLOCK_BYTES
        self.assertEqual(corpus.held_out[:BLOCK_BYTES], TEXT[begin : begin + BLOCK_BYTES])
        last = (2 * HELD_OUT_PERIOD + HELD_OUT_PERIOD // 2) * BLOCK_BYTES
        self.assertEqual(corpus.held_out[-BLOCK_BYTES:], TEXT[last : last + BLOCK_BYTES])


class ProtocolTest(unittest.TestCase):
    def test_largest_run_is_at_least_four_times_the_ladders_largest(self) -> None:
        for minutes in (4, 35, 200):
            protocol = full_protocol(minutes)
            self.assertGreaterEqual(protocol.target_flops / largest_flops(protocol), LADDER_FLOPS_RATIO)

    def test_twice_the_minutes_train_twice_as_much(self) -> None:
        self.assertAlmostEqual(full_protocol(70).ladder_flops / full_protocol(35).ladder_flops, 2, delta=0.02)

    def test_names_are_unique(self) -> None:
        names = [run.name for run in full_protocol(35).runs]
        self.assertEqual(len(set(names)), len(names))

    def test_no_probe_is_of_the_largest_run(self) -> None:
        protocol = full_protocol(35)
        of_ladder = {run.shape for run in protocol.runs}
        self.assertLessEqual({shape for shape, _ in step_time_probes(protocol)}, of_ladder)


class ReportTest(unittest.TestCase):
    def test_predictions_that_hold_meet_every_bar(self) -> None:
        self.assertEqual([bar["is_met"] for bar in bars_of()], [True] * 4)

    def test_loss_four_percent_off_misses_its_bar(self) -> None:
        self.assertEqual(missed(loss_nats=1.4 / 0.96), {"predicted final loss over measured - 1", "final loss within its 90% interval"})

    def test_loss_outside_of_its_interval_misses_a_bar(self) -> None:
        self.assertEqual(missed(loss_nats=1.42), {"final loss within its 90% interval"})

    def test_step_eleven_percent_shorter_than_planned_misses_its_bar(self) -> None:
        self.assertEqual(missed(step_seconds=0.1 / 1.11), {"predicted step time over measured - 1"})

    def test_noise_scale_that_is_not_known_misses_its_bar(self) -> None:
        self.assertEqual(missed(noise_scale_tokens=None), {"gradient noise scale of the largest run measured, tokens"})

    def test_interval_is_no_bar_of_the_smoke(self) -> None:
        self.assertTrue(all(bar["is_met"] for bar in bars_of(smoke_protocol(), loss_nats=1.42)))

    def test_a_missed_bar_is_seen_in_the_table(self) -> None:
        self.assertIn("**no**", report.table(results(full_protocol(35), loss_nats=2.0)))

    def test_rows_of_steps_say_their_batches(self) -> None:
        row = report.step_row("r", Shape(2, 64, 128), {"gpu_type": "CPU-2-CORES"}, 4, 0.0123)
        self.assertEqual((row["mbs"], row["gbs"], row["iter_s"], row["heads"]), (4, 8, "0.0123", 2))


def largest_flops(protocol: Protocol) -> float:
    return max(run.training_flops for run in protocol.runs)


def results(protocol: Protocol, **largest: Any) -> Dict[str, Any]:
    expected = {
        "loss": {"mean_nats": 1.4, "low_nats": 1.38, "high_nats": 1.41, "level": 0.9},
        "step_seconds": 0.1,
        "token_count": 1_000_000,
        "training_flops": 5e13,
        "noise_scale_tokens": 900.0,
    }
    measured = {"loss_nats": 1.395, "step_seconds": 0.101, "noise_scale_tokens": 1000.0, **largest}
    return report.results(protocol, split(TEXT), {}, [], {"constants": {}}, expected, measured)


def bars_of(protocol: Protocol = full_protocol(35), **largest: Any) -> List[Dict[str, Any]]:
    return results(protocol, **largest)["bars"]


def missed(**largest: Any) -> "set[str]":
    return {bar["what"] for bar in bars_of(**largest) if not bar["is_met"]}


if __name__ == "__main__":
    unittest.main()
