"""Owns the signs of life for a venue's dead-man's switch, and tells when they do not arrive. Cancels nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from bot.engine.record import rests
from bot.ports.alerts import Alerts
from bot.ports.clock import Clock
from bot.ports.dead_man import DeadMan
from bot.ports.errors import PortError
from bot.ports.store import Store

AGAIN_S = 3.0  # after one that did not arrive, at least


class SignsOfLife:
    """One task beside the cycles: what goes wrong in it is told, and stays in it."""

    def __init__(self, switch: DeadMan, store: Store, clock: Clock, alerts: Alerts) -> None:
        self._switch = switch
        self._store = store
        self._clock = clock
        self._alerts = alerts
        self._down = False

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            arrived = await self.give()
            wait_s = self._switch.every_s if arrived else min(AGAIN_S, self._switch.every_s)
            waits = [asyncio.create_task(self._clock.sleep(wait_s))]
            if arrived:
                waits.append(asyncio.create_task(self._switch.sent()))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waits:
                    task.cancel()
                await asyncio.gather(*waits, return_exceptions=True)

    async def give(self) -> bool:
        """One sign for what rests now; whether it arrived."""
        try:
            await self._switch.alive(await self._resting())
        except PortError as error:
            self._tell(error)
            return False
        if self._down:
            self._down = False
            self._alerts.send("info", "the dead-man's switch hears us again", key="dead man")
        return True

    async def end(self, *, leads: bool) -> None:
        """The last word of a bot that ends as it should; the switch of who leads in its place is left alone."""
        try:
            await (self._switch.disarm() if leads else self._switch.close())
        except PortError as error:
            text = f"the dead-man's switch could not be switched off: {error}; {self._meant()}"
            self._alerts.send("warning", text, key="dead man")

    async def _resting(self) -> Collection[str]:
        return {row.intent.symbol for row in await self._store.orders() if rests(row)}

    def _tell(self, error: PortError) -> None:
        if self._down:
            return
        self._down = True
        text = f"the dead-man's switch does not hear us: {error}; {self._meant()}; trading goes on"
        self._alerts.send("warning", text, key="dead man")

    def _meant(self) -> str:
        return f"what rests at the venue may be cancelled {self._switch.window_s:.0f} s after the last sign of life"
