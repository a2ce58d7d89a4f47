"""Owns the local exchange as a server: a socket, uvicorn in the caller's loop, a clean start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Iterator

import uvicorn

from bot.local_exchange.app import App, Faults, Save, Terms
from bot.local_exchange.signing import KeyPair
from bot.ports.clock import Clock
from bot.venues.simulated.exchange import Exchange

DEFAULT_TERMS = Terms()
GRACE_S = 2


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: signals stay with the program, which stops the server by `should_exit`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class LocalExchange:
    """One engine served over HTTP until `stop`; ``port`` 0 takes a free one.

    ``save`` is awaited with the engine's state before whatever changed it is answered. ``order_requests`` and
    ``requests_by_path`` (``"GET /api/v3/account"``) count what came in since the start, refused or not.
    """

    def __init__(  # noqa: PLR0913 - all but two are named
        self,
        exchange: Exchange,
        clock: Clock,
        *,
        key: str,
        secret: str,
        save: Save | None,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Faults | None = None,
        terms: Terms = DEFAULT_TERMS,
    ) -> None:
        self.exchange = exchange
        self._app = App(exchange, clock, KeyPair(key, secret), save, terms, faults)
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def order_requests(self) -> int:
        """Requests to place an order, refused or not."""
        return self._app.order_requests

    @property
    def requests_by_path(self) -> Counter[str]:
        """Requests by method and path."""
        return self._app.requests_by_path

    async def start(self) -> str:
        """Listen and return the base URL; raises OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family)
        config = uvicorn.Config(
            self._app,
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listener]), name="local-exchange")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listening.cancel()
            await self._task
        host = f"[{self._host}]" if family == socket.AF_INET6 else self._host
        return f"http://{host}:{listener.getsockname()[1]}"

    async def stop(self) -> None:
        """Answer what is under way, stop listening, commit the engine's present; safe to call twice."""
        if self._server is None or self._task is None:
            return
        task, self._task = self._task, None
        self._server.should_exit = True
        await task
        await self._app.settle()
