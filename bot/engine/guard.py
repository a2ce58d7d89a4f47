"""Owns what the bot does to itself when something is wrong: breaker, runaway, the key, the clock, foreign writers.

R-G1, R-G13, R-G15. It freezes, halts and tells; it decides no trade.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bot.core.events import Event
from bot.core.memory import Memory
from bot.core.numbers import milliseconds, plain
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Position
from bot.engine.controls import BREAKER, Requests
from bot.engine.foreign import Foreign
from bot.engine.parts import Parts
from bot.engine.record import Recorder
from bot.engine.skew import Skew
from bot.engine.stop import KillWatch
from bot.ports.errors import VenueError
from bot.ports.venue import KeyReport

KEY_EVERY = timedelta(hours=1)  # venue time between two looks at what the key may do
TELL_EVERY_S = 300.0  # host seconds, under halt with open futures (R-G1)


class Guard:
    """One portfolio's self-restraint. ``kill`` takes the levels it asks for: sticky, until an operator's resume."""

    def __init__(self, parts: Parts, recorder: Recorder, kill: KillWatch, requests: Requests) -> None:
        self._parts = parts
        self._recorder = recorder
        self._kill = kill
        self._requests = requests
        self._key_at: datetime | None = None
        self._allowed: dict[str, bool] = {}
        self.foreign = Foreign(parts, recorder, kill)
        self.skew = Skew(parts, recorder, kill)
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
        """The venue's clock, hourly what the key may do, and whether somebody else writes on the account."""
        await self.skew.measure()
        at = self._parts.clock.now()
        if self._key_at is None or at - self._key_at >= KEY_EVERY:
            await self._key(at)
        await self.foreign.look()

    async def _key(self, at: datetime) -> None:
        """What the key may do, and whether that changed: live, nothing but safety until somebody resumes."""
        try:
            report = await self._parts.account.key()
        except VenueError:
            return
        self._key_at = at
        before = self._allowed
        now = {name: value for name, value in _allowed(report).items() if value is not None}
        self._allowed = {**before, **now}  # what cannot be told just now is as it was
        if now.get("withdraw") and not before.get("withdraw"):
            self._object("the key may withdraw: take that permission from it at the venue", "key may withdraw")
        changed = sorted(name for name, value in now.items() if name in before and before[name] != value)
        if changed and not (changed == ["withdraw"] and now["withdraw"]):
            words = ", ".join(f"{name} {'allowed' if now[name] else 'no longer allowed'}" for name in changed)
            self._object(f"the key's permissions changed at the venue: {words}", "key changed")

    def _object(self, text: str, key: str) -> None:
        if self._parts.mode == "live":
            self._kill.set("freeze", "key check", text)
        else:
            self._parts.alerts.send("warning", text, key=key)

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


def _allowed(report: KeyReport) -> dict[str, bool | None]:
    """A report by what it is about, in words."""
    return {
        "spot trading": report.can_trade_spot,
        "futures trading": report.can_trade_swap,
        "withdraw": report.can_withdraw,
        "binding to an address": report.ip_bound,
    }


def _distance(item: Position) -> str:
    """A position and how far its mark is from liquidation."""
    mark, end = item.mark_price, item.liquidation_price
    far = "liquidation unknown" if not mark or not end else f"{abs(mark - end) / mark * 100:.1f} % from liquidation"
    return f"{item.quantity:f} {item.symbol}, {far}"
