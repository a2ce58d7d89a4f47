"""Mode live against an exchange that stands where the venue would: every term refused until it holds, then orders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.daemon import Daemon
from bot.ports.errors import PortError, StoreRefused, Transient, Unauthorized, VenueError
from bot.settings import load
from bot.store.sql import SqlControls, SqlRecord
from bot.venues.simulated.exchange import OrderRequest
from bot.wiring import asked_of_key, compose, identity_of
from tests.builders import D
from tests.e2e.eavesdropper import Eavesdropper, a_wire

KEY, SECRET = "k" * 64, "s" * 64
ENV = {"BALLAST_VENUE__API_KEY": KEY, "BALLAST_VENUE__SECRET": SECRET, "BALLAST_LIVE": "real"}
ACCOUNT = "binance:1"
pytestmark = pytest.mark.timeout(120)


class Live:
    """One live portfolio's folder, beside an exchange that plays the venue."""

    def __init__(self, folder: Path, wire: Eavesdropper) -> None:
        self.folder = folder
        self.wire = wire
        self.file = folder / "portfolio.yaml"
        self.file.write_text(
            "portfolio: real\nmode: live\ncycle: 1s\nvenue: {id: binance, environment: production}\n"
            f'store: {{url: "sqlite+aiosqlite:///{folder}/live.db"}}\n'
            "targets:\n  stables: {weight: 0.5, floor: 0.05}\n  sleeves: {majors: {weight: 0.5, assets: [BTC]}}\n"
            "signals: {enabled: false}\nexecution: {style: taker}\n",
            encoding="utf-8",
        )

    def certify(self) -> None:
        path = self.folder / "certificates" / "binance.json"
        path.parent.mkdir()
        body = {"venue": "binance", "at": host_utc_now().isoformat(), "version": "0.1.0", "passed": True}
        path.write_text(json.dumps(body), encoding="utf-8")

    async def ask(self, what: str, value: str = "") -> None:
        settings = load(self.file, ENV)
        controls = SqlControls(settings.store.url, identity_of(settings), host_utc_now)
        await controls.request(what, value, "anna", "test")
        await controls.close()

    async def run(self, cycles: int = 1, /, **env: str) -> int:
        """Compose and run as `ballast run` does, with the wire in the venue's place."""
        said = {name: value for name, value in (ENV | env).items() if value}
        body = await compose(load(self.file, said), config_path=self.file, env=said, stand_in=self.wire.url)
        return await Daemon(body).run(cycles)

    async def refused(self, kind: type[PortError], match: str, **env: str) -> None:
        with pytest.raises(kind, match=match):
            await self.run(**env)
        assert self.orders() == 0

    def orders(self) -> int:
        return sum(request.startswith(b"POST /api/v3/order") for request in self.wire.asked)

    async def alerts(self) -> str:
        settings = load(self.file, ENV)
        record = SqlRecord(settings.store.url, identity_of(settings))
        try:
            return "\n".join([str(event.body["text"]) async for event in record.events() if event.kind == "alert"])
        finally:
            await record.close()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with a_wire(KEY, SECRET, speed=1) as wire:
        yield Live(tmp_path, wire)


async def test_each_term_of_live_is_refused_until_it_holds_and_then_orders_go_out(live: Live) -> None:
    await live.refused(StoreRefused, "BALLAST_LIVE is not set, must be real", BALLAST_LIVE="")
    await live.refused(StoreRefused, "BALLAST_LIVE is main, must be real", BALLAST_LIVE="main")
    await live.refused(VenueError, "needs a certificate of binance")
    assert not live.wire.asked  # nobody was even connected to
    live.certify()
    await live.refused(StoreRefused, f"nobody confirmed that {ACCOUNT}")
    await live.ask("live", "binance:2")
    await live.refused(StoreRefused, f"confirmed was binance:2, the key is of {ACCOUNT}")
    await live.ask("live", ACCOUNT)

    live.wire.change = lambda text: text.replace(b'"enableWithdrawals":false', b'"enableWithdrawals":true ')
    await live.refused(Unauthorized, "the key may withdraw, must be one that cannot")
    live.wire.change = lambda text: text.replace(b'"enableWithdrawals":false', b'"enableSomethings":false ')
    await live.refused(Unauthorized, r"does not say whether the key may withdraw.*venue\.unchecked_key: true")
    live.wire.change = bytes

    assert await live.run() == 0
    assert "the account holds assets that were there before" not in await live.alerts()  # only money
    assert live.orders() > 0


async def test_what_a_live_account_held_before_waits_for_adopt(live: Live) -> None:
    live.certify()
    await live.ask("live", ACCOUNT)
    live.wire.exchange.place(OrderRequest("BTC/USDT", "buy", "market", amount=D("0.01"), client_id="by-hand"))
    assert await live.run() == 0
    assert live.orders() == 0
    assert "all but safety waits for `ballast adopt`" in await live.alerts()
    await live.ask("adopt")
    assert await live.run(2) == 0
    assert live.orders() > 0


async def test_a_record_of_another_account_is_refused(live: Live) -> None:
    live.certify()
    await live.ask("live", ACCOUNT)
    assert await live.run() == 0
    live.wire.change = lambda text: text.replace(b'"uid":1', b'"uid":2')
    before = live.orders()
    await live.ask("live", "binance:2")
    with pytest.raises(StoreRefused, match=r"belongs to account 'binance:1', not 'binance:2'"):
        await live.run()
    assert live.orders() == before


async def test_what_a_key_may_do_is_asked_without_a_word_about_orders(live: Live) -> None:
    account, report = await asked_of_key(load(live.file, ENV), stand_in=live.wire.url)
    assert account == ACCOUNT
    assert report.can_withdraw is False
    assert not [request for request in live.wire.asked if request.startswith((b"POST", b"DELETE"))]


async def test_a_dry_run_of_a_live_venue_sends_nothing_with_a_key_that_may_not_trade(live: Live) -> None:
    live.wire.change = lambda text: text.replace(
        b'"enableSpotAndMarginTrading":true', b'"enableSpotAndMarginTrading":null'
    )
    assert await live.run(1, BALLAST_MODE="dry-run", BALLAST_LIVE="") == 0
    assert not [request for request in live.wire.asked if request.startswith((b"POST", b"DELETE"))]
    settings = load(live.file, ENV | {"BALLAST_MODE": "dry-run"})
    record = SqlRecord(settings.store.url, identity_of(settings))
    try:
        assert [row.state.value for row in await record.orders(10)] == ["denied"]
    finally:
        await record.close()


async def test_a_venue_that_cannot_be_reached_is_named_so(live: Live) -> None:
    live.certify()
    await live.ask("live", ACCOUNT)
    live.wire.trick = lambda _number, line, _head: None if "/api/v3/time" in line else b""
    with pytest.raises(Transient, match=r"^binance \(production\) cannot be reached from this machine: markets: "):
        await live.run()
