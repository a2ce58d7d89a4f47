"""Owns reading a v5 request's parameters, from its query or its JSON body, and the pages of a list. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote

from bot.local_exchange.bybit import errors

DECIMAL = re.compile(r"^[0-9]{1,20}(\.[0-9]{1,20})?$")
WHOLE = re.compile(r"^[0-9]{1,18}$")
LINK_ID = re.compile(r"^[A-Za-z0-9_-]{1,45}$")
CURSOR = re.compile(r"^page:([0-9]{1,18})$")
Row = TypeVar("Row")


class Said(Mapping[str, str]):
    """What a request said; a JSON number or truth value is read as its text. Readers raise `V5Error`."""

    def __init__(self, query: bytes, body: bytes) -> None:
        self._said = dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))
        if body:
            self._said |= _of_json(body)

    def __getitem__(self, name: str) -> str:
        return self._said[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)

    def text(self, name: str) -> str:
        """A mandatory text."""
        value = self._said.get(name, "")
        if not value:
            raise errors.bad(f"{name} is required")
        return value

    def text_or_none(self, name: str) -> str | None:
        """An optional text; empty is not sent."""
        return self._said.get(name) or None

    def one_of(self, name: str, legal: Sequence[str], default: str | None = None) -> str:
        """One of a few words."""
        value = self._said.get(name) or default
        if value is None or value not in legal:
            raise errors.bad(f"{name} must be one of {', '.join(legal)}")
        return value

    def decimal(self, name: str) -> Decimal:
        """A mandatory number without sign and exponent."""
        value = self.text(name)
        if not DECIMAL.match(value):
            raise errors.bad(f"{name} invalid")
        return Decimal(value)

    def whole_or_none(self, name: str) -> int | None:
        """An optional whole number, 0 or above."""
        value = self.text_or_none(name)
        if value is None:
            return None
        if not WHOLE.match(value):
            raise errors.bad(f"{name} invalid")
        return int(value)

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        return self.one_of(name, ("true", "false"), "false") == "true"

    def limit(self, default: int, most: int) -> int:
        """Rows wanted, cut to ``most``."""
        value = self.whole_or_none("limit")
        if value == 0:
            raise errors.bad("limit invalid")
        return default if value is None else min(value, most)

    def span_ms(self) -> tuple[int | None, int | None]:
        """``startTime`` and ``endTime``; backwards is refused."""
        start, end = self.whole_or_none("startTime"), self.whole_or_none("endTime")
        if start is not None and end is not None and start > end:
            raise errors.bad("startTime must not be after endTime")
        return start, end

    def link_id(self, name: str = "orderLinkId") -> str | None:
        """A client's own id, or None."""
        value = self.text_or_none(name)
        if value is not None and not LINK_ID.match(value):
            raise errors.bad(f"{name} invalid")
        return value

    def page(self, rows: Sequence[Row], number: Callable[[Row], int], default: int, most: int) -> tuple[list[Row], str]:
        """A page of ``rows`` (highest ``number`` first) after the cursor, and the next one's: empty at the end.

        A cursor names the last row that was given, so that rows that come meanwhile shift nothing.
        """
        cursor, limit = self.text_or_none("cursor"), self.limit(default, most)
        if cursor is not None:
            named = CURSOR.match(unquote(cursor))
            if named is None:
                raise errors.bad("cursor invalid")
            rows = [row for row in rows if number(row) < int(named.group(1))]
        given = list(rows[:limit])
        # Written as it must be sent, which is how this venue writes its own.
        return given, f"page%3A{number(given[-1])}" if len(rows) > limit else ""


def _of_json(body: bytes) -> dict[str, str]:
    try:
        made = json.loads(body, parse_float=str, parse_int=str)
    except ValueError as error:
        raise errors.bad("the body is no JSON") from error
    if not isinstance(made, dict):
        raise errors.bad("the body must be a JSON object")
    return {name: _text(value) for name, value in made.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)
