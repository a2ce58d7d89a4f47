"""The venues' own connectors against the local exchange, unchanged: an order's life, balances, positions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from binance_common.configuration import ConfigurationRestAPI
from binance_common.errors import BadRequestError
from binance_sdk_derivatives_trading_usds_futures import derivatives_trading_usds_futures as usds
from binance_sdk_derivatives_trading_usds_futures.rest_api import models as usds_models
from binance_sdk_spot.rest_api import models as spot_models
from binance_sdk_spot.spot import Spot
from pybit import exceptions as pybit_errors  # type: ignore[import-untyped]
from pybit import unified_trading as pybit

from bot.clocks import SystemClock
from bot.local_exchange.server import LocalExchange
from bot.venues.simulated.exchange import Exchange
from tests.unit.local_exchange.still_scene import StillScene
from tests.wire.bench import KEYS

pytestmark = pytest.mark.asyncio
T = TypeVar("T")


@asynccontextmanager
async def an_exchange(*, unified: bool, futures: int = 0) -> AsyncIterator[str]:
    """Connectors take the time from the host, so that the exchange lives in the present."""
    clock = SystemClock()
    opening = {"USDT": Decimal(40_000), "BTC": Decimal("0.6")}
    exchange = Exchange(StillScene(), opening=opening, at=clock.now() - timedelta(seconds=1))
    if futures:
        exchange.transfer("USDT", Decimal(futures), "spot", "futures")
    server = LocalExchange(exchange, clock, key=KEYS.key, secret=KEYS.secret, save=None, unified=unified)
    try:
        yield await server.start()
    finally:
        await server.stop()


async def of_host(work: Callable[[], T]) -> T:
    """Connectors block: they run beside the loop that answers them."""
    return await asyncio.to_thread(work)


def spot_of(url: str) -> Any:
    """Its own types call a list's rows pairs, so they are not used."""
    return Spot(config_rest_api=settings(url)).rest_api


def futures_of(url: str) -> Any:
    return usds.DerivativesTradingUsdsFutures(config_rest_api=settings(url)).rest_api


def settings(url: str) -> ConfigurationRestAPI:
    return ConfigurationRestAPI(
        api_key=KEYS.key, api_secret=KEYS.secret, base_path=url, timeout=10_000, retries=0, keep_alive=False
    )


async def test_binances_spot_connector_places_looks_up_and_cancels_an_order_and_reads_balances() -> None:
    def work(url: str) -> None:
        client = spot_of(url)
        placed = client.new_order(
            symbol="BTCUSDT",
            side=spot_models.NewOrderSideEnum.BUY,
            type=spot_models.NewOrderTypeEnum.LIMIT,
            time_in_force=spot_models.NewOrderTimeInForceEnum.GTC,
            quantity=0.1,
            price=49_000.0,
            new_client_order_id="b-spot",
        ).data()
        found = client.get_order(symbol="BTCUSDT", orig_client_order_id="b-spot").data()
        assert (found.order_id, found.status, found.orig_qty) == (placed.order_id, "NEW", "0.1")
        assert [row.client_order_id for row in client.get_open_orders().data()] == ["b-spot"]
        held = {row.asset: row for row in client.get_account().data().balances or []}
        assert (held["USDT"].locked, held["BTC"].free) == ("4900", "0.6")
        gone = client.delete_order(symbol="BTCUSDT", orig_client_order_id="b-spot").data()
        assert gone.status == "CANCELED"
        with pytest.raises(BadRequestError, match="Unknown order sent"):
            client.delete_order(symbol="BTCUSDT", orig_client_order_id="b-spot")
        assert client.get_open_orders().data() == []

    async with an_exchange(unified=False) as url:
        await of_host(lambda: work(url))


async def test_binances_futures_connector_places_looks_up_and_cancels_an_order_and_reads_positions() -> None:
    def work(url: str) -> None:
        client = futures_of(url)
        placed = client.new_order(
            symbol="BTCUSDT",
            side=usds_models.NewOrderSideEnum.SELL,
            type=usds_models.NewOrderTypeEnum.LIMIT,
            time_in_force=usds_models.NewOrderTimeInForceEnum.GTC,
            quantity=0.1,
            price=51_000.0,
            new_client_order_id="b-swap",
        ).data()
        found = client.query_order(symbol="BTCUSDT", orig_client_order_id="b-swap").data()
        assert (found.order_id, found.status) == (placed.order_id, "NEW")
        assert client.cancel_order(symbol="BTCUSDT", orig_client_order_id="b-swap").data().status == "CANCELED"
        client.new_order(
            symbol="BTCUSDT",
            side=usds_models.NewOrderSideEnum.SELL,
            type=usds_models.NewOrderTypeEnum.MARKET,
            quantity=0.1,
            new_client_order_id="b-short",
        )
        (position,) = client.position_information_v3().data()
        assert (position.symbol, position.position_amt, position.entry_price) == ("BTCUSDT", "-0.1", "49999.9")
        (balance,) = client.futures_account_balance_v3().data()
        assert (balance.asset, balance.balance) == ("USDT", "9997.50000500")

    async with an_exchange(unified=False, futures=10_000) as url:
        await of_host(lambda: work(url))


async def test_bybits_connector_places_looks_up_and_cancels_an_order_and_reads_the_account() -> None:
    def work(url: str) -> None:
        client = pybit.HTTP(api_key=KEYS.key, api_secret=KEYS.secret, recv_window=20_000)
        client.endpoint = url
        limit = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "49000"}
        for category in ("spot", "linear"):
            client.place_order(category=category, orderLinkId=f"b-{category}", **limit)
            (found,) = client.get_open_orders(category=category, symbol="BTCUSDT", orderLinkId=f"b-{category}")[
                "result"
            ]["list"]
            assert (found["orderStatus"], found["qty"], found["leavesQty"]) == ("New", "0.1", "0.1")
        (wallet,) = client.get_wallet_balance(accountType="UNIFIED")["result"]["list"]
        coins = {row["coin"]: row for row in wallet["coin"]}
        assert (coins["USDT"]["locked"], coins["USDT"]["totalOrderIM"]) == ("4900.00000000", "250.00000000")
        for category in ("spot", "linear"):
            client.cancel_order(category=category, symbol="BTCUSDT", orderLinkId=f"b-{category}")
            (found,) = client.get_order_history(category=category, orderLinkId=f"b-{category}")["result"]["list"]
            assert found["orderStatus"] == "Cancelled"
        with pytest.raises(pybit_errors.InvalidRequestError, match="110001"):
            client.cancel_order(category="linear", symbol="BTCUSDT", orderLinkId="b-linear")
        client.place_order(category="linear", symbol="BTCUSDT", side="Sell", orderType="Market", qty="0.1")
        (position,) = client.get_positions(category="linear", settleCoin="USDT")["result"]["list"]
        assert (position["side"], position["size"], position["avgPrice"]) == ("Sell", "0.1", "49999.9")
        (fill,) = client.get_executions(category="linear", limit=1)["result"]["list"]
        assert (fill["execQty"], fill["execFee"]) == ("0.1", "2.499995")

    def pages(url: str) -> None:
        client = pybit.HTTP(api_key=KEYS.key, api_secret=KEYS.secret, recv_window=20_000)
        client.endpoint = url
        client.place_order(category="linear", symbol="BTCUSDT", side="Buy", orderType="Market", qty="0.1")
        first = client.get_executions(category="linear", limit=1)["result"]
        cursor = first["nextPageCursor"]
        second = client.get_executions(category="linear", limit=1, cursor=cursor)["result"]
        assert [row["side"] for page in (first, second) for row in page["list"]] == ["Buy", "Sell"]
        assert second["nextPageCursor"] == ""

    async with an_exchange(unified=True) as url:
        await of_host(lambda: work(url))
        await of_host(lambda: pages(url))
