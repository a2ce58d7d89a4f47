"""Owns the local exchange as a server: a socket, uvicorn in the caller's loop, a clean start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.local_exchange.accounts import Account, Accounts
from bot.local_exchange.app import Address, App, Faults, Save, Terms
from bot.local_exchange.signing import KeyPair
from bot.ports.clock import Clock
from bot.venues.simulated.exchange import Exchange

DEFAULT_TERMS = Terms()
GRACE_S = 2
TICK_S = 1


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: signals stay with the program, which stops the server by `should_exit`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        # Uvicorn would look ten times a second whether to end; an event ends it at once, and a tick a second is
        # enough for the Date header (every tenth count).
        counter = 0
        while not await self.on_tick(counter):
            counter += 10
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), TICK_S)

    def end(self) -> None:
        """Let `serve` come to its end."""
        self.should_exit = True
        self.ending.set()


class Lines:
    """The open connections by their clients' addresses, so that one can be ended in the middle of an answer."""

    def __init__(self) -> None:
        self._open: dict[Address, asyncio.Transport] = {}

    def hang_up(self, client: Address, *, reset: bool) -> None:
        """Close it once all is sent; ``reset`` throws away what is not and lets the client's next read fail."""
        transport = self._open.get(client)
        if transport is None:
            return
        if reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()

    def protocol(self) -> type[H11Protocol]:
        """Uvicorn's own protocol, which also enters itself here."""
        lines = self._open

        class Listed(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
                super().connection_made(transport)
                if self.client is not None:
                    lines[self.client] = transport

            def handle_websocket_upgrade(self, event: Any) -> None:
                super().handle_websocket_upgrade(event)
                if self.client is not None:
                    lines.pop(self.client, None)  # another protocol has it from here on

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    lines.pop(self.client, None)
                super().connection_lost(exc)

        return Listed


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # Named as TCP, since asyncio turns Nagle's delay off for that only: with it every small answer takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"the local exchange cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


class LocalExchange:
    """One engine served over HTTP until `stop`; ``port`` 0 takes a free one.

    ``save`` is awaited with the engine's state before whatever changed it is answered. ``order_requests`` and
    ``requests_by_path`` (``"GET /api/v3/account"``) count what came in since the start, refused or not. ``unified``:
    the account is one wallet, as Bybit keeps it, and is spoken of in Bybit's dialect only. ``others``: more accounts,
    each under its own key; faults are the first one's alone.
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
        unified: bool = False,
        others: Sequence[Account] = (),
    ) -> None:
        self.exchange = exchange
        self._lines = Lines()
        terms = replace(terms, unified=True) if unified else terms
        hang_up = self._lines.hang_up
        self._app: App | Accounts = App(exchange, clock, KeyPair(key, secret), save, terms, faults, hang_up)
        if others:
            more = {
                each.keys.key: App(each.exchange, clock, each.keys, each.save, terms, None, hang_up) for each in others
            }
            self._app = Accounts(self._app, more)
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
        listener = _bound(family, self._host, self._port)
        config = uvicorn.Config(
            self._app,
            http=self._lines.protocol(),
            ws="wsproto",
            ws_ping_interval=None,  # Bybit's clients ping, the venue does not
            lifespan="off",
            access_log=False,
            proxy_headers=False,
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
        self._server.end()
        await task
        await self._app.settle()
