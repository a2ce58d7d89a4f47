"""Owns how an answer about the market is written down and read again, digit by digit. Knows no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from bot.core.snapshot import BAR_COLUMNS, Book, Funding, Point, Ticker

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """``decode`` raises ValueError on what ``encode`` did not write."""

    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]


def _json(adapter: TypeAdapter[Any]) -> Codec[Any]:
    return Codec(adapter.dump_json, adapter.validate_json)


def _bars(raw: bytes) -> NDArray[np.float64]:
    return np.frombuffer(raw, dtype=np.float64).reshape(-1, BAR_COLUMNS).copy()


QUOTES: Final[Codec[Mapping[str, Ticker]]] = _json(TypeAdapter(dict[str, Ticker]))
FUNDING: Final[Codec[Mapping[str, Funding]]] = _json(TypeAdapter(dict[str, Funding]))
BOOK: Final[Codec[Book]] = _json(TypeAdapter(Book))
POINTS: Final[Codec[Sequence[Point]]] = _json(TypeAdapter(list[Point]))
AHEAD: Final[Codec[timedelta]] = _json(TypeAdapter(timedelta))
NUMBERS: Final[Codec[Mapping[str, Decimal]]] = _json(TypeAdapter(dict[str, Decimal]))
CANDLES: Final[Codec[NDArray[np.float64]]] = Codec(
    lambda bars: np.ascontiguousarray(bars, dtype=np.float64).tobytes(), _bars
)
