"""The shipped paper configuration on public endpoints: no key, no order leaves, one line where nobody answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.orders import OrderState
from bot.daemon import Daemon
from bot.engine.verify import verify
from bot.ports.errors import Transient
from bot.settings import Settings, load
from bot.store.sql import SqlRecord
from bot.wiring import compose, identity_of
from tests.e2e.eavesdropper import Eavesdropper, a_wire, answer
from tests.e2e.folder import ROOT

PRIVATE = ("signature=", "x-mbx-apikey", "x-bapi-sign", "post ", "delete ", "put ", "/sapi/")
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def public() -> AsyncIterator[Eavesdropper]:
    async with a_wire("k" * 64, "s" * 64, speed=1) as wire:
        yield wire


def shipped(folder: Path, name: str = "binance-paper") -> Settings:
    """The file as it is shipped, a cycle a second, its record in ``folder``."""
    env = {"BALLAST_STORE__URL": f"sqlite+aiosqlite:///{folder}/paper.db", "BALLAST_CYCLE": "1s"}
    return load(ROOT / "config" / f"{name}.yaml", env)


async def run(settings: Settings, wire: Eavesdropper, cycles: int) -> int:
    return await Daemon(await compose(settings, env={}, stand_in=wire.url)).run(cycles)


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_paper_trades_on_public_prices_without_a_key(public: Eavesdropper, tmp_path: Path, venue: str) -> None:
    settings = shipped(tmp_path, f"{venue}-paper")
    assert (settings.mode, settings.venue.environment) == ("paper", "production")
    assert settings.venue.api_key is None
    assert await run(settings, public, 2) == 0
    assert await run(settings, public, 2) == 0  # the account is found again as it was left
    asked = [request.decode("latin-1").lower() for request in public.asked]
    assert asked
    assert not [one for one in asked for word in PRIVATE if word in one.partition("\r\n\r\n")[0]]
    record = SqlRecord(settings.store.url, identity_of(settings))
    try:
        orders = await record.orders(100)
        report = await verify(record)
        decided = await record.decisions(10)
    finally:
        await record.close()
    assert [row for row in orders if row.state == OrderState.FILLED]
    assert len(decided) == 4
    assert report.clean, report.lines
    assert not public.exchange.open_orders()
    assert public.exchange.balances()["USDT"].free == 40_000  # whose account that is, nothing happened to it


async def test_a_venue_that_cannot_be_reached_is_one_line_and_no_record(public: Eavesdropper, tmp_path: Path) -> None:
    public.trick = lambda _number, line, _head: None if "/api/v3/time" in line else b""
    with pytest.raises(
        Transient, match=r"^binance \(production\) cannot be reached from this machine: markets: "
    ) as told:
        await run(shipped(tmp_path), public, 1)
    assert "\n" not in str(told.value)


async def test_a_venue_that_closes_its_door_to_a_country_is_one_line(public: Eavesdropper, tmp_path: Path) -> None:
    closed = answer(
        451, {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'"}
    )
    public.trick = lambda _number, line, _head: None if "/api/v3/time" in line else closed
    with pytest.raises(Transient, match=r"^binance \(production\) cannot be reached from this machine: .*451"):
        await run(shipped(tmp_path), public, 1)


async def test_prices_that_stop_coming_are_said_and_nothing_is_traded_on_old_ones(
    public: Eavesdropper, tmp_path: Path
) -> None:
    settings = shipped(tmp_path)
    assert await run(settings, public, 1) == 0
    asked = len(public.asked)

    def gone(number: int, line: str, _head: str) -> bytes | None:
        late = number > asked + 12 and ("bookTicker" in line or "premiumIndex" in line or "ticker" in line)
        return answer(503, "<html>maintenance</html>") if late else None

    public.trick = gone
    assert await run(settings, public, 2) == 0
    record = SqlRecord(settings.store.url, identity_of(settings))
    try:
        told = "\n".join([str(event.body["text"]) async for event in record.events() if event.kind == "alert"])
        last = (await record.decisions(1))[0]
    finally:
        await record.close()
    assert "the venue cannot be read for quotes" in told
    assert last.outcome != "actions"
