"""Owns which actions rest in the book before they take (`execution.style`), and at what price. Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.numbers import ceil_to, floor_to
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.wishes import Leg, Wish

#: What can wait a cycle. Safety, the floor, stress and upkeep take at once; parking sends no orders.
PATIENT = frozenset({"normal"})
RUNAWAY = "R-G15"


def rests(plan: Plan, index: int, policy: Policy, snapshot: Snapshot) -> bool:
    """Whether the ``index``-th action's first order is to rest: it can wait, and nothing else waits for it.

    Only an action with an episode: that is where it is remembered that the taker's turn has come.
    """
    wish = plan.actions[index].wish
    if policy.execution.style != "maker-then-taker" or wish.cls not in PATIENT or wish.repairs:
        return False
    if wish.direction is None or wish.goal is None or _leaned_on(plan, index):
        return False
    episode = snapshot.memory.episode(subject_of(wish))
    return episode is None or not episode.taker_turn


def subject_of(wish: Wish) -> str:
    """What a wish's episode is called: its own word, else the asset."""
    return str(wish.notes.get("subject", wish.asset))


def _leaned_on(plan: Plan, index: int) -> bool:
    """Whether another action of the plan is paid for by this one, or waits for it."""
    name = plan.action_id(index)
    return any(name in (*item.wish.funded_by, *item.wish.depends_on) for item in plan.actions)


def in_the_way(plan: Plan) -> frozenset[str]:
    """Symbols on which an own order keeps back what can't wait for it (R-G15)."""
    kept_back = [
        item.wish
        for item in plan.blocked
        if item.wish.cls not in PATIENT and any(word.gate == RUNAWAY for word in item.not_passed)
    ]
    return frozenset(leg.symbol for wish in kept_back for leg in wish.legs)


def own_side(leg: Leg, snapshot: Snapshot) -> Decimal | None:
    """The best price on the leg's own side of the book, on the tick and no worse than its collar (R-G14).

    None where nobody quotes it, or where the sides of the book meet: what rests there would take.
    """
    bid, ask = _quotes(leg.symbol, snapshot)
    if bid is None or ask is None or bid >= ask:
        return None
    market = snapshot.markets.get(leg.symbol)
    tick = market.tick if market else None
    if leg.qty > 0:
        return floor_to(bid if leg.limit is None else min(bid, leg.limit), tick) or None
    return ceil_to(ask if leg.limit is None else max(ask, leg.limit), tick)


def _quotes(symbol: str, snapshot: Snapshot) -> tuple[Decimal | None, Decimal | None]:
    book, ticker = snapshot.books.get(symbol), snapshot.tickers.get(symbol)
    if book is not None and book.bids and book.asks:
        return book.bids[0][0], book.asks[0][0]
    return (ticker.bid or None, ticker.ask or None) if ticker else (None, None)
