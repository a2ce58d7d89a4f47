"""Owns orders on a real venue: sent once, never retried, never lost, found again by client id. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any, Literal, TypeVar

import ccxt.async_support as ccxt
from asyncio_throttle.throttler import Throttler

from bot.core.instruments import is_swap
from bot.core.orders import OrderIntent, OrderView, Placed
from bot.ports.errors import Malformed, PortError, Rejected, VenueError
from bot.ports.venue import Gap, Permit
from bot.venues.ccxt import errors
from bot.venues.ccxt.account import CcxtAccount
from bot.venues.ccxt.limits import Lane
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.permits import Ticket, holding

LOOK_BACK = timedelta(hours=1)  # before ``sent_before``: an intent lives for less
STRANGERS_MOST = 20  # orders of nobody we know, asked for one by one when an order is searched by its trades
SENT_MOST = 10_000
T = TypeVar("T")
NO_KEY = "no key: only public data is read"


class CcxtBroker:
    """Port `Broker`."""

    def __init__(self, line: Line, account: CcxtAccount, *, unknown_symbol: Callable[[], None]) -> None:
        self._line = line
        self._account = account
        self._unknown_symbol = unknown_symbol
        self._rate = Throttler(rate_limit=line.profile.orders_per_s, period=1.0)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._sent: dict[str, None] = {}
        self._one_way = False

    async def place(self, intent: OrderIntent, permit: Permit) -> tuple[Placed, OrderView | None, str]:
        """Send one order once.

        Cancelled before the request left, it never leaves; cancelled after, the answer is waited for and its order
        remembered before the cancellation goes on: an order nobody knows of is the one thing that must not be.
        """
        if intent.client_id in self._sent:
            # Venues forget ids of closed orders and would fill the same intent twice.
            return Placed.EXISTS, None, f"{intent.client_id} was sent before; an intent is sent once"
        if why := await self._beside_another(intent):
            return Placed.REJECTED, None, why
        ticket = Ticket(intent, permit)
        if intent.tif != "ioc":
            self._line.rested.set()
        error, order = await self._send(ticket, lambda: self._create(intent))
        if ticket.left:
            self._remember(intent.client_id)
        if error is not None:
            if isinstance(error, ccxt.BadSymbol):
                self._unknown_symbol()
            placed, why = errors.of_write(error, left=ticket.left, known=self._line.profile.refusal(error))
            return placed, None, why
        return self._read_answer(intent, order)

    async def _beside_another(self, intent: OrderIntent) -> str:
        """Why a venue that keeps both sides apart would open a second position beside the one there is, or nothing."""
        if not self._line.profile.two_sided or not is_swap(intent.symbol) or intent.reduce_only:
            return ""
        held = await self._account.positions()
        if isinstance(held, Gap):
            return f"{intent.symbol}: positions cannot be read, so a second one might be opened beside: {held.why}"
        against = [one for one in held if one.symbol == intent.symbol and one.quantity * intent.qty < 0]
        if not against:
            return ""
        return f"{intent.symbol}: {against[0].quantity:f} is open; close it reduce-only first, then open the other side"

    async def _create(self, intent: OrderIntent) -> Any:
        line = self._line
        client = line.client
        line.traffic.check(order=True)
        async with self._rate, line.turnstile.turn(Lane.ORDER):
            amount = abs(intent.qty) / Decimal(line.size(intent.symbol))
            side = "buy" if intent.qty > 0 else "sell"
            params = dict(line.profile.order_params(intent))
            _on_the_grid(client.amount_to_precision(intent.symbol, amount), amount, f"{intent.symbol}: amount")
            _on_the_grid(
                client.price_to_precision(intent.symbol, intent.price), intent.price, f"{intent.symbol}: price"
            )
            kind = line.profile.order_type(intent)
            return await client.create_order(intent.symbol, kind, side, amount, intent.price, params)

    def _read_answer(self, intent: OrderIntent, order: Any) -> tuple[Placed, OrderView | None, str]:
        """A complete order under our own id, or nobody knows: ccxt makes orders without an id of unreadable answers.

        Where the venue only acknowledges, its number is the answer, and what became of the order is asked for.
        """
        line = self._line
        try:
            if not order.get("id"):
                return Placed.UNKNOWN, None, "the answer names no order"
            raw = order.get("info")
            echoed = line.profile.client_id(raw if isinstance(raw, dict) else {})
            if echoed != intent.client_id and not (line.profile.acknowledges and echoed is None):
                return Placed.UNKNOWN, None, f"the answer is about {echoed}, not {intent.client_id}"
            if line.profile.acknowledges:
                line.known.learn(intent.symbol, str(order["id"]), intent.client_id)
                return Placed.ACCEPTED, None, ""
            return Placed.ACCEPTED, self._account.view(order), ""
        except (Malformed, *errors.PARSING) as error:
            return Placed.UNKNOWN, None, f"the answer cannot be read: {errors.line(error)}"

    async def _send(self, ticket: Ticket, ask: Callable[[], Awaitable[T]]) -> tuple[BaseException | None, T | None]:
        """Run ``ask`` to its end in a task of its own, whatever happens to ours; what it raised is a value."""

        async def sending() -> T:
            # ccxt changes the decimal context it finds, and a task's is its maker's.
            with holding(ticket), localcontext():
                return await ask()

        task = asyncio.create_task(sending(), name=f"send {ticket.intent.client_id}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            ticket.revoked = f"{ticket.intent.client_id}: cancelled before it left"
            if not ticket.left:
                task.cancel()
            await self._to_its_end(task)
            if ticket.left:
                self._remember(ticket.intent.client_id)
            raise
        if task.cancelled():
            return asyncio.CancelledError("cancelled while it was being sent"), None
        error = task.exception()
        return (error, None) if error is not None else (None, task.result())

    async def send(self, ticket: Ticket, ask: Callable[[], Awaitable[T]]) -> tuple[BaseException | None, T | None]:
        """As for orders, for the transfers beside them."""
        return await self._send(ticket, ask)

    @staticmethod
    async def _to_its_end(task: asyncio.Task[Any]) -> None:
        """Wait through further cancellations; the client's time-out bounds it."""
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # seen: it goes to nobody

    async def drain(self) -> None:
        """Wait for what is under way: before the connection is closed."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    def _remember(self, client_id: str) -> None:
        self._sent[client_id] = None
        while len(self._sent) > SENT_MOST:
            del self._sent[next(iter(self._sent))]

    # ---- looking up

    async def find(self, intent: OrderIntent) -> OrderView | Gap | None:
        """By client id; else among the open orders and behind our trades. None only where all three know nothing."""
        line = self._line
        what = f"order {intent.client_id}"
        if not line.lists(intent.symbol):
            return Gap(what, f"{intent.symbol} is not listed here")
        return await line.private_gap(what, lambda: self._search(intent), Lane.LOOKUP)

    async def _search(self, intent: OrderIntent) -> OrderView | None:
        profile, client = self._line.profile, self._line.client
        found = await profile.lookup(client, intent.symbol, intent.client_id)
        if found is not None:
            return self._ours(intent, found)
        for row in await profile.open_orders(client, intent.symbol, swap=is_swap(intent.symbol)):
            if profile.client_id(row["info"]) == intent.client_id:
                return self._account.view(row)
        return await self._behind_trades(intent)

    async def _behind_trades(self, intent: OrderIntent) -> OrderView | None:
        """A trade names its order only by the venue's id: ask whose the unknown ones are."""
        line = self._line
        trades = await self._account.trades(intent.symbol, intent.sent_before - LOOK_BACK)
        mine = next((one.venue_order_id for one in trades if one.client_id == intent.client_id), None)
        if mine is not None:
            return self._account.view(await line.profile.order(line.client, intent.symbol, mine))
        strangers = list(
            dict.fromkeys(one.venue_order_id for one in trades if one.client_id is None and one.venue_order_id)
        )
        if len(strangers) > STRANGERS_MOST:
            raise Malformed(f"{len(strangers)} orders on {intent.symbol} are nobody's we know: is another bot at work?")
        for venue_id in strangers:
            view = self._account.view(await line.profile.order(line.client, intent.symbol, venue_id))
            if view.client_id == intent.client_id:
                return view
        return None

    def _ours(self, intent: OrderIntent, row: Any) -> OrderView:
        view = self._account.view(row)
        if view.client_id != intent.client_id or view.symbol != intent.symbol:
            raise Malformed(f"asked for {intent.client_id} on {intent.symbol}, told {view.client_id} on {view.symbol}")
        return view

    # ---- cancelling

    async def cancel(self, intent: OrderIntent) -> OrderView | Gap:
        """Ask once, then see what is true: a failure is a question, and a fill may have come first."""
        line = self._line
        what = f"order {intent.client_id}"
        if not line.private:
            return Gap(what, NO_KEY)
        try:
            line.traffic.check()
            async with line.turnstile.turn(Lane.CANCEL):
                await line.profile.send_cancel(line.client, intent.symbol, intent.client_id)
        except (PortError, *errors.READING):
            pass  # whatever it was, the look-up tells what is true
        found = await self.find(intent)
        return found if found is not None else Gap(what, "the venue knows no such order")

    # ---- futures set-up

    async def prepare(self, symbol: str, leverage: Decimal, margin: Literal["cross", "isolated"]) -> None:
        """One-way, margin mode and leverage: read, set where it differs, read back; raises `VenueError`."""
        line = self._line
        if not line.private:
            raise Rejected(f"{symbol}: {NO_KEY}")
        if not is_swap(symbol) or not line.lists(symbol):
            raise Rejected(f"{symbol}: is no perpetual listed here")
        if leverage != leverage.to_integral_value() or leverage < 1:
            raise Rejected(f"{symbol}: leverage {leverage} must be a whole number from 1")
        await self._ensure_one_way(symbol)
        now = await self._settings(symbol)
        failures = []
        if now.margin != margin:
            failures.append(
                await self._set(lambda: line.profile.set_margin(line.client, symbol, margin, int(leverage)))
            )
        if now.leverage != leverage:
            failures.append(
                await self._set(lambda: line.profile.set_leverage(line.client, symbol, int(leverage), margin))
            )
        if failures:
            now = await self._settings(symbol)
        if (now.leverage, now.margin) != (leverage, margin):
            why = "; ".join(filter(None, failures)) or "the venue did not say why"
            raise Rejected(f"{symbol}: is {now.leverage} x {now.margin}, must be {leverage} x {margin}: {why}")
        self._account.learn_leverage(symbol, leverage)

    async def _ensure_one_way(self, symbol: str) -> None:
        if self._one_way:
            return
        line = self._line
        if await self._hedged(symbol):
            why = await self._set(lambda: line.profile.set_one_way(line.client, symbol))
            if await self._hedged(symbol):
                raise Rejected(f"the account is in hedge mode, must be one-way: {why}")
        self._one_way = True

    async def _hedged(self, symbol: str) -> bool:
        line = self._line
        return await line.read("position mode", lambda: line.profile.hedged(line.client, symbol), Lane.LOOKUP)

    async def _settings(self, symbol: str) -> Any:
        line = self._line
        found = await line.read(f"settings {symbol}", lambda: line.profile.settings(line.client, symbol), Lane.LOOKUP)
        if symbol not in found:
            raise Malformed(f"settings {symbol}: the venue answered about {', '.join(found) or 'nothing'}")
        return found[symbol]

    async def _set(self, ask: Callable[[], Awaitable[Any]]) -> str:
        """Ask once; why it failed, or nothing. Reading back decides, so that no failure needs to be understood."""
        line = self._line
        try:
            line.traffic.check()
            async with line.turnstile.turn(Lane.ORDER):
                await ask()
        except (PortError, VenueError, *errors.READING) as error:
            return errors.line(error)
        return ""


def _on_the_grid(sent: str, meant: Decimal, what: str) -> None:
    """Refuse what ccxt would cut or round on its own: an order is sent as it was decided or not at all."""
    if Decimal(sent) != meant:
        raise Rejected(f"{what} {meant:f} would be sent as {sent}; it must be on the venue's grid")
