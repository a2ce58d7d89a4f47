"""A worker over a real record: it leads what its folder holds, freezes what two would lead differently, gives back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.clocks import host_utc_now
from bot.fleet.worker import FleetWorker, Pace
from bot.ports.fleet import Offer, View, Worker
from bot.ports.store import Identity
from bot.settings.folder import Folder
from bot.store.sql import SqlControls, SqlRecord
from bot.store.sql.posts import SqlPosts
from bot.store.sql.roster import SqlRoster
from bot.wiring_fleet import new_worker, shared_of

TEXT = """
mode: paper
cycle: 1m
local: {speed: 240}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.90, assets: {BTC: 0.5, ETH: 0.5}}
"""
QUICK = Pace(look_s=0.1, read_s=0.1, settle_s=0.2)


async def until(done: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(600):
        if await done():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


async def view_of(url: str) -> View:
    posts = SqlPosts(url, host_utc_now)
    try:
        return await posts.view()
    finally:
        await posts.close()


async def test_a_worker_leads_freezes_lets_go_and_gives_back(tmp_path: Path) -> None:
    portfolios = tmp_path / "portfolios"
    portfolios.mkdir()
    for name in ("alpha", "beta"):
        (portfolios / f"{name}.yaml").write_text(TEXT)
    url = f"sqlite+aiosqlite:///{tmp_path}/data/ballast.db"
    alpha = Identity("alpha", "paper", "binance", "local")
    record, controls = SqlRecord(url, alpha), SqlControls(url, alpha, host_utc_now)
    other = SqlRoster(url, "other", host_utc_now)

    async def led() -> list[str]:
        return [post.identity.portfolio for post in (await view_of(url)).posts if post.holder]

    async def leads(*names: str) -> bool:
        return await led() == [*names]

    async def level(wanted: str) -> bool:
        beat = await record.status()
        return beat is not None and beat["kill"]["level"] == wanted

    async with shared_of(url, new_worker()) as shared:
        worker = FleetWorker(Folder(portfolios, {}, url), shared, QUICK)
        working = asyncio.create_task(worker.run())
        try:
            await until(lambda: leads("alpha", "beta"), "both are led")
            await until(lambda: level("off"), "alpha trades")

            newer = Worker("other", "there", 1, "9.9", host_utc_now(), {"alpha": Offer("9.9", "ffffffffff")})
            await other.muster(newer, 60)
            await until(lambda: level("freeze"), "two versions freeze it")
            told = [alert.text for alert in await record.alerts(20)]
            assert any("two versions of this portfolio in the fleet" in text for text in told), told
            assert await controls.kill() is None  # nobody has to resume from it
            await other.leave(newer)
            await until(lambda: level("off"), "one version trades again")

            (portfolios / "beta.yaml").unlink()
            await until(lambda: leads("alpha"), "what left the folder is given back")
        finally:
            worker.stop()
            await working
        found = await view_of(url)
        assert not [post for post in found.posts if post.holder]
        assert not found.workers
    for handle in (record, controls, other):
        await handle.close()
