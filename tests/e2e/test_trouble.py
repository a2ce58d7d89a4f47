"""What a venue does to a live bot: each time one clear line, what can go on goes on, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.daemon import Daemon
from bot.engine.verify import verify
from bot.ports.errors import RateLimited, Transient, Unauthorized
from bot.settings import load
from bot.store.sql import SqlRecord
from bot.wiring import compose, identity_of
from tests.e2e.eavesdropper import Trick, a_wire, answer
from tests.e2e.test_live import ACCOUNT, ENV, KEY, SECRET, Live

REFUSED = answer(401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, request ip: 192.0.2.7"})
BANNED = answer(418, {"code": -1003, "msg": "Way too much request weight used; IP banned."}).replace(
    b"connection: close", b"retry-after: 600\r\nconnection: close"
)
CLOSED = answer(503, "<html><h1>System upgrade</h1></html>")
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with a_wire(KEY, SECRET, speed=1) as wire:
        made = Live(tmp_path, wire)
        made.certify()
        await made.ask("live", ACCOUNT)
        yield made


def after(cycles: Callable[[], int], count: int, what: bytes, *, signed: bool = False) -> Trick:
    """Once ``count`` cycles are over, that is what is answered (to signed requests only)."""
    return lambda _number, line, _head: what if cycles() >= count and ("signature=" in line or not signed) else None


async def ran(live: Live, count: int, bad: Callable[[Callable[[], int]], Trick], *, till: int) -> Daemon:
    """A daemon whose wire is bad once ``count`` cycles are over."""
    body = await compose(load(live.file, ENV), config_path=live.file, env=ENV, stand_in=live.wire.url)
    seen: list[str] = []
    daemon = Daemon(body, on_cycle=lambda _plan, outcome: seen.append(outcome.cycle_id))
    live.wire.trick = bad(lambda: len(seen))
    assert await daemon.run(till) == 0
    assert len(seen) == till
    live.wire.trick = lambda _number, _line, _head: None
    return daemon


async def proven(live: Live) -> None:
    settings = load(live.file, ENV)
    record = SqlRecord(settings.store.url, identity_of(settings))
    try:
        report = await verify(record)
    finally:
        await record.close()
    assert report.clean, report.lines


def lines(told: str, start: str) -> list[str]:
    return [line for line in told.splitlines() if line.startswith(start)]


async def test_a_wrong_secret_is_named_before_anything_is_sent(live: Live) -> None:
    await live.refused(
        Unauthorized,
        r"^the venue does not take the key: .*-1022.*its secret or passphrase",
        BALLAST_VENUE__SECRET="x" * 64,
    )


async def test_a_key_that_is_taken_away_freezes_and_says_where_to_look(live: Live) -> None:
    daemon = await ran(live, 2, lambda cycles: after(cycles, 2, REFUSED, signed=True), till=5)
    assert daemon.kill.level == "freeze"
    told = await live.alerts()
    (line,) = lines(told, "the venue does not take the key")
    assert "-2015" in line
    assert "the addresses it is bound to" in line
    assert "signature" not in told
    before = live.orders()
    assert await live.run(2) == 0  # the freeze outlives the process
    assert live.orders() == before
    await proven(live)


async def test_a_banned_address_keeps_quiet_as_long_as_it_was_told_and_over_a_restart(live: Live) -> None:
    def bad(cycles: Callable[[], int]) -> Trick:
        return lambda _number, _line, _head: BANNED if cycles() >= 1 else None

    await ran(live, 1, bad, till=4)
    assert live.wire.tricks == 1  # whoever asks on is banned for longer
    (line,) = lines(await live.alerts(), "the venue wants quiet")
    assert "IP banned" in line
    asked = len(live.wire.asked)
    with pytest.raises(RateLimited, match=r"^quiet for \d+\.\d s more"):
        await live.run()
    assert [one for one in live.wire.asked[asked:] if b"/api/v3/time" not in one] == []
    await proven(live)


async def test_a_venue_in_maintenance_is_said_once_and_when_it_is_back(live: Live) -> None:
    def bad(cycles: Callable[[], int]) -> Trick:
        return lambda _number, _line, _head: CLOSED if cycles() == 2 else None

    before = live.orders()
    await ran(live, 2, bad, till=5)
    told = await live.alerts()
    (line,) = lines(told, "the venue cannot be read for")
    assert "in maintenance, or the line to it is down" in line
    assert "signature" not in line
    assert len(lines(told, "the venue answers again")) == 1
    assert live.orders() > before
    await proven(live)


async def test_a_venue_in_maintenance_at_the_start_is_one_line(live: Live) -> None:
    live.wire.trick = lambda _number, line, _head: None if "/api/v3/time" in line else CLOSED
    with pytest.raises(Transient, match=r"^binance \(production\) cannot be reached from this machine: .* 503"):
        await live.run()
    assert live.orders() == 0


async def test_a_symbol_that_is_delisted_while_held_is_said_with_the_way_on(live: Live) -> None:
    alone = live.file.read_text(encoding="utf-8")
    live.file.write_text(alone.replace("assets: [BTC]", "assets: {BTC: 0.5, ETH: 0.5}"), encoding="utf-8")
    assert await live.run(1) == 0
    held = live.wire.exchange.balances()["ETH"].free
    assert held > 0
    live.wire.exchange.outside.delist("ETH/USDT")
    before = live.orders()
    assert await live.run(3) == 0
    (line,) = lines(await live.alerts(), "ETH/USDT is not listed any more and")
    assert f"{held.normalize():f} ETH are held: without its price equity is unknown" in line
    assert "the rest goes on once it is out of the targets" in line
    assert live.orders() == before
    live.file.write_text(alone, encoding="utf-8")
    assert await live.run(3) == 0
    assert live.orders() > before
    assert live.wire.exchange.balances()["ETH"].free == held
    await proven(live)
