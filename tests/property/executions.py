"""Owns what may become of a plan's legs at a venue: the executor's order and scaling, over drawn outcomes. No I/O.

Actions in the plan's order, transfers before legs, one slice of each leg; a later leg in the proportion in which the
first really filled; nothing of an action whose transfer did not arrive, on which nothing it depends was done, or which
nobody paid for. `bot.engine.execute` does the same to a venue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hypothesis import strategies as st

from bot.core.instruments import Market, is_swap
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.wishes import Leg, Wish
from bot.engine.action import cut, sliced
from tests.rules.accounts import after

NOTHING, ALL = Decimal(0), Decimal(1)
#: Filled, partly filled (an IOC order's rest expires), rejected.
SHARES = (ALL, ALL, ALL, Decimal("0.5"), Decimal("0.07"), NOTHING)


@dataclass(frozen=True)
class Outcomes:
    """What the venue answers, in order: a share of every order, whether every transfer arrives.

    After ``stop`` answers nothing is sent any more: the process died, an operator stopped it.
    """

    fills: Sequence[Decimal]
    arrive: bool
    stop: int
    whole: bool  # legs unsliced, as where `execution.slice_max` is large


@st.composite
def outcomes(draw: st.DrawFn) -> Outcomes:
    """Any prefix of a plan, its orders filled, partly filled or rejected."""
    return Outcomes(
        fills=draw(st.lists(st.sampled_from(SHARES), min_size=24, max_size=24)),
        arrive=draw(st.sampled_from([True, True, False])),
        stop=draw(st.integers(0, 24)),
        whole=draw(st.booleans()),
    )


@dataclass
class _Done:
    """An action as it comes along: the wish, its legs as filled, the money its spot sales brought."""

    wish: Wish
    legs: list[Leg] = field(default_factory=list)
    succeeded: bool = True
    moved: bool = False
    proceeds: Decimal = NOTHING


class _Venue:
    """Answers order after order."""

    def __init__(self, said: Outcomes, policy: Policy, markets: Mapping[str, Market]) -> None:
        self.said, self.policy, self.markets = said, policy, markets
        self.sent = 0

    def answer(self) -> Decimal:
        """The share that the next order is filled at; nothing once the process has stopped."""
        self.sent += 1
        return NOTHING if self.sent > self.said.stop else self.said.fills[(self.sent - 1) % len(self.said.fills)]

    def work(self, wish: Wish, equity: Decimal | None, done: Mapping[str, _Done]) -> _Done:
        item = _Done(wish)
        slice_of = ALL if self.said.whole else sliced(wish, equity, self.policy, self.markets)
        orders = [replace(leg, qty=cut(leg.qty * slice_of, self.markets[leg.symbol])) for leg in wish.legs]
        ratio = _paid(wish, orders, done)
        if wish.moves:
            item.moved = ratio > 0 and self.said.arrive and self.answer() > 0
            if not item.moved:
                item.succeeded, ratio = False, NOTHING
        for number, leg in enumerate(orders):
            asked = cut(leg.qty * ratio, self.markets[leg.symbol])
            least = self.markets[leg.symbol].smallest(leg.price, reduce_only=leg.reduce_only)
            share = self.answer() if asked and abs(asked) >= least else NOTHING
            qty = cut(asked * share, self.markets[leg.symbol])
            item.succeeded = item.succeeded and bool(qty) and qty == asked
            if qty:
                item.legs.append(replace(leg, qty=qty))
                item.proceeds += -qty * leg.price if qty < 0 and not is_swap(leg.symbol) else NOTHING
            if number == 0:
                ratio = qty / leg.qty if leg.qty else NOTHING
        return item


def _paid(wish: Wish, orders: Sequence[Leg], done: Mapping[str, _Done]) -> Decimal:
    """The share of a wish that what it depends on and what funds it leaves."""
    if any(name not in done or not done[name].succeeded for name in wish.depends_on):
        return NOTHING
    missing = NOTHING
    for name in wish.funded_by:
        if name not in done:
            return NOTHING
        sold = [leg for leg in done[name].wish.legs if leg.qty < 0 and not is_swap(leg.symbol)]
        missing += max(NOTHING, sum((leg.notional for leg in sold), NOTHING) - done[name].proceeds)
    need = sum((leg.notional for leg in wish.legs if leg.qty > 0), NOTHING)
    if not missing or not need:
        return ALL
    now = sum((leg.notional for leg in orders if leg.qty > 0), NOTHING) or need
    return min(ALL, max(NOTHING, need - missing) / now)


def executed(snapshot: Snapshot, made: Plan, policy: Policy, said: Outcomes) -> Snapshot:
    """The account after the plan was worked and the venue said so; raises where it would have paid what it had not."""
    venue = _Venue(said, policy, snapshot.markets)
    done: dict[str, _Done] = {}
    worked = []
    for index, item in enumerate(made.actions):
        result = venue.work(item.wish, made.assessment.equity, done)
        done[made.action_id(index)] = result
        moves = item.wish.moves if result.moved else ()
        worked.append(replace(item, wish=replace(item.wish, legs=tuple(result.legs), moves=moves)))
    return after(snapshot, replace(made, actions=tuple(worked)))
