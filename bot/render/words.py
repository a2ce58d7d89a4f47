"""Owns how single values are written for people: money, percent, points, instants, amounts. No tables."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

UNKNOWN: Final = "?"
MINUS: Final = "−"
FRACTION_OF_SECOND: Final = re.compile(r"(T\d\d:\d\d:\d\d)\.\d+Z")


def money(value: object) -> str:
    """Accounting currency with thousands separators: ``12,345.60``; ``?`` where it is unknown."""
    number = _decimal(value)
    return UNKNOWN if number is None else f"{number:,.2f}".replace("-", MINUS)


def percent(share: object) -> str:
    """A fraction as ``52.5 %``."""
    number = _decimal(share)
    return UNKNOWN if number is None else f"{number * 100:.1f} %".replace("-", MINUS)


def points(share: object) -> str:
    """A signed fraction of equity in points: ``+2.5``."""
    number = _decimal(share)
    return UNKNOWN if number is None else f"{number * 100:+.1f}".replace("-", MINUS)


def times(value: object) -> str:
    """A multiple of equity: ``0.79 ×``."""
    number = _decimal(value)
    return UNKNOWN if number is None else f"{number:.2f} ×"


def amount(value: object) -> str:
    """Base units as they are, with thousands separators before the point only."""
    number = _decimal(value)
    if number is None:
        return UNKNOWN
    whole, dot, rest = f"{number:f}".partition(".")
    return f"{Decimal(whole):,}{dot}{rest}" if number >= 0 else f"{MINUS}{amount(-number)}"


def instant(value: object) -> str:
    """An instant as ``2026-01-05 13:00:00 UTC``; anything else as it is, ``?`` for nothing."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else UNKNOWN


def whole_seconds(text: str) -> str:
    """A sentence with the instants in it cut to seconds."""
    return FRACTION_OF_SECOND.sub(r"\1Z", text)


def reading(name: str, value: Any) -> str:
    """One reading: ``rsi 71.2``; a flag by its name alone, since only those that are true are shown."""
    word = name.replace("_", " ")
    if isinstance(value, bool):
        return word if value else f"not {word}"
    return f"{word} {value:,.5g}" if isinstance(value, int | float) else f"{word} {value}"


def sentence(text: str) -> str:
    """With a capital letter, for what begins a line."""
    return text[:1].upper() + text[1:]


def counted(number: int, noun: str, nouns: str = "") -> str:
    """``1 order``, ``2 orders``; ``nouns`` where an s does not make the plural."""
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"


def _decimal(value: object) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
