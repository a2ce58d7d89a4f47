"""Owns the Protocol of a fleet's roster: who works, who leads what until when, and the claim before a lease."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bot.ports.store import Identity


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker would lead a portfolio with: the program's version and the hash of its whole configuration."""

    version: str
    config: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of the fleet as it announces itself. One that drains offers nothing.

    ``offers`` by portfolio; ``troubles``: why it could not lead one lately.
    """

    name: str
    host: str
    pid: int
    version: str
    started_at: datetime
    offers: Mapping[str, Offer] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """Who leads a book, until when (the roster's time), under which fencing number; ``holder`` "" when nobody does.

    ``stamp``: what a fleet's worker leads it with; None where somebody else does, or did.
    """

    book: int
    holder: str
    fence: int
    until: datetime
    stamp: Offer | None = None

    def runs(self, at: datetime) -> bool:
        """Whether somebody leads under it."""
        return bool(self.holder) and self.until > at


@dataclass(frozen=True, slots=True)
class Muster:
    """The fleet at one instant: workers that spoke lately, and every lease by book."""

    at: datetime
    workers: Sequence[Worker]
    leases: Mapping[int, Lease]


@dataclass(frozen=True, slots=True)
class Post:
    """A portfolio as its fleet is shown. ``holder`` leads it now ("": nobody); ages and what is left are host seconds.

    ``version`` and ``config``: what it is led with, of a fleet as its lease says.
    ``body``: the last beat, as `status` reads it.
    """

    book: int
    identity: Identity
    holder: str
    fence: int
    lease_age_s: float | None  # since this leader began
    lease_left_s: float | None
    beat_age_s: float | None
    version: str
    config: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """A fleet from outside."""

    at: datetime
    workers: Sequence[Worker]
    posts: Sequence[Post]


class Posts(Protocol):
    """A fleet's readers' handle."""

    async def view(self) -> View:
        """Every portfolio of the record, by name; raises StoreError."""
        ...

    async def led_with(self, book: int) -> tuple[Identity, Mapping[str, Any]] | None:
        """Whose book it is, and the settings by name that it was last begun with; None where there is no such book."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


class Roster(Protocol):
    """A fleet's one coordinator is the record itself."""

    async def open(self) -> None:
        """Connect and bring the schema up; raises PortError."""
        ...

    def now(self) -> datetime:
        """The roster's time, UTC: the server's where there is one, so that leases do not hang on a machine's clock."""
        ...

    async def bind(self, identities: Sequence[Identity]) -> Sequence[int]:
        """The books of identities, made where there are none."""
        ...

    async def muster(self, me: Worker, ttl_s: float, leads: Mapping[int, Offer]) -> Muster:
        """Say that I work for ``ttl_s`` more, and hear who else does and who leads what.

        ``leads``: books I have and what I lead them with now, which is written into those leases that are mine.
        """
        ...

    async def claim(
        self, wanted: Mapping[int, Offer], holder: str, alive: Collection[str], ttl_s: float
    ) -> Collection[int]:
        """Take books whose leases have run out, all at once, and with new fences shut out who had them; which were had.

        Who claims may then start them; those of which one of the workers ``alive`` was quicker are left out.
        """
        ...

    async def hold(self, books: Collection[int], holder: str, ttl_s: float) -> None:
        """Keep leases that were claimed and whose portfolios are still being started; those of others stay theirs."""
        ...

    async def drop(self, book: int, holder: str) -> None:
        """Let others claim it; a lease that is still ours is given back."""
        ...

    async def leave(self, me: Worker) -> None:
        """Say that I work no longer."""
        ...

    async def close(self) -> None:
        """Let go of everything, claims too; safe to call twice."""
        ...
