"""The composition: where outside readings come from when nobody says, and what outlives a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.core.snapshot import Feeds
from bot.daemon import Body
from bot.ports.errors import PortError, RateLimited, StoreRefused
from bot.settings import Settings, load
from bot.store.sql import SqlStore
from bot.wiring import compose, identity_of
from bot.wiring_host import KeptPause
from tests.builders import NOON

TEXT = """
mode: paper
cycle: 10m
local: {seed: 3, speed: step, scenario: tour}
targets:
  stables: {weight: 0.5, floor: 0.05}
  sleeves: {majors: {weight: 0.5, assets: [BTC]}}
"""


def settings_in(folder: Path, more: str = "", env: Mapping[str, str] | None = None) -> Settings:
    file = folder / "portfolio.yaml"
    store = f'store: {{url: "sqlite+aiosqlite:///{folder}/b.db"}}\n'
    file.write_text(TEXT + store + more, encoding="utf-8")
    return load(file, env or {})


async def ended(body: Body) -> None:
    await body.closed()
    await body.parts.store.close()
    await body.parts.controls.close()
    await body.parts.record.close()
    body.finished()


async def feeds_of(settings: Settings) -> Feeds:
    body = await compose(settings)
    try:
        assert body.parts.feeds is not None
        return await body.parts.feeds.read()
    finally:
        await ended(body)


async def test_beside_the_built_in_exchange_its_own_feeds_are_read(tmp_path: Path) -> None:
    told = await feeds_of(settings_in(tmp_path))
    assert told.dominance
    assert told.sentiment
    assert "market" in told.sentiment
    assert told.macro


async def test_a_feed_that_is_switched_off_stays_off_and_a_configured_one_is_asked_instead(tmp_path: Path) -> None:
    own = tmp_path / "sentiment.csv"
    own.write_text("at,value\n2026-01-01T00:00:00Z,77\n", encoding="utf-8")
    more = f"feeds: {{dominance: null, sentiment: {{kind: file, path: {own}, max_age: 30d}}}}\n"
    told = await feeds_of(settings_in(tmp_path, more))
    assert told.dominance is None
    assert told.sentiment is not None
    assert [float(value) for _, value in told.sentiment["market"]] == [77.0]
    assert told.macro


async def test_a_ban_goes_on_after_a_restart(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    body = await compose(settings)  # the record is there, and venue time has begun
    until = body.parts.clock.now() + timedelta(hours=1)
    await ended(body)
    store = SqlStore(settings.store.url, host_utc_now)
    await store.open(identity_of(settings), migrate=False)
    await store.keep("pause", until.isoformat().encode())
    await store.close()
    with pytest.raises(RateLimited, match="a ban from before the start"):
        await compose(settings)


async def test_a_damaged_record_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    await ended(await compose(settings))
    file = tmp_path / "b.db"
    broken = file.read_bytes()[:4096] + b"\xff" * 4096 + file.read_bytes()[8192:]
    file.write_bytes(broken)
    with pytest.raises(StoreRefused, match="is damaged"):
        await compose(settings)
    assert file.read_bytes() == broken
    # The lock was let go of again.
    file.unlink()
    await ended(await compose(settings))


async def test_a_record_is_bound_to_the_account_that_the_venue_names(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    body = await compose(settings)
    await ended(body)
    assert body.identity.account == "paper main"
    store = SqlStore(settings.store.url, host_utc_now)
    with pytest.raises(StoreRefused, match="belongs to account 'paper main', not 'somebody'"):
        await store.open(replace(body.identity, account="somebody"), migrate=False)


async def test_a_ban_is_written_down_once_and_again_when_it_grows() -> None:
    written: list[bytes] = []
    now: list[datetime | None] = [None]

    async def keep(name: str, state: bytes | None = None) -> bytes | None:
        assert name == "pause"
        if state is not None:
            written.append(state)
        return state

    kept = KeptPause(lambda: now[0], keep)
    await kept()
    now[0] = NOON
    await kept()
    now[0] = NOON + timedelta(milliseconds=3)  # the same one, reckoned again
    await kept()
    now[0] = NOON + timedelta(minutes=3)
    await kept()
    now[0] = None
    await kept()
    assert [datetime.fromisoformat(text.decode()) for text in written] == [NOON, NOON + timedelta(minutes=3)]


async def test_alerts_go_to_the_addresses_that_are_configured_and_status_counts_them(tmp_path: Path) -> None:
    more = 'alerts: {least: info, quiet: "22:00-07:00", digest: 10m}\n'
    settings = settings_in(tmp_path, more, {"BALLAST_ALERTS__URLS": '["json://127.0.0.1:9/nobody"]'})
    body = await compose(settings)
    assert body.delivery is not None
    body.parts.alerts.send("info", "a day went by")
    assert body.delivery().waiting == 1
    await ended(body)
    assert (body.delivery().waiting, body.delivery().undelivered) == (0, 1)


async def test_without_addresses_alerts_go_to_the_log_alone(tmp_path: Path) -> None:
    body = await compose(settings_in(tmp_path))
    body.parts.alerts.send("critical", "halted")
    assert body.delivery is not None
    assert body.delivery().waiting == 0
    await ended(body)


async def test_an_address_that_nobody_knows_ends_the_start_in_one_line(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, "", {"BALLAST_ALERTS__URLS": '["nobody-knows-this://token"]'})
    with pytest.raises(PortError, match=r"alerts\.urls: number 1") as caught:
        await compose(settings)
    assert "token" not in str(caught.value)
