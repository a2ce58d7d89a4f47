"""Owns exact arithmetic: quantised fractions, venue steps, canonical text and digests. No I/O."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import Enum
from functools import lru_cache
from typing import Any

ZERO = Decimal(0)
ONE = Decimal(1)
NINE_PLACES = Decimal("1e-9")
CENT = Decimal("0.01")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def fraction(value: Decimal) -> Decimal:
    """Quantise a weight, drift, band or other fraction to 1e-9, half even, so that inclusive means inclusive."""
    return value.quantize(NINE_PLACES, ROUND_HALF_EVEN)


def floor_to(value: Decimal, step: Decimal | None) -> Decimal:
    """The largest multiple of ``step`` not over ``value`` (``value`` itself without a step)."""
    if step is None or step <= 0:
        return value
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal | None) -> Decimal:
    """The smallest multiple of ``step`` not under ``value`` (``value`` itself without a step)."""
    if step is None or step <= 0:
        return value
    return (value / step).to_integral_value(ROUND_CEILING) * step


def from_float(value: float) -> Decimal | None:
    """The shortest decimal that reads back as ``value``; None when it is not finite."""
    return Decimal(repr(float(value))) if math.isfinite(value) else None


def plain(value: Decimal) -> str:
    """Exact text without an exponent or trailing zeros: ``0.060`` and ``6E-2`` both give ``0.06``."""
    if not value:
        return "0"
    text = str(value)
    if "E" in text:
        text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if text[-1] == "0" and "." in text else text


@lru_cache(maxsize=256)  # what is read together bears one instant
def utc_text(at: datetime) -> str:
    """ISO 8601 in UTC ending in Z, with microseconds only where there are some."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=64)  # a decision asks of its one instant thousands of times
def milliseconds(at: datetime) -> int:
    """Whole milliseconds since the epoch."""
    return int((at - _EPOCH) / _MILLISECOND)


def from_milliseconds(ms: float) -> datetime:
    """The UTC instant ``ms`` milliseconds after the epoch."""
    return _EPOCH + timedelta(milliseconds=ms)


def jsonable(value: Any) -> Any:
    """Turn nouns into JSON values: decimals to plain strings, instants to UTC text, sets and tuples to lists."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(jsonable(item) for item in value)
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def _told(value: Any) -> Any:
    """What the encoder in C does not know, as what it knows; most of it is decimals."""
    if isinstance(value, Decimal):
        return plain(value)
    told = jsonable(value)
    if told is value:
        message = f"{type(value).__name__} has no JSON form"
        raise TypeError(message)
    return told


_encoded = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False, check_circular=False, default=_told
).encode


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces; raises ValueError on a non-finite float."""
    return _encoded(value)


def digest(*parts: str, length: int = 16) -> str:
    """The first ``length`` characters of the lower-case base32 sha256 over ``parts``, each ended by a NUL."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode())
        whole.update(b"\0")
    return base64.b32encode(whole.digest()).decode().lower()[:length]
