# SPDX-License-Identifier: Apache-2.0
"""A planning question in a script's words: CreatePlanRequest."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from ._errors import FieldViolation, InvalidArgument
from ._human import read_bytes, read_count, read_duration, read_gpus, read_integer, read_number, read_usd
from ._settings import read_enum

Reader = Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text, got %r" % (value,))
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected True or False, got %r" % (value,))
    return value


def _message(value: Any) -> Dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("expected a dict with the fields of the message, got %r" % (value,))
    return dict(value)


def _pools(value: Any) -> List[Dict[str, Any]]:
    return [read_gpus(each) for each in (value if isinstance(value, (list, tuple)) else [value])]


def _fields(reader: Reader, names: str) -> Dict[str, Reader]:
    return dict.fromkeys(names.split(), reader)


# As in proto/rhumb/v1/plan_service.proto, which a test compares.
_FIELDS: Dict[str, Reader] = {
    **_fields(read_count, "compute_flops lifetime_compute_flops gpu_hours noise_scale_tokens max_power_watts"),
    **_fields(read_duration, "deadline_seconds startup_seconds"),
    **_fields(read_usd, "budget_usd inference_usd_per_gpu_hour price_usd_per_gpu_hour"),
    **_fields(
        read_number,
        "target_loss_nats max_epoch_count inference_prefill_fraction inference_prefill_mfu inference_decode_mfu"
        " tokens_per_param mfu memory_headroom_fraction failures_per_gpu_hour level step_time_factor",
    ),
    **_fields(read_bytes, "serving_memory_bytes max_memory_bytes"),
    **_fields(
        read_integer,
        "unique_token_count inference_token_count param_count min_param_count max_param_count token_count"
        " sequence_length vocab_size global_batch_tokens min_global_batch_tokens max_global_batch_tokens max_job_count"
        " done_token_count done_step_count",
    ),
    **_fields(read_enum, "param_count_convention precision objective"),
    **_fields(_text, "batch_rule cluster partition gpu_type framework calibration law request_id"),
    **_fields(_switch, "free_only validate_only include_alternatives"),
    **_fields(_message, "architecture layout"),
    "gpu_pools": _pools,
}
_LAYOUT_FIELDS: Dict[str, Reader] = {
    **_fields(
        read_integer,
        "tensor_parallel_size pipeline_parallel_size context_parallel_size expert_parallel_size data_parallel_size"
        " virtual_pipeline_stages zero_stage micro_batch_size gradient_accumulation_steps max_tensor_parallel_size"
        " max_pipeline_parallel_size",
    ),
    "recompute": read_enum,
}
# The command line's shorter words.
_ALIASES = {
    "compute": "compute_flops",
    "lifetime_compute": "lifetime_compute_flops",
    "deadline": "deadline_seconds",
    "startup": "startup_seconds",
    "budget": "budget_usd",
    "target_loss": "target_loss_nats",
    "unique_tokens": "unique_token_count",
    "max_epochs": "max_epoch_count",
    "inference_tokens": "inference_token_count",
    "serving_memory": "serving_memory_bytes",
    "params": "param_count",
    "min_params": "min_param_count",
    "max_params": "max_param_count",
    "tokens": "token_count",
    "batch_tokens": "global_batch_tokens",
    "min_batch_tokens": "min_global_batch_tokens",
    "max_batch_tokens": "max_global_batch_tokens",
    "done_tokens": "done_token_count",
    "done_steps": "done_step_count",
    "noise_scale": "noise_scale_tokens",
    "gpus": "gpu_pools",
    "free": "free_only",
    "gpu": "gpu_type",
    "price": "price_usd_per_gpu_hour",
    "max_jobs": "max_job_count",
    "alternatives": "include_alternatives",
    "arch": "architecture",
}
# Of every pool of gpu_pools that does not say it itself.
_POOL_FIELDS: Dict[str, Reader] = {
    **_fields(read_integer, "gpus_per_node"),
    **_fields(read_number, "inter_node_gbps_per_gpu"),
}


def read_question(question: Mapping[str, Any]) -> Dict[str, Any]:
    """CreatePlanRequest as JSON. Raises InvalidArgument that names every field that is wrong."""
    request: Dict[str, Any] = {}
    violations: List[FieldViolation] = []
    pool_details: Dict[str, Any] = {}
    for word, value in question.items():
        if value is None:
            continue
        name = _ALIASES.get(word, word)
        reader, target, path = _FIELDS.get(name), request, name
        if name in _LAYOUT_FIELDS:
            reader, target, path = _LAYOUT_FIELDS[name], request.setdefault("layout", {}), "layout." + name
        elif name in _POOL_FIELDS:
            reader, target = _POOL_FIELDS[name], pool_details
        if reader is None:
            violations.append(FieldViolation(word, "there is no such field of a question"))
            continue
        try:
            _set(target, name, reader(value))
        except ValueError as error:
            violations.append(FieldViolation(path, str(error)))
    if pool_details and not request.get("gpu_pools"):
        violations += [FieldViolation(name, "needs gpus") for name in pool_details]
    for pool in request.get("gpu_pools", ()):
        for name, value in pool_details.items():
            pool.setdefault(name, value)
    if violations:
        raise InvalidArgument("the question is malformed", violations)
    return request


def _set(target: Dict[str, Any], name: str, value: Any) -> None:
    # layout={...} and tensor_parallel_size=... may both be given, of different parts.
    if name == "layout":
        for part, part_value in value.items():
            _set(target.setdefault("layout", {}), part, part_value)
    elif name in target:
        raise ValueError("it is given twice")
    else:
        target[name] = value
