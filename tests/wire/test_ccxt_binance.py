"""Our ccxt venue against the local exchange, where the contract does not look: keys, budgets, lost answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from bot.clocks import ConstantClock
from bot.core.orders import MoveIntent, OrderIntent, OrderState, OrderView, Placed
from bot.local_exchange.app import Answer, Asked, Terms
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import make_keys
from bot.local_exchange.weights import Budget
from bot.ports.clock import Clock
from bot.ports.venue import Gap
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import CcxtVenue, make_venue
from bot.venues.readonly import ReadOnlyVenue
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.generated import make_scene
from bot.venues.simulated.scene import Scene

D = Decimal
KEYS = make_keys()
BTC, BTC_SWAP = "BTC/USDT", "BTC/USDT:USDT"
HTML = Answer(502, b"<html>bad gateway</html>", {"content-type": "text/html"})


class SetClock:
    def __init__(self, exchange: Exchange) -> None:
        self.at = exchange.now

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return time.monotonic()

    async def sleep(self, host_s: float) -> None:
        await asyncio.sleep(min(host_s, 0.01))

    async def until(self, venue_at: datetime) -> None:
        raise NotImplementedError


@dataclass
class Weather:
    """What the network does to a path: it happens, and its answer is lost; or it never arrives."""

    lost: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    async def before(self, asked: Asked) -> Answer | None:
        return HTML if f"{asked.method} {asked.path}" in self.kept else None

    async def after(self, asked: Asked, answer: Answer) -> Answer:
        return HTML if f"{asked.method} {asked.path}" in self.lost else answer


@dataclass
class Bench:
    venue: CcxtVenue
    server: LocalExchange
    exchange: Exchange
    weather: Weather


@cache
def the_tour() -> Scene:
    return make_scene("tour", 7)


async def nowhere(state: bytes) -> None:
    del state


@asynccontextmanager
async def a_bench(
    *, terms: Terms | None = None, secret: str = KEYS.secret, speed: float | None = None
) -> AsyncIterator[Bench]:
    exchange = Exchange(the_tour(), opening={"USDT": D(40_000), "BTC": D("0.6")})
    clock: Clock = ConstantClock(exchange.now, speed) if speed else SetClock(exchange)
    weather = Weather()
    server = LocalExchange(
        exchange,
        clock,
        key=KEYS.key,
        secret=KEYS.secret,
        save=nowhere,
        faults=weather,
        terms=terms or Terms(time_scale=speed or 1),
    )
    url = await server.start()
    setup = Setup("local", Credentials(KEYS.key, secret), url, D(str(speed or 1)))
    venue = make_venue("binance", setup, clock)
    try:
        await venue.open()
        yield Bench(venue, server, exchange, weather)
    finally:
        await venue.close()
        await server.stop()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_bench() as made:
        yield made


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


async def an_intent(bench: Bench, client_id: str = "bt0", *, symbol: str = BTC, sell: str = "0.01") -> OrderIntent:
    """Sell at a price that surely fills, on the venue's grid."""
    market = (await bench.venue.markets())[symbol]
    price = bench.exchange.scene.price(symbol, bench.exchange.now)
    assert price is not None
    assert market.tick is not None
    limit = (price * D("0.99") / market.tick).to_integral_value() * market.tick
    sent_before = bench.exchange.now + timedelta(minutes=5)
    return OrderIntent(
        client_id=client_id,
        decision_id="d",
        action_id="a",
        leg=0,
        slice=0,
        symbol=symbol,
        qty=-D(sell),
        price=limit,
        tif="ioc",
        reduce_only=False,
        sent_before=sent_before,
        fence=1,
        asset="BTC",
        kind="trim",
        purpose="spot",
    )


def a_move(bench: Bench, client_id: str = "bm0") -> MoveIntent:
    return MoveIntent(client_id, "d", "a", "USDT", D(1_000), "spot", "futures", bench.exchange.now, 1)


# ---- keys


async def test_a_wrong_secret_reads_no_account_and_sends_no_order() -> None:
    async with a_bench(secret=make_keys().secret) as bench:
        balances = await bench.venue.balances()
        assert isinstance(balances, Gap)
        assert balances.why.startswith("Unauthorized")
        verdict, _, why = await bench.venue.place(await an_intent(bench), yes)
        assert verdict is Placed.REJECTED
        assert "-1022" in why
        assert not bench.exchange.trades(BTC)
        assert not isinstance(await bench.venue.quotes(), Gap)


# ---- bulk


async def test_a_cycle_of_reads_costs_five_requests_however_many_assets_there_are(bench: Bench) -> None:
    async def cycle() -> None:
        venue = bench.venue
        reads: list[Awaitable[object]] = [venue.quotes(), venue.funding(), venue.balances(), venue.positions()]
        for answer in await asyncio.gather(*reads):
            assert not isinstance(answer, Gap)

    await cycle()
    before = bench.server.requests_by_path.total()
    clock = bench.venue._line.clock  # noqa: SLF001 - the hand that moves time
    assert isinstance(clock, SetClock)
    clock.at += timedelta(minutes=10)
    await cycle()
    assert bench.server.requests_by_path.total() - before == 5
    assert len(await bench.venue.markets()) > 10


async def test_what_we_count_is_what_the_exchange_counts(bench: Bench) -> None:
    await bench.venue.place(await an_intent(bench), yes)
    await bench.venue.balances()
    assert dict(bench.venue.requests) == dict(bench.server.requests_by_path)
    assert bench.venue.used_weight["api"] > 0


# ---- lost answers: the exchange did it, and we did not hear


@pytest.mark.parametrize("symbol", [BTC, BTC_SWAP])
async def test_an_order_whose_answer_was_lost_is_unknown_and_then_found(bench: Bench, symbol: str) -> None:
    if symbol == BTC_SWAP:
        assert (await bench.venue.move(a_move(bench), yes))[0] is Placed.ACCEPTED
    intent = await an_intent(bench, symbol=symbol)
    bench.weather.lost = {"POST /api/v3/order", "POST /fapi/v1/order"}
    assert (await bench.venue.place(intent, yes))[0] is Placed.UNKNOWN
    found = await bench.venue.find(intent)
    assert isinstance(found, OrderView)
    assert (found.state, found.filled) == (OrderState.FILLED, D("0.01"))
    fills = await bench.venue.fills(symbol, bench.exchange.now - timedelta(hours=1))
    assert not isinstance(fills, Gap)
    assert [(one.client_id, one.qty) for one in fills] == [("bt0", D("-0.01"))]
    assert bench.server.order_requests == 1


async def test_an_order_that_never_arrived_is_unknown_and_then_absent(bench: Bench) -> None:
    intent = await an_intent(bench)
    bench.weather.kept = {"POST /api/v3/order"}
    assert (await bench.venue.place(intent, yes))[0] is Placed.UNKNOWN
    assert await bench.venue.find(intent) is None
    assert bench.exchange.order_requests == 0


async def test_a_lost_order_is_not_called_absent_while_the_lookup_fails_too(bench: Bench) -> None:
    intent = await an_intent(bench)
    bench.weather.lost = {"POST /api/v3/order", "GET /api/v3/order"}
    await bench.venue.place(intent, yes)
    assert isinstance(await bench.venue.find(intent), Gap)


async def test_a_transfer_whose_answer_was_lost_is_found_in_the_history(bench: Bench) -> None:
    move = a_move(bench)
    bench.weather.lost = {"POST /sapi/v1/asset/transfer"}
    assert (await bench.venue.move(move, yes))[0] is Placed.UNKNOWN
    assert await bench.venue.find_move(move) is Placed.ACCEPTED


async def test_a_leverage_whose_answer_was_lost_is_read_back(bench: Bench) -> None:
    bench.weather.lost = {"POST /fapi/v1/leverage"}
    await bench.venue.prepare(BTC_SWAP, D(3), "cross")
    assert bench.exchange.leverage(BTC_SWAP) == 3


# ---- budgets


async def test_over_the_budget_there_is_quiet_and_nothing_more_is_asked() -> None:
    terms = Terms(spot=Budget(60))
    async with a_bench(terms=terms) as bench:
        answers = [await bench.venue.balances() for _ in range(4)]
        assert isinstance(answers[-1], Gap)
        assert "RateLimited" in answers[-1].why
        assert bench.venue.paused_until is not None
        before = bench.server.requests_by_path.total()
        assert isinstance(await bench.venue.quotes(), Gap)
        assert (await bench.venue.place(await an_intent_of(bench), yes))[0] is Placed.DENIED
        assert bench.server.requests_by_path.total() == before


async def an_intent_of(bench: Bench) -> OrderIntent:
    """An order made without asking the venue anything."""
    price = D(50_000)
    at = bench.exchange.now
    return OrderIntent("bt9", "d", "a", 0, 0, BTC, D("0.01"), price, "ioc", False, at, 1, "BTC", "add", "spot")  # noqa: FBT003


# ---- fast exchanges


async def test_an_exchange_that_runs_600_times_as_fast_is_not_too_late_for_us() -> None:
    async with a_bench(speed=600) as bench:
        for _ in range(3):
            assert not isinstance(await bench.venue.balances(), Gap)
            await asyncio.sleep(0.02)
        now, here = await bench.venue.now(), bench.exchange.now
        assert not isinstance(now, Gap)
        assert abs((now - here).total_seconds()) < 600


# ---- dry-run


async def test_a_dry_run_sends_no_write_at_all(bench: Bench) -> None:
    dry = ReadOnlyVenue(bench.venue)
    await dry.place(await an_intent(bench), yes)
    await dry.move(a_move(bench), yes)
    await dry.prepare(BTC_SWAP, D(2), "cross")
    await dry.cancel(await an_intent(bench))
    assert bench.server.order_requests == 0
    assert not [path for path in bench.server.requests_by_path if not path.startswith("GET ")]
