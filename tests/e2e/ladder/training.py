# SPDX-License-Identifier: Apache-2.0
"""Trains one transformer of the ladder with PyTorch, as a person's script would, and reports it through rhumb."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from typing import Any, Dict, Iterator, List

import rhumb
import rhumb.torch
import torch

from corpus import DATASET, TOKENIZER, Corpus
from model import Decoder
from protocol import ACCUMULATION_STEPS, SEQUENCE_LENGTH
from shape import Shape

NOISE_EVERY = 4  # steps
SCHEDULE = {"kind": "cosine", "warmup_fraction": 0.05, "floor_fraction": 0.1}
EVALUATION_SEQUENCES = 64  # of a pass


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    learning_rate: float
    seed: int
    step_count: int
    micro_batch_size: int
    thread_count: int
    clock: str = "wall"  # of step times: "wall", or "cpu" for time of the processor, on a machine with other work
    evaluation_count: int = 8  # of part of the held-out text, during training
    progress: Any = None  # called with steps done, steps in all and the loss

    def now(self) -> float:
        """Seconds by `clock`; of all threads together, hence the quotient."""
        return time.process_time() / self.thread_count if self.clock == "cpu" else time.perf_counter()

    @property
    def step_tokens(self) -> int:
        return SEQUENCE_LENGTH * self.micro_batch_size * ACCUMULATION_STEPS


def learning_rate_at(step: int, options: TrainingOptions) -> float:
    """Of the step after `step`: linear up, then half a cosine down to a tenth."""
    warmup = max(1, round(SCHEDULE["warmup_fraction"] * options.step_count))
    if step < warmup:
        return options.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, options.step_count - warmup)
    floor = SCHEDULE["floor_fraction"]
    return options.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def train(shape: Shape, corpus: Corpus, options: TrainingOptions, run: rhumb.Run) -> Dict[str, Any]:
    """Trains to the end and returns what was measured: losses in nats a token, step times in seconds.

    The final loss is that of all held-out text. The step time is the median over steps but for the first fifth: other
    work on the machine lengthens some of them, and none is shortened. The noise scale is the median over the second
    half: it grows, and at the end, where the gradient is small, there may be no estimate.
    """
    torch.set_num_threads(options.thread_count)
    model = Decoder(shape, options.seed)
    optimizer = _optimizer(model, options.learning_rate)
    tracker = rhumb.torch.track(
        run,
        model,
        micro_batch_tokens=SEQUENCE_LENGTH * options.micro_batch_size,
        accumulation_steps=ACCUMULATION_STEPS,
        noise_every=NOISE_EVERY,
    )
    held_out = _windows(corpus.held_out)
    few_held_out = held_out[:: max(1, len(held_out) // 128)]
    evaluate_every = max(1, options.step_count // max(1, options.evaluation_count))
    batches = _micro_batches(corpus.train, options.seed, options.micro_batch_size)
    seconds: List[float] = []
    noise_scales: List[float] = []
    for step in range(options.step_count):
        began = options.now()
        rate = learning_rate_at(step, options)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _step(model, optimizer, batches, tracker)
        seconds.append(options.now() - began)
        measured: Dict[str, Any] = {}
        if (step + 1) % evaluate_every == 0 and step + 1 < options.step_count:
            with tracker.pause():
                measured["val_loss"] = evaluate(model, few_held_out)
        tracker.step(lr=rate, **measured)
        if step >= options.step_count // 2 and tracker.noise is not None and tracker.noise.tokens is not None:
            noise_scales.append(tracker.noise.tokens)
        if options.progress is not None:
            options.progress(step + 1, options.step_count, loss)
    final_loss = evaluate(model, held_out)
    run.log(options.step_count, options.step_count * options.step_tokens, val_loss=final_loss)
    return {
        "loss_nats": final_loss,
        "step_seconds": _median_of_later(seconds),
        "train_seconds": sum(seconds),
        "noise_scale_tokens": statistics.median(noise_scales) if noise_scales else None,
    }


def time_steps(shape: Shape, corpus: Corpus, options: TrainingOptions) -> float:
    """Seconds of a step, as `train` measures it, without training to any end."""
    torch.set_num_threads(options.thread_count)
    model = Decoder(shape, options.seed)
    optimizer = _optimizer(model, options.learning_rate)
    batches = _micro_batches(corpus.train, options.seed, options.micro_batch_size)
    seconds = []
    for _ in range(options.step_count):
        began = options.now()
        _step(model, optimizer, batches, None)
        seconds.append(options.now() - began)
    return _median_of_later(seconds)


def settings_of(shape: Shape, corpus: Corpus, options: TrainingOptions, gpu_type: str) -> Dict[str, Any]:
    """RunSettings, for rhumb.start."""
    return {
        "params": shape.param_count,
        "total_tokens": options.step_count * options.step_tokens,
        "unique_tokens": corpus.unique_token_count,
        "batch_tokens": options.step_tokens,
        "schedule": SCHEDULE,
        "gpu": gpu_type,
        "gpu_count": 1,
        "tokenizer": TOKENIZER,
        "dataset": DATASET,
        "learn": True,
    }


@torch.no_grad()
def evaluate(model: Decoder, windows: torch.Tensor) -> float:
    """Mean loss over `windows`, nats a token."""
    total = 0.0
    for begin in range(0, len(windows), EVALUATION_SEQUENCES):
        part = windows[begin : begin + EVALUATION_SEQUENCES]
        total += float(model.loss(part)) * len(part)
    return total / len(windows)


def _step(model: Decoder, optimizer: torch.optim.Optimizer, batches: Iterator[torch.Tensor], tracker: Any) -> float:
    """One optimizer step; the loss of its last micro-batch."""
    optimizer.zero_grad(set_to_none=True)
    for _ in range(ACCUMULATION_STEPS):
        loss = model.loss(next(batches)) / ACCUMULATION_STEPS
        loss.backward()
        if tracker is not None:
            tracker.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach()) * ACCUMULATION_STEPS


def _optimizer(model: Decoder, learning_rate: float) -> torch.optim.Optimizer:
    """AdamW; matrices decay, norms do not."""
    parameters = list(model.parameters())
    groups = [
        {"params": [each for each in parameters if each.dim() >= 2], "weight_decay": 0.1},
        {"params": [each for each in parameters if each.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), foreach=True)


def _median_of_later(seconds: List[float]) -> float:
    return statistics.median(seconds[len(seconds) // 5 :])


def _windows(text: bytes) -> torch.Tensor:
    """Side by side, shape (count, SEQUENCE_LENGTH + 1): a window begins with the token that the one before ends with."""
    tokens = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    count = (len(tokens) - 1) // SEQUENCE_LENGTH
    begins = torch.arange(count)[:, None] * SEQUENCE_LENGTH
    return tokens[begins + torch.arange(SEQUENCE_LENGTH + 1)[None, :]]


def _micro_batches(text: bytes, seed: int, micro_batch_size: int) -> Iterator[torch.Tensor]:
    """Every window once an epoch, in an order, and cut at places, that differ from epoch to epoch."""
    generator = torch.Generator().manual_seed(seed)
    left = torch.empty(0, SEQUENCE_LENGTH + 1, dtype=torch.long)
    while True:
        phase = int(torch.randint(SEQUENCE_LENGTH, (1,), generator=generator))
        windows = _windows(text[phase:])
        windows = torch.cat([left, windows[torch.randperm(len(windows), generator=generator)]])
        whole = len(windows) // micro_batch_size * micro_batch_size
        yield from windows[:whole].split(micro_batch_size)
        left = windows[whole:]
