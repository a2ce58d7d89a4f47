"""Owns the one decimal context that decisions and bookings are reckoned in, whatever a library does to its own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow, localcontext

from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot

_OURS = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])


def exact() -> AbstractContextManager[Context]:
    """28 digits, half even: inside, and nothing that happens to the context inside is left outside.

    Venue libraries change the context they find (ccxt rounds half up once it has formatted a price), so the ports are
    called inside one of their own.
    """
    return localcontext(_OURS)


def decide(snapshot: Snapshot, policy: Policy) -> Plan:
    """`plan` in that context: what a cycle, a command and a verification reckon is the same to the last digit.

    Its text forms quantise too, so who shows a plan after a venue library was at work does it inside `exact` as well.
    """
    with exact():
        return plan(snapshot, policy)
