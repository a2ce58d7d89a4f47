"""Owns how venue time passes: quiet stretches are jumped, eventful ones are walked; what falls due is booked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.core.instruments import is_swap
from bot.core.numbers import ZERO
from bot.venues.simulated.alterations import LateFill
from bot.venues.simulated.booking import book_flow, book_funding, book_income
from bot.venues.simulated.matching import fill_rest, liquidate, meet, touched
from bot.venues.simulated.records import IncomeKind
from bot.venues.simulated.savings import pay, paydays
from bot.venues.simulated.scene import ScriptedFlow
from bot.venues.simulated.view import View

STEPS_MAX = 1_440
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def advance(view: View, to: datetime, latency: timedelta) -> None:
    """Bring the account to ``to``; at one instant there are first fills, then funding, flows, liquidation, interest."""
    state = view.state
    if to <= state.now:
        return
    flows = [flow for flow in view.scene.flows(state.now, to) if flow.amount]
    rates = _settlements(view, to)
    midnights = frozenset(paydays(view, to))
    late = {one.at for one in state.altered.late if state.now < one.at <= to}
    for stop in sorted({*(flow.at for flow in flows), *(at for at, _, _ in rates), *midnights, *late, to}):
        _pass(view, stop, latency)
        _fill_late(view, [one for one in state.altered.late if one.at <= stop])
        for at, symbol, rate in rates:
            if at == stop:
                book_funding(state, symbol, view.mark(symbol), rate)
        for flow in flows:
            if flow.at == stop:
                _flow(view, flow)
        liquidate_short(view)
        if stop in midnights:
            pay(view)
    for symbol in state.holdings:
        state.marks[symbol] = view.mark(symbol)


def _fill_late(view: View, due: list[LateFill]) -> None:
    """Fills that were under way when their orders were cancelled."""
    for one in due:
        view.state.altered.late.remove(one)
        view.state.touch()
        order = view.state.by_number(one.order_id)
        if order is not None:
            fill_rest(view, order, one.amount)


def _settlements(view: View, to: datetime) -> list[tuple[datetime, str, Decimal]]:
    """Funding instants ahead of every perpetual held, or that an open order may come to hold."""
    state = view.state
    symbols = {*state.holdings, *(order.symbol for order in state.open.values() if is_swap(order.symbol))}
    return sorted((at, symbol, rate) for symbol in symbols for at, rate in view.scene.settled(symbol, state.now, to))


def _pass(view: View, to: datetime, latency: timedelta) -> None:
    """Walk (now, to] where an order may fill or the margin may run out, else jump."""
    state = view.state
    if to <= state.now:
        return
    if not _eventful(view, to):
        state.now = to
        return
    pace = view.rules.pace * max(1, -(-(to - state.now) // (view.rules.pace * STEPS_MAX)))
    while state.now < to:
        after = state.now
        # Steps end on a grid of their own, so that it does not matter how often somebody looked.
        state.now = min(to, EPOCH + ((after - EPOCH) // pace + 1) * pace)
        for number in list(state.open):
            order = state.open.get(number)  # an earlier one's fill may have closed it
            if order is not None:
                meet(view, order, after, latency)
        liquidate_short(view)


def _eventful(view: View, to: datetime) -> bool:
    state, scene = view.state, view.scene
    for order in state.open.values():
        span = scene.extremes(order.symbol, state.now, to)
        if span is not None and touched(order, *span):
            return True
    ranges: dict[str, tuple[Decimal, Decimal]] = {}
    for symbol in state.holdings:
        at_end = scene.price(symbol, to)
        seen = [view.mark(symbol) if at_end is None else at_end, *(scene.extremes(symbol, state.now, to) or ())]
        ranges[symbol] = (min(seen), max(seen))
    return view.margin().could_fall_short(ranges)


def _flow(view: View, flow: ScriptedFlow) -> None:
    """A withdrawal takes what is there: the script cannot overdraw an account that spent the money."""
    amount = abs(flow.amount)
    if flow.kind == "withdrawal":
        amount = min(amount, max(ZERO, view.state.free(flow.asset)))
    if amount:
        book_flow(view.state, flow.asset, amount, flow.kind, flow.at)


def liquidate_short(view: View) -> None:
    """Close what its margin no longer bears; the wallet is never left below what stands behind isolated positions."""
    gone = view.margin().short() if view.state.holdings else []
    if gone:
        liquidate(view, gone)
    clear(view)


def clear(view: View) -> None:
    """The venue takes over what is below 0 in the cross wallet once no cross position is left to lose more."""
    state = view.state
    owed = sum(state.pockets.values(), ZERO) - state.wallet
    if owed > 0 and all(symbol in state.isolated for symbol in state.holdings):
        book_income(state, IncomeKind.INSURANCE_CLEAR, view.settle, owed)
