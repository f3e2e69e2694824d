# SPDX-License-Identifier: Apache-2.0
"""The noise scale of gradients whose mean and covariance are known."""

import random
import statistics
import unittest

import support  # noqa: F401  pylint: disable=unused-import

from rhumb.noise_scale import NoiseScale


class Gradients:
    """Of tokens: G with independent normal noise of variance trace / dimension in each coordinate."""

    def __init__(self, square, trace, dimension=20, seed=20261128):
        self._chance = random.Random(seed)
        self._mean = (square / dimension) ** 0.5
        self._deviation = (trace / dimension) ** 0.5
        self._dimension = dimension

    def pair(self, small, ranks):
        """Mean |g|^2 of the ranks' gradients of `small` tokens each, and |g|^2 of their mean."""
        deviation = self._deviation / small**0.5
        gradients = [[self._chance.gauss(self._mean, deviation) for _ in range(self._dimension)] for _ in range(ranks)]
        mean = [sum(column) / ranks for column in zip(*gradients)]
        return statistics.fmean(sum(x * x for x in gradient) for gradient in gradients), sum(x * x for x in mean)


class NoiseScaleTest(unittest.TestCase):
    def measured(self, noise_scale, small, ranks, steps=3000, decay=0.9995):
        scale = NoiseScale(small, small * ranks, decay)
        gradients = Gradients(square=2.0, trace=2.0 * noise_scale)
        for _ in range(steps):
            scale.update(*gradients.pair(small, ranks))
        return scale.tokens

    # Tolerances are four standard deviations of the estimate over seeds, as measured.
    def test_is_found_where_it_is_about_the_batch(self):
        self.assertAlmostEqual(self.measured(1000.0, small=256, ranks=4) / 1000.0, 1.0, delta=0.08)

    def test_is_found_where_it_is_far_above_the_batch(self):
        self.assertAlmostEqual(self.measured(20000.0, small=256, ranks=8) / 20000.0, 1.0, delta=0.25)

    def test_is_found_where_it_is_far_below_the_batch(self):
        self.assertAlmostEqual(self.measured(50.0, small=256, ranks=4) / 50.0, 1.0, delta=0.08)

    def test_is_that_of_the_source_for_exact_norms(self):
        # |g_B|^2 = |G|^2 + tr(Sigma) / B with |G|^2 = 2 and tr(Sigma) = 600: 2 + 6 at B = 100, 2 + 1.5 at B = 400.
        scale = NoiseScale(100, 400)
        for _ in range(20):
            scale.update(8.0, 3.5)
        self.assertAlmostEqual(scale.tokens, 300.0)
        self.assertAlmostEqual(scale.square_gradient_norm, 2.0)

    def test_means_are_taken_before_they_are_divided(self):
        # Two kinds of steps, |G|^2 of 1 and 3 with tr(Sigma) of 100: the ratio of means is 50, the mean of ratios 67.
        scale = NoiseScale(100, 200, decay=0.999)
        for _ in range(200):
            scale.update(1 + 1.0, 1 + 0.5)
            scale.update(3 + 1.0, 3 + 0.5)
        self.assertAlmostEqual(scale.tokens, 50.0, delta=0.5)

    def test_is_not_known_while_noise_hides_the_gradient(self):
        scale = NoiseScale(100, 200)
        for _ in range(50):
            scale.update(1.0, 0.4)
        self.assertLess(scale.square_gradient_norm, 0)
        self.assertIsNone(scale.tokens)

    def test_is_not_known_of_a_few_steps(self):
        scale = NoiseScale(100, 200)
        scale.update(2.0, 1.5)
        self.assertIsNone(scale.tokens)

    def test_a_step_of_infinite_gradients_changes_nothing(self):
        scale = NoiseScale(100, 400)
        for _ in range(20):
            scale.update(8.0, 3.5)
        scale.update(float("inf"), float("nan"))
        self.assertAlmostEqual(scale.tokens, 300.0)

    def test_one_batch_size_is_refused(self):
        with self.assertRaisesRegex(ValueError, "small_batch_tokens < big_batch_tokens, got 8 and 8"):
            NoiseScale(8, 8)


if __name__ == "__main__":
    unittest.main()
