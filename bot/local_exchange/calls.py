"""Owns what an endpoint is given and how it is declared: the call, the listing of symbols, numbers as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.core.instruments import base_of, is_swap, quote_of
from bot.core.numbers import milliseconds, plain
from bot.local_exchange import errors
from bot.local_exchange.countdown import Countdowns
from bot.local_exchange.parameters import Parameters
from bot.venues.simulated.altered import AlteredScene
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.scene import Scene

EIGHT_PLACES = Decimal("1e-8")


class Listing:
    """Binance's ids (``BTCUSDT``, the same on both sides) against the symbols of the scene."""

    def __init__(self, scene: Scene) -> None:
        self.markets = scene.markets()
        self._ever = scene.plain.markets() if isinstance(scene, AlteredScene) else self.markets
        self.spot = {base_of(symbol) + quote_of(symbol): symbol for symbol in self.markets if not is_swap(symbol)}
        self.swap = {base_of(symbol) + quote_of(symbol): symbol for symbol in self.markets if is_swap(symbol)}

    def of(self, listing_id: str, *, swap: bool, gone: bool = False) -> str:
        """The scene's symbol, with ``gone`` one that was listed once too; raises `errors.WireError` -1121."""
        symbol = (self.swap if swap else self.spot).get(listing_id)
        if symbol is None and gone:
            ids = {base_of(one) + quote_of(one): one for one in self._ever if is_swap(one) == swap}
            symbol = ids.get(listing_id)
        if symbol is None:
            raise errors.bad_symbol()
        return symbol


def listing_id(symbol: str) -> str:
    """``BTCUSDT`` of ``BTC/USDT`` and of ``BTC/USDT:USDT``."""
    return base_of(symbol) + quote_of(symbol)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, admitted and authenticated: its parameters, the venue's time, the engine."""

    said: Parameters
    at: datetime
    exchange: Exchange
    scene: Scene
    listing: Listing
    countdowns: Countdowns
    swap: bool

    @property
    def at_ms(self) -> int:
        """Venue time in milliseconds."""
        return milliseconds(self.at)

    @property
    def told_ms(self) -> int:
        """The time the venue tells, which a skew may set apart from its own."""
        return milliseconds(self.exchange.tells(self.at))

    def symbol(self, *, gone: bool = False) -> str:
        """The mandatory ``symbol``, as the scene names it; what was done on one that is ``gone`` can be looked up."""
        return self.listing.of(self.said.text("symbol"), swap=self.swap, gone=gone)

    def symbol_or_none(self) -> str | None:
        """The optional ``symbol``."""
        said = self.said.text_or_none("symbol")
        return None if said is None else self.listing.of(said, swap=self.swap)

    def symbols(self) -> tuple[list[str], bool]:
        """What ``symbol`` or ``symbols`` name, or all of this side; and whether one object is asked for, not a list."""
        asked = self.said.symbols()
        if asked is None:
            return list((self.listing.swap if self.swap else self.listing.spot).values()), False
        return [self.listing.of(one, swap=self.swap) for one in asked], "symbol" in self.said


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one method of one path is answered, what it weighs, who may ask and which parameters it knows (spot only)."""

    answer: Callable[[Call], Any]
    weight: int | Callable[[Parameters], int] = 1
    signed: bool = False
    orders: int = 0
    knows: frozenset[str] | None = None

    def weighs(self, said: Parameters) -> int:
        """The request's weight, by its parameters where Binance's depends on them."""
        return self.weight if isinstance(self.weight, int) else self.weight(said)


Routes = Mapping[tuple[str, str], Endpoint]
SIGNING = frozenset({"timestamp", "recvWindow", "signature"})


def knows(names: str = "", *, signed: bool = False) -> frozenset[str]:
    """The parameters of a spot endpoint, from a line of names."""
    return frozenset(names.split()) | (SIGNING if signed else frozenset())


def text(value: Decimal | None) -> str:
    """A number as Binance writes it: plain, without an exponent; an absent one is 0 on the wire."""
    return "0" if value is None else plain(value)


def money(value: Decimal) -> str:
    """A number to eight places, half even, as balances and quote amounts are written."""
    return f"{value.quantize(EIGHT_PLACES):f}"


def float_text(value: float) -> str:
    """The shortest text that reads back to the same float, never with an exponent; raises ValueError unless finite."""
    written = repr(value)
    if "e" not in written and math.isfinite(value):
        return written
    if not math.isfinite(value):
        message = f"{value} cannot be sent: prices and volumes are finite"
        raise ValueError(message)
    return plain(Decimal(written))
