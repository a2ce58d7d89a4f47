"""Owns the last line before the socket: the ticket a write needs, and the request that asks for it. Knows no venue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.core.orders import MoveIntent, OrderIntent
from bot.ports.errors import Denied
from bot.ports.venue import Permit


@dataclass(slots=True)
class Ticket:
    """One intent's right to leave once, if its permit still says so when the socket is ready.

    ``left`` is the proof that classifies everything afterwards: what has not left was not placed, whatever was raised.
    """

    intent: OrderIntent | MoveIntent
    permit: Permit
    left: bool = False
    revoked: str = ""

    def leave(self) -> None:
        """Ask the permit; raises `Denied` where it, a revocation or an earlier departure forbids."""
        if self.left:
            # A redirect, or a client that retries writes by itself, would be a second order.
            raise Denied(f"{self.intent.client_id} has left already; an intent is sent once")
        if self.revoked:
            raise Denied(self.revoked)
        self.permit(self.intent)
        self.left = True


# Context variables follow a task and the tasks it starts: a ticket is seen by its own request and by no other.
_TICKET: ContextVar[Ticket | None] = ContextVar("ticket", default=None)
_LAST_LINE: ContextVar[Callable[[], None] | None] = ContextVar("last_line", default=None)


@contextmanager
def holding(ticket: Ticket) -> Iterator[None]:
    """Requests of this task may use ``ticket`` meanwhile."""
    token = _TICKET.set(ticket)
    try:
        yield
    finally:
        _TICKET.reset(token)


def held() -> Ticket | None:
    """The ticket of the task that asks."""
    return _TICKET.get()


@contextmanager
def last_line(ask: Callable[[], None]) -> Iterator[None]:
    """Let requests of this task through as far as ``ask``, which is called when their connection is ready."""
    token = _LAST_LINE.set(ask)
    try:
        yield
    finally:
        _LAST_LINE.reset(token)


class AskedRequest(aiohttp.ClientRequest):
    """A request that asks before its first byte.

    ccxt awaits its throttle before `fetch`, and aiohttp awaits a free connection (DNS, TCP, TLS: seconds) inside it.
    `send` runs after all of that, on a connection that is ready; nothing is awaited between the question and the write.
    """

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Ask, then write; raises `Denied` for a request that did not come through the client's `fetch`."""
        ask = _LAST_LINE.get()
        if ask is None:
            raise Denied(f"{self.method} {self.url.path} did not come through the client's fetch()")
        ask()
        return await super().send(conn)
