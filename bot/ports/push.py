"""Owns the Protocol of push: streams that say that something happened, never what. What is true is read by REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Push(Protocol):
    """A venue's private streams. Each may die and come back by itself without any of the others."""

    def streams(self) -> Sequence[str]:
        """Their names; fixed for the life of the process."""
        ...

    async def heard(self, stream: str) -> None:
        """Come back once something happened on it since the last call; raises `VenueError` where the stream is down."""
        ...

    async def close(self) -> None:
        """Let go of everything; safe to call twice."""
        ...
