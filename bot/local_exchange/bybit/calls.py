"""Owns what a v5 endpoint is given and how it is declared: the call, its category, ids and numbers as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.core.instruments import is_swap
from bot.core.numbers import milliseconds
from bot.local_exchange.bybit import errors
from bot.local_exchange.bybit.said import Said
from bot.local_exchange.bybit.stillborn import Stillborn
from bot.local_exchange.calls import Listing
from bot.local_exchange.errors import WireError
from bot.local_exchange.purse import Purse
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.scene import Scene

if TYPE_CHECKING:
    from bot.local_exchange.bybit.disconnection import Disconnection

SPOT, LINEAR = "spot", "linear"
SERVED = (SPOT, LINEAR)
UNSERVED = ("inverse", "option")
WEEK_MS = timedelta(days=7) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One v5 request, admitted and authenticated."""

    said: Said
    at: datetime
    exchange: Exchange
    listing: Listing
    purse: Purse
    stillborn: Stillborn
    disconnection: Disconnection
    key: str

    @property
    def scene(self) -> Scene:
        """What the market does."""
        return self.exchange.scene

    @property
    def at_ms(self) -> int:
        """Venue time in milliseconds."""
        return milliseconds(self.at)

    @property
    def told_ms(self) -> int:
        """The time the venue tells, which a skew may set apart from its own."""
        return milliseconds(self.exchange.tells(self.at))

    def category(self, *, default: str | None = None) -> str:
        """``spot`` or ``linear``; there is nothing of the other two here. Raises `V5Error`."""
        said = self.said.one_of("category", (*SERVED, *UNSERVED), default)
        if said in UNSERVED:
            raise errors.bad(f"category {said} is not offered here")
        return said

    def swap(self) -> bool:
        """Whether perpetuals are asked for; a category is mandatory."""
        return self.category() == LINEAR

    def symbol(self, *, swap: bool, gone: bool = False) -> str:
        """The mandatory ``symbol`` as the scene names it; with ``gone`` also one that was listed once."""
        return self.named(self.said.text("symbol"), swap=swap, gone=gone)

    def symbol_or_none(self, *, swap: bool, gone: bool = False) -> str | None:
        """The optional ``symbol``."""
        said = self.said.text_or_none("symbol")
        return None if said is None else self.named(said, swap=swap, gone=gone)

    def named(self, listing_id: str, *, swap: bool, gone: bool = False) -> str:
        """The scene's symbol; raises `V5Error`."""
        try:
            return self.listing.of(listing_id, swap=swap, gone=gone)
        except WireError as error:
            raise errors.bad_symbol(swap=swap) from error

    def listed(self, *, swap: bool) -> list[str]:
        """Every symbol of one side."""
        return list((self.listing.swap if swap else self.listing.spot).values())

    def week_ms(self) -> tuple[int, int]:
        """What a history is asked for: both ends, seven days from the one that is named, or the last seven days."""
        start, end = self.said.span_ms()
        if start is not None and end is not None and end - start > WEEK_MS:
            raise errors.bad("the time range between startTime and endTime cannot exceed 7 days")
        if start is None:
            last = self.at_ms if end is None else end
            return last - WEEK_MS, last
        return start, start + WEEK_MS if end is None else end


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one method of one path is answered, who may ask, and whether it is an order."""

    answer: Callable[[Call], Any]
    signed: bool = False
    orders: int = 0


Routes = Mapping[tuple[str, str], Endpoint]


def order_text(order_id: int, symbol: str) -> str:
    """An order's number as this venue writes it: digits in spot, a UUID for perpetuals."""
    return str(UUID(int=order_id)) if is_swap(symbol) else str(order_id)


def order_number(text: str) -> int | None:
    """The number behind it; None for what was never given out."""
    if text.isdecimal():
        return int(text)
    try:
        return UUID(text).int
    except ValueError:
        return None
