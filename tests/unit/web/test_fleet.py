"""The fleet's page, call and metrics: every portfolio of a record, and nothing of it where there is no fleet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.ports.fleet import Offer, Worker
from bot.ports.store import Identity, Run
from bot.store.sql import SqlStore
from bot.store.sql.posts import SqlPosts
from bot.store.sql.roster import SqlRoster
from tests.unit.web.rooms import Room, a_beat, a_room

OTHER = Identity("other", "paper", "binance", "local")


async def a_fleet_at(folder: Path) -> str:
    """Two portfolios more, one of them led, by a worker that could not lead the second."""
    url = f"sqlite+aiosqlite:///{folder / 'data' / 'ballast.db'}"
    roster, store = SqlRoster(url, "worker-1", host_utc_now), SqlStore(url, host_utc_now)
    await roster.open()
    idle = Identity("idle", "testnet", "binance", "local")
    await roster.bind([OTHER, idle])
    await store.open(OTHER, migrate=False)
    fence = await store.lead("worker-1", 60)
    await store.start_run(Run("9.9", {}, "{}", "hash"), fence)
    beat = a_beat(portfolio="other", equity="123.45", kill={"level": "freeze"}, unknown_orders=2)
    await store.beat(beat, fence)
    offers = {"other": Offer("9.9", "hash"), "idle": Offer("9.9", "hash")}
    me = Worker("worker-1", "here", 7, "9.9", host_utc_now(), offers, {"idle": "needs a key"})
    await roster.muster(me, 60)
    await store.close()
    await roster.close()
    return url


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'ballast.db'}"
    async with a_room(tmp_path, posts=SqlPosts(url, host_utc_now)) as made:
        await a_fleet_at(tmp_path)
        await made.sign_in()
        yield made


async def test_the_page_lists_every_portfolio_with_its_leader_and_its_trouble(room: Room) -> None:
    page = (await room.browser.get("/portfolios")).text
    assert 'href="/portfolios"' in (await room.browser.get("/")).text
    for word in ("other", "idle", "worker-1", "nobody", "123.45", "freeze", "9.9", "needs a key", "1 of 3 led"):
        assert word in page, word


async def test_the_call_tells_machines_the_same(room: Room) -> None:
    body = (await room.browser.get("/api/v1/fleet")).json()
    found = {each["portfolio"]: each for each in body["portfolios"]}
    assert (found["other"]["leader"], found["other"]["fence"], found["other"]["kill"]) == ("worker-1", 1, "freeze")
    assert (found["idle"]["leader"], found["idle"]["equity"]) == (None, None)
    assert body["workers"][0]["leads"] == 1


async def test_the_metrics_have_the_portfolio_as_a_label_and_leave_out_what_is_unknown(room: Room) -> None:
    text = (await room.browser.get("/metrics/fleet")).text
    label = 'mode="paper",portfolio="other",venue="binance"'
    assert f"ballast_portfolio_equity{{{label}}} 123.45" in text
    assert f"ballast_portfolio_led{{{label}}} 1.0" in text
    assert f"ballast_portfolio_orders_unknown{{{label}}} 2.0" in text
    assert 'ballast_portfolio_kill_level{level="freeze",mode="paper",portfolio="other",venue="binance"} 1.0' in text
    assert 'ballast_portfolio_led{mode="testnet",portfolio="idle",venue="binance"} 0.0' in text
    assert 'ballast_portfolio_equity{mode="testnet",portfolio="idle"' not in text


async def test_a_record_of_one_has_no_such_page(tmp_path: Path) -> None:
    async with a_room(tmp_path) as alone:
        await alone.sign_in()
        assert 'href="/portfolios"' not in (await alone.browser.get("/")).text
        assert (await alone.browser.get("/portfolios")).status_code == 404
