"""Owns what the bot does to itself when something is wrong: breaker, runaway, a key that may withdraw, foreign orders.

R-G1, R-G13, R-G15. It freezes, halts and tells; it decides no trade.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.numbers import milliseconds, plain
from bot.core.orders import MODE_LETTERS
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Position
from bot.engine.controls import BREAKER, Requests
from bot.engine.parts import Parts
from bot.engine.record import Recorder
from bot.engine.stop import KillWatch
from bot.ports.errors import VenueError
from bot.ports.venue import Gap

KEY_EVERY = timedelta(hours=1)  # venue time between two looks at what the key may do
SWEEP_EVERY = timedelta(days=1)  # and for open orders that nobody here intended
TELL_EVERY_S = 300.0  # host seconds, under halt with open futures (R-G1)
SHOWN = 5  # foreign orders named in one message


class Guard:
    """One portfolio's self-restraint. ``kill`` takes the levels it asks for: sticky, until an operator's resume."""

    def __init__(self, parts: Parts, recorder: Recorder, kill: KillWatch, requests: Requests) -> None:
        self._parts = parts
        self._recorder = recorder
        self._kill = kill
        self._requests = requests
        self._key_at: datetime | None = None
        self._may_withdraw: bool | None = None
        self._swept_at: datetime | None = None
        self._told_s = float("-inf")

    # ---- while nothing may be sent

    def exposed(self, positions: Sequence[Position]) -> None:
        """Under halt nobody looks after futures: say every five minutes what they are and how far from liquidation."""
        now_s = self._parts.clock.mono()
        if self._kill.level != "halt" or not positions or now_s - self._told_s < TELL_EVERY_S:
            return
        self._told_s = now_s
        words = "; ".join(_distance(item) for item in positions)
        self._parts.alerts.send("critical", f"halted with open futures: {words}", key="halted with futures")

    # ---- before a decision

    async def look(self) -> None:
        """Ask the venue what the key may do, hourly, and for orders of nobody's, at the start and daily."""
        at = self._parts.clock.now()
        if self._key_at is None or at - self._key_at >= KEY_EVERY:
            await self._key(at)
        if self._swept_at is None or at - self._swept_at >= SWEEP_EVERY:
            await self._sweep(at)

    async def _key(self, at: datetime) -> None:
        """A key that may withdraw, where it may not have before: nothing but safety until somebody resumes (live)."""
        try:
            report = await self._parts.account.key()
        except VenueError:
            return
        self._key_at = at
        before, now = self._may_withdraw, report.can_withdraw
        if now is None:
            return
        self._may_withdraw = now
        if not now or before:
            return
        text = "the key may withdraw: take that permission from it at the venue"
        if self._parts.mode == "live":
            self._kill.set("freeze", "key check", text)
        else:
            self._parts.alerts.send("warning", text, key="key may withdraw")

    async def _sweep(self, at: datetime) -> None:
        """Open orders under our own prefix that the record does not know: somebody else writes on this account."""
        own = re.compile(rf"b{MODE_LETTERS[self._parts.mode]}[a-z2-7]{{24}}")
        found = await self._parts.account.open_orders(())
        if isinstance(found, Gap):
            return
        self._swept_at = at
        mine = {view.client_id: view for view in found if own.fullmatch(view.client_id)}
        for unfinished in (True, False):  # the whole record is asked only where the short list does not answer
            if mine:
                rows = await self._parts.store.orders(unfinished=unfinished)
                mine = {name: view for name, view in mine.items() if name not in {row.intent.client_id for row in rows}}
        if not mine:
            return
        names = ", ".join(f"{view.symbol} {name}" for name, view in sorted(mine.items())[:SHOWN])
        more = f" and {len(mine) - SHOWN} more" if len(mine) > SHOWN else ""
        self._kill.set("freeze", "orphan sweep", f"open orders that this record did not intend: {names}{more}")

    async def runaway(self, memory: Memory, policy: Policy) -> bool:
        """Halt every asset of which a wish was sent `limits.repeats` times in vain (R-G15); whether there was one."""
        at = self._parts.clock.now()
        made: dict[str, Event] = {}
        for wish, count in sorted(memory.wishes.items()):
            asset, _, rest = wish.partition(":")
            kind, _, legs = rest.partition(":")
            if not legs or count < policy.limits.repeats or asset in memory.halted_assets or asset in made:
                continue
            text = f"{asset} is halted: {kind} was sent {count} times without a change of the position"
            self._parts.alerts.send("critical", f"{text}; `ballast rearm {asset}`", key=f"halted:{asset}")
            body = {"asset": asset, "why": text}
            made[asset] = Event(f"halted:{asset}:{milliseconds(at)}", at, "asset.halted", body)
        await self._recorder.append(list(made.values()))
        return bool(made)

    # ---- after a decision

    async def breaker(self, decision: Plan, policy: Policy, cancel: Callable[[], Awaitable[int]]) -> None:
        """The plan says the breaker tripped: freeze for good and cancel; closing the longs is the plan's own (R-G13).

        A resume that came since the last look is heard first: it puts the peak back, and then nothing has tripped.
        """
        if self._requests.broken or not any(event.kind == "breaker.tripped" for event in decision.events):
            return
        before = self._recorder.memory.unit_peak
        await self._requests.handle(policy)
        if (await self._recorder.recall()).unit_peak != before:
            return
        self._requests.broken = True
        limit = plain(policy.limits.drawdown * 100)
        self._kill.set("freeze", BREAKER, f"unit value {limit} % or more under its peak (R-G13)")
        await self._kill.look()  # writes it down, so that it outlives the process
        await cancel()


def _distance(item: Position) -> str:
    """A position and how far its mark is from liquidation."""
    mark, end = item.mark_price, item.liquidation_price
    far = "liquidation unknown" if not mark or not end else f"{abs(mark - end) / mark * 100:.1f} % from liquidation"
    return f"{item.quantity:f} {item.symbol}, {far}"
