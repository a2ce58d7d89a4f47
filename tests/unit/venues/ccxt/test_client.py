"""The last line before the socket: what may be asked at all, by whom, and in whose time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import ccxt.async_support as ccxt
import pytest

from bot.core.numbers import milliseconds
from bot.ports.errors import Denied
from bot.venues.ccxt.client import SafeTransport, Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.permits import Ticket, holding
from bot.venues.ccxt.profiles.binance_wire import WAYS, BinanceClient
from tests.unit.venues.ccxt.scripted import (
    NOW,
    NOW_MS,
    Answer,
    FreeClock,
    Stage,
    a_move,
    a_stage,
    an_intent,
    spot_order,
    yes,
)

BOOK = {"lastUpdateId": 1, "bids": [["1", "1"]], "asks": [["2", "1"]]}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as made:
        yield made


def client_of(stage: Stage) -> Any:
    return stage.venue._line.client  # noqa: SLF001 - what no port offers, and must not


async def test_a_withdrawal_cannot_be_asked_for(stage: Stage) -> None:
    client, before = client_of(stage), len(stage.script.asked)
    with holding(Ticket(a_move(), yes)), pytest.raises(Denied, match="not among"):
        await client.withdraw("USDT", 1, "somewhere")
    assert len(stage.script.asked) == before


async def test_no_implicit_method_of_ccxt_reaches_a_path_that_is_not_listed(stage: Stage) -> None:
    client, before = client_of(stage), len(stage.script.asked)
    for name in (
        "sapiPostCapitalWithdrawApply",
        "sapiPostSubAccountUniversalTransfer",
        "privatePostOrderOco",
        "fapiPrivatePostBatchOrders",
        "fapiPrivatePostAlgoOrder",
        "papiPostUmOrder",
        "sapiPostMarginOrder",
    ):
        with holding(Ticket(an_intent(), yes)), pytest.raises(Denied):
            await getattr(client, name)({"symbol": "BTCUSDT"})
    assert len(stage.script.asked) == before


def test_nothing_listed_sends_money_out_and_every_new_order_needs_a_ticket() -> None:
    for (method, path), way in WAYS.items():
        assert method == "GET" or "withdraw" not in path
        assert method == "GET" or way is not Way.READ
        assert (method, path.rsplit("/", 1)[-1]) != ("POST", "order") or way is Way.ORDER


async def test_an_order_without_a_permit_is_refused(stage: Stage) -> None:
    client = client_of(stage)
    with pytest.raises(Denied, match="no permit"):
        await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000")
    assert stage.script.count("POST /api/v3/order") == 0


async def test_a_transfer_without_a_permit_is_refused(stage: Stage) -> None:
    with pytest.raises(Denied, match="no permit"):
        await client_of(stage).transfer("USDT", "1", "spot", "swap")
    assert stage.script.count("POST /sapi/v1/asset/transfer") == 0


async def test_a_permit_lets_its_own_order_through_and_no_other(stage: Stage) -> None:
    client = client_of(stage)
    with holding(Ticket(an_intent("bt1"), yes)), pytest.raises(Denied, match="is not bt1"):
        await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000", {"newClientOrderId": "bt2"})
    with holding(Ticket(a_move("bt2"), yes)), pytest.raises(Denied, match="something else"):
        await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000", {"newClientOrderId": "bt2"})
    assert stage.script.count("POST /api/v3/order") == 0


async def test_a_ticket_lets_one_order_through_once(stage: Stage) -> None:
    stage.script.on("POST /api/v3/order", spot_order("bt1"))
    client = client_of(stage)
    with holding(Ticket(an_intent("bt1"), yes)):
        await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000", {"newClientOrderId": "bt1"})
        with pytest.raises(Denied, match="sent once"):
            await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000", {"newClientOrderId": "bt1"})
    assert stage.script.count("POST /api/v3/order") == 1


async def test_ccxts_own_retries_cannot_send_an_order_twice(stage: Stage) -> None:
    stage.script.on("POST /api/v3/order", {"code": -1000, "msg": "unknown"}, spot_order("bt1"))
    client = client_of(stage)
    order = ("BTC/USDT", "limit", "buy", "0.5", "60000")
    with holding(Ticket(an_intent("bt1"), yes)), pytest.raises(Denied, match="sent once"):
        await client.create_order(*order, {"newClientOrderId": "bt1", "maxRetriesOnFailure": 3})
    assert stage.script.count("POST /api/v3/order") == 1


@pytest.mark.parametrize("options", [{"maxRetriesOnFailure": 2}, {"createOrder": {"maxRetriesOnFailure": 1}}])
async def test_where_ccxt_is_told_to_send_again_no_request_leaves(stage: Stage, options: dict[str, Any]) -> None:
    client, before = client_of(stage), len(stage.script.asked)
    assert client.options.get("maxRetriesOnFailure", 0) == 0
    client.options.update(options)
    with pytest.raises(Denied, match="maxRetriesOnFailure is set"):
        await client.fetch_time()
    assert len(stage.script.asked) == before


async def test_where_ccxt_is_told_to_print_what_it_signs_no_request_leaves(stage: Stage) -> None:
    client, before = client_of(stage), len(stage.script.asked)
    client.verbose = True
    with pytest.raises(Denied, match="verbose is set"):
        await client.fetch_time()
    assert len(stage.script.asked) == before


async def test_the_window_of_a_signature_is_five_seconds_and_no_blanket(stage: Stage) -> None:
    client = client_of(stage)
    assert client.options["recvWindow"] == 5_000
    stage.script.on("GET /api/v3/openOrders", [])
    await stage.venue.open_orders(["BTC/USDT"])
    assert stage.script.last("GET /api/v3/openOrders")["recvWindow"] == "5000"


def _money_out(client: Any) -> list[str]:
    """Every method that ccxt makes of a venue's paths and that moves money or makes somebody else able to."""
    wanted = re.compile(r"(?:Get|Post|Put|Delete|Patch).*(?:[Ww]ithdraw|[Tt]ransfer|[Pp]ayout|SubAccount)")
    return sorted(name for name in dir(client) if wanted.search(name) and callable(getattr(client, name)))


async def test_no_way_of_binance_to_move_money_out_reaches_the_socket(stage: Stage) -> None:
    client, before = client_of(stage), len(stage.script.asked)
    listed = {"sapiGetCapitalWithdrawHistory", "sapiGetAssetTransfer"}  # these only read
    names = [name for name in _money_out(client) if name not in listed]
    assert len(names) > 50
    assert "sapiPostCapitalWithdrawApply" in names
    for name in names:
        with pytest.raises(Denied):
            await getattr(client, name)({})
    assert len(stage.script.asked) == before


@pytest.mark.parametrize("venue", ["bybit", "bingx", "weex", "mexc", "okx", "kraken", "gate", "kucoin", "coinbase"])
async def test_behind_our_transport_no_venue_of_ccxt_can_be_asked_for_a_withdrawal(venue: str) -> None:
    clock = FreeClock()
    behind = getattr(ccxt, venue)
    client = type(venue, (SafeTransport, behind), {})(
        {"apiKey": "k", "secret": "c2VjcmV0", "password": "p", "uid": "u", "enableRateLimit": False},
        clock=clock, traffic=Traffic(clock, {}), ways={},
    )  # fmt: skip
    names = _money_out(client)
    assert names
    try:
        for name in names:
            # A path with a hole in it is filled with something; what cannot be signed at all cannot be sent either.
            with pytest.raises((Denied, ccxt.BaseError, KeyError, TypeError)) as raised:
                await getattr(client, name)({"uid": "1", "id": "1", "ccy": "USDT", "network": "ETH"})
            assert not isinstance(raised.value, ccxt.NetworkError), name
        assert not client.traffic.requests
        with pytest.raises(Denied):
            await client.fetch(f"https://venue.example/withdraw/{names[0]}", "POST")
    finally:
        await client.close()


async def test_a_venue_that_repeats_the_key_puts_it_into_no_error(stage: Stage) -> None:
    client = client_of(stage)
    client.apiKey, client.secret = "the-very-key", "the-very-secret"
    said = "key the-very-key with the-very-secret is not known"
    stage.script.on("GET /api/v3/openOrders", Answer({"code": -2014, "msg": said}, 401))
    with pytest.raises(ccxt.AuthenticationError) as raised:
        await client.fetch_open_orders("BTC/USDT")
    assert "the-very" not in str(raised.value)
    assert "******** with ********" in str(raised.value)


async def test_a_request_past_the_clients_fetch_is_refused(stage: Stage) -> None:
    client, before = client_of(stage), len(stage.script.asked)
    url = client.urls["api"]["public"] + "/time"
    with pytest.raises(Denied, match="fetch"):
        await client.session.get(url)
    assert len(stage.script.asked) == before


async def test_a_ticket_is_seen_by_its_own_task_only(stage: Stage) -> None:
    client = client_of(stage)
    inside = asyncio.Event()

    async def holder() -> None:
        with holding(Ticket(an_intent("bt1"), yes)):
            inside.set()
            await asyncio.sleep(0.02)

    async def stranger() -> None:
        await inside.wait()
        with pytest.raises(Denied, match="no permit"):
            await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000", {"newClientOrderId": "bt1"})

    await asyncio.gather(holder(), stranger())


async def test_the_time_in_a_request_is_the_venues(stage: Stage) -> None:
    client = client_of(stage)
    assert client.milliseconds() == NOW_MS
    stage.clock.at = NOW.replace(year=2019)
    stage.script.on("GET /api/v3/openOrders", [])
    await stage.venue.open_orders(["BTC/USDT"])
    assert stage.script.last("GET /api/v3/openOrders")["timestamp"] == str(milliseconds(stage.clock.at))


async def test_a_key_that_worked_and_is_revoked_is_no_rate_limit(stage: Stage) -> None:
    stage.script.on("GET /api/v3/openOrders", [])
    await stage.venue.open_orders(["BTC/USDT"])
    stage.script.on("GET /api/v3/openOrders", {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})
    gap = await stage.venue.open_orders(["BTC/USDT"])
    assert "Unauthorized" in repr(gap)
    assert stage.venue.paused_until is None


async def test_structures_are_born_without_floats(stage: Stage) -> None:
    stage.script.on("GET /api/v3/order", spot_order(price="0.10000000000000001"))
    order = await client_of(stage).fetch_order("7", "BTC/USDT")
    assert not [name for name, value in order.items() if isinstance(value, float)]
    assert order["price"] == "0.10000000000000001"


def test_the_transport_stands_before_ccxt() -> None:
    assert BinanceClient.__mro__[1] is SafeTransport


class Noted:
    """A machine's budget that writes down what is taken."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float, bool]] = []
        self.told: list[tuple[str, float]] = []

    async def take(self, bucket: str, cost: float, *, per_s: float, most: float, urgent: bool = False) -> float:
        assert 0 < most < per_s * 60
        self.taken.append((bucket, cost, urgent))
        return 0.0

    def left(self, bucket: str, tokens: float) -> None:
        self.told.append((bucket, tokens))

    def pause(self, host_s: float, why: str, *, orders_only: bool = False) -> None: ...

    def quiet(self, *, orders: bool = False) -> tuple[float, str]:
        del orders
        return 0.0, ""


async def test_a_request_takes_its_weight_from_the_machines_budget_and_an_order_waits_for_none(stage: Stage) -> None:
    client, machine = client_of(stage), Noted()
    client.enableRateLimit = True
    client.traffic = Traffic(FreeClock(), {"api": 6_000, "fapi": 2_400}, machine=machine)
    stage.script.on("GET /api/v3/depth", Answer(BOOK, headers={"x-mbx-used-weight-1m": "1234"}))
    stage.script.on("GET /fapi/v1/depth", BOOK)
    stage.script.on("POST /api/v3/order", spot_order("bt1"))
    await client.fetch_order_book("BTC/USDT", 100)
    await client.fetch_order_book("BTC/USDT:USDT", 50)
    with holding(Ticket(an_intent("bt1"), yes)):
        await client.create_order("BTC/USDT", "limit", "buy", "0.5", "60000", {"newClientOrderId": "bt1"})
    assert machine.taken == [("api", 5.0, False), ("fapi", 2.0, False), ("api", 1.0, True)]
    assert machine.told == [("api", 6_000 - 1_234)]
