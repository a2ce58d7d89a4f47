"""Owns the wire between a simulated process and the exchange: latency, faults, and the eyes that see each create."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.numbers import ZERO
from bot.core.orders import TERMINAL, Fill, MoveIntent, OrderIntent, OrderState, OrderView, Placed
from bot.core.snapshot import AccountKind, Balance, Book, Feeds, Funding, Point, Position, Saving, Ticker
from bot.ports.errors import Denied, Malformed, RateLimited, Rejected, Transient, Unauthorized
from bot.ports.venue import Gap, KeyReport, Permit
from bot.simulation.faults import Fault
from bot.simulation.loop import Process

if TYPE_CHECKING:
    from bot.simulation.world import World

T = TypeVar("T")
NEVER_CAME = frozenset({"timeout_before", "error_before"})
ANSWER_LOST = frozenset({"timeout_after", "reset_after", "error_after", "malformed_after"})
VEILS = frozenset({"slow_report", "hidden", "late_trades"})
CLIENT_TIMEOUT_S = 10.0


class FaultyVenue:
    """All venue ports of one process, over the one exchange of its world; what it raises is what adapters raise."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._inner = world.venue
        self._views: dict[str, OrderView] = {}
        self._balances: Sequence[Balance] | Gap = ()
        self._taken = ZERO  # what others had taken when this process was last told the truth about its balances

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    # ---- reads

    async def markets(self) -> Mapping[str, Market]:
        """As the exchange lists them."""
        self._world.cycle_begins()
        fault = await self._read("markets")
        self._never_a_gap(fault)
        return await self._inner.markets()

    async def quotes(self) -> Mapping[str, Ticker] | Gap:
        """Prices, some of them wrong."""
        fault = await self._read("quotes")
        if fault is not None and fault.kind == "read_gap":
            return self._gap("quotes")
        known = await self._inner.quotes()
        if isinstance(known, Gap) or fault is None or not fault.kind.endswith("_price"):
            return known
        return self._mispriced(dict(known), fault)

    def _mispriced(self, known: dict[str, Ticker], fault: Fault) -> Mapping[str, Ticker]:
        symbol = self._world.symbols[fault.nth % len(self._world.symbols)]
        right = known.get(symbol)
        if right is None:
            return known
        self._world.seen.bit(fault.kind)
        if fault.kind == "missing_price":
            del known[symbol]
            return known
        wrong: dict[str, Any]
        if fault.kind == "stale_price":
            at = right.at or self._world.time.now()
            wrong = {"at": at - timedelta(seconds=fault.size)}
        elif fault.kind == "zero_price":
            wrong = dict.fromkeys(("bid", "ask", "last"), ZERO)
        else:
            factor = Decimal(str(fault.size))
            prices = {name: getattr(right, name) for name in ("bid", "ask", "last")}
            wrong = {name: None if price is None else price * factor for name, price in prices.items()}
        # As an adapter would: what cannot be is left out there, what merely is wrong comes through.
        known[symbol] = right.model_copy(update=wrong)
        return known

    async def funding(self) -> Mapping[str, Funding] | Gap:
        """Funding rates, or a part of them."""
        fault = await self._read("funding")
        if fault is not None and fault.kind == "read_gap":
            return self._gap("funding")
        known = await self._inner.funding()
        if fault is None or fault.kind != "funding_unknown" or isinstance(known, Gap):
            return known
        self._world.seen.bit(fault.kind)
        return {}

    async def candles(self, symbol: str, timeframe: str, since: datetime, limit: int) -> NDArray[np.float64] | Gap:
        """As they are."""
        await self._read("candles")
        return await self._inner.candles(symbol, timeframe, since, limit)

    async def book(self, symbol: str, depth: int) -> Book | Gap:
        """As it is, or not to be had."""
        return await self._gapped("book", lambda: self._inner.book(symbol, depth))

    async def funding_history(self, symbol: str, since: datetime) -> Sequence[Point] | Gap:
        """As it is."""
        await self._read("funding_history")
        return await self._inner.funding_history(symbol, since)

    async def now(self) -> datetime | Gap:
        """The venue's clock."""
        await self._read("now")
        return await self._inner.now()

    async def read(self) -> Feeds:
        """The scene's feeds."""
        self._process.must_live()
        return await self._inner.read()

    def gaps(self) -> Sequence[Gap]:
        """None."""
        return ()

    async def kind(self) -> AccountKind:
        """As it is."""
        fault = await self._read("kind")
        self._never_a_gap(fault)
        return await self._inner.kind()

    async def balances(self) -> Sequence[Balance] | Gap:
        """What is there, or what a bad read makes of it."""
        fault = await self._read("balances")
        if fault is not None and fault.kind == "read_gap":
            return self._gap("balances")
        known = await self._inner.balances()
        before, self._balances = self._balances, known
        if fault is None or fault.kind != "stale_balances":
            self._taken = self._world.taken
        if fault is None or isinstance(known, Gap) or not fault.kind.endswith("_balances"):
            return known
        self._world.seen.bit(fault.kind)
        if fault.kind == "stale_balances":
            self._balances = before or known
            return self._balances
        if fault.kind == "empty_balances":
            return ()
        return [item.model_copy(update={"free": ZERO, "locked": ZERO}) for item in known]

    async def positions(self) -> Sequence[Position] | Gap:
        """As they are, or not to be had."""
        self._world.beliefs.told(self._process.name, None)  # what an earlier look told is no longer decided on
        known = await self._gapped("positions", self._inner.positions)
        told = None if isinstance(known, Gap) else self._world.exchange.positions()
        self._world.beliefs.told(self._process.name, told)
        return known

    async def open_orders(self, symbols: Sequence[str]) -> Sequence[OrderView] | Gap:
        """As they are, without what does not show yet."""
        known = await self._gapped("open_orders", lambda: self._inner.open_orders(symbols))
        return known if isinstance(known, Gap) else [view for view in known if not self._hidden(view.client_id)]

    async def fills(self, symbol: str, since: datetime) -> Sequence[Fill] | Gap:
        """Own trades, without what does not show yet; some of them twice."""
        fault = await self._read("fills")
        if fault is not None and fault.kind == "read_gap":
            return self._gap("fills")
        known = await self._inner.fills(symbol, since)
        if isinstance(known, Gap):
            return known
        shown = [fill for fill in known if not self._world.hides_trades(fill.client_id or "")]
        if fault is not None and fault.kind == "duplicate_fills" and shown:
            self._world.seen.bit(fault.kind)
            return sorted(shown * (1 + int(fault.size)), key=lambda fill: fill.at)
        return shown

    async def flows(self, since: datetime) -> Sequence[Event] | Gap:
        """As they are, or not to be had."""
        return await self._gapped("flows", lambda: self._inner.flows(since))

    async def key(self) -> KeyReport:
        """A harmless key."""
        await self._read("key")
        return await self._inner.key()

    async def savings(self) -> Mapping[str, Saving] | Gap:
        """As they are."""
        await self._read("savings")
        return await self._inner.savings()

    # ---- orders

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        """Send one order once; what becomes of the request and of its answer is the fault's word."""
        fault = await self._write("place")
        why = self._kept_back(fault)
        if why:
            return Placed.DENIED, None, why
        left = self._world.time.now()
        try:
            permit(intent)
        except Denied as denied:
            return Placed.DENIED, None, str(denied)
        self._world.eyes.leaves(intent, left, self._taken)
        if fault is not None:
            self._world.unanswered(fault.size)
        kind = fault.kind if fault else ""
        if kind in ("rejected", "limited", "unauthorized"):
            self._world.seen.bit(kind)
            await self._wait(fault)
            return Placed.REJECTED, None, f"simulated: {kind}"
        if kind in NEVER_CAME or self._world.is_out():
            self._world.seen.bit(kind or "outage")
            await self._wait(fault)
            return Placed.UNKNOWN, None, f"simulated: {kind or 'outage'}"
        if kind == "refused_unheard":
            self._world.seen.bit(kind)
            self._world.refused.add(intent.client_id)
            await self._wait(fault)
            return Placed.UNKNOWN, None, f"simulated: {kind}"
        if kind == "late_accept" and fault is not None:
            self._world.seen.bit(kind)
            self._world.later(fault.size, lambda: self._arrives(intent, left))
            await asyncio.sleep(CLIENT_TIMEOUT_S)
            self._process.must_live()
            return Placed.UNKNOWN, None, "simulated: late_accept"
        return await self._arrived(intent, left, fault)

    async def _arrived(
        self, intent: OrderIntent, left: datetime, fault: Fault | None
    ) -> tuple[Placed, OrderView | None, str]:
        kind = fault.kind if fault else ""
        self._world.outside("place")
        answer = self._arrives(intent, left)
        if fault is not None and kind in VEILS and answer[0] == Placed.ACCEPTED:
            self._world.seen.bit(kind)
            self._world.veil(intent.client_id, kind, fault.size)
        await self._wait(fault)
        if kind in ANSWER_LOST:
            self._world.seen.bit(kind)
            return Placed.UNKNOWN, None, f"simulated: {kind}"
        placed, view, why = answer
        return placed, None if view is None else self._as_shown(view), why

    def _arrives(self, intent: OrderIntent, left: datetime) -> tuple[Placed, OrderView | None, str]:
        """At the exchange, whoever still waits for the answer."""
        return self._world.eyes.arrives(intent, left, self._process)

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """The order as it shows; within the visibility bound it may not show at all."""
        fault = await self._lookup("find", f"order {intent.client_id}")
        if isinstance(fault, Gap):
            return fault
        if intent.client_id in self._world.refused:
            return OrderView(intent.client_id, None, OrderState.REJECTED, ZERO, None, intent.symbol)
        known = await self._inner.find(intent)
        if known is None or isinstance(known, Gap):
            return known
        if fault is not None and fault.kind == "forgotten" and known.state in TERMINAL:
            self._world.seen.bit(fault.kind)
            self._world.forgotten.add(intent.client_id)
        if intent.client_id in self._world.forgotten:
            return None
        shown = self._as_shown(known)
        if self._hidden(intent.client_id):
            return None
        if fault is not None and fault.kind == "stale_view":
            self._world.seen.bit(fault.kind)
            fresh = replace(shown, state=OrderState.OPEN, filled=ZERO, price_avg=None)
            return self._views.get(intent.client_id, fresh)
        self._views[intent.client_id] = shown
        return shown

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """Cancel, then tell what shows afterwards; a failure is a question."""
        fault = await self._write("cancel")
        if fault is not None:
            self._world.unanswered(fault.size)
        kind = fault.kind if fault else ""
        what = f"order {intent.client_id}"
        if kind == "cancel_fails" or kind in NEVER_CAME or self._world.is_out() or self._world.is_banned():
            self._world.seen.bit(kind or "outage")
            await self._wait(fault)
            return Gap(what, f"simulated: {kind or 'outage'}")
        self._world.outside("cancel")
        known = await self._inner.cancel(intent)
        if isinstance(known, OrderView) and not known.filled:
            self._world.veils.pop(intent.client_id, None)  # who says "nothing filled" must not hide trades for hours
        await self._wait(fault)
        if kind in ANSWER_LOST:
            self._world.seen.bit(kind)
            return Gap(what, f"simulated: {kind}")
        return known if isinstance(known, Gap) else self._as_shown(known)

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        """Leverage and margin mode."""
        fault = await self._write("prepare")
        if fault is not None and fault.kind == "rejected":
            self._world.seen.bit(fault.kind)
            raise Rejected(f"{symbol}: simulated: rejected")
        self._must_be_up("prepare")
        await self._inner.prepare(symbol, leverage, margin)

    # ---- transfers

    async def move(self, intent: MoveIntent, permit: Permit) -> tuple[Placed, str]:
        """Send one transfer once."""
        fault = await self._write("move")
        why = self._kept_back(fault)
        if why:
            return Placed.DENIED, why
        try:
            permit(intent)
        except Denied as denied:
            return Placed.DENIED, str(denied)
        self._world.eyes.moves(intent.client_id)
        kind = fault.kind if fault else ""
        if kind in ("rejected", "limited"):
            self._world.seen.bit(kind)
            return Placed.REJECTED, f"simulated: {kind}"
        if kind in NEVER_CAME or self._world.is_out():
            self._world.seen.bit(kind or "outage")
            await self._wait(fault)
            return Placed.UNKNOWN, f"simulated: {kind or 'outage'}"
        answer = await self._inner.move(intent, _let)
        await self._wait(fault)
        if kind in ANSWER_LOST:
            self._world.seen.bit(kind)
            return Placed.UNKNOWN, f"simulated: {kind}"
        return answer

    async def find_move(self, intent: MoveIntent) -> Placed | Gap:
        """Whether it arrived."""
        fault = await self._lookup("find_move", f"transfer {intent.client_id}")
        return fault if isinstance(fault, Gap) else await self._inner.find_move(intent)

    # ---- what may happen on the way

    async def _read(self, operation: str) -> Fault | None:
        """The way there and back of a read; raises what an adapter raises."""
        fault = await self._on_the_way(operation)
        self._must_be_up(operation)
        kind = fault.kind if fault else ""
        if kind == "read_timeout":
            await self._wait(fault)
        errors: dict[str, Callable[[], Exception]] = {
            "read_timeout": lambda: Transient(f"simulated: {operation} timed out"),
            "read_malformed": lambda: Malformed(f"simulated: {operation} cannot be read"),
            "unauthorized": lambda: Unauthorized(f"simulated: {operation}: invalid key"),
            "limited": lambda: RateLimited("simulated: 429", retry_after_s=fault.size if fault else 1.0),
        }
        if kind in errors:
            self._world.seen.bit(kind)
            error = errors[kind]()
            raise error
        return fault

    async def _gapped(self, operation: str, ask: Callable[[], Awaitable[T | Gap]]) -> T | Gap:
        fault = await self._read(operation)
        return self._gap(operation) if fault is not None and fault.kind == "read_gap" else await ask()

    async def _lookup(self, operation: str, what: str) -> Fault | Gap | None:
        """Look-ups answer a Gap where they fail, they raise nothing."""
        fault = await self._on_the_way(operation)
        kind = fault.kind if fault else ""
        if kind in ("read_timeout", "read_malformed", "read_gap", "limited"):
            self._world.seen.bit(kind)
            if kind == "read_timeout":
                await self._wait(fault)
            return Gap(what, f"simulated: {kind}")
        if self._world.is_out() or self._world.is_banned():
            return Gap(what, "simulated: the venue is not to be reached")
        return fault

    async def _write(self, operation: str) -> Fault | None:
        return await self._on_the_way(operation)

    async def _on_the_way(self, operation: str) -> Fault | None:
        """What happens to this operation; the way takes a moment."""
        self._process.must_live()
        world = self._world
        world.come()
        fault = world.ask("venue", operation)
        await asyncio.sleep(world.latency_s())
        if fault is not None and fault.kind == "slow_answer":
            world.seen.bit(fault.kind)
            await asyncio.sleep(fault.size)
        self._process.must_live()
        world.come()
        if fault is not None and fault.kind == "outage":
            world.seen.bit(fault.kind)
            world.goes_out(fault.size)
        elif fault is not None and fault.kind == "banned":
            world.seen.bit(fault.kind)
            world.bans(fault.size)
        return fault

    async def _wait(self, fault: Fault | None) -> None:
        """The rest of the time until the client knows: its own time-out bounds it."""
        if fault is not None:
            await asyncio.sleep(min(fault.size, 60.0))
            self._process.must_live()

    def _must_be_up(self, operation: str) -> None:
        if self._world.is_banned():
            until = self._world.banned_until
            raise RateLimited(f"simulated: banned until {until}", until=until)
        if self._world.is_out():
            raise Transient(f"simulated: {operation}: the venue is not to be reached")

    def _kept_back(self, fault: Fault | None) -> str:
        """Why an adapter does not even send: it knows of a ban."""
        if self._world.is_banned():
            return "simulated: banned"
        return "" if fault is None or fault.kind != "banned" else "simulated: banned"

    def _gap(self, operation: str) -> Gap:
        self._world.seen.bit("read_gap")
        return Gap(operation, "simulated: not to be had")

    def _never_a_gap(self, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "read_gap":
            self._world.seen.bit(fault.kind)
            raise Transient("simulated: not to be had")

    def _hidden(self, client_id: str) -> bool:
        return self._world.veiled_as(client_id) == "hidden"

    def _as_shown(self, view: OrderView) -> OrderView:
        """An acknowledged order whose trades do not show yet looks open; one that the venue let expire says so."""
        if view.client_id in self._world.expired and view.state == OrderState.CANCELLED:
            view = replace(view, state=OrderState.EXPIRED)
        if self._world.veiled_as(view.client_id) not in ("hidden", "slow_report"):
            return view
        return replace(view, state=OrderState.OPEN, filled=ZERO, price_avg=None)


def _let(intent: OrderIntent | MoveIntent) -> None:
    """Asked before."""
    del intent
