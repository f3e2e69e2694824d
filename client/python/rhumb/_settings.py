# SPDX-License-Identifier: Apache-2.0
"""What a run is, from the words of a training script: RunSettings."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from ._human import read_integer, read_number, read_usd


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text, got %r" % (value,))
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected True or False, got %r" % (value,))
    return value


def read_enum(value: Any) -> str:
    """The name of an enum value as the daemon reads it: lower case and dashes are a person's."""
    return _text(value).upper().replace("-", "_")


def _schedule(value: Any) -> Dict[str, Any]:
    schedule = dict(value) if isinstance(value, Mapping) else {"kind": value}
    allowed = ("kind", "warmup_fraction", "floor_fraction", "decay_fraction")
    unknown = sorted(set(schedule) - set(allowed))
    if unknown:
        raise ValueError("no such part of a schedule: %s; allowed: %s" % (", ".join(unknown), ", ".join(allowed)))
    for name in schedule:
        schedule[name] = read_enum(schedule[name]) if name == "kind" else read_number(schedule[name])
    return schedule


_FIELDS: Dict[str, Callable[[Any], Any]] = {
    "target_token_count": read_integer,
    "param_count": read_integer,
    "param_count_convention": read_enum,
    "unique_token_count": read_integer,
    "global_batch_tokens": read_integer,
    "schedule": _schedule,
    "framework": _text,
    "gpu_type": _text,
    "gpu_count": read_integer,
    "price_usd_per_gpu_hour": read_usd,
    "tokenizer": _text,
    "dataset": _text,
    "learn": _switch,
}
# Shorter words, those of the command line.
_ALIASES = {
    "total_tokens": "target_token_count",
    "tokens": "target_token_count",
    "params": "param_count",
    "unique_tokens": "unique_token_count",
    "batch_tokens": "global_batch_tokens",
    "gpu": "gpu_type",
    "price": "price_usd_per_gpu_hour",
}


def read_settings(given: Mapping[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    """RunSettings, and what is wrong with what was given: that is left out, because no run fails by its report."""
    settings: Dict[str, Any] = {}
    problems: List[str] = []
    for word, value in given.items():
        field = _ALIASES.get(word, word)
        read = _FIELDS.get(field)
        if read is None:
            problems.append("there is no setting %s; there are %s" % (word, ", ".join(sorted(_FIELDS))))
        elif field in settings:
            problems.append("%s is given twice" % field)
        elif value is not None:
            try:
                settings[field] = read(value)
            except ValueError as error:
                problems.append("%s: %s" % (word, error))
    return settings, problems
