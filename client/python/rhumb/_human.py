# SPDX-License-Identifier: Apache-2.0
"""Numbers as people write them (7B, 21d, 80GiB, $25k, 256xH100-SXM5-80GB), read as the command `rhumb` reads them.

Every reader wants the whole text to be one number of its form and raises ValueError that shows the text and the
allowed forms. Numbers that are numbers already pass through, checked.
"""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Any, Dict, Optional, Union

_COUNT_FORMS = "a count such as 7e9, 350M, 7B or 1.4T"
_DURATION_FORMS = "a duration such as 21d, 36h, 1h30m or 2w, or a date such as 2027-03-01"
_BYTE_FORMS = "bytes such as 80GiB or 80GB"
_USD_FORMS = "US dollars such as $25k, $1.5M or 25000"
_GPU_FORMS = "a count and a GPU type such as 256xH100-SXM5-80GB, with @2.5 for a price"
_NUMBER_FORMS = "a number such as 0.41 or 1e-3"

_DECIMAL = r"(?:\d+\.?\d*|\.\d+)"
_SUFFIXED = re.compile(r"(%s)(e[+-]?\d{1,4})?([KMBGT]?)" % _DECIMAL, re.IGNORECASE)
_COUNT_SHIFTS = {"": 0, "K": 3, "M": 6, "B": 9, "G": 9, "T": 12}
_DURATION_PART = re.compile(r"(%s(?:e[+-]?\d{1,4})?)([wdhms]?)" % _DECIMAL)
_DURATION_SECONDS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})Z?)?")
_BYTES = re.compile(r"(%s(?:e[+-]?\d{1,4})?)([A-Za-z]*)" % _DECIMAL)
_BYTE_FACTORS = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_BYTE_FACTORS.update({"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50})
_GPUS = re.compile(r"(\d+)[xX]([A-Za-z0-9-]+)(?:@(.+))?")
_MAX_GPU_COUNT = 10_000_000
_MAX_INTEGER = 2**63 - 1

Number = Union[int, float]


def read_number(value: Any) -> float:
    """A decimal number of either sign, without suffix."""
    if isinstance(value, str):
        if not re.fullmatch(r"-?%s(?:e[+-]?\d{1,4})?" % _DECIMAL, value, re.IGNORECASE):
            raise _expected(_NUMBER_FORMS, value)
        value = float(value)
    return float(_finite(value, _NUMBER_FORMS))


def read_count(value: Any) -> float:
    """At or above 0: `7e9`, `7B`, `1.4T` (powers of 1000, either case)."""
    if isinstance(value, str):
        value = float(_suffixed(value, value, _COUNT_FORMS))
    return float(_not_negative(value, _COUNT_FORMS))


def read_integer(value: Any) -> int:
    """As read_count, of whole things, within int64."""
    if isinstance(value, str) and not value.isdigit():
        exact = _suffixed(value, value, _COUNT_FORMS)
        if exact != int(exact):
            raise _expected(_COUNT_FORMS, value, "it must be a whole number")
        value = int(exact)
    elif isinstance(value, str):
        value = int(value)
    else:
        _not_negative(value, _COUNT_FORMS)
        if value != int(value):
            raise _expected(_COUNT_FORMS, value, "it must be a whole number")
        value = int(value)
    whole: int = value
    if whole > _MAX_INTEGER:
        raise _expected(_COUNT_FORMS, value, "out of range")
    return whole


def read_duration(value: Any, now: Optional[datetime.datetime] = None) -> float:
    """Seconds, above 0: `21d`, `1h30m`, a number of seconds, a timedelta, or the time left until a date (UTC)."""
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        date = _DATE.fullmatch(value)
        value = _seconds_until(value, date, now) if date else _duration(value)
    seconds = float(_not_negative(value, _DURATION_FORMS))
    if seconds == 0:
        raise _expected(_DURATION_FORMS, value, "it must be above 0")
    return seconds


def read_bytes(value: Any) -> float:
    """`80GiB` (powers of 1024), `80GB` (powers of 1000); a lone `80G` could mean either and is refused."""
    if isinstance(value, str):
        match = _BYTES.fullmatch(value)
        if not match:
            raise _expected(_BYTE_FORMS, value)
        factor = _BYTE_FACTORS.get(match.group(2))
        if factor is None:
            raise _expected(_BYTE_FORMS, value, "units are kB, MB, GB, TB, PB and KiB, MiB, GiB, TiB, PiB")
        value = float(Decimal(match.group(1)) * factor)
    return float(_not_negative(value, _BYTE_FORMS))


def read_usd(value: Any) -> float:
    """`$25k`, `$1.5M`, `25000`."""
    if isinstance(value, str):
        value = float(_suffixed(value, value[1:] if value.startswith("$") else value, _USD_FORMS))
    return float(_not_negative(value, _USD_FORMS))


def read_gpus(value: Any) -> Dict[str, Any]:
    """A GpuPool: `256xH100-SXM5-80GB`, with a price a GPU-hour `256xH100-SXM5-80GB@2.5`, or the message itself."""
    if isinstance(value, dict):
        return dict(value)
    match = _GPUS.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise _expected(_GPU_FORMS, value)
    count = int(match.group(1))
    if not 1 <= count <= _MAX_GPU_COUNT:
        raise _expected(_GPU_FORMS, value, "the count is from 1 to %d" % _MAX_GPU_COUNT)
    pool: Dict[str, Any] = {"gpu_type": match.group(2), "count": count}
    if match.group(3) is not None:
        pool["price_usd_per_gpu_hour"] = read_usd(match.group(3))
    return pool


def _suffixed(text: str, number: str, forms: str) -> Decimal:
    match = _SUFFIXED.fullmatch(number)
    if not match:
        raise _expected(forms, text, "" if number[:1].isdigit() else "it does not begin with a digit")
    shift = _COUNT_SHIFTS[match.group(3).upper()]
    if shift and match.group(2):
        raise _expected(forms, text, "give an exponent or a suffix, not both")
    value = Decimal(match.group(1) + (match.group(2) or "")).scaleb(shift)
    if not math.isfinite(float(value)):
        raise _expected(forms, text, "out of range")
    return value


def _duration(text: str) -> float:
    seconds, rest, units = 0.0, text, "wdhms"
    while rest:
        match = _DURATION_PART.match(rest)
        if not match:
            raise _expected(_DURATION_FORMS, text)
        amount, unit = float(match.group(1)), match.group(2)
        rest = rest[match.end() :]
        if not unit:
            # After a unit a bare number would be a guess (1h30).
            if rest or units != "wdhms":
                raise _expected(_DURATION_FORMS, text, "a number has no unit")
            return amount
        if unit not in units:
            raise _expected(_DURATION_FORMS, text, "units are w, d, h, m and s, in this order, each once")
        units = units[units.index(unit) + 1 :]
        seconds += amount * _DURATION_SECONDS[unit]
    if not text:
        raise _expected(_DURATION_FORMS, text, "it is empty")
    return seconds


def _seconds_until(text: str, date: "re.Match[str]", now: Optional[datetime.datetime]) -> float:
    try:
        moment = datetime.datetime.strptime(date.group(1) + "T" + (date.group(2) or "00:00"), "%Y-%m-%dT%H:%M")
    except ValueError:
        raise _expected(_DURATION_FORMS, text, "there is no such day or time") from None
    current = now or datetime.datetime.now(datetime.timezone.utc)
    seconds = (moment.replace(tzinfo=datetime.timezone.utc) - current).total_seconds()
    if seconds <= 0:
        raise _expected(_DURATION_FORMS, text, "that date is past")
    return seconds


def _finite(value: Any, forms: str) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _expected(forms, value)
    if not math.isfinite(value):
        raise _expected(forms, value, "it must be finite")
    return value


def _not_negative(value: Any, forms: str) -> Number:
    number = _finite(value, forms)
    if number < 0:
        raise _expected(forms, value, "it must not be negative")
    return number


def _expected(forms: str, got: Any, why: str = "") -> ValueError:
    shown = '"%s"' % got[:60] if isinstance(got, str) else repr(got)[:60]
    return ValueError("expected %s, got %s%s" % (forms, shown, ": " + why if why else ""))
