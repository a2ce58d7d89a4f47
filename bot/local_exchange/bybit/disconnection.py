"""Owns disconnect protection (DCP): orders go when the last private stream that asked for it has been gone too long.

The window is set over REST; what counts as gone is that no connection is subscribed to the product's topic any more.
Who unsubscribes before it leaves is not missed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.local_exchange.bybit import errors
from bot.local_exchange.bybit.calls import Call, Endpoint, Routes
from bot.local_exchange.calls import Listing
from bot.local_exchange.countdown import Countdowns

WINDOW_S = 10
LEAST_S, MOST_S = 3, 300
TOPICS = {"dcp.spot": "SPOT", "dcp.future": "DERIVATIVES"}
PRODUCTS = ("SPOT", "DERIVATIVES")


class Disconnection:
    """Who is subscribed, and for how long each product may be without anybody."""

    def __init__(self, countdowns: Countdowns) -> None:
        self._countdowns = countdowns
        self._listeners: dict[str, set[int]] = {product: set() for product in PRODUCTS}
        self.windows_s = dict.fromkeys(PRODUCTS, WINDOW_S)

    def here(self, line: int, topic: str) -> None:
        """A connection subscribed."""
        self._listeners[TOPICS[topic]].add(line)
        self._countdowns.stop(topic)

    def left(self, line: int, topic: str) -> None:
        """It unsubscribed: it says that it will be missed no more."""
        self._listeners[TOPICS[topic]].discard(line)

    def lost(self, line: int, at: datetime, listing: Listing) -> None:
        """A connection is gone; where it was the last of a product, the countdown begins."""
        for topic, product in TOPICS.items():
            if line not in self._listeners[product]:
                continue
            self._listeners[product].discard(line)
            if not self._listeners[product]:
                symbols = listing.spot if product == "SPOT" else listing.swap
                span = timedelta(seconds=self.windows_s[product])
                self._countdowns.begin(topic, symbols.values(), at, span)


def set_window(call: Call) -> dict[str, Any]:
    """The window of one product; options, which the venue means where none is named, are not offered here."""
    product = call.said.one_of("product", (*PRODUCTS, "OPTIONS"), "OPTIONS")
    if product == "OPTIONS":
        raise errors.bad("product OPTIONS is not offered here")
    window_s = call.said.whole_or_none("timeWindow")
    if window_s is None or not LEAST_S <= window_s <= MOST_S:
        raise errors.bad(f"timeWindow must be from {LEAST_S} to {MOST_S}")
    call.disconnection.windows_s[product] = window_s
    return {}


def windows(call: Call) -> dict[str, Any]:
    """Every product's window; protection is on for every account here."""
    return {
        "dcpInfos": [
            {"product": product, "dcpStatus": "ON", "timeWindow": str(window_s)}
            for product, window_s in call.disconnection.windows_s.items()
        ]
    }


ROUTES: Routes = {
    ("POST", "/v5/order/disconnected-cancel-all"): Endpoint(set_window, signed=True),
    ("GET", "/v5/account/query-dcp-info"): Endpoint(windows, signed=True),
}
