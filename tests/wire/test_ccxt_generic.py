"""A venue without a profile: read through unified calls alone, written to by nothing, refused where orders would go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import Placed
from bot.ports.clock import Clock
from bot.ports.errors import Rejected, VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt.client import Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.profiles.generic import Generic
from bot.venues.ccxt.venue import CcxtVenue, profile_for
from bot.venues.simulated.exchange import Exchange, OrderRequest
from tests.builders import an_intent
from tests.contract.venue.conftest import SetClock
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP, StillScene
from tests.wire.replay.bingx import BingxWire
from tests.wire.replay.stage import KEY, SECRET, Server, route

D = Decimal


class Loose(BingxWire):
    """BingX, asked as ccxt's unified calls ask."""

    def routes(self) -> Any:
        plain = {
            "GET /openApi/spot/v2/quote/bookTicker": route(self.book_tickers, may="timestamp"),
            "GET /openApi/cswap/v1/market/contracts": route(
                lambda _: {"code": 0, "data": [], "msg": ""}, may="timestamp"
            ),
        }
        more = {(name.split(" ")[0], name.split(" ")[1]): one for name, one in plain.items()}
        return {**super().routes(), **more}

    def book_tickers(self, asked: Any) -> Any:
        return self.spot_tickers(asked)

    def signed(self, asked: Any) -> bool:
        return "signature=" in asked.query


class GenericHere(Generic):
    """The generic profile, its addresses on this machine."""

    def __init__(self, venue_id: str, url: str) -> None:
        super().__init__(venue_id)
        self.url = url

    def client(self, setup: Setup, clock: Clock, traffic: Traffic) -> Any:
        made = super().client(replace(setup, environment="production"), clock, traffic)
        made.urls["api"] = dict.fromkeys(made.urls["api"], f"{self.url}/openApi")
        made.timeout_on_exit = 0
        made.enableRateLimit = False
        return made


@pytest.fixture
async def stage() -> AsyncIterator[tuple[CcxtVenue, Exchange, Loose]]:
    scene, clock = StillScene(), SetClock(START)
    exchange = Exchange(scene, opening={"USDT": D(10_000), "BTC": D(2)})
    wire = Loose(exchange, scene, clock)
    server = Server(wire)
    profile = GenericHere("bingx", await server.start())
    venue = CcxtVenue(profile, Setup("local", Credentials(KEY, SECRET)), clock)
    await venue.open()
    yield venue, exchange, wire
    await venue.close()
    await server.stop()


Stage = tuple[CcxtVenue, Exchange, Loose]


async def test_prices_rates_candles_and_balances_are_read_through_unified_calls(stage: Stage) -> None:
    venue, _, wire = stage
    assert {SPOT, SWAP} <= set(await venue.markets())
    quotes, funding = await venue.quotes(), await venue.funding()
    assert not isinstance(quotes, Gap), quotes
    assert not isinstance(funding, Gap), funding
    assert (quotes[SPOT].bid, quotes[SPOT].ask, quotes[SWAP].last) == (D("99.9"), D("100.1"), D(100))
    assert funding[SWAP].interval_hours == D(8)
    balances = await venue.balances()
    assert not isinstance(balances, Gap), balances
    assert {one.asset: one.total for one in balances if one.wallet == "spot"} == {"BTC": D(2), "USDT": D(10_000)}
    assert all(asked.method == "GET" for asked in wire.asked)


async def test_a_position_is_read_with_its_side_and_size(stage: Stage) -> None:
    venue, exchange, _ = stage
    exchange.transfer("USDT", D(5_000), "spot", "futures")
    exchange.place(OrderRequest(SWAP, "sell", "limit", D(2), D(99), "ioc"))
    positions = await venue.positions()
    assert not isinstance(positions, Gap), positions
    assert [(one.symbol, one.quantity) for one in positions] == [(SWAP, D(-2))]


async def test_no_order_and_no_transfer_leaves(stage: Stage) -> None:
    venue, exchange, wire = stage
    placed, _, why = await venue.place(an_intent(qty="-1", price="99", at=START), lambda _: None)
    assert (placed, "no order leaves" in why) == (Placed.REJECTED, True)
    assert exchange.order_requests == 0
    assert [one for one in wire.asked if one.method != "GET"] == []


@pytest.mark.parametrize(
    ("method", "path", "way"),
    [
        ("GET", "/api/v5/market/tickers", Way.READ),
        ("POST", "/api/v5/trade/order", None),
        ("DELETE", "/api/v3/order", None),
        ("GET", "/0/private/Withdraw", None),
        ("GET", "/api/v3/capital/withdraw/apply", None),
    ],
)
async def test_with_a_key_only_what_reads_may_be_asked(stage: Stage, method: str, path: str, way: Way | None) -> None:
    venue, _, _ = stage
    assert venue._line.client.way_of(method, path) is way  # noqa: SLF001 - the last line before the socket


@pytest.mark.parametrize("mode", ["paper", "dry-run"])
def test_a_venue_that_ccxt_has_may_be_watched(mode: str) -> None:
    assert profile_for("kraken", mode).id == "kraken"


@pytest.mark.parametrize("mode", ["testnet", "live"])
def test_orders_go_to_no_venue_without_a_profile(mode: str) -> None:
    with pytest.raises(VenueError, match=rf"venue\.id: is kraken, mode {mode} needs one of binance, bingx"):
        profile_for("kraken", mode)


def test_what_ccxt_does_not_have_is_no_venue() -> None:
    with pytest.raises(VenueError, match=r"venue\.id: is atlantis, must be one that ccxt has"):
        profile_for("atlantis", "paper")
    with pytest.raises(Rejected, match="atlantis"):
        Generic("atlantis")
