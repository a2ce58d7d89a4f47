"""Owns the sending of what the gate approved: one slice per leg, written before and after. Decides nothing new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from bot.core.events import Event
from bot.core.instruments import Market, is_swap
from bot.core.numbers import ONE, ZERO
from bot.core.orders import TERMINAL, MoveIntent, OrderIntent, OrderState, OrderView, Placed
from bot.core.policy import Policy
from bot.core.wishes import Wish
from bot.engine.action import Work, cut
from bot.engine.arithmetic import exact
from bot.engine.parts import Parts
from bot.engine.permit import SendPermit
from bot.engine.record import Recorder
from bot.engine.settle import LegResult, Settled, events, settled
from bot.ports.errors import Denied, VenueError
from bot.ports.store import OrderRow
from bot.ports.venue import Gap

TWINS_WITHIN = timedelta(seconds=30)  # venue time in which the same order of another decision is no new wish
ALIKE = Decimal("0.01")  # of the larger: how near two sizes are for being the same
RECENT_ORDERS = 50


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one intent: quantities signed base units."""

    client_id: str
    symbol: str
    asked: Decimal
    filled: Decimal
    state: OrderState
    why: str = ""


@dataclass(slots=True)
class _Done:
    """An action as it comes along."""

    work: Work
    results: list[Sent] = field(default_factory=list)
    moved: bool = True  # every transfer of it arrived
    proceeds: Decimal = ZERO  # quote money its sales brought in, after nothing but their price

    @property
    def succeeded(self) -> bool:
        """All of this cycle's slice was done: what depends on it may go on."""
        return self.moved and all(item.filled == item.asked for item in self.results)


class Executor:
    """Works one decision. ``turn`` is held while an order is under way, so that a stop cancels what is recorded.

    ``look`` is awaited before each order and transfer: whether the kill switch is still what it was.
    """

    def __init__(
        self,
        parts: Parts,
        recorder: Recorder,
        permit: SendPermit,
        turn: asyncio.Lock,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._recorder = recorder
        self._permit = permit
        self._turn = turn
        self._look = look
        self._blocked: set[str] = set()
        self._doubted = ""  # why no transfer is sent: one has no known outcome
        self._lately: Sequence[OrderRow] = ()

    async def run(
        self, works: Sequence[Work], policy: Policy, markets: Mapping[str, Market], *, moving: bool
    ) -> tuple[Sent, ...]:
        """Send the committed intents in order. ``moving``: an earlier transfer has no known outcome; none is sent."""
        self._blocked = set()
        self._doubted = "an earlier transfer has no known outcome yet" if moving else ""
        self._lately = await self._sent_lately(works, policy)
        self._permit.allow([*(o for work in works for o in work.orders), *(m for work in works for m in work.moves)])
        done: dict[str, _Done] = {}
        finished: list[Settled] = []
        for work in works:
            self._recorder.remember(work.facts)
            item = done[work.facts.action_id] = _Done(work)
            why, share = _paid_for(work.wish, done)
            await self._moves(item, why)
            await self._legs(item, why, share, policy, markets)
            legs = _at_its_end(item)
            if legs is not None:
                finished.append(settled(work.facts, legs, markets))
        await self._recorder.append(events(finished, self._parts.clock.now()))
        return tuple(sent for item in done.values() for sent in item.results)

    # ---- transfers

    async def _moves(self, item: _Done, why: str) -> None:
        for intent in item.work.moves:
            state, why = await self._move(intent, why or self._doubted, item.work.wish.key)
            if state == OrderState.UNKNOWN:  # the next one of this decision, too, must not lean on what nobody knows
                self._doubted = f"the outcome of {intent.client_id} is not known yet"
            item.moved = item.moved and state == OrderState.FILLED
            item.results.append(Sent(intent.client_id, intent.asset, intent.amount, ZERO, state, why))
        if item.work.moves:
            # A transfer's outcome is its state; only orders have a filled amount to compare.
            item.results = [replace(sent, filled=sent.asked) if item.moved else sent for sent in item.results]

    async def _move(self, intent: MoveIntent, why: str, wish: str) -> tuple[OrderState, str]:
        word, write = self._recorder.move_state, self._recorder.append
        async with self._turn:
            await self._look()
            why = why or self._denied(intent)
            if why:
                await write([word(intent, OrderState.DENIED, why)])
                return OrderState.DENIED, why
            await write(self._recorder.move_submitted(intent, wish))
            try:
                with exact():
                    placed, why = await self._parts.transfers.move(intent, self._permit)
            except VenueError as error:
                placed, why = Placed.UNKNOWN, str(error)
            if placed in (Placed.ACCEPTED, Placed.EXISTS):
                found = await self._parts.transfers.find_move(intent)
                placed = found if found == Placed.ACCEPTED else Placed.UNKNOWN
                why = "" if found == Placed.ACCEPTED else "taken, not arrived yet"
            state = {
                Placed.ACCEPTED: OrderState.FILLED,
                Placed.REJECTED: OrderState.REJECTED,
                Placed.DENIED: OrderState.DENIED,
            }.get(placed, OrderState.UNKNOWN)
            await write([word(intent, state, why)])
            return state, why

    # ---- orders

    async def _legs(self, item: _Done, why: str, share: Decimal, policy: Policy, markets: Mapping[str, Market]) -> None:
        """Leg after leg; each later one in the proportion in which the first really filled."""
        if item.work.moves and not item.moved:
            why = why or "its transfer has not arrived"
        ratio = share
        for intent in item.work.orders:
            qty = cut(intent.qty * ratio, markets.get(intent.symbol))
            why = why or self._too_small(intent, qty, markets) or self._busy(intent) or self._twin(intent, qty)
            sent = await self._order(replace(intent, qty=qty) if qty else intent, why, item.work.wish, policy)
            item.results.append(sent)
            if not is_swap(sent.symbol) and sent.filled < 0:
                item.proceeds += -sent.filled * (intent.reference or intent.price)
            if sent.state == OrderState.UNKNOWN or sent.state not in TERMINAL:
                why = why or f"{sent.symbol}: the outcome of {sent.client_id} is not known yet"
                self._blocked.add(sent.symbol)
            if intent is item.work.orders[0]:
                ratio = sent.filled / intent.qty
                why = why or ("" if sent.filled else f"{sent.symbol}: nothing filled ({sent.why or sent.state.value})")

    async def _order(self, intent: OrderIntent, why: str, wish: Wish, policy: Policy) -> Sent:
        async with self._turn:
            await self._look()
            why = why or self._denied(intent) or await self._unprepared(intent, policy)
            why = why or self._denied(intent)  # preparing took its time
            if why:
                await self._recorder.append([self._recorder.state(intent, OrderState.DENIED, why)])
                return Sent(intent.client_id, intent.symbol, intent.qty, ZERO, OrderState.DENIED, why)
            await self._recorder.append([self._recorder.submitted(intent, wish.key)])
            submitted_at = self._parts.clock.now()
            try:
                with exact():
                    placed, view, why = await self._parts.broker.place(intent, self._permit)
            except VenueError as error:
                placed, view, why = Placed.UNKNOWN, None, str(error)
            row = OrderRow(intent, OrderState.SUBMITTED, ZERO, submitted_at, submitted_at, intent.qty)
            made, state, filled = await self._outcome(row, placed, view, why)
            await self._recorder.append(made)
            sign = 1 if intent.qty > 0 else -1
            return Sent(intent.client_id, intent.symbol, intent.qty, sign * filled, state, why)

    async def _outcome(
        self, row: OrderRow, placed: Placed, view: OrderView | None, why: str
    ) -> tuple[list[Event], OrderState, Decimal]:
        """The events of an answer, the state they lead to, and what the venue says has filled (unsigned)."""
        plain_end = {Placed.REJECTED: OrderState.REJECTED, Placed.DENIED: OrderState.DENIED}.get(placed)
        if plain_end is not None:
            return [self._recorder.state(row.intent, plain_end, why)], plain_end, ZERO
        resting = view is not None and row.intent.tif == "post_only"
        if placed != Placed.UNKNOWN and not resting and (view is None or view.state not in TERMINAL):
            # An acknowledgement is no outcome, but of what is to rest: ask once, never wait.
            found = await self._parts.broker.find(row.intent)
            view = view if found is None or isinstance(found, Gap) else found
        if view is None or placed == Placed.UNKNOWN:
            return [self._recorder.state(row.intent, OrderState.UNKNOWN, why)], OrderState.UNKNOWN, ZERO
        made, state = await self._recorder.learned(row, view)
        return made, state, view.filled

    def _denied(self, intent: OrderIntent | MoveIntent) -> str:
        """Why it could not leave anyway: asked before anything is written, and again by the permit at the socket."""
        try:
            self._permit.check(intent)
        except Denied as denied:
            return str(denied)
        return ""

    async def _unprepared(self, intent: OrderIntent, policy: Policy) -> str:
        """Leverage and margin mode are set and read back before a position is opened or grown (R-A20)."""
        if not is_swap(intent.symbol) or intent.reduce_only or intent.leverage is None:
            return ""
        try:
            with exact():
                await self._parts.broker.prepare(intent.symbol, intent.leverage, policy.margin_mode)
        except VenueError as error:
            return f"{intent.symbol}: leverage {intent.leverage} {policy.margin_mode} could not be set: {error}"
        return ""

    def _too_small(self, intent: OrderIntent, qty: Decimal, markets: Mapping[str, Market]) -> str:
        market = markets.get(intent.symbol)
        least = market.smallest(intent.reference or intent.price, reduce_only=intent.reduce_only) if market else ZERO
        if qty and abs(qty) >= least:
            return ""
        return f"{intent.symbol}: {abs(qty):f} is under the venue's least of {least:f}"

    def _busy(self, intent: OrderIntent) -> str:
        return f"{intent.symbol}: an own order stands on it" if intent.symbol in self._blocked else ""

    # ---- the same order twice

    async def _sent_lately(self, works: Sequence[Work], policy: Policy) -> Sequence[OrderRow]:
        """What earlier decisions sent so shortly before that a venue's balances may not show it yet."""
        if not any(work.orders for work in works):
            return ()
        since = self._parts.clock.now() - min(TWINS_WITHIN, policy.cycle / 2)
        rows = await self._parts.record.orders(RECENT_ORDERS)
        return [row for row in rows if row.submitted_at is not None and row.submitted_at > since]

    def _twin(self, intent: OrderIntent, qty: Decimal) -> str:
        """Why an order would be the same once more: as large, the same way, by another decision, and it took effect.

        What closes a position only cannot do too much of it, and is never kept back.
        """
        if intent.reduce_only:
            return ""
        for row in self._lately:
            other, sent = row.intent, row.sent_qty or row.intent.qty
            took = row.filled or row.state not in TERMINAL
            same = other.symbol == intent.symbol and abs(sent - qty) <= ALIKE * max(abs(sent), abs(qty))
            if took and same and other.decision_id != intent.decision_id:
                return f"{intent.symbol}: {other.client_id} was the same order, {sent:f}, a moment ago"
        return ""


def _paid_for(wish: Wish, done: Mapping[str, _Done]) -> tuple[str, Decimal]:
    """Why an action must not go on, and the share of it that the actions which fund it really paid for."""
    for name in wish.depends_on:
        other = done.get(name)
        if other is None or not other.succeeded:
            return f"{name}, on which it depends, was not done", ONE
    need = sum((leg.notional for leg in wish.legs if leg.qty > 0), ZERO)
    missing = ZERO
    for name in wish.funded_by:
        other = done.get(name)
        if other is None:
            return f"{name}, which pays for it, was not sent", ONE
        planned = sum((leg.notional for leg in other.work.wish.legs if leg.qty < 0 and not is_swap(leg.symbol)), ZERO)
        missing += max(ZERO, planned - other.proceeds)
    if not missing or not need:
        return "", ONE
    affordable = max(ZERO, need - missing)
    sliced = _sliced_need(wish, done)
    return "" if affordable else "what pays for it brought nothing in", min(ONE, affordable / (sliced or need))


def _sliced_need(wish: Wish, done: Mapping[str, _Done]) -> Decimal:
    """The money that this cycle's slice of a wish takes, at its reference prices."""
    mine = next((item.work for item in done.values() if item.work.wish is wish), None)
    orders = mine.orders if mine else ()
    return sum((order.qty * (order.reference or order.price) for order in orders if order.qty > 0), ZERO)


def _at_its_end(item: _Done) -> list[LegResult] | None:
    """The legs of an action all of whose orders have ended; None while one has not, or where it has no orders."""
    ids = {order.client_id: order for order in item.work.orders}
    mine = [sent for sent in item.results if sent.client_id in ids]
    if not mine or any(sent.state not in TERMINAL for sent in mine):
        return None
    return [
        LegResult(order.leg, sent.symbol, order.qty, sent.filled, order.tif != "ioc")
        for sent, order in ((sent, ids[sent.client_id]) for sent in mine)
    ]
