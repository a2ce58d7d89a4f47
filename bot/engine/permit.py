"""Owns the word in the last line before the socket: may this intent still leave? Awaits nothing, reads no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from bot.core.numbers import ZERO, utc_text
from bot.core.orders import MoveIntent, OrderIntent
from bot.core.snapshot import Kill
from bot.ports.clock import Clock
from bot.ports.errors import Denied

Intent = OrderIntent | MoveIntent
FLATTEN = "flatten"


class SendPermit:
    """Asked synchronously: kill level (R-G1), clock, lease, deadline, and what the decision allowed (R-G15).

    ``held_until``: host-monotonic second at which the lease ends. ``standing``: why nothing ever leaves (a composition
    whose orders go nowhere); empty where they do. ``blocked``: why nothing may leave just now, whatever its class (a
    clock that is off: its deadlines and signatures mean nothing); empty where it may.
    """

    def __init__(
        self,
        kill: Callable[[], Kill],
        held_until: Callable[[], float],
        clock: Clock,
        *,
        standing: str = "",
        blocked: Callable[[], str] = str,
    ) -> None:
        self._kill = kill
        self._held_until = held_until
        self._clock = clock
        self._standing = standing
        self._blocked = blocked
        self._allowed: dict[str, Intent] = {}
        self._gone: set[str] = set()
        self._left: dict[tuple[str, int], Decimal] = {}

    def allow(self, intents: Iterable[Intent]) -> None:
        """Take the committed intents of the present decision; those of earlier ones may not leave any more."""
        self._allowed = {intent.client_id: intent for intent in intents}
        self._gone &= self._allowed.keys()
        self._left = {}
        for intent in self._allowed.values():
            if isinstance(intent, OrderIntent):
                place = (intent.action_id, intent.leg)
                self._left[place] = self._left.get(place, ZERO) + abs(intent.qty)

    def check(self, intent: Intent) -> None:
        """Raise `Denied` if the intent could not leave now; uses nothing up."""
        why = self._standing or self._blocked() or self._stopped(intent) or self._late(intent) or self._beyond(intent)
        if why:
            raise Denied(f"{intent.client_id}: {why}")

    def __call__(self, intent: Intent) -> None:
        """Let the intent leave, once; raises `Denied`."""
        self.check(intent)
        self._gone.add(intent.client_id)
        if isinstance(intent, OrderIntent):
            self._left[intent.action_id, intent.leg] -= abs(intent.qty)

    def _stopped(self, intent: Intent) -> str:
        level = self._kill()
        if level == "off" or (level == "freeze" and intent.while_frozen):
            return ""
        if level == "flatten" and isinstance(intent, OrderIntent) and intent.kind == FLATTEN and intent.reduce_only:
            return ""  # what this level is for; a halt stops even that
        return f"kill level {level}"

    def _late(self, intent: Intent) -> str:
        if self._clock.mono() >= self._held_until():
            return "the lease on this portfolio has run out"
        now = self._clock.now()
        if now >= intent.sent_before:
            return f"it had to leave before {utc_text(intent.sent_before)}, now {utc_text(now)}"
        return ""

    def _beyond(self, intent: Intent) -> str:
        known = self._allowed.get(intent.client_id)
        if known is None:
            return "no committed intent of the present decision"
        if intent.client_id in self._gone:
            return "sent once already"
        if isinstance(intent, MoveIntent) or isinstance(known, MoveIntent):
            return "" if intent == known else "not as it was committed"
        same = (intent.symbol, intent.reduce_only, intent.fence) == (known.symbol, known.reduce_only, known.fence)
        if not same or intent.qty * known.qty <= 0 or abs(intent.qty) > abs(known.qty):
            return f"{intent.qty:f} {intent.symbol} is not within the committed {known.qty:f} {known.symbol}"
        left = self._left[intent.action_id, intent.leg]
        return "" if abs(intent.qty) <= left else f"{abs(intent.qty):f} is more than the {left:f} left of its leg"
