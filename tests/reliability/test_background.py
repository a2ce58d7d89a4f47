"""A daemon whose background work died must not look alive."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.clocks import host_utc_now
from bot.ports.store import ControlRow
from bot.store.memory import MemoryControls, MemoryDatabase
from tests.unit.engine.world import MINE
from tests.unit.test_daemon import World


class Breaking(MemoryControls):
    """A table of requests that answers so many times, and then fails as no store should."""

    def __init__(self, database: MemoryDatabase, answers: int) -> None:
        super().__init__(database, MINE, host_utc_now)
        self._left = answers

    async def kill(self) -> ControlRow | None:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("nobody foresaw this")
        return await super().kill()


async def test_a_watcher_that_dies_ends_the_daemon(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.controls = Breaking(world.database, answers=4)
    daemon = world.daemon()
    with pytest.raises(RuntimeError, match="nobody foresaw this"):
        await daemon.run(10_000)
    assert world.ended == 1
    assert len(world.plans) < 10_000
