"""Owns what happens to the account and its market from outside: the owner's hand, the venue's, the market's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.instruments import base_of, quote_of
from bot.core.numbers import ONE, ZERO, floor_to
from bot.venues.simulated.admission import admit
from bot.venues.simulated.alterations import Filters, LateFill, Race, Shock, Skew, Veil
from bot.venues.simulated.booking import book_flow
from bot.venues.simulated.fees import at_most
from bot.venues.simulated.liquidity import Bite
from bot.venues.simulated.matching import expire, fill_rest, force, liquidate, take
from bot.venues.simulated.passage import clear, liquidate_short
from bot.venues.simulated.records import (
    FlowRecord,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    Refusal,
    RefusalCode,
    Side,
)
from bot.venues.simulated.view import View

WITHIN = "must be above 0 and at most 1"


class Outside:
    """Everything that acts on an exchange but is not its client, at the exchange's own now.

    What holds for a time takes ``for_``; None is until its opposite is called (or for ever). All of it is part of the
    account's state. Every method raises `Refusal` where the exchange cannot do it, and then nothing has changed.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._state = view.state
        self._altered = view.state.altered

    # ---- the owner's hand

    def deposit(self, asset: str, amount: Decimal) -> FlowRecord:
        """Money from outside into the spot wallet."""
        return book_flow(self._state, asset, _money(asset, amount), "deposit", self._state.now)

    def withdraw(self, asset: str, amount: Decimal) -> FlowRecord:
        """Money from the spot wallet to outside; no more than is free."""
        free = self._state.free(asset)
        if _money(asset, amount) > free:
            why = f"{amount:f} {asset} are more than the {free:f} that are free"
            raise Refusal(RefusalCode.INSUFFICIENT_BALANCE, why)
        return book_flow(self._state, asset, amount, "withdrawal", self._state.now)

    def manual_trade(self, symbol: str, side: Side, amount: Decimal) -> OrderRecord:
        """A market order of the account's owner, cut to the step; no client of the exchange knows its id."""
        amount = floor_to(amount, self._view.market(symbol).step)
        order, bites = admit(self._view, OrderRequest(symbol, side, "market", amount, None, "ioc"))
        number = self._state.next_id()
        return take(self._view, self._state.put(replace(order, order_id=number, client_id=f"web_{number}")), bites)

    def manual_cancel(self, symbol: str | None = None) -> list[OrderRecord]:
        """The owner cancels what is open (of a symbol)."""
        return [expire(self._view, order, OrderStatus.CANCELED) for order in self._state.resting(symbol)]

    # ---- the venue's hand

    def liquidate(self, symbol: str | None = None) -> list[str]:
        """Close a position at mark with the venue's fee, or all of them; answers with their symbols.

        A cross position never goes alone: the cross positions share their margin.
        """
        held = self._state.holdings
        isolated = self._state.isolated
        if symbol is None:
            gone = sorted(held)
        elif symbol in isolated:
            gone = [symbol] if symbol in held else []
        else:
            gone = sorted(name for name in held if name not in isolated) if symbol in held else []
        if not gone:
            raise Refusal(RefusalCode.REDUCE_ONLY_REJECTED, f"there is no position {symbol or 'at all'} to liquidate")
        liquidate(self._view, gone)
        clear(self._view)
        return gone

    def adl(self, symbol: str, share: Decimal = ONE) -> OrderRecord:
        """The venue takes ``share`` of a position at mark, without a fee: at least one step of it."""
        held = self._state.holdings.get(symbol)
        if held is None:
            raise Refusal(RefusalCode.REDUCE_ONLY_REJECTED, f"there is no position {symbol} to reduce")
        step = self._view.market(symbol).step
        whole = abs(held.quantity)
        amount = min(whole, max(floor_to(whole * _share(share), step), step or whole))
        done = force(self._view, symbol, amount, kind="ADL")
        clear(self._view)
        return done

    def halt(self, symbol: str, for_: timedelta | None = None) -> None:
        """Stop trading of a symbol: orders are refused, resting ones wait."""
        self._view.market(symbol)
        self._altered.halted[symbol] = self._until(for_)
        self._state.touch()

    def resume(self, symbol: str) -> None:
        """Let it trade again."""
        self._altered.halted.pop(symbol, None)
        self._state.touch()

    def delist(self, symbol: str) -> None:
        """Take a symbol off the list: its orders are cancelled, a position is settled at mark; spot coins stay."""
        self._view.market(symbol)
        for order in self._state.resting(symbol):
            expire(self._view, order, OrderStatus.CANCELED)
        held = self._state.holdings.get(symbol)
        if held is not None:
            force(self._view, symbol, abs(held.quantity), kind="SETTLEMENT")
            clear(self._view)
        self._altered.delisted[symbol] = self._state.now
        self._state.touch()

    def relist(self, symbol: str) -> None:
        """Put it back."""
        self._altered.delisted.pop(symbol, None)
        self._state.touch()

    def change_filters(
        self,
        symbol: str,
        *,
        step: Decimal | None = None,
        tick: Decimal | None = None,
        min_amount: Decimal | None = None,
        min_notional: Decimal | None = None,
    ) -> None:
        """New filters from now on; what is not named stays. Orders that rest keep their price and amount."""
        self._view.market(symbol)
        said = {"step": step, "tick": tick, "min_amount": min_amount, "min_notional": min_notional}
        for name, value in said.items():
            if value is not None and not (value.is_finite() and value > 0):
                raise Refusal(RefusalCode.BAD_PARAMETER, f"{symbol}: {name} {value} must be a number above 0")
        older = self._altered.filters.get(symbol, Filters())
        self._altered.filters[symbol] = Filters(**said).over(older)
        self._state.touch()

    def skew(self, by: timedelta, for_: timedelta | None = None) -> None:
        """The venue tells a time that is ``by`` off (+ = ahead); timestamps of records stay true."""
        seconds = Decimal(by // timedelta(microseconds=1)) / 1_000_000
        self._altered.skews.append(Skew(self._state.now, self._until(for_), seconds))
        self._state.touch()

    def veil(self, lag: timedelta, for_: timedelta) -> None:
        """What is accepted or filled within ``for_`` is seen by look-ups only ``lag`` after it happened."""
        until = self._state.now + for_
        self._altered.veils.append(Veil(self._state.now, until, Decimal(str(lag.total_seconds()))))
        self._state.touch()

    # ---- the market's hand

    def depeg(self, asset: str, price: Decimal, for_: timedelta | None = None) -> list[str]:
        """An asset's worth is multiplied by ``price`` wherever it is traded: as base it falls, as quote all else rises.

        Answers with the symbols it moved. `repeg` ends it.
        """
        if not (price.is_finite() and price > 0):
            raise Refusal(RefusalCode.BAD_PARAMETER, f"{asset} at {price} must be worth a number above 0")
        factors = {symbol: price for symbol in self._view.scene.markets() if base_of(symbol) == asset}
        factors |= {symbol: ONE / price for symbol in self._view.scene.markets() if quote_of(symbol) == asset}
        if not factors:
            raise Refusal(RefusalCode.UNKNOWN_SYMBOL, f"{asset} is traded nowhere here")
        for symbol, factor in factors.items():
            self._shock(Shock(symbol, self._state.now, self._until(for_), factor))
        return sorted(factors)

    def repeg(self, asset: str) -> None:
        """End every shock of the symbols an asset is traded in, now."""
        self._altered.shocks[:] = [
            replace(one, until=self._state.now)
            if asset in (base_of(one.symbol), quote_of(one.symbol))
            and (one.until is None or one.until > self._state.now)
            else one
            for one in self._altered.shocks
        ]
        self._state.touch()

    def crash(self, asset: str, depth: Decimal, for_: timedelta) -> list[str]:
        """A flash crash: an asset loses ``depth`` (a share) at once, everywhere, and comes back evenly in ``for_``.

        Answers with the symbols it moved; what that liquidates is liquidated at once.
        """
        if not depth < 1:
            raise Refusal(RefusalCode.BAD_PARAMETER, f"a crash of {depth} must be a share under 1")
        moved = sorted(symbol for symbol in self._view.scene.markets() if base_of(symbol) == asset)
        if not moved:
            raise Refusal(RefusalCode.UNKNOWN_SYMBOL, f"{asset} is traded nowhere here")
        for symbol in moved:
            self._shock(Shock(symbol, self._state.now, self._state.now + for_, ONE - _share(depth), recovers=True))
        return moved

    def _shock(self, shock: Shock) -> None:
        self._altered.shocks.append(shock)
        self._state.touch()
        liquidate_short(self._view)

    # ---- how the next requests go

    def fill_part(self, share: Decimal) -> None:
        """The next order finds only ``share`` of what it would take."""
        self._altered.cuts.append(_share(share))
        self._state.touch()

    def fill_before_cancel(self, share: Decimal = ONE) -> None:
        """The next cancel comes too late for ``share`` of what rests: that fills first."""
        self._altered.races.append(Race(after=False, share=_share(share)))
        self._state.touch()

    def fill_after_cancel(self, share: Decimal = ONE, delay: timedelta = timedelta(0)) -> None:
        """The next cancel is answered as done; ``share`` of what rested fills ``delay`` later all the same."""
        self._altered.races.append(Race(after=True, share=_share(share), delay_s=Decimal(str(delay.total_seconds()))))
        self._state.touch()

    def _until(self, for_: timedelta | None) -> datetime | None:
        return None if for_ is None else self._state.now + for_


def _money(asset: str, amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount <= 0 or at_most(amount) != amount:
        why = f"{amount} {asset} must be a number above 0 with no more than 8 places"
        raise Refusal(RefusalCode.BAD_PARAMETER, why)
    return amount


def _share(share: Decimal) -> Decimal:
    if not (share.is_finite() and 0 < share <= 1):
        raise Refusal(RefusalCode.BAD_PARAMETER, f"a share of {share} {WITHIN}")
    return share


def thin(view: View, symbol: str, bites: list[Bite]) -> list[Bite]:
    """What an arriving order gets of ``bites``: all, or the share that `Outside.fill_part` left for the next one."""
    cuts = view.state.altered.cuts
    if not cuts or not bites:
        return bites
    left = floor_to(sum((bite.amount for bite in bites), ZERO) * cuts.pop(0), view.market(symbol).step)
    kept: list[Bite] = []
    for price, amount in bites:
        here = min(left, amount)
        if here > 0:
            kept.append(Bite(price, here))
        left -= here
    return kept


def race(view: View, order: OrderRecord) -> OrderRecord:
    """What comes to an order that is about to be cancelled, where a fill is to race its cancel."""
    races = view.state.altered.races
    if not races or order.price is None:
        return order
    run = races.pop(0)
    if not run.after:
        return fill_rest(view, order, order.rest * run.share)
    due = view.state.now + timedelta(seconds=float(run.delay_s))
    view.state.altered.late.append(LateFill(due, order.order_id, order.rest * run.share))
    return order
