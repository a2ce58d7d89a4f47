"""Owns the recorded medians of spread and depth (R-S9, R-G4, R-G5): sampled hourly, kept over restarts; 30 days."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from bot.core.numbers import ZERO, canonical_json, plain
from bot.core.snapshot import Book
from bot.engine.parts import Keep
from bot.ports.alerts import Alerts
from bot.ports.errors import StoreError

KEPT_AS = "medians"
EVERY = timedelta(hours=1)
DAYS = 30
A_DAY = 24  # samples
LEAST = 7 * A_DAY  # samples before a median is told: less than a week knows no weekend
NINE = Decimal("1e-9")
CENT = Decimal("0.01")


@dataclass(slots=True)
class Kind:
    """One number of one symbol: the samples of the present UTC day, and (day, median, samples) of those before."""

    today: list[Decimal] = field(default_factory=list)
    days: list[tuple[str, Decimal, int]] = field(default_factory=list)

    def turn(self, day: str) -> None:
        """The present day is over."""
        if self.today:
            self.days = [*self.days, (day, median(self.today), len(self.today))][-DAYS:]
            self.today = []

    def value(self) -> Decimal | None:
        """The median of the days' medians, today's among them; None while too little was seen."""
        seen = len(self.today)
        for _, _, count in reversed(self.days):
            if seen >= LEAST:
                break
            seen += count
        if seen < LEAST:
            return None
        days = [each for _, each, _ in self.days]
        if self.today:
            days.append(median(self.today))
        return median(days)


@dataclass(slots=True)
class _Symbol:
    day: str = ""
    spread: Kind = field(default_factory=Kind)
    depth: Kind = field(default_factory=Kind)
    told: tuple[Decimal | None, Decimal | None] | None = None  # until the next sample


class Medians:
    """What is usual of each symbol. ``keep``: the store's, or None where nothing outlives the process."""

    def __init__(self, keep: Keep | None, alerts: Alerts) -> None:
        self._keep = keep
        self._alerts = alerts
        self._symbols: dict[str, _Symbol] = {}
        self._loaded = keep is None
        self._sampled_at: datetime | None = None

    async def due(self, at: datetime) -> bool:
        """Whether the hour's sample is to be taken."""
        await self._load()
        return self._sampled_at is None or not timedelta(0) <= at - self._sampled_at < EVERY

    async def sample(self, at: datetime, books: Mapping[str, Book], within: Decimal) -> None:
        """Take the books as the hour's sample; ``within``: how far from the mid depth counts, a fraction."""
        self._sampled_at = at
        for symbol, book in sorted(books.items()):
            seen = spread_and_depth(book, within)
            if seen is not None:
                self._add(symbol, at.date().isoformat(), *seen)
        await self._save()

    def stand(self, at: datetime, seen: Mapping[str, tuple[str, Kind, Kind]]) -> None:
        """Take what was sampled up to ``at`` as (day, spread, depth) by symbol, where who plays the past knows it."""
        self._sampled_at = at
        self._symbols.update({name: _Symbol(*samples) for name, samples in seen.items()})

    def of(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        """Spread as a fraction of the mid, and the thinner side's depth in quote; None while not known."""
        known = self._symbols.get(symbol)
        if known is None:
            return None, None
        if known.told is None:
            spread, depth = known.spread.value(), known.depth.value()
            known.told = (
                None if spread is None else spread.quantize(NINE),
                None if depth is None else depth.quantize(CENT),
            )
        return known.told

    @property
    def symbols(self) -> tuple[str, ...]:
        """Of which something was sampled."""
        return tuple(sorted(self._symbols))

    def _add(self, symbol: str, day: str, spread: Decimal, depth: Decimal) -> None:
        known = self._symbols.setdefault(symbol, _Symbol(day))
        known.told = None
        if known.day != day:
            known.spread.turn(known.day)
            known.depth.turn(known.day)
            known.day = day
        known.spread.today.append(spread)
        known.depth.today.append(depth)

    async def _load(self) -> None:
        if self._loaded or self._keep is None:
            return
        try:
            state = await self._keep(KEPT_AS, None)
            self._symbols, self._sampled_at = _decoded(state) if state else ({}, None)
        except StoreError as error:
            self._alerts.send("warning", f"recorded medians could not be read: {error}", key=KEPT_AS)
            return
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            self._alerts.send("warning", f"recorded medians are unreadable and begin anew: {error}", key=KEPT_AS)
        self._loaded = True

    async def _save(self) -> None:
        if self._keep is None or not self._loaded:
            return
        try:
            await self._keep(KEPT_AS, _encoded(self._symbols, self._sampled_at))
        except StoreError as error:
            self._alerts.send("warning", f"medians could not be kept: {error}", key=KEPT_AS)


def spread_and_depth(book: Book, within: Decimal) -> tuple[Decimal, Decimal] | None:
    """Of one book; None where a side is empty or they cross."""
    if not book.bids or not book.asks or book.bids[0][0] >= book.asks[0][0]:
        return None
    mid = (book.bids[0][0] + book.asks[0][0]) / 2
    reach = mid * within
    sides = [
        sum((price * amount for price, amount in side if abs(price - mid) <= reach), ZERO)
        for side in (book.bids, book.asks)
    ]
    return ((book.asks[0][0] - book.bids[0][0]) / mid).quantize(NINE), min(sides).quantize(CENT)


def _encoded(symbols: Mapping[str, _Symbol], sampled_at: datetime | None) -> bytes:
    def kind(one: Kind) -> dict[str, Any]:
        days = [[day, plain(value), count] for day, value, count in one.days]
        return {"today": [plain(value) for value in one.today], "days": days}

    body = {
        name: {"day": one.day, "spread": kind(one.spread), "depth": kind(one.depth)} for name, one in symbols.items()
    }
    return canonical_json({"at": sampled_at.isoformat() if sampled_at else None, "symbols": body}).encode()


def _decoded(state: bytes) -> tuple[dict[str, _Symbol], datetime | None]:
    def kind(one: Mapping[str, Any]) -> Kind:
        days = [(str(day), Decimal(value), int(count)) for day, value, count in one["days"]]
        return Kind([Decimal(value) for value in one["today"]], days)

    told = json.loads(state)
    at = None if told["at"] is None else datetime.fromisoformat(told["at"])
    made = {
        name: _Symbol(str(one["day"]), kind(one["spread"]), kind(one["depth"])) for name, one in told["symbols"].items()
    }
    return made, at
