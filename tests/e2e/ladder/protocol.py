# SPDX-License-Identifier: Apache-2.0
"""What is trained, settled before anything is trained: sizes, tokens, rates, and what is asked of the predictions.

Everything here follows from the minutes alone. Nothing of it may be changed after the loss of the largest run was seen.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Tuple

from shape import Shape

SEQUENCE_LENGTH = 128
# 512 tokens a step, somewhat below the noise scale that pilot runs measured (600 to 1,100 tokens). Two passes a step have
# gradients of two batch sizes, which the noise scale is measured from.
MICRO_BATCH_SIZE = 2
ACCUMULATION_STEPS = 2
STEP_TOKENS = MICRO_BATCH_SIZE * ACCUMULATION_STEPS * SEQUENCE_LENGTH
# Nats a byte below which no ladder of this size sees: the geometric mean of Shannon's bounds for a letter of English, 0.6
# and 1.3 bits (Prediction and Entropy of Printed English, 1951).
LOSS_FLOOR_NATS = 0.61
MAX_EPOCHS = 1.5
LEVEL = 0.9

# What two cores of a server of 2023 train at, by six FLOP a parameter and token: little more than one, because the
# products of so small models are hardly worth two threads. Only how much is trained depends on it.
ASSUMED_FLOPS_PER_SECOND = 45e9
TRAINING_SHARE = 0.85  # of the minutes; the rest is evaluation, fits and plans
TARGET_SHARE = 0.5  # of the training, for the largest run
LADDER_FLOPS_RATIO = 4.0  # the largest run to the largest of the ladder, at least


@dataclasses.dataclass(frozen=True)
class LadderRun:
    shape: Shape
    step_count: int
    seed: int

    @property
    def name(self) -> str:
        return "%s-s%d-seed%d" % (self.shape.name, self.step_count, self.seed)

    @property
    def token_count(self) -> int:
        return self.step_count * STEP_TOKENS

    @property
    def training_flops(self) -> float:
        return 6.0 * self.shape.param_count * self.token_count


@dataclasses.dataclass(frozen=True)
class Bars:
    loss_error_fraction: float
    loss_in_interval: bool
    step_error_fraction: float


@dataclasses.dataclass(frozen=True)
class Protocol:
    runs: Tuple[LadderRun, ...]
    candidates: Tuple[Shape, ...]  # of the largest run, of which the plan takes one
    target_flops: float
    bars: Bars
    fit_flags: Tuple[str, ...]  # of `rhumb fit`

    @property
    def ladder_flops(self) -> float:
        return sum(run.training_flops for run in self.runs)


def learning_rate(shape: Shape) -> float:
    """Peak rate of AdamW by width: 5e-3 at 64, falling with its square root."""
    return 5e-3 * (64 / shape.hidden_size) ** 0.5


def shapes(sizes: List[Tuple[int, int]]) -> Tuple[Shape, ...]:
    return tuple(Shape(layers, hidden, SEQUENCE_LENGTH) for layers, hidden in sizes)


def grid(sizes: List[Tuple[int, int, int]], base_tokens: float, repeated: int) -> Tuple[LadderRun, ...]:
    """Of each (layers, hidden, count): that many token counts, each twice the one before; repeats are of the first two
    sizes with the fewest tokens, with other seeds: what one run scatters by."""
    runs = []
    for index, (layers, hidden, count) in enumerate(sizes):
        shape = Shape(layers, hidden, SEQUENCE_LENGTH)
        for doubling in range(count):
            steps = max(8, round(base_tokens * 2**doubling / STEP_TOKENS))
            runs.append(LadderRun(shape, steps, seed=1))
            if index < repeated and doubling == 0:
                runs.append(LadderRun(shape, steps, seed=2))
    return tuple(sorted(runs, key=lambda run: run.training_flops))


def full_protocol(minutes: float) -> Protocol:
    """Four sizes, three or four token counts each, twice two seeds; then a run of four times the largest one's compute."""
    training_flops = 60 * minutes * ASSUMED_FLOPS_PER_SECOND * TRAINING_SHARE
    sizes = [(2, 32, 4), (2, 64, 4), (3, 96, 4), (4, 128, 3)]
    ladder_flops = (1 - TARGET_SHARE) * training_flops
    unit_flops = sum(run.training_flops for run in grid(sizes, 1e6, 2)) / 1e6
    runs = grid(sizes, ladder_flops / unit_flops, 2)
    target_flops = max(TARGET_SHARE * training_flops, LADDER_FLOPS_RATIO * max(run.training_flops for run in runs))
    floor = ("--fix", "E=%g" % LOSS_FLOOR_NATS)
    candidates = shapes([(4, 128), (4, 160), (5, 160), (5, 192), (6, 192), (7, 224)])
    return Protocol(runs, candidates, target_flops, Bars(0.03, True, 0.10), ("--family", "coupled", *floor))


def smoke_protocol() -> Protocol:
    """The whole chain in two minutes: too few steps for a law that holds, so that only gross errors fail."""
    flags = ("--tie", "alpha=beta", "--fix", "E=%g" % LOSS_FLOOR_NATS)
    runs = grid([(1, 32, 3), (2, 32, 3), (2, 64, 3)], 40e3, 0)
    target_flops = 4 * max(run.training_flops for run in runs)
    return Protocol(runs, shapes([(2, 64), (3, 64), (2, 96)]), target_flops, Bars(0.15, False, 0.5), flags)


def step_time_probes(protocol: Protocol) -> List[Tuple[Shape, int]]:
    """Configurations whose steps are timed for the calibration besides: the ladder's sizes at two and four times the
    micro-batch, (shape, micro_batch_size). Larger batches are nearer to what larger models do with a core."""
    sizes: Dict[str, Shape] = {run.shape.name: run.shape for run in protocol.runs}
    return [
        (shape, micro_batch_size)
        for shape in sizes.values()
        for micro_batch_size in (2 * MICRO_BATCH_SIZE, 4 * MICRO_BATCH_SIZE)
    ]


