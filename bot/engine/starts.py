"""Owns the count of starts that ended badly, lest a supervisor's restarts become a rebalance each. Starts nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from bot.engine.parts import Keep

NAME = "starts"
WITHIN = timedelta(minutes=10)  # host time
MOST = 3


async def begun(keep: Keep, at: datetime) -> int:
    """Write down a start; how many of the last ten minutes, this one included, have not ended well."""
    known = [when for when in await _known(keep) if timedelta(0) <= at - when < WITHIN]
    await _keep(keep, [*known, at])
    return len(known) + 1


async def ended(keep: Keep, at: datetime) -> None:
    """Take back the start of ``at``: its process ended as it was asked to."""
    await _keep(keep, [when for when in await _known(keep) if when != at])


async def _known(keep: Keep) -> list[datetime]:
    return [datetime.fromisoformat(text) for text in json.loads(await keep(NAME, None) or b"[]")]


async def _keep(keep: Keep, starts: list[datetime]) -> None:
    await keep(NAME, json.dumps([when.isoformat() for when in starts]).encode())
