"""Each fault at the wire of the local exchange, as our ccxt venue meets it: the right word for it, never two orders."""

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

from bot.core.orders import MoveIntent, OrderIntent, OrderState, OrderView, Placed, TimeInForce
from bot.local_exchange.faults import FaultyLine, kind_of
from bot.local_exchange.server import LocalExchange
from bot.local_exchange.signing import KeyPair
from bot.ports.venue import Gap
from bot.venues.ccxt.profiles import Credentials, Setup
from bot.venues.ccxt.venue import CcxtVenue, make_venue
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.fault_plan import SHAPES, read_plan
from bot.venues.simulated.faults import LINE, Asked, FaultKind
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP, SetClock, StillScene, an_exchange

pytestmark = pytest.mark.asyncio
D = Decimal
KEYS = KeyPair("k" * 64, "s" * 64)
ARMED_S = 60  # so that what opens the venue goes well
MINUTE = timedelta(minutes=1)
A_DAY = timedelta(days=1, seconds=1)  # markets are loaded anew by then
T = TypeVar("T")


class Clock(SetClock):
    """Venue time as the test sets it; nobody waits, and what was slept is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, host_s: float) -> None:
        self.slept.append(host_s)


@dataclass
class Bench:
    venue: CcxtVenue
    exchange: Exchange
    clock: Clock
    line: FaultyLine
    server: LocalExchange
    url: str

    def bit(self) -> dict[str, int]:
        return {kind.value: count for kind, count in self.line.schedule.bitten.items()}


@asynccontextmanager
async def under(*faults: Mapping[str, Any]) -> AsyncIterator[Bench]:
    """A venue that is open when the faults are armed, a minute after the start."""
    clock, exchange = Clock(), an_exchange(StillScene())
    exchange.transfer("USDT", D(20_000), "spot", "futures")
    line = FaultyLine(exchange, clock, read_plan(json.dumps([{"at_s": ARMED_S, **fault} for fault in faults])))
    server = LocalExchange(exchange, clock, key=KEYS.key, secret=KEYS.secret, save=None, faults=line)
    url = await server.start()
    venue = make_venue("binance", Setup("local", Credentials(KEYS.key, KEYS.secret), url, D(1)), clock)
    try:
        await venue.open()
        await venue.markets()
        await venue.balances()
        clock.at = START + timedelta(seconds=ARMED_S)
        yield Bench(venue, exchange, clock, line, server, url)
    finally:
        await venue.close()
        await server.stop()


def yes(intent: OrderIntent | MoveIntent) -> None:
    del intent


def an_intent(
    qty: str = "-0.1",
    price: str = "49000",
    *,
    symbol: str = SPOT,
    tif: TimeInForce = "ioc",
    client_id: str = "bt0",
) -> OrderIntent:
    return OrderIntent(
        client_id=client_id, decision_id="d", action_id="a", leg=0, slice=0, symbol=symbol, qty=D(qty), price=D(price),
        tif=tif, reduce_only=False, sent_before=START + timedelta(hours=1), fence=1, asset="BTC", kind="trim",
        purpose="spot",
    )  # fmt: skip


def known(answer: T | Gap) -> T:
    assert not isinstance(answer, Gap), answer
    return answer


# ---- a create


NEVER_DONE = {"done": False}


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ({"fault": "drop_before"}, False),
        ({"fault": "drop_after"}, True),
        ({"fault": "reset"}, True),
        ({"fault": "reset", **NEVER_DONE}, False),
        ({"fault": "truncated"}, True),
        ({"fault": "html", "status": 502}, True),
        ({"fault": "html", **NEVER_DONE}, False),
        ({"fault": "empty"}, True),
        ({"fault": "empty", **NEVER_DONE}, False),
        ({"fault": "server_error", "status": 500}, True),
        ({"fault": "server_error", **NEVER_DONE}, False),
        ({"fault": "wrong"}, True),
        ({"fault": "wrong", **NEVER_DONE}, False),
    ],
    ids=str,
)
async def test_a_create_without_a_sure_answer_is_unknown_and_looked_up_never_sent_again(
    fault: Mapping[str, Any], *, done: bool
) -> None:
    async with under({**fault, "on": "create"}) as bench:
        intent = an_intent()
        placed, view, why = await bench.venue.place(intent, yes)
        assert (placed, view) == (Placed.UNKNOWN, None), why
        assert bench.bit() == {fault["fault"]: 1}
        found = await bench.venue.find(intent)
        assert (isinstance(found, OrderView) and found.state is OrderState.FILLED) is done
        assert (await bench.venue.place(intent, yes))[0] is Placed.EXISTS
        assert bench.exchange.order_requests == bench.server.order_requests == done
        assert len(bench.exchange.trades(SPOT)) == done


async def test_an_answer_about_another_order_is_not_taken_for_ours() -> None:
    async with under({"fault": "duplicate", "on": "create", "nth": 2}) as bench:
        assert (await bench.venue.place(an_intent(), yes))[0] is Placed.ACCEPTED
        placed, _, why = await bench.venue.place(an_intent(client_id="bt1"), yes)
        assert (placed, "about bt0, not bt1" in why) == (Placed.UNKNOWN, True)
        found = known(await bench.venue.find(an_intent(client_id="bt1")))
        assert found is not None
        assert found.state is OrderState.FILLED


@pytest.mark.parametrize("fault", ["rate_limited", "banned"])
async def test_a_create_that_is_too_many_is_refused_and_there_is_quiet_until_it_may_be_asked_again(fault: str) -> None:
    async with under({"fault": fault, "on": "create", "seconds": 30}) as bench:
        placed, _, why = await bench.venue.place(an_intent(), yes)
        assert placed is Placed.REJECTED, why
        assert bench.exchange.order_requests == 0
        before = bench.server.requests_by_path.total()
        assert bench.venue.paused_until is not None
        assert (await bench.venue.place(an_intent(client_id="bt1"), yes))[0] is Placed.DENIED
        assert isinstance(await bench.venue.balances(), Gap)
        assert bench.server.requests_by_path.total() == before
        assert bench.line.asked_too_early == 0


async def test_who_asks_during_a_ban_is_banned_on_and_counted() -> None:
    async with under({"fault": "banned", "seconds": 30}) as bench, aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(f"{bench.url}/api/v3/time") as answer:
                assert (answer.status, (await answer.json(content_type=None))["code"]) == (418, -1003)
                assert 29 < float(answer.headers["Retry-After"]) <= 30
        async with session.get(f"{bench.url}/local/faults") as answer:
            assert await answer.json(content_type=None) == {
                "bitten": {"banned": 1},
                "missed": {},
                "waiting": 0,
                "asked_too_early": 2,
            }


async def test_a_delay_is_only_a_delay() -> None:
    async with under({"fault": "delay", "on": "create", "seconds": 2.5}) as bench:
        assert (await bench.venue.place(an_intent(), yes))[0] is Placed.ACCEPTED
        assert (bench.bit(), 2.5 in bench.clock.slept) == ({"delay": 1}, True)


async def test_a_transfer_whose_answer_was_dropped_is_found_in_the_history_and_made_once() -> None:
    async with under({"fault": "drop_after", "on": "transfer"}) as bench:
        move = MoveIntent("bm0", "d", "a", "USDT", D(1_000), "spot", "futures", START + timedelta(hours=1), 1)
        assert (await bench.venue.move(move, yes))[0] is Placed.UNKNOWN
        assert await bench.venue.find_move(move) is Placed.ACCEPTED
        assert len(bench.exchange.transfers()) == 2  # with the opening one


# ---- a read


LASTING = {"on": "GET /api/v3/account", "times": 9}


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"fault": "drop_before"}, "Transient"),
        ({"fault": "reset"}, "Transient"),
        ({"fault": "truncated"}, "Transient"),
        ({"fault": "html", "status": 504}, "Transient"),
        ({"fault": "server_error"}, "Transient"),
        ({"fault": "empty"}, "Malformed"),
        ({"fault": "wrong"}, "Malformed"),
        ({"fault": "rate_limited", "seconds": 30}, "RateLimited"),
        ({"fault": "banned", "seconds": 30}, "RateLimited"),
    ],
    ids=str,
)
async def test_a_read_that_goes_wrong_for_good_is_a_gap_that_says_how(fault: Mapping[str, Any], word: str) -> None:
    async with under({**fault, **LASTING}) as bench:
        answer = await bench.venue.balances()
        assert isinstance(answer, Gap)
        assert answer.why.startswith(f"{word}:")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "reset", "truncated", "html", "server_error"])
async def test_a_read_that_goes_wrong_once_is_asked_again(fault: str) -> None:
    async with under({"fault": fault, "on": "GET /api/v3/account"}) as bench:
        known(await bench.venue.balances())
        assert bench.bit() == {fault: 1}


async def test_a_duplicate_answer_to_a_read_is_yesterdays_truth_for_once() -> None:
    async with under({"fault": "duplicate", "on": "GET /api/v3/account"}) as bench:
        bench.exchange.outside.deposit("USDT", D(7))
        old, new = known(await bench.venue.balances()), known(await bench.venue.balances())
        coins = [next(one.free for one in rows if (one.wallet, one.asset) == ("spot", "USDT")) for rows in (old, new)]
        assert coins == [D(20_000), D(20_007)]


# ---- the exchange's own


async def test_an_order_is_seen_late_and_then_found() -> None:
    async with under({"fault": "late_visibility", "seconds": 40}) as bench:
        intent = an_intent()
        assert (await bench.venue.place(intent, yes))[0] is Placed.ACCEPTED
        assert await bench.venue.find(intent) is None
        bench.clock.at += timedelta(seconds=40)
        found = known(await bench.venue.find(intent))
        assert found is not None
        assert found.state is OrderState.FILLED


async def test_a_partial_fill_leaves_the_rest_unfilled() -> None:
    async with under({"fault": "partial_fill", "share": 0.25}) as bench:
        placed, view, _ = await bench.venue.place(an_intent(), yes)
        assert (placed, view and (view.state, view.filled)) == (Placed.ACCEPTED, (OrderState.EXPIRED, D("0.025")))


@pytest.mark.parametrize(
    ("fault", "share", "state"),
    [
        ("fill_before_cancel", 1, OrderState.FILLED),
        ("fill_before_cancel", 0.5, OrderState.CANCELLED),
        ("fill_after_cancel", 0.5, OrderState.CANCELLED),
    ],
)
async def test_a_cancel_is_a_question_since_a_fill_may_race_it(fault: str, share: float, state: OrderState) -> None:
    async with under({"fault": fault, "share": share}) as bench:
        intent = an_intent(price="51000", tif="gtc")
        assert (await bench.venue.place(intent, yes))[0] is Placed.ACCEPTED
        assert known(await bench.venue.cancel(intent)).state is state
        bench.clock.at += MINUTE
        fills = known(await bench.venue.fills(SPOT, START))
        filled = D("0.1") * D(str(share))
        assert [(one.client_id, one.qty) for one in fills] == [("bt0", -filled)]
        found = known(await bench.venue.find(intent))
        assert found is not None
        assert (found.state, found.filled) == (state, filled)


async def test_a_halted_symbol_takes_no_order_and_says_it_is_inactive() -> None:
    async with under({"fault": "halt", "symbol": SPOT, "for_s": 100_000}) as bench:
        assert (await bench.venue.place(an_intent(), yes))[0] is Placed.REJECTED
        bench.clock.at += A_DAY
        assert not (await bench.venue.markets())[SPOT].active


async def test_a_delisted_symbol_is_listed_no_more() -> None:
    async with under({"fault": "delist", "symbol": SPOT, "on": "create", "nth": 2}) as bench:
        assert (await bench.venue.place(an_intent(), yes))[0] is Placed.ACCEPTED
        assert (await bench.venue.place(an_intent(client_id="bt1"), yes))[0] is Placed.REJECTED
        assert [one.client_id for one in known(await bench.venue.fills(SPOT, START))] == ["bt0"]
        assert SPOT not in await bench.venue.markets()
        assert SPOT not in known(await bench.venue.quotes())


async def test_changed_filters_refuse_what_was_right_before() -> None:
    async with under({"fault": "filters", "symbol": SPOT, "min_notional": 9_000}) as bench:
        placed, _, why = await bench.venue.place(an_intent(), yes)
        assert (placed, "NOTIONAL" in why) == (Placed.REJECTED, True)
        bench.clock.at += A_DAY
        assert (await bench.venue.markets())[SPOT].min_notional == D(9_000)


async def test_a_manual_trade_is_a_fill_of_nobody_we_know() -> None:
    async with under({"fault": "manual_trade", "symbol": SPOT, "share": 0.5}) as bench:
        await bench.venue.balances()
        fills = known(await bench.venue.fills(SPOT, START))
        assert [one.qty for one in fills] == [D("-0.3")]
        assert not (fills[0].client_id or "").startswith("bt")


async def test_money_that_comes_and_goes_is_told_as_flows() -> None:
    faults = (
        {"fault": "deposit", "asset": "USDT", "amount": 500},
        {"fault": "withdrawal", "asset": "BTC", "share": 0.5},
    )
    async with under(*faults) as bench:
        await bench.venue.balances()
        flows = known(await bench.venue.flows(START))
        told = [(event.body["kind"], event.body["asset"], D(str(event.body["amount"]))) for event in flows]
        assert [row for row in told if row[0] != "transfer"] == [
            ("deposit", "USDT", D(500)),
            ("withdrawal", "BTC", D("-0.3")),
        ]


@pytest.mark.parametrize(
    ("fault", "price"),
    [
        ({"fault": "depeg", "asset": "USDT", "price": 0.8}, D(62_500)),
        ({"fault": "crash", "asset": "BTC", "share": 0.4, "for_s": 600}, D(30_000)),
    ],
    ids=str,
)
async def test_a_depeg_and_a_flash_crash_are_in_the_quotes(fault: Mapping[str, Any], price: Decimal) -> None:
    async with under(fault) as bench:
        ticker = known(await bench.venue.quotes())[SPOT]
        assert ticker.bid is not None
        assert ticker.ask is not None
        assert (ticker.bid + ticker.ask) / 2 == price


@pytest.mark.parametrize(("fault", "left"), [("adl", D("0.2")), ("liquidation", None)])
async def test_what_the_venue_takes_of_a_position_is_a_fill_of_nobody_we_know(fault: str, left: Decimal | None) -> None:
    async with under({"fault": fault, "on": "account"}) as bench:
        placed, _, why = await bench.venue.place(an_intent("-0.4", symbol=SWAP), yes)
        assert placed is Placed.ACCEPTED, why
        positions: Sequence[Any] = known(await bench.venue.positions())
        assert [one.contracts for one in positions] == ([left] if left else [])
        fills = known(await bench.venue.fills(SWAP, START))
        assert [one.qty for one in fills] == [D("-0.4"), D("0.4") - (left or 0)]
        assert not (fills[1].client_id or "").startswith("bt")


@pytest.mark.parametrize("seconds", [-30, 30])
async def test_a_skewed_clock_is_told_and_refuses_what_is_signed_by_ours(seconds: int) -> None:
    async with under({"fault": "skew", "seconds": seconds, "for_s": 60}) as bench:
        assert known(await bench.venue.now()) == bench.clock.at + timedelta(seconds=seconds)
        placed, _, why = await bench.venue.place(an_intent(), yes)
        assert (placed, "-1021" in why) == (Placed.REJECTED, True)
        assert isinstance(await bench.venue.balances(), Gap)
        bench.clock.at += MINUTE
        known(await bench.venue.balances())


# ---- the plan and the line


async def test_nothing_goes_wrong_on_the_exchanges_own_paths_and_a_fault_without_prey_is_told_apart() -> None:
    async with under({"fault": "adl"}, {"fault": "empty"}) as bench, aiohttp.ClientSession() as session:
        async with session.get(f"{bench.url}/local/health") as answer:
            assert (await answer.json(content_type=None))["speed"] == 1.0
        await bench.venue.quotes()
        async with session.get(f"{bench.url}/local/faults") as answer:
            told = await answer.json(content_type=None)
        assert (told["bitten"], told["missed"], told["waiting"]) == ({"empty": 1}, {"adl": 1}, 0)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/api/v3/order", Asked.CREATE),
        ("POST", "/fapi/v1/order", Asked.CREATE),
        ("DELETE", "/fapi/v1/allOpenOrders", Asked.CANCEL),
        ("GET", "/api/v3/order", Asked.LOOKUP),
        ("GET", "/fapi/v1/userTrades", Asked.LOOKUP),
        ("GET", "/fapi/v3/positionRisk", Asked.ACCOUNT),
        ("GET", "/sapi/v1/asset/transfer", Asked.ACCOUNT),
        ("POST", "/sapi/v1/asset/transfer", Asked.TRANSFER),
        ("POST", "/sapi/v1/simple-earn/flexible/redeem", Asked.TRANSFER),
        ("POST", "/fapi/v1/leverage", Asked.SETTING),
        ("GET", "/fapi/v1/premiumIndex", Asked.MARKET),
    ],
)
async def test_requests_have_their_kinds(method: str, path: str, kind: Asked) -> None:
    assert kind_of(method, path) is kind


async def test_every_kind_of_fault_is_met_in_this_file(request: pytest.FixtureRequest) -> None:
    source = request.path.read_text(encoding="utf-8")
    assert [kind for kind in FaultKind if f'"{kind.value}"' not in source] == []
    assert set(SHAPES) > LINE
