"""The shipped paper configurations of BingX, WEEX and MEXC on documented public answers, replayed, without a key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from bot.clocks import ConstantClock
from bot.core.instruments import base_of, is_swap
from bot.daemon import Daemon
from bot.engine.verify import verify
from bot.settings import load
from bot.store.sql import SqlRecord
from bot.venues.simulated.exchange import Exchange
from bot.venues.simulated.generated import make_scene
from bot.wiring import compose, identity_of
from tests.contract.venue.conftest import REPLAYED
from tests.e2e.folder import ROOT
from tests.wire.replay.stage import Said, Server

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("venue", list(REPLAYED))
async def test_paper_trades_on_documented_public_answers_and_asks_for_nothing_private(
    venue: str, tmp_path: Path
) -> None:
    scene = make_scene(scenario="tour", seed=3, tape=None, start=None)
    exchange = Exchange(scene, opening={"USDT": Decimal(40_000)})
    wire = REPLAYED[venue][0](exchange, scene, ConstantClock(exchange.now, 1))
    wire.assets = tuple(base_of(symbol) for symbol in scene.markets() if not is_swap(symbol))
    env = {"BALLAST_STORE__URL": f"sqlite+aiosqlite:///{tmp_path}/paper.db", "BALLAST_CYCLE": "1s"}
    env["BALLAST_EXECUTION__STYLE"] = "taker"  # two cycles are no time to rest
    settings = load(ROOT / "config" / f"{venue}-paper.yaml", env)
    if venue == "bingx":  # what plays a real venue is asked for its time where the local exchange tells it
        wire.instead["GET", "/api/v3/time"] = Said({"serverTime": wire.at_ms})
    server = Server(wire)
    url = await server.start()
    try:
        assert await Daemon(await compose(settings, env={}, stand_in=url)).run(2) == 0
    finally:
        await server.stop()
    assert wire.faults == []
    assert wire.asked
    assert not [one for one in wire.asked if one.method != "GET" or "signature" in one.query]
    record = SqlRecord(settings.store.url, identity_of(settings))
    try:
        orders = await record.orders(100)
        report = await verify(record)
    finally:
        await record.close()
    assert any(row.filled > 0 for row in orders)
    assert report.clean, report.lines
