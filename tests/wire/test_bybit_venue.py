"""Our ccxt venue on Bybit's wire: orders, lost answers, faults of the line, one wallet, savings; never two orders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp
import pytest

from bot.core.orders import MoveIntent, OrderIntent, OrderState, Placed
from bot.local_exchange.faults import FaultyLine, kind_of
from bot.local_exchange.purse import Purse
from bot.local_exchange.server import LocalExchange
from bot.ports.venue import Gap
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import CcxtVenue, make_venue
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.fault_plan import read_plan
from bot.venues.simulated.faults import Asked
from tests import builders
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP, SetClock, StillScene, an_exchange
from tests.wire.bench import HOUR, KEYS

pytestmark = pytest.mark.asyncio
D = Decimal
ARMED_S = 60  # so that what opens the venue goes well
T = TypeVar("T")


class Clock(SetClock):
    """Venue time as the test sets it; nobody waits."""

    async def sleep(self, host_s: float) -> None:
        del host_s


@dataclass
class Bench:
    venue: CcxtVenue
    exchange: Exchange
    clock: Clock
    line: FaultyLine
    url: str

    async def raw(self, method: str, path: str) -> tuple[int, Any]:
        """An answer as it stands on the wire."""
        async with aiohttp.ClientSession() as line, line.request(method, f"{self.url}{path}") as answer:
            return answer.status, json.loads(await answer.text())


@asynccontextmanager
async def under(*faults: Mapping[str, Any]) -> AsyncIterator[Bench]:
    """A venue that is open when the faults are armed, a minute after the start."""
    clock, exchange = Clock(), an_exchange(StillScene())
    plan = read_plan(json.dumps([{"at_s": ARMED_S, **fault} for fault in faults]))
    line = FaultyLine(exchange, clock, plan, Purse(exchange))
    server = LocalExchange(exchange, clock, key=KEYS.key, secret=KEYS.secret, save=None, faults=line, unified=True)
    url = await server.start()
    venue = make_venue("bybit", Setup("local", Credentials(KEYS.key, KEYS.secret), url, D(1)), clock)
    try:
        await venue.open()
        await venue.markets()
        await venue.balances()
        clock.at = START + timedelta(seconds=ARMED_S)
        yield Bench(venue, exchange, clock, line, url)
    finally:
        await venue.close()
        await server.stop()


def read(answer: T | Gap) -> T:
    assert not isinstance(answer, Gap), answer
    return answer


def an_intent(client_id: str = "bt0", *, qty: str = "0.1", price: str = "50100", **more: Any) -> OrderIntent:
    plain = {"purpose": "spot", "reference": None, "leverage": None, "sent_before": START + HOUR}
    return builders.an_intent(client_id=client_id, qty=qty, price=price, **{"symbol": SPOT, **plain, **more})


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


async def test_an_order_is_placed_looked_up_and_counted_once() -> None:
    async with under() as bench:
        verdict, _, why = await bench.venue.place(an_intent(), yes)
        assert verdict is Placed.ACCEPTED, why
        found = await bench.venue.find(an_intent())
        assert not isinstance(found, Gap)
        assert found is not None
        assert (found.state, found.filled, found.price_avg) == (OrderState.FILLED, D("0.1"), D("50000.01"))
        (fill,) = read(await bench.venue.fills(SPOT, START))
        assert (fill.client_id, fill.qty, fill.fee, fill.fee_asset) == ("bt0", D("0.1"), D("0.0001"), "BTC")


async def test_the_account_is_one_wallet() -> None:
    async with under() as bench:
        await bench.venue.place(an_intent("bshort", symbol=SWAP, qty="-0.1", price="49900"), yes)
        kind = await bench.venue.kind()
        assert (kind.unified, "transfer" in kind.can) == (True, False)
        held = {one.asset: one for one in read(await bench.venue.balances())}
        assert {one.wallet for one in held.values()} == {"unified"}
        assert held["USDT"].total == D("39997.500005")
        (position,) = read(await bench.venue.positions())
        assert (position.side, position.contracts, position.leverage) == ("short", D("0.1"), D(20))
        assert (await bench.venue.key()).can_withdraw is False


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "drop_after", "on": "create"},
        {"fault": "html", "on": "create"},
        {"fault": "empty", "on": "create"},
        {"fault": "truncated", "on": "create"},
        {"fault": "reset", "on": "create"},
        {"fault": "server_error", "on": "create"},
    ],
    ids=lambda fault: str(fault["fault"]),
)
async def test_an_order_whose_answer_is_lost_is_unknown_and_then_found(fault: Mapping[str, Any]) -> None:
    async with under(fault) as bench:
        verdict, _, why = await bench.venue.place(an_intent(), yes)
        assert verdict is Placed.UNKNOWN, why
        found = await bench.venue.find(an_intent())
        assert not isinstance(found, Gap)
        assert found is not None
        assert found.filled == D("0.1")
        assert bench.exchange.order_requests == 1


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("banned", 403)])
async def test_a_limit_is_said_in_the_venues_words_and_the_order_was_not_placed(kind: str, status: int) -> None:
    async with under({"fault": kind, "seconds": 30, "on": "create"}) as bench:
        verdict, _, why = await bench.venue.place(an_intent(), yes)
        assert verdict in (Placed.REJECTED, Placed.UNKNOWN), why
        assert bench.exchange.order_requests == 0
        told, body = await bench.raw("GET", "/v5/market/time")
        assert (told, body["retCode"]) == (status, 10006 if kind == "rate_limited" else 10018)


async def test_a_refusal_is_never_given_again_as_another_orders_answer() -> None:
    async with under({"fault": "duplicate", "on": "create", "nth": 2}) as bench:
        refused, _, why = await bench.venue.place(an_intent("bfirst", qty="5"), yes)
        assert (refused, "170131" in why) == (Placed.REJECTED, True)
        verdict, _, _ = await bench.venue.place(an_intent("bsecond"), yes)
        assert verdict is Placed.ACCEPTED
        assert bench.line.counts()["missed"] == {"duplicate": 1}


async def test_a_second_order_of_the_same_name_exists_already_and_is_not_made() -> None:
    async with under() as bench:
        await bench.venue.place(an_intent(), yes)
        again = make_venue(
            "bybit", Setup("local", Credentials(KEYS.key, KEYS.secret), bench.url, D(1)), bench.clock
        )  # as a process that forgot
        try:
            await again.open()
            verdict, _, _ = await again.place(an_intent(), yes)
        finally:
            await again.close()
        assert verdict is Placed.EXISTS
        assert len(bench.exchange.orders(SPOT)) == 1


async def test_a_post_only_order_that_would_take_is_rejected_on_either_side() -> None:
    async with under() as bench:
        for symbol in (SPOT, SWAP):
            intent = an_intent(f"bpo{len(symbol)}", symbol=symbol, tif="post_only")
            verdict, view, _ = await bench.venue.place(intent, yes)
            if verdict is Placed.ACCEPTED:
                found = await bench.venue.find(intent)
                assert not isinstance(found, Gap)
                view = found
                assert view is not None
                assert (view.state, view.filled) == (OrderState.REJECTED, D(0))
            else:
                assert (verdict, symbol) == (Placed.REJECTED, SPOT)


async def test_a_resting_order_is_cancelled_by_its_client_id() -> None:
    async with under() as bench:
        intent = an_intent("brest", price="49000", tif="gtc")
        await bench.venue.place(intent, yes)
        assert [view.client_id for view in read(await bench.venue.open_orders([]))] == ["brest"]
        await bench.venue.cancel(intent)
        found = await bench.venue.find(intent)
        assert not isinstance(found, Gap)
        assert found is not None
        assert found.state is OrderState.CANCELLED


async def test_an_owners_withdrawal_takes_what_stands_behind_nothing() -> None:
    async with under({"fault": "withdrawal", "asset": "USDT", "share": "0.5", "nth": 2}) as bench:
        await bench.venue.place(an_intent("bshort", symbol=SWAP, qty="-0.1", price="49900"), yes)
        await bench.venue.balances()
        (went,) = bench.exchange.flows()
        assert 19_800 < went.amount < 19_900
        told = read(await bench.venue.flows(START - HOUR))
        assert [(event.kind, event.body.get("kind")) for event in told] == [("flow", "withdrawal")]


async def test_funding_and_deposits_are_told_as_flows() -> None:
    async with under() as bench:
        await bench.venue.place(an_intent("blong", symbol=SWAP), yes)
        bench.exchange.deposit("BTC", D("0.2"))
        bench.clock.at = START + 9 * HOUR
        told: Sequence[Any] = read(await bench.venue.flows(START))
        bodies = {event.kind: event.body for event in told}
        assert (bodies["funding"]["symbol"], bodies["funding"]["paid"]) == (SWAP, "0.5")
        assert (bodies["flow"]["asset"], bodies["flow"]["amount"], bodies["flow"]["kind"]) == ("BTC", "0.2", "deposit")


async def test_savings_are_staked_once_and_found_by_their_id() -> None:
    async with under() as bench:
        offered = read(await bench.venue.savings())
        assert offered["USDT"].instant
        move = MoveIntent("bsave", "d", "a", "USDT", D(1_000), "spot", "earn", START + HOUR, 1)
        assert (await bench.venue.move(move, yes))[0] is Placed.ACCEPTED
        assert await bench.venue.find_move(move) is Placed.ACCEPTED
        assert bench.exchange.earn() == {"USDT": D(1_000)}


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v5/order/create", Asked.CREATE),
        ("POST", "/v5/order/cancel", Asked.CANCEL),
        ("POST", "/v5/order/cancel-all", Asked.CANCEL),
        ("POST", "/v5/earn/place-order", Asked.TRANSFER),
        ("POST", "/v5/position/set-leverage", Asked.SETTING),
        ("GET", "/v5/order/realtime", Asked.LOOKUP),
        ("GET", "/v5/execution/list", Asked.LOOKUP),
        ("GET", "/v5/earn/order", Asked.LOOKUP),
        ("GET", "/v5/account/wallet-balance", Asked.ACCOUNT),
        ("GET", "/v5/position/list", Asked.ACCOUNT),
        ("GET", "/v5/market/tickers", Asked.MARKET),
        ("GET", "/v5/earn/product", Asked.MARKET),
    ],
)
async def test_a_plan_names_v5_requests_by_what_they_ask_for(method: str, path: str, kind: Asked) -> None:
    assert kind_of(method, path) is kind
