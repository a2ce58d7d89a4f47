"""Owns the list of ports that the effects work with; makes none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.ports.alerts import Alerts
from bot.ports.clock import Clock
from bot.ports.store import Controls, Record, Store
from bot.ports.venue import Account, Broker, FeedSource, MarketData, Savings, Transfers

#: Writes (when given) and reads what is kept under a name beside the record (the store's `keep`).
Keep = Callable[[str, bytes | None], Awaitable[bytes | None]]
VISIBLE_WITHIN = timedelta(seconds=120)  # venue time after which an order or trade that exists must show


@dataclass(frozen=True, slots=True)
class Parts:
    """What one portfolio is run with. ``adopts``: what a first start finds is the bot's own (R-G16).

    ``sends``: whether orders leave at all, so that another writer on the account would be in the way. ``time_scale``:
    venue seconds in a second of the wire, at an exchange beside us that runs faster.

    ``keep``: where what was sampled outlives the process; None: nowhere. ``visible_within``: venue time inside which
    this venue's silence on an order or a trade proves nothing.
    """

    mode: str
    portfolio: str
    venue: str
    environment: str
    market: MarketData
    account: Account
    broker: Broker
    transfers: Transfers
    store: Store
    controls: Controls
    record: Record
    clock: Clock
    alerts: Alerts
    feeds: FeedSource | None = None
    savings: Savings | None = None
    keep: Keep | None = None
    adopts: bool = True
    sends: bool = True
    time_scale: float = 1.0
    visible_within: timedelta = VISIBLE_WITHIN
