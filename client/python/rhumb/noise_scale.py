# SPDX-License-Identifier: Apache-2.0
"""The gradient noise scale, measured from gradients of two batch sizes that training computes anyway.

B_noise = tr(Sigma) / |G|^2, with G the true gradient and Sigma the covariance of the gradient of one token: about the
batch beyond which more tokens a step stop to save steps. Source: McCandlish et al. 2018, arXiv:1812.06162, appendix A.1.
"""

from __future__ import annotations

import math
from typing import Optional


class NoiseScale:
    """Running estimate; state of a few numbers.

    small_batch_tokens, big_batch_tokens: of the two gradients, each a mean over its tokens. In data parallel training the
    gradient of one rank before the all-reduce and the one after it; in one process that of a micro-batch and of the step.
    decay: of the exponential means over updates, in [0, 1). 0.99: over about the last 100.
    """

    def __init__(self, small_batch_tokens: float, big_batch_tokens: float, decay: float = 0.99) -> None:
        if not 0 < small_batch_tokens < big_batch_tokens < math.inf:
            raise ValueError(
                "needs 0 < small_batch_tokens < big_batch_tokens, got %r and %r" % (small_batch_tokens, big_batch_tokens)
            )
        if not 0 <= decay < 1:
            raise ValueError("decay must be in [0, 1), got %r" % (decay,))
        self.small_batch_tokens = float(small_batch_tokens)
        self.big_batch_tokens = float(big_batch_tokens)
        self.decay = decay
        self.update_count = 0
        self._square = 0.0  # |G|^2
        self._trace = 0.0  # tr(Sigma), of one token

    def update(self, small_square_norm: float, big_square_norm: float) -> None:
        """Takes |g|^2 of both gradients of a step: of several small ones, their mean. What is not finite is passed over."""
        if not (math.isfinite(small_square_norm) and math.isfinite(big_square_norm)):
            return
        small, big = self.small_batch_tokens, self.big_batch_tokens
        # E|g_B|^2 = |G|^2 + tr(Sigma) / B, at two B: both unknowns, without bias. Either may come out negative.
        square = (big * big_square_norm - small * small_square_norm) / (big - small)
        trace = (small_square_norm - big_square_norm) / (1.0 / small - 1.0 / big)
        self.update_count += 1
        # 1/n until the window is full: an exponential mean from zero would weigh the first updates too little in a
        # number that is shown early, and too much one that starts from the first.
        weight = max(1.0 - self.decay, 1.0 / self.update_count)
        self._square += weight * (square - self._square)
        self._trace += weight * (trace - self._trace)

    @property
    def square_gradient_norm(self) -> float:
        """The mean estimate of |G|^2; negative while noise hides the gradient."""
        return self._square

    @property
    def tokens(self) -> Optional[float]:
        """B_noise in tokens, the means divided, never the mean of ratios. None while it is not known."""
        # A ratio of two means of few updates is anything; with 20 the sign of |G|^2 begins to mean something.
        if self.update_count < 20 or self._square <= 0 or self._trace <= 0:
            return None
        return self._trace / self._square
