"""How many starts are remembered, and for how long."""

from __future__ import annotations

from datetime import timedelta

from bot.engine import starts
from tests.unit.venues.simulated.scenes import START


async def test_starts_are_forgotten_after_ten_minutes() -> None:
    kept: dict[str, bytes] = {}

    async def keep(name: str, state: bytes | None = None) -> bytes | None:
        if state is not None:
            kept[name] = state
        return kept.get(name)

    counts = [await starts.begun(keep, START + minutes * timedelta(minutes=1)) for minutes in (0, 3, 6, 9, 12, 15.5)]
    assert counts == [1, 2, 3, 4, 4, 4]
    await starts.ended(keep, START + timedelta(minutes=12))
    assert await starts.begun(keep, START + timedelta(minutes=15.6)) == 4
    # A clock set back counts nothing that lies ahead of it.
    assert await starts.begun(keep, START - timedelta(days=1)) == 1
