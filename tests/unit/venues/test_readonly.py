"""Dry-run: reads pass, writes go nowhere and are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.core.orders import MoveIntent, OrderIntent, Placed
from bot.ports.venue import Gap, Venue
from bot.venues.readonly import ReadOnlyVenue
from bot.venues.simulated.exchange import Exchange, OrderRequest
from bot.venues.simulated.venue import SimulatedVenue
from tests.unit.venues.simulated.accounts import HandClock, a_move, an_exchange, an_intent
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, D


@dataclass
class DryRun:
    venue: ReadOnlyVenue
    inner: Venue
    exchange: Exchange


@pytest.fixture
async def dry() -> AsyncIterator[DryRun]:
    exchange = an_exchange()
    inner = SimulatedVenue(exchange, HandClock())
    venue = ReadOnlyVenue(inner)
    await venue.open()
    yield DryRun(venue, inner, exchange)
    await venue.close()


def never(intent: OrderIntent | MoveIntent) -> None:
    raise AssertionError(f"asked for {intent.client_id}, though nothing is about to leave")


async def test_every_read_is_the_inner_venues(dry: DryRun) -> None:
    resting = dry.exchange.place(OrderRequest(SPOT, "buy", "limit", D(1), D(90), "gtc", False, "bpone"))  # noqa: FBT003
    for venue in (dry.venue, dry.inner):
        assert set(await venue.markets()) == {SPOT, SWAP}
    assert await dry.venue.quotes() == await dry.inner.quotes()
    assert await dry.venue.funding() == await dry.inner.funding()
    assert await dry.venue.book(SPOT, 3) == await dry.inner.book(SPOT, 3)
    assert await dry.venue.balances() == await dry.inner.balances()
    assert await dry.venue.positions() == await dry.inner.positions()
    assert await dry.venue.open_orders([SPOT]) == await dry.inner.open_orders([SPOT])
    assert await dry.venue.fills(SPOT, START) == await dry.inner.fills(SPOT, START)
    assert await dry.venue.flows(START) == await dry.inner.flows(START)
    assert await dry.venue.kind() == await dry.inner.kind()
    assert await dry.venue.key() == await dry.inner.key()
    assert await dry.venue.now() == START
    bars = await dry.venue.candles(SPOT, "1h", START - timedelta(hours=3), 9)
    assert not isinstance(bars, Gap)
    assert len(bars) == 3
    found = await dry.venue.find(an_intent())
    assert found is not None
    assert not isinstance(found, Gap)
    assert found.venue_id == str(resting.order_id)
    assert await dry.venue.find_move(a_move()) is Placed.REJECTED


async def test_no_write_reaches_the_inner_venue(dry: DryRun) -> None:
    dry.exchange.place(OrderRequest(SPOT, "buy", "limit", D(1), D(90), "gtc", False, "bpone"))  # noqa: FBT003
    version, requests = dry.exchange.version, dry.exchange.order_requests
    placed, view, why = await dry.venue.place(an_intent(), never)
    assert (placed, view) == (Placed.DENIED, None)
    assert why == "dry-run: place BTC/USDT +1 was not sent"
    moved, why = await dry.venue.move(a_move(), never)
    assert (moved, why) == (Placed.DENIED, "dry-run: move 100 USDT from spot to futures was not sent")
    assert isinstance(await dry.venue.cancel(an_intent()), Gap)
    await dry.venue.prepare(SWAP, Decimal(3), "cross")
    assert (dry.exchange.version, dry.exchange.order_requests) == (version, requests)
    assert dry.exchange.cancel_requests == 0
    assert dry.venue.refused == {"place": 1, "move": 1, "cancel": 1, "prepare": 1}
