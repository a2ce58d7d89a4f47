"""Owns the policy's one written form: its hash, its way there and back, what of it was changed; judges nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bot.core.policy.fields import format_duration
from bot.core.policy.policy import Policy
from bot.core.policy.wanted import Sleeve

HASH_LENGTH: Final = 16  # of base32: 80 bits


def plain(value: object) -> object:
    """Write a value as JSON can hold it: decimals as their shortest text, durations as `15m`, sections as maps."""
    if isinstance(value, BaseModel):
        return {
            name: plain(getattr(value, name))
            for name in sorted(type(value).model_fields)
            # In a sleeve, null and "not written" differ: the latter is inherited (R-T3).
            if not isinstance(value, Sleeve) or name in value.model_fields_set
        }
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in sorted(value.items())}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, timedelta):
        return format_duration(value)
    return value


def canonical(policy: Policy) -> dict[str, object]:
    """The policy as a map that JSON can hold and `Policy.model_validate` reads back to an equal one."""
    return {name: plain(getattr(policy, name)) for name in sorted(Policy.model_fields)}


def config_hash(policy: Policy) -> str:
    """16 letters and digits that stand for the policy: equal for equal policies, however they were written."""
    text = json.dumps(canonical(policy), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:HASH_LENGTH]


def changed_keys(policy: Policy) -> list[tuple[str, object, object]]:
    """Every key that differs from its default, as dotted key, value and default; what has no default is left out.

    A key of a partial group (`targets.sleeves.majors.trim.increment`) has the default None: it is inherited.
    """
    return list(_changed("", policy))


def _changed(prefix: str, section: BaseModel) -> Iterator[tuple[str, object, object]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        default = field.get_default(call_default_factory=True, validated_data={})
        yield from _changed_value(f"{prefix}{name}", value, default)


def _changed_value(where: str, value: object, default: object) -> Iterator[tuple[str, object, object]]:
    if isinstance(value, BaseModel):
        yield from _changed(f"{where}.", value)
    elif isinstance(value, Mapping):
        # A required map of plain values (a sleeve's weights) is what the portfolio is, not a change to it.
        for name, inner in value.items():
            if default is not PydanticUndefined or isinstance(inner, BaseModel):
                yield from _changed_value(f"{where}.{name}", inner, None)
    elif default is not PydanticUndefined and value != default:
        yield where, value, default
