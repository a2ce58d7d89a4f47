"""Owns the written form of points kept over a restart: sources by digest, so that no two are ever mixed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bot.core.numbers import canonical_json, digest
from bot.feeds.reading import Name, Points, Unusable
from bot.feeds.shapes import reading_of

VERSION = 1
Kept = Mapping[Name, tuple[str, Mapping[str, Points]]]  # feed -> source, series


def source_of(url: str) -> str:
    """What stands for an address in the record; the address may hold a key."""
    return digest(url)


def encode(kept: Kept) -> bytes:
    """The same points give the same bytes."""
    feeds = {name: {"source": source, "series": series} for name, (source, series) in kept.items()}
    return canonical_json({"version": VERSION, "feeds": feeds}).encode()


def decode(state: bytes, name: Name, source: str) -> dict[str, Points]:
    """The series of one feed, none where another source told them; raises `Unusable` for what `encode` never wrote."""
    try:
        told: Any = json.loads(state, parse_float=Decimal)
        feeds = told["feeds"] if told["version"] == VERSION else {}
        own = feeds.get(name)
        series = own["series"] if own and own["source"] == source else {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"what was kept cannot be read: {type(error).__name__}") from None
    if not series:
        return {}
    # Sentiment's form names each series, and a percentage is a percentage.
    return dict(reading_of("sentiment", series).series)
