"""Owns the Protocol of the dead-man's switch: a venue that cancels what rests once it no longer hears of us."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class DeadMan(Protocol):
    """A sign of life holds for ``window_s`` host seconds; one is due every ``every_s``. Never on the trading path."""

    window_s: float
    every_s: float

    async def alive(self, symbols: Collection[str]) -> None:
        """Give a sign of life for the orders that rest on ``symbols``; what was armed besides is let go.

        Raises `VenueError`: the venue may then cancel what rests once the window is over.
        """
        ...

    async def sent(self) -> None:
        """Come back once an order that may rest left since the last `alive` began."""
        ...

    async def disarm(self) -> None:
        """Switch it off, as far as it can be: the end was wanted. Raises `VenueError`."""
        ...

    async def close(self) -> None:
        """Let go of its connections without a word, so that the venue misses us; safe to call twice."""
        ...
