"""Which world is connected to: ours stays on this machine, the real ones never do, and nothing points elsewhere."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Credentials, Environment, Setup
from bot.venues.ccxt.profiles.binance import Binance
from bot.venues.ccxt.profiles.binance_wire import BinanceClient
from bot.venues.ccxt.profiles.worlds import DEAD, check_world
from bot.venues.ccxt.venue import make_venue
from tests.unit.venues.ccxt.scripted import FreeClock

LOCAL = "http://127.0.0.1:8788"


def a_client(environment: Environment, url: str | None = None, speed: str = "1") -> BinanceClient:
    clock, setup = FreeClock(), Setup(environment, url=url, clock_speed=Decimal(speed))
    return Binance().client(setup, clock, Traffic(clock, {}))


def hosts(client: BinanceClient) -> set[str]:
    return {urlsplit(url).hostname or "" for url in client.urls["api"].values()}


async def test_a_local_exchange_is_asked_at_its_address_and_nothing_else_anywhere() -> None:
    client = a_client("local", LOCAL + "/")
    assert client.urls["api"]["fapiPrivateV3"] == LOCAL + "/fapi/v3"
    assert client.urls["api"]["sapi"] == LOCAL + "/sapi/v1"
    assert client.urls["api"]["papi"] == client.urls["api"]["dapiPublic"] == DEAD
    assert hosts(client) == {"127.0.0.1"}


async def test_the_real_worlds_are_asked_at_their_own_addresses() -> None:
    assert {"api.binance.com", "fapi.binance.com"} <= hosts(a_client("production"))
    assert "testnet.binance.vision" in hosts(a_client("testnet"))
    assert {"demo-api.binance.com", "demo-fapi.binance.com"} <= hosts(a_client("demo"))


@pytest.mark.parametrize("url", ["https://api.binance.com", "http://10.0.0.7:80", "http://example.org"])
async def test_a_local_exchange_is_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="must be an address of this machine"):
        a_client("local", url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8"])
def test_a_real_world_is_not_on_this_machine(host: str) -> None:
    urls = {"public": "https://api.binance.com/api/v3", "sapi": f"http://{host}:8788/sapi/v1"}
    with pytest.raises(ValueError, match="production: sapi is"):
        check_world(Setup("production"), urls)


async def test_a_local_exchange_without_an_address_is_told() -> None:
    with pytest.raises(ValueError, match="needs the local exchange's address"):
        a_client("local")


async def test_the_window_of_a_fast_exchange_is_as_much_wider_and_ccxt_paces_real_ones_only() -> None:
    fast, real = a_client("local", LOCAL, speed="600"), a_client("production")
    assert (fast.options["recvWindow"], real.options["recvWindow"]) == (3_000_000, 5_000)
    assert (fast.enableRateLimit, real.enableRateLimit) == (False, True)


@pytest.mark.parametrize(
    ("environment", "can"),
    [("local", {"swap", "transfer"}), ("demo", {"swap"}), ("testnet", set()), ("production", {"swap", "transfer"})],
)
async def test_each_world_can_what_it_can(environment: Environment, can: set[str]) -> None:
    venue = make_venue("binance", Setup(environment, url=LOCAL if environment == "local" else None), FreeClock())
    assert set((await venue.kind()).can) == can


async def test_where_nobody_can_judge_a_key_it_is_unknown() -> None:
    report = await Binance().key(None, Setup("demo", Credentials("k", "s")))
    assert (report.can_withdraw, report.can_trade_swap) == (None, None)
    assert report.note


def test_a_venue_without_a_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="'kraken' has no profile; there are profiles for binance"):
        make_venue("kraken", Setup("production"), FreeClock())


def test_a_secret_does_not_show() -> None:
    assert "hush" not in repr(Setup("production", Credentials("key", "hush")))
