"""Owns reading a request's parameters: present, legal, typed, or refused in Binance's words. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from urllib.parse import parse_qsl

from bot.local_exchange import errors

DECIMAL = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
WHOLE = re.compile(r"^[0-9]{1,20}$")
CLIENT_ID = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
SYMBOL = re.compile(r"^[A-Z0-9-_.]{1,20}$")


class Parameters(Mapping[str, str]):
    """What a request said, from its query string and its body alike; every reader raises `errors.WireError`."""

    def __init__(self, query: bytes, body: bytes = b"") -> None:
        self._said: dict[str, str] = {}
        for raw in (query, body):
            for name, value in parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True):
                if name in self._said:
                    raise errors.twice(name)
                self._said[name] = value

    def __getitem__(self, name: str) -> str:
        return self._said[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)

    def only(self, known: Collection[str]) -> None:
        """Refuse parameters outside ``known`` (spot does, futures does not)."""
        strange = sum(name not in known for name in self._said)
        if strange:
            raise errors.unread(len(self._said) - strange, len(self._said))

    def text(self, name: str) -> str:
        """A mandatory text."""
        value = self._said.get(name, "")
        if not value:
            raise errors.mandatory(name)
        return value

    def text_or_none(self, name: str) -> str | None:
        """An optional text; sent but empty is refused."""
        value = self._said.get(name)
        if value == "":
            raise errors.empty(name)
        return value

    def decimal(self, name: str) -> Decimal:
        """A mandatory number without sign and exponent."""
        return _decimal(name, self.text(name))

    def decimal_or_none(self, name: str) -> Decimal | None:
        """An optional number."""
        value = self.text_or_none(name)
        return None if value is None else _decimal(name, value)

    def whole(self, name: str) -> int:
        """A mandatory whole number, 0 or above."""
        return _whole(name, self.text(name))

    def whole_or_none(self, name: str) -> int | None:
        """An optional whole number."""
        value = self.text_or_none(name)
        return None if value is None else _whole(name, value)

    def limit(self, default: int, most: int) -> int:
        """``limit``: rows wanted, from 1; more than ``most`` is cut to it."""
        value = self.whole_or_none("limit")
        if value is None:
            return default
        if value < 1:
            raise errors.WireError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(value, most)

    def span(self) -> tuple[int | None, int | None]:
        """``startTime`` and ``endTime`` in milliseconds; a span that runs backwards is refused."""
        start, end = self.whole_or_none("startTime"), self.whole_or_none("endTime")
        if start is not None and end is not None and start > end:
            raise errors.WireError(-1127, "Start time is greater than end time.")
        return start, end

    def flag(self, name: str) -> bool:
        """``true`` or ``false`` in any case; absent is false."""
        value = (self.text_or_none(name) or "false").lower()
        if value not in {"true", "false"}:
            raise errors.illegal(name, "^(true|false)$")
        return value == "true"

    def client_id(self, name: str) -> str | None:
        """A client order id in the venue's alphabet, or None."""
        value = self.text_or_none(name)
        if value is not None and not CLIENT_ID.match(value):
            raise errors.illegal(name, CLIENT_ID.pattern)
        return value

    def symbols(self) -> list[str] | None:
        """``symbol``, or the JSON list ``symbols``; None asks for all."""
        one, many = self.text_or_none("symbol"), self.text_or_none("symbols")
        if one is not None and many is not None:
            raise errors.WireError(-1128, "Combination of optional parameters invalid.")
        if many is None:
            return None if one is None else [_symbol("symbol", one)]
        try:
            listed = json.loads(many)
        except ValueError as error:
            raise errors.illegal("symbols", SYMBOL.pattern) from error
        if not isinstance(listed, list) or not listed or not all(isinstance(item, str) for item in listed):
            raise errors.illegal("symbols", SYMBOL.pattern)
        return [_symbol("symbols", item) for item in listed]


def _decimal(name: str, value: str) -> Decimal:
    if not DECIMAL.match(value):
        raise errors.illegal(name, DECIMAL.pattern)
    return Decimal(value)


def _whole(name: str, value: str) -> int:
    if not WHOLE.match(value):
        raise errors.illegal(name, WHOLE.pattern)
    return int(value)


def _symbol(name: str, value: str) -> str:
    if not SYMBOL.match(value):
        raise errors.illegal(name, SYMBOL.pattern)
    return value
