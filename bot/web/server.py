"""Owns the dashboard's socket and server, in the loop of whoever starts it; signals stay with the program."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from bot.web.app import app_of, desk_of
from bot.web.terms import Terms, WebRefused

GRACE_S = 1
BACKLOG = 64
CONNECTIONS_MOST = 100


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: it would take the program's own and send them on when it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Dashboard:
    """A dashboard being served; ``url`` is where, once `start` returned."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.desk = desk_of(terms)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen; raises WebRefused where the address cannot be had."""
        listener = _bound(self._terms.host, self._terms.port)
        config = uvicorn.Config(
            app_of(self.desk),
            ws="none",
            lifespan="off",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_config=None,
            limit_concurrency=CONNECTIONS_MOST,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = _Server(config)
        self.desk.watch.start()
        self._task = asyncio.create_task(self._server.serve([listener]), name="dashboard")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listening.cancel()
            await self._task
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def wait(self) -> None:
        """Until it ends."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """End the streams, answer what is under way, close the record's handles; safe to call twice."""
        await self.desk.watch.stop()
        if self.desk.rooms is not None:
            await self.desk.rooms.close()
        task, self._task = self._task, None
        if self._server is not None and task is not None:
            self._server.should_exit = True
            await task
        await self._terms.panorama.close()
        await self._terms.controls.close()
        if self._terms.posts is not None:
            await self._terms.posts.close()


def _bound(host: str, port: int) -> socket.socket:
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((name, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise WebRefused(
            f"the dashboard cannot listen on {host}:{port} ({error.strerror}); name another web.host or web.port"
        ) from error
    return listener
