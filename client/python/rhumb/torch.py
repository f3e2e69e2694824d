# SPDX-License-Identifier: Apache-2.0
"""A plain PyTorch loop, told with two calls a step; imports torch when it is used, not when rhumb is.

    tracker = rhumb.torch.track(run, model, micro_batch_tokens=8 * 1024, accumulation_steps=4)
    for step in range(steps):
        for micro_batch in micro_batches:
            loss = model(micro_batch) / 4
            loss.backward()
            tracker.backward(loss)
        optimizer.step()
        tracker.step(lr=scheduler.get_last_lr()[0])
        optimizer.zero_grad()
"""

from __future__ import annotations

import logging
import time
from typing import Any, List, Optional

from ._run import Run
from .noise_scale import NoiseScale

LOG = logging.getLogger("rhumb")


def track(
    run: Run,
    model: Any,
    *,
    micro_batch_tokens: int,
    accumulation_steps: int = 1,
    world_size: Optional[int] = None,
    log_every: int = 1,
    noise_every: int = 1,
    loss_is_divided: bool = True,
    first_step: int = 0,
    first_tokens: int = 0,
) -> "Tracker":
    """A Tracker of a model's training loop. Call it on every rank.

    micro_batch_tokens: of one backward pass of one rank. accumulation_steps: backward passes a step. world_size: data
    parallel ranks; None: those of torch.distributed, else 1. log_every, noise_every: steps between reading the loss from
    the device, and between measurements of the noise scale. loss_is_divided: whether the loss of a pass is divided by
    accumulation_steps before backward(). first_step, first_tokens: done before, as of a checkpoint.

    The noise scale needs two batch sizes: several backward passes a step (with DistributedDataParallel in no_sync() but
    for the last), or DistributedDataParallel with one. Parameters must not be sharded (FSDP, tensor parallelism).
    """
    return Tracker(
        run, model, micro_batch_tokens, accumulation_steps, world_size, log_every, noise_every, loss_is_divided, first_step, first_tokens
    )


class Tracker:
    """Counts steps and tokens, times steps, measures the gradient noise scale, and logs them to a run."""

    def __init__(
        self,
        run: Run,
        model: Any,
        micro_batch_tokens: int,
        accumulation_steps: int,
        world_size: Optional[int],
        log_every: int,
        noise_every: int,
        loss_is_divided: bool,
        first_step: int,
        first_tokens: int,
    ) -> None:
        for name, value in (("micro_batch_tokens", micro_batch_tokens), ("accumulation_steps", accumulation_steps)):
            if value < 1:
                raise ValueError("%s must be at least 1, got %r" % (name, value))
        self._run = run
        self._model = model
        self._passes = accumulation_steps
        self._world_size = world_size if world_size is not None else _world_size()
        self._micro_batch_tokens = micro_batch_tokens
        self._log_every, self._noise_every = max(1, log_every), max(1, noise_every)
        self._loss_factor = accumulation_steps if loss_is_divided else 1
        self.step_count = first_step
        self.token_count = first_tokens
        self._pass = 0
        self._losses: List[Any] = []
        self._norm: Any = None
        self._clock: Optional[float] = None
        self._clock_step = first_step
        self.noise: Optional[NoiseScale] = None
        self._is_measuring = True
        self._small: Any = None
        self._small_tokens = micro_batch_tokens
        self._local: Optional[_LocalNorm] = None
        if self._passes == 1 and self._world_size > 1 and _is_ddp(model):
            try:
                self._local = _LocalNorm(model)
            except Exception as error:  # pylint: disable=broad-except
                LOG.warning("rhumb: the gradient noise scale is not measured, the model taking no hook: %s", error)

    @property
    def step_tokens(self) -> int:
        """Of all ranks."""
        return self._micro_batch_tokens * self._passes * self._world_size

    def backward(self, loss: Any = None) -> None:
        """After each backward(), before gradients are clipped. loss: of that pass, as it was differentiated."""
        if loss is not None:
            self._losses.append(loss.detach())
        self._pass += 1
        if not self._is_measuring or (self.step_count + 1) % self._noise_every:
            return
        try:
            self._measure()
        except Exception as error:  # pylint: disable=broad-except
            self._is_measuring = False
            LOG.warning("rhumb: the gradient noise scale is not measured: %s", error)

    def step(self, lr: Optional[float] = None, mem: Optional[int] = None, **fields: Any) -> None:
        """After optimizer.step(). mem: None: the highest that torch.cuda has allocated. fields: as Run.log takes them."""
        self.step_count += 1
        self.token_count += self.step_tokens
        self._pass = 0
        if self.step_count % self._log_every and self._clock is not None:
            return
        loss, norm = self._read()
        now = time.monotonic()
        steps = self.step_count - self._clock_step
        # Without the first steps, which compile and allocate.
        step_time = (now - self._clock) / steps if self._clock is not None and steps else None
        self._clock, self._clock_step = now, self.step_count
        if mem is None:
            mem = _peak_memory()
        scale = self.noise.tokens if self.noise is not None else None
        fields.setdefault("grad_norm", norm)
        fields.setdefault("noise_scale", scale)
        self._run.log(self.step_count, self.token_count, loss, step_time, mem, lr, **fields)

    def pause(self) -> Any:
        """`with tracker.pause():` around evaluation and checkpoints, whose time is not a step's."""
        return _Pause(self)

    def _read(self) -> "tuple[Optional[float], Optional[float]]":
        """Mean loss since the last time, and the last gradient norm. Waits for the device."""
        loss = None
        if self._losses:
            loss = float(sum(self._losses) / len(self._losses)) * self._loss_factor
            self._losses = []
        norm = float(self._norm) ** 0.5 if self._norm is not None else None
        self._norm = None
        return loss, norm

    def _measure(self) -> None:
        if self._pass == 1 and self._passes > 1:
            # The sum so far is the first micro-batch alone. If the loss is divided, so is its gradient.
            self._small = _square_norm(self._model) * self._loss_factor**2
            # Set by forward(): whether the pass that just ended is one of no_sync(). If not, it is a mean over all ranks.
            is_reduced = _is_ddp(self._model) and bool(self._model.require_forward_param_sync)
            self._small_tokens = self._micro_batch_tokens * (self._world_size if is_reduced else 1)
        if self._pass != self._passes:
            return
        big = _square_norm(self._model)
        if self._loss_factor != self._passes:
            big = big / self._passes**2
        self._norm = big
        small = self._local.take() if self._local is not None else self._small
        if small is None:
            return
        if self.noise is None or self.noise.small_batch_tokens != self._small_tokens:
            self.noise = NoiseScale(self._small_tokens, self.step_tokens)
        self.noise.update(float(small), float(big))


class _Pause:
    """Moves the tracker's clock, and the run's, over the time of a block."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._run_pause = tracker._run.pause()
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._run_pause.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._run_pause.__exit__(*error)
        if self._tracker._clock is not None:
            self._tracker._clock += time.monotonic() - self._began


class _LocalNorm:
    """|g|^2 of this rank's own gradient, seen where DistributedDataParallel is about to average it."""

    def __init__(self, model: Any) -> None:
        from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

        self._square: Any = None

        # DistributedDataParallel looks at annotations, and wants its own or none.
        def hook(group, bucket):  # type: ignore[no-untyped-def]
            square = bucket.buffer().detach().float().pow(2).sum()
            self._square = square if self._square is None else self._square + square
            return allreduce_hook(group, bucket)

        model.register_comm_hook(None, hook)

    def take(self) -> Any:
        square, self._square = self._square, None
        return square


def _square_norm(model: Any) -> Any:
    """Of the gradients that the parameters hold, in single precision."""
    import torch

    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    squares = [gradient.detach().float().pow(2).sum() for gradient in gradients]
    return torch.stack(squares).sum() if squares else torch.zeros(())


def _is_ddp(model: Any) -> bool:
    return hasattr(model, "require_backward_grad_sync") and hasattr(model, "register_comm_hook")


def _world_size() -> int:
    import torch.distributed

    distributed: Any = torch.distributed
    return int(distributed.get_world_size()) if distributed.is_available() and distributed.is_initialized() else 1


def _peak_memory() -> Optional[int]:
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
