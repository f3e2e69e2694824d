# SPDX-License-Identifier: Apache-2.0
"""What the ladder showed: a row for the tables of rhumb, results as JSON, a page for people."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any, Dict, List

from corpus import DATASET, TOKENIZER, Corpus
from protocol import ACCUMULATION_STEPS, Protocol
from shape import VOCAB_SIZE, Shape

OBSERVATION_COLUMNS = [
    "run",
    "param_count",
    "token_count",
    "unique_token_count",
    "global_batch_tokens",
    "learning_rate",
    "loss_nats",
]
# Copied from the work folder beside the results.
_FILES = ["runs.csv", "steps.csv", "cpu.toml", "expected.json", "law.svg", "largest.svg"]


def step_row(row_id: str, shape: Shape, machine: Dict[str, Any], micro_batch_size: int, step_seconds: float) -> Dict[str, Any]:
    """A row of the table that docs/accuracy.md describes."""
    model = shape.as_plan_model()
    return {
        "row_id": row_id,
        "model": shape.name,
        "layers": shape.num_layers,
        "hidden": shape.hidden_size,
        "heads": model["num_attention_heads"],
        "head_dim": model["head_dim"],
        "ffn": model["ffn_hidden_size"],
        "vocab": VOCAB_SIZE,
        "seq": shape.sequence_length,
        "glu": 0,
        "tied": 1,
        "gpu": machine["gpu_type"],
        "n_gpus": 1,
        "gpus_per_node": 1,
        "mbs": micro_batch_size,
        "gbs": micro_batch_size * ACCUMULATION_STEPS,
        "precision": "bf16",
        "framework": "megatron",
        "iter_s": "%.6g" % step_seconds,
    }


def results(
    protocol: Protocol,
    corpus: Corpus,
    machine: Dict[str, Any],
    ladder: List[Dict[str, Any]],
    fit: Dict[str, Any],
    expected: Dict[str, Any],
    largest: Dict[str, Any],
) -> Dict[str, Any]:
    loss, step = largest["loss_nats"], largest["step_seconds"]
    planned = expected["loss"]
    loss_error = planned["mean_nats"] / loss - 1
    step_error = expected["step_seconds"] / step - 1
    in_interval = planned["low_nats"] <= loss <= planned["high_nats"]
    bars = protocol.bars
    checks = [
        _bar("predicted final loss over measured - 1", loss_error, abs(loss_error) <= bars.loss_error_fraction, bars.loss_error_fraction),
        _bar("predicted step time over measured - 1", step_error, abs(step_error) <= bars.step_error_fraction, bars.step_error_fraction),
    ]
    if bars.loss_in_interval:
        checks.append(_bar("final loss within its %g%% interval" % (100 * planned["level"]), in_interval, in_interval, True))
    has_noise_scale = largest["noise_scale_tokens"] is not None
    checks.append(_bar("gradient noise scale of the largest run measured, tokens", largest["noise_scale_tokens"], has_noise_scale, "known"))
    return {
        "machine": machine,
        "corpus": {
            "dataset": DATASET,
            "tokenizer": TOKENIZER,
            "sha256": corpus.sha256,
            "unique_token_count": corpus.unique_token_count,
            "held_out_token_count": len(corpus.held_out),
        },
        "ladder_training_flops": protocol.ladder_flops,
        "largest_to_ladder_flops": expected["training_flops"] / max(run.training_flops for run in protocol.runs),
        "epoch_count": expected["token_count"] / corpus.unique_token_count,
        "constants": fit["constants"],
        "backtest": fit.get("backtest"),
        "ladder": ladder,
        "expected": expected,
        "largest": largest,
        "loss_in_interval": in_interval,
        "bars": checks,
    }


def table(found: Dict[str, Any]) -> str:
    """Planned beside measured, and the bars, in Markdown."""
    expected, largest = found["expected"], found["largest"]
    loss = expected["loss"]
    lines = [
        "| of the largest run | planned | measured | planned / measured |",
        "| --- | --- | --- | --- |",
        "| final loss, nats a byte | %.4f (%g%%: %.4f to %.4f) | %.4f | %.4f |"
        % (loss["mean_nats"], 100 * loss["level"], loss["low_nats"], loss["high_nats"], largest["loss_nats"], loss["mean_nats"] / largest["loss_nats"]),
        "| step time, ms | %.1f | %.1f | %.3f |"
        % (1e3 * expected["step_seconds"], 1e3 * largest["step_seconds"], expected["step_seconds"] / largest["step_seconds"]),
        "| gradient noise scale, tokens | %s of the ladder's largest | %s | |"
        % (_tokens(expected["noise_scale_tokens"]), _tokens(largest["noise_scale_tokens"])),
        "",
        "| bar | value | allowed | met |",
        "| --- | --- | --- | --- |",
    ]
    for bar in found["bars"]:
        lines.append("| %s | %s | %s | %s |" % (bar["what"], _shown(bar["value"]), _shown(bar["allowed"]), "yes" if bar["is_met"] else "**no**"))
    return "\n".join(lines)


def write(output: pathlib.Path, work: pathlib.Path, found: Dict[str, Any], transcript: List[Dict[str, str]]) -> None:
    """results.json, README.md, the tables and the pictures, in the folder `output`."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "results.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name in _FILES:
        shutil.copyfile(work / name, output / name)
    (output / "README.md").write_text(_page(found, transcript), encoding="utf-8")


def _page(found: Dict[str, Any], transcript: List[Dict[str, str]]) -> str:
    machine, corpus, expected = found["machine"], found["corpus"], found["expected"]
    lines = [
        "# What the ladder showed",
        "Written by `tests/e2e/ladder/ladder.py`; what it does and why: [docs/ladder.md](../../ladder.md).",
        "",
        "    %s" % found["command"],
        "",
        "On %s, %d threads, %.0f GFLOP/s of matrix products. Text: %s, %s distinct bytes trained on, %s held out (sha256 %s)."
        % (
            machine["processor"],
            machine["thread_count"],
            machine["peak_flops_per_second"] / 1e9,
            corpus["dataset"],
            "{:,}".format(corpus["unique_token_count"]),
            "{:,}".format(corpus["held_out_token_count"]),
            corpus["sha256"][:16],
        ),
        "The largest run has %.1f times the compute of the ladder's largest and %.2f epochs. What was expected of it was written at %s, before it began."
        % (found["largest_to_ladder_flops"], found["epoch_count"], expected["written_time"]),
        "",
        table(found),
        "",
        "## The runs",
        "| run | parameters | tokens | learning rate | loss | step, ms | noise scale, tokens |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for run in found["ladder"] + [found["largest"]]:
        lines.append(
            "| %s | %s | %s | %.2e | %.4f | %.1f | %s |"
            % (
                run["run"],
                "{:,}".format(run["param_count"]),
                "{:,}".format(run["token_count"]),
                run["learning_rate"],
                run["loss_nats"],
                1e3 * run["step_seconds"],
                _tokens(run["noise_scale_tokens"]),
            )
        )
    lines += ["", "## What was asked, and answered"]
    for part in transcript:
        lines += ["```", "$ " + part["command"], part["output"], "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _bar(what: str, value: Any, is_met: bool, allowed: Any) -> Dict[str, Any]:
    return {"what": what, "value": value, "allowed": allowed, "is_met": bool(is_met)}


def _tokens(count: Any) -> str:
    return "not known" if count is None else "{:,.0f}".format(count)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "{:,.0f}".format(value) if abs(value) >= 10 else "%.4f" % value
    return str(value)
