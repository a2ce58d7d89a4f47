"""Owns when resting orders are looked at between two cycles, and how soon again one that will not go."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot.core.policy import Policy
from bot.engine.cycle import Engine
from bot.ports.clock import Clock
from bot.ports.errors import Fenced, PortError

AGAIN = timedelta(seconds=5)  # venue time until an order that still stands is cancelled once more,
AGAIN_MOST = timedelta(minutes=5)  # twice as long after every time in vain


class Tending:
    """One portfolio's resting orders while it waits for its turn."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._again = AGAIN
        self._log = structlog.get_logger("ballast")

    async def due(self, policy: Policy, due: datetime) -> datetime:
        """Cancel what has rested long enough, and answer when to look again: where nothing rests, at ``due``."""
        engine = self._engine
        try:
            ends = await engine.rest_ends(policy)
            if ends is not None and ends <= self._clock.now():
                await engine.tend(policy)
                left, again = await engine.rest_ends(policy), self._clock.now() + self._again
                in_vain = left is not None and left <= self._clock.now()
                self._again = min(2 * self._again, AGAIN_MOST) if in_vain else AGAIN
                ends = again if in_vain else left
        except Fenced:
            raise
        except PortError as error:
            self._log.warning("resting orders", why=str(error))
            return due
        return due if ends is None else ends
