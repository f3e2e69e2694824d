# SPDX-License-Identifier: Apache-2.0
"""Log calls to samples, with clocks that the test sets."""

import math
import unittest

import support  # noqa: F401  pylint: disable=unused-import

from rhumb._window import Entry, Sampler, timestamp


def entries(count, step_seconds, **values):
    return [Entry(step * step_seconds, 0.0, step, step * 100, **values) for step in range(1, count + 1)]


def sampled(sampler, given):
    return [sample for entry in given for sample in sampler.add(entry, 0.0)]


class SamplerTest(unittest.TestCase):
    def test_the_first_steps_are_samples_of_their_own(self):
        samples = sampled(Sampler(first_count=10), entries(10, 0.001))
        self.assertEqual([sample["step"] for sample in samples], list(range(1, 11)))

    def test_fast_steps_become_one_sample_an_interval(self):
        # An hour of 0.1 s steps at 10 s: 360 samples, and some more of the beginning.
        samples = sampled(Sampler(interval_seconds=10.0), entries(36000, 0.1))
        self.assertLess(len(samples), 450)
        late = [sample["step"] for sample in samples if sample["step"] > 10000]
        for before, after in zip(late, late[1:]):
            self.assertAlmostEqual(after - before, 100, delta=1)

    def test_a_run_of_a_minute_has_a_curve(self):
        samples = sampled(Sampler(interval_seconds=10.0), entries(6000, 0.01))
        self.assertGreater(len(samples), 60)
        self.assertLess(len(samples), 200)

    def test_steps_longer_than_the_interval_are_a_sample_each(self):
        self.assertEqual(len(sampled(Sampler(interval_seconds=10.0), entries(50, 30.0))), 50)

    def test_no_interval_makes_each_entry_a_sample(self):
        self.assertEqual(len(sampled(Sampler(interval_seconds=0.0), entries(500, 0.001))), 500)

    def test_every_step_is_in_exactly_one_sample(self):
        # The loss of step k is k: were one left out or taken twice, the sum would tell.
        sampler = Sampler(interval_seconds=1.0, first_count=3)
        given = [Entry(step * 0.3, 0.0, step, step, loss_nats=float(step)) for step in range(1, 101)]
        samples = sampled(sampler, given) + sampler.flush(0.0)
        steps = [0] + [sample["step"] for sample in samples]
        total = sum(sample["loss_nats"] * (after - before) for sample, before, after in zip(samples, steps, steps[1:]))
        self.assertAlmostEqual(total, 5050.0)

    def test_sequences_are_unique_and_grow(self):
        sampler = Sampler(interval_seconds=1.0)
        samples = sampled(sampler, entries(100, 0.5)) + sampler.flush(0.0)
        self.assertEqual([sample["sequence"] for sample in samples], list(range(1, len(samples) + 1)))

    def test_a_window_ends_where_the_run_goes_back_to_a_checkpoint(self):
        sampler = Sampler(interval_seconds=1e9, first_count=0)
        given = [Entry(0.0, 0.0, 1, 1), Entry(1.0, 0.0, 2, 2), Entry(1.01, 0.0, 3, 3), Entry(1.02, 0.0, 1, 1)]
        samples = sampled(sampler, given) + sampler.flush(0.0)
        self.assertEqual([sample["step"] for sample in samples][-2:], [3, 1])
        self.assertNotIn("tokens_per_second", samples[-1])

    def test_what_hangs_is_told_after_an_interval(self):
        sampler = Sampler(interval_seconds=10.0, first_count=0)
        sampler.add(Entry(0.0, 0.0, 1, 1), 0.0)
        sampler.add(Entry(100.0, 0.0, 2, 2), 0.0)
        sampler.add(Entry(101.0, 0.0, 3, 3), 0.0)
        self.assertEqual(sampler.flush_if_stale(105.0, 0.0), [])
        self.assertEqual(sampler.flush_if_stale(111.0, 0.0)[0]["step"], 3)


class MeanTest(unittest.TestCase):
    def window(self, *values):
        """The sample of a window with these values, 1 s and 10 tokens a step."""
        sampler = Sampler(interval_seconds=1e9, first_count=1)
        sampler.add(Entry(0.0, 0.0, 0, 0), 0.0)
        sampler._begin = -1e9
        samples = []
        for number, each in enumerate(values, 1):
            samples += sampler.add(Entry(float(number), each.pop("paused", 0.0), number, 10 * number, **each), 0.0)
        self.assertEqual(samples, [])
        return sampler.flush(0.0)[0]

    def test_loss_is_the_mean_of_the_finite_ones(self):
        sample = self.window({"loss_nats": 2.0}, {"loss_nats": math.inf}, {"loss_nats": 4.0})
        self.assertEqual(sample["loss_nats"], 3.0)
        self.assertTrue(sample["loss_not_finite"])

    def test_step_time_is_measured_where_it_is_not_given(self):
        sample = self.window({}, {}, {})
        self.assertAlmostEqual(sample["step_seconds"], 1.0)
        self.assertAlmostEqual(sample["tokens_per_second"], 10.0)

    def test_pauses_are_no_step_time(self):
        sample = self.window({}, {"paused": 0.5}, {"paused": 0.5})
        self.assertAlmostEqual(sample["step_seconds"], (1.0 + 0.5 + 1.0) / 3)

    def test_given_step_time_counts(self):
        sample = self.window({"step_seconds": 0.25}, {"step_seconds": 0.75})
        self.assertAlmostEqual(sample["step_seconds"], 0.5)
        self.assertAlmostEqual(sample["tokens_per_second"], 20.0)

    def test_memory_is_the_highest_and_the_rate_the_last(self):
        sample = self.window(
            {"peak_memory_bytes": 5, "learning_rate": 0.1}, {"peak_memory_bytes": 7}, {"peak_memory_bytes": 6, "learning_rate": 0.3}
        )
        self.assertEqual((sample["peak_memory_bytes"], sample["learning_rate"]), (7, 0.3))

    def test_a_noise_scale_that_is_none_is_left_out(self):
        self.assertNotIn("noise_scale_tokens", self.window({"noise_scale_tokens": -5.0}))

    def test_what_overflows_is_left_out(self):
        self.assertNotIn("loss_nats", self.window({"loss_nats": 1.7e308}, {"loss_nats": 1.7e308}))

    def test_no_loss_is_no_loss(self):
        self.assertNotIn("loss_nats", self.window({}))


class TimestampTest(unittest.TestCase):
    def test_is_rfc_3339_in_utc(self):
        self.assertEqual(timestamp(1.5), "1970-01-01T00:00:01.500000Z")


if __name__ == "__main__":
    unittest.main()
