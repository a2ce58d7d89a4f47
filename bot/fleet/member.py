"""Owns one portfolio at work in this process: composed, led, ended, and why it ended. Decides not who leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.daemon import Body, Daemon
from bot.ports.errors import Fenced, PortError
from bot.settings.folder import Portfolio

CLASH = "fleet"


class Member:
    """A portfolio from its claim to its end; ``compose`` makes its parts, `task` runs until it ended.

    ``clash``: why it may not trade while two workers would do it differently; "" when they agree.
    """

    def __init__(
        self,
        portfolio: Portfolio,
        book: int,
        compose: Callable[[Portfolio], Awaitable[Body]],
        turns: asyncio.Semaphore,
        clash: str = "",
    ) -> None:
        self.portfolio = portfolio
        self.book = book
        self.ending = False
        self.trouble = ""
        self._compose = compose
        self._turns = turns
        self._clash = clash
        self._daemon: Daemon | None = None
        self.task = asyncio.create_task(self._run(), name=f"portfolio {portfolio.name}")

    @property
    def name(self) -> str:
        """The portfolio's."""
        return self.portfolio.name

    @property
    def begun(self) -> bool:
        """Whether it keeps its lease by itself."""
        return self._daemon is not None

    def hold(self, clash: str) -> None:
        """Freeze while ``clash`` lasts; "" lifts it."""
        self._clash = clash
        if self._daemon is None:
            return
        if clash:
            self._daemon.kill.hold(CLASH, clash)
        else:
            self._daemon.kill.release(CLASH)

    def halt(self) -> None:
        """A signal asks for a halt, of this portfolio as of all."""
        if self._daemon is not None:
            self._daemon.halt()

    def end(self) -> None:
        """Ask for a clean end: the cycle under way is finished, own orders are cancelled, the lease is given back."""
        self.ending = True
        if self._daemon is None:
            self.task.cancel()
        else:
            self._daemon.stop()

    async def _run(self) -> None:
        # Every line of this task and of those it starts says whose it is.
        structlog.contextvars.bind_contextvars(portfolio=self.name)
        log = structlog.get_logger("fleet")
        try:
            async with self._turns:
                body = await self._compose(self.portfolio)
            self._daemon = Daemon(body)
            self.hold(self._clash)
            if self.ending:
                self._daemon.stop()
            if await self._daemon.run():
                self.trouble = "it ended otherwise than asked; its log says why"
        except Fenced as fenced:
            log.info("led by another", why=str(fenced))
            self.trouble = str(fenced)
        except (PortError, ValueError) as error:
            self.trouble = " ".join(str(error).split())
            log.warning("cannot be led", why=self.trouble)
