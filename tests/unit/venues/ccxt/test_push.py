"""Private streams through ccxt.pro: named, translated, closed, and unable to trade."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ccxt.pro
import pytest

from bot.ports.errors import Denied, Transient, Unauthorized
from bot.venues.ccxt.profiles import Credentials
from bot.venues.ccxt.push import CcxtPush, pro_client, push_of

KEY = Credentials("k" * 16, "s" * 16, "p")


@dataclass
class Venue:
    """The configured one."""

    id: str = "binance"
    environment: Any = "production"
    push: bool = True


@dataclass
class Client:
    """What ccxt.pro would be: every watch is answered in order."""

    answers: list[Any] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    closed: int = 0

    async def watch_orders(self, symbol: None, since: None, limit: None, asked: dict[str, str]) -> Any:
        assert (symbol, since, limit) == (None, None, None)
        return self._answer("orders", asked)

    async def watch_balance(self, asked: dict[str, str]) -> Any:
        return self._answer("balance", asked)

    async def close(self) -> None:
        self.closed += 1

    def _answer(self, what: str, asked: dict[str, str]) -> Any:
        self.asked.append((what, asked))
        said = self.answers.pop(0) if self.answers else []
        if isinstance(said, Exception):
            raise said
        return said


async def test_each_wallet_has_its_streams_and_one_wallet_one_pair() -> None:
    client = Client()
    two = CcxtPush("binance", lambda: client)
    assert list(two.streams()) == ["orders spot", "balance spot", "orders futures", "balance futures"]
    for name in two.streams():
        await two.heard(name)
    swap = {"type": "swap", "subType": "linear"}
    assert client.asked == [
        ("orders", {"type": "spot"}),
        ("balance", {"type": "spot"}),
        ("orders", swap),
        ("balance", swap),
    ]
    assert list(CcxtPush("bybit", Client).streams()) == ["orders account", "balance account"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.NetworkError("gone"), Transient),
        (ccxt.AuthenticationError("no"), Unauthorized),
        (OSError("reset"), Transient),
    ],
)
async def test_what_ccxt_raises_is_sorted_as_for_a_read(error: Exception, kind: type[Exception]) -> None:
    push = CcxtPush("binance", lambda: Client([error]))
    with pytest.raises(kind, match="orders spot"):
        await push.heard("orders spot")
    await push.heard("orders spot")  # the next time it may be better


async def test_one_client_is_made_and_closed_once() -> None:
    made: list[Client] = []

    def make() -> Client:
        made.append(Client())
        return made[-1]

    push = CcxtPush("binance", make)
    assert made == []  # not before the loop runs
    await push.heard("orders spot")
    await push.heard("balance spot")
    await push.close()
    await push.close()
    assert [client.closed for client in made] == [1]
    with pytest.raises(Denied, match="closed"):
        await push.heard("orders spot")


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "https://api.binance.com/api/v3/order"),
        ("DELETE", "https://api.binance.com/api/v3/order"),
        ("POST", "https://api.binance.com/sapi/v1/capital/withdraw/apply"),
        ("POST", "https://api.binance.com/sapi/v1/asset/transfer?x=listenKey"),
    ],
)
async def test_a_stream_client_can_neither_trade_nor_move(method: str, url: str) -> None:
    client = pro_client(ccxt.pro.binance, "production", KEY)
    try:
        with pytest.raises(Denied, match=r"is not among the requests that streams may make"):
            await client.fetch(url, method)
    finally:
        await client.close()


@pytest.mark.parametrize("venue_id", ["binance", "bybit", "bingx", "weex", "mexc"])
async def test_every_venue_with_a_profile_has_streams(venue_id: str) -> None:
    push = push_of(Venue(venue_id), lambda: KEY)
    assert push is not None
    assert push.streams()
    await push.close()
    client = pro_client(getattr(ccxt.pro, venue_id), "production", KEY)
    assert client.has["watchOrders"]
    assert client.has["watchBalance"]
    await client.close()


@pytest.mark.parametrize(
    ("venue", "key"),
    [
        (Venue(push=False), KEY),
        (Venue(environment="local"), KEY),
        (Venue(), Credentials()),
        (Venue("nosuchvenue"), KEY),
    ],
)
def test_nobody_listens_where_nobody_wants_or_can(venue: Venue, key: Credentials) -> None:
    assert push_of(venue, lambda: key) is None
