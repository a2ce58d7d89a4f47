"""Owns the exchange as its callers see it: one account, its orders, and venue time. No network, no wall clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.instruments import is_swap
from bot.core.numbers import ZERO, plain
from bot.venues.simulated import savings
from bot.venues.simulated.admission import admit
from bot.venues.simulated.altered import AlteredScene
from bot.venues.simulated.booking import add, book_income
from bot.venues.simulated.fees import at_most
from bot.venues.simulated.history import page
from bot.venues.simulated.matching import expire, take
from bot.venues.simulated.outside import Outside, race, thin
from bot.venues.simulated.passage import advance
from bot.venues.simulated.records import (
    DEFAULT_RULES,
    FlowRecord,
    FuturesWallet,
    IncomeKind,
    IncomeRecord,
    MarginMode,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    PositionRecord,
    ProductRecord,
    Refusal,
    RefusalCode,
    Rules,
    SpotBalance,
    TradeRecord,
    TransferRecord,
    WalletName,
)
from bot.venues.simulated.scene import Scene
from bot.venues.simulated.state import State, restore
from bot.venues.simulated.view import View

AT_ONCE = timedelta(0)
FEE_ROOM = Decimal("1.01")  # fees are raised to the last unit, fill by fill: what is locked for them must bear it

__all__ = [
    "Exchange",
    "FlowRecord",
    "FuturesWallet",
    "IncomeKind",
    "IncomeRecord",
    "OrderRecord",
    "OrderRequest",
    "OrderStatus",
    "PositionRecord",
    "ProductRecord",
    "Refusal",
    "RefusalCode",
    "Rules",
    "SpotBalance",
    "TradeRecord",
    "TransferRecord",
]


class Exchange:
    """One deterministic matching engine with one account, standing in a scene; every method acts at ``now``.

    ``outside`` is the hand of everybody but its client: `Outside`. ``scene`` is the scene as they altered it.

    ``state`` is what `dump` wrote; without it the account opens at ``at`` (the scene's start) with ``opening`` coins in
    its spot wallet. ``latency``: venue time before an order that rests may be met. Perpetuals settle in ``settle``.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        state: bytes | None = None,
        opening: Mapping[str, Decimal] | None = None,
        at: datetime | None = None,
        latency: timedelta = AT_ONCE,
        settle: str = "USDT",
        rules: Rules = DEFAULT_RULES,
    ) -> None:
        if state is None:
            fresh = State(now=scene.start if at is None else at, history_max=rules.history_max)
            for asset, amount in sorted((opening or {}).items()):
                if amount:
                    add(fresh, asset, _some(asset, amount))
            self._state = fresh
        else:
            self._state = restore(state, rules.history_max)
        plain = scene.plain if isinstance(scene, AlteredScene) else scene
        self.scene = AlteredScene(plain, self._state.altered)
        self._state.leverage_default = rules.leverage
        if not rules.fees_in_base:
            dearest = max((market.taker for market in plain.markets().values()), default=ZERO)
            self._state.quote_fee = dearest * FEE_ROOM
        self._view = View(self.scene, self._state, rules, settle)
        self.outside = Outside(self._view)
        self._latency = latency
        self.rules = rules
        self.settle = settle

    @property
    def now(self) -> datetime:
        """Venue time of the last `advance`."""
        return self._state.now

    @property
    def told(self) -> datetime:
        """The time it tells: its now, but for a skew from outside."""
        return self.tells(self._state.now)

    def tells(self, at: datetime) -> datetime:
        """The time it tells at an instant that it may not have come to yet."""
        return at + self._state.altered.skew(at)

    @property
    def version(self) -> int:
        """Grows with every change worth keeping; time that passes quietly is none."""
        return self._state.version

    @property
    def order_requests(self) -> int:
        """Create requests that came, refused ones too."""
        return self._state.order_requests

    @property
    def cancel_requests(self) -> int:
        """Cancel requests that came, for orders that do not exist too."""
        return self._state.cancel_requests

    def advance(self, to: datetime) -> None:
        """Bring venue time to ``to``: resting orders, funding, scripted flows, liquidation; never backwards."""
        advance(self._view, to, self._latency)

    # ---- orders

    def place(self, request: OrderRequest) -> OrderRecord:
        """Take an order; raises `Refusal`."""
        self._state.order_requests += 1
        self._state.touch()
        order, bites = admit(self._view, request)
        number = self._state.next_id()
        named = replace(order, order_id=number, client_id=order.client_id or f"auto-{number}")
        bites = thin(self._view, request.symbol, bites)
        if request.tif == "fok" and sum((bite.amount for bite in bites), ZERO) < request.amount:
            bites = []
        return take(self._view, self._state.put(named), bites)

    def cancel(self, symbol: str, *, client_id: str | None = None, order_id: int | None = None) -> OrderRecord:
        """Cancel an open order; raises `Refusal` (ORDER_NOT_FOUND) when none is open by that id."""
        self._state.cancel_requests += 1
        self._state.touch()
        order = self._state.find(symbol, client_id, order_id)
        if order is None or not order.is_open:
            raise Refusal(RefusalCode.ORDER_NOT_FOUND, f"no order {client_id or order_id} is open on {symbol}")
        order = race(self._view, order)
        if not order.is_open:
            raise Refusal(RefusalCode.ORDER_NOT_FOUND, f"{client_id or order_id} on {symbol} was filled before")
        return expire(self._view, order, OrderStatus.CANCELED)

    def cancel_all(self, symbol: str) -> list[OrderRecord]:
        """Cancel every open order of a symbol."""
        self._view.market(symbol)
        self._state.cancel_requests += 1
        self._state.touch()
        raced = [race(self._view, order) for order in self._state.resting(symbol)]
        return [expire(self._view, order, OrderStatus.CANCELED) for order in raced if order.is_open]

    def order(self, symbol: str, *, client_id: str | None = None, order_id: int | None = None) -> OrderRecord:
        """The newest order by that id, open or closed; raises `Refusal` (ORDER_NOT_FOUND)."""
        order = self._state.find(symbol, client_id, order_id)
        if order is None or not self._seen(order.created_at):
            raise Refusal(RefusalCode.ORDER_NOT_FOUND, f"no order {client_id or order_id} is known on {symbol}")
        return order

    def open_orders(self, symbol: str | None = None) -> list[OrderRecord]:
        """Open orders, oldest first."""
        return [order for order in self._state.resting(symbol) if self._seen(order.created_at)]

    def orders(self, symbol: str, since: datetime | None = None, limit: int = 500) -> list[OrderRecord]:
        """Open and remembered orders, oldest first: from ``since`` on, or the newest ``limit``."""
        both = (*self._state.closed, *self._state.open.values())
        known = [order for order in both if order.symbol == symbol and self._seen(order.created_at)]
        return page(sorted(known, key=lambda order: order.order_id), lambda order: order.created_at, since, limit)

    def trades(
        self, symbol: str, since: datetime | None = None, limit: int = 500, *, from_id: int | None = None
    ) -> list[TradeRecord]:
        """Own trades, oldest first: from ``since`` or ``from_id`` on, or the newest ``limit``."""
        known = [
            one
            for one in self._state.trades
            if one.symbol == symbol and one.trade_id >= (from_id or 0) and self._seen(one.at)
        ]
        return page(known, lambda one: one.at, since, limit, first=from_id is not None)

    def _seen(self, made: datetime) -> bool:
        return not self._state.altered.veils or self._state.altered.seen(made, self.now)

    def income(self, since: datetime | None = None, limit: int = 1000) -> list[IncomeRecord]:
        """What changed the futures wallet, oldest first."""
        return page(self._state.income, lambda one: one.at, since, limit)

    def interest(self, since: datetime | None = None, limit: int = 1000) -> list[IncomeRecord]:
        """What savings were paid, oldest first."""
        return page(self._state.interest, lambda one: one.at, since, limit)

    # ---- what the account holds

    def balances(self) -> Mapping[str, SpotBalance]:
        """The spot wallet."""
        locked = self._state.locked()
        return {
            asset: SpotBalance(total - locked.get(asset, ZERO), locked.get(asset, ZERO))
            for asset, total in sorted(self._state.spot.items())
        }

    def futures(self) -> FuturesWallet:
        """The futures wallet."""
        return self._view.margin().wallet()

    def earn(self) -> Mapping[str, Decimal]:
        """The savings: coins by asset, all of them free to leave at once."""
        return {asset: held.amount for asset, held in sorted(self._state.earning.items()) if held.amount}

    def products(self) -> list[ProductRecord]:
        """The savings that are offered, by asset."""
        return savings.products(self._view)

    def positions(self) -> list[PositionRecord]:
        """Open positions by symbol."""
        return self._view.margin().positions()

    # ---- settings

    def leverage(self, symbol: str) -> int:
        """The leverage set for a perpetual."""
        self._perpetual(symbol)
        return self._view.margin().leverage(symbol)

    def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set it; raises `Refusal` beyond the venue's range or the account's margin."""
        self._perpetual(symbol)
        if not 1 <= leverage <= self.rules.leverage_max:
            why = f"leverage {leverage} must be a whole number from 1 to {self.rules.leverage_max}"
            raise Refusal(RefusalCode.LEVERAGE, why)
        before = self._view.margin().leverage(symbol)
        if leverage < before and symbol in self._state.pockets:
            why = f"{symbol}: leverage cannot fall from {before} to {leverage} while an isolated position is open"
            raise Refusal(RefusalCode.ISOLATED_LEVERAGE, why)
        self._state.leverage[symbol] = leverage
        if leverage < before and self.futures().available < 0:
            self._state.leverage[symbol] = before
            raise Refusal(RefusalCode.INSUFFICIENT_MARGIN, f"{symbol} at leverage {leverage} needs more than there is")
        self._state.touch()
        return leverage

    def margin_mode(self, symbol: str) -> MarginMode:
        """Whether a perpetual's position has margin of its own."""
        self._perpetual(symbol)
        return "isolated" if symbol in self._state.isolated else "cross"

    def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set it; raises `Refusal` while a position or an order is open on the symbol."""
        if mode == self.margin_mode(symbol):
            return
        if symbol in self._state.holdings or self._state.resting(symbol):
            why = f"{symbol}: margin mode cannot become {mode} while a position or an order is open"
            raise Refusal(RefusalCode.MARGIN_MODE, why)
        if mode == "isolated":
            self._state.isolated.add(symbol)
        else:
            self._state.isolated.discard(symbol)
        self._state.touch()

    def set_position_mode(self, *, hedged: bool) -> None:
        """One-way is all there is; raises `Refusal` for hedged."""
        if hedged:
            raise Refusal(RefusalCode.POSITION_SIDE, "hedge mode is not offered here, only one-way")

    # ---- money in, out and between

    def transfer(
        self, asset: str, amount: Decimal, source: WalletName, to: WalletName, *, client_id: str = ""
    ) -> TransferRecord:
        """Move money between spot and one of the other wallets at once; raises `Refusal`."""
        _some(asset, amount)
        self._check_road(asset, source, to)
        if client_id and any(one.client_id == client_id for one in self._state.transfers):
            raise Refusal(RefusalCode.DUPLICATE_TRANSFER, f"the transfer {client_id} was made before")
        there = self._movable(asset, source)
        if amount > there:
            why = f"{plain(amount)} {asset} are more than the {plain(there)} that may leave the {source} wallet"
            raise Refusal(RefusalCode.INSUFFICIENT_BALANCE, why)
        if to == "earn":
            savings.check_subscription(self._view, asset, amount)
        self._change(source, asset, -amount)
        self._change(to, asset, amount)
        record = TransferRecord(self._state.next_id(), self.now, asset, amount, source, to, client_id)
        self._state.transfers.append(record)
        return record

    def _check_road(self, asset: str, source: WalletName, to: WalletName) -> None:
        if {source, to} not in ({"spot", "futures"}, {"spot", "earn"}):
            why = f"a transfer goes from spot to futures or earn, or back, not {source} to {to}"
            raise Refusal(RefusalCode.BAD_PARAMETER, why)
        if "futures" in (source, to) and asset != self.settle:
            raise Refusal(RefusalCode.BAD_PARAMETER, f"the futures wallet holds {self.settle}, not {asset}")

    def _movable(self, asset: str, wallet: WalletName) -> Decimal:
        if wallet == "spot":
            return self._state.free(asset)
        return self.futures().withdrawable if wallet == "futures" else savings.saved(self._state, asset)

    def _change(self, wallet: WalletName, asset: str, amount: Decimal) -> None:
        if wallet == "spot":
            add(self._state, asset, amount)
        elif wallet == "futures":
            book_income(self._state, IncomeKind.TRANSFER, asset, amount)
        else:
            savings.put(self._view, asset, amount)

    def transfers(self, since: datetime | None = None, limit: int = 1000) -> list[TransferRecord]:
        """Moves between own wallets, oldest first."""
        return page(self._state.transfers, lambda one: one.at, since, limit)

    def deposit(self, asset: str, amount: Decimal) -> FlowRecord:
        """Money from outside into the spot wallet."""
        return self.outside.deposit(asset, amount)

    def withdraw(self, asset: str, amount: Decimal) -> FlowRecord:
        """Money from the spot wallet to outside; raises `Refusal`."""
        return self.outside.withdraw(asset, amount)

    def flows(self, since: datetime | None = None, limit: int = 1000) -> list[FlowRecord]:
        """Deposits and withdrawals, oldest first."""
        return page(self._state.flows, lambda one: one.at, since, limit)

    # ---- the market

    def halt(self, symbol: str) -> None:
        """Stop trading of a symbol: orders are refused, resting ones wait."""
        self.outside.halt(symbol)

    def resume(self, symbol: str) -> None:
        """Let it trade again."""
        self.outside.resume(symbol)

    def is_trading(self, symbol: str) -> bool:
        """Whether orders are taken on it now: active, not halted, priced."""
        return self._view.is_trading(symbol)

    def dump(self) -> bytes:
        """Everything the exchange remembers, as compact JSON; the same bytes for the same state."""
        return self._state.dump()

    def _perpetual(self, symbol: str) -> None:
        self._view.market(symbol)
        if not is_swap(symbol):
            raise Refusal(RefusalCode.BAD_PARAMETER, f"{symbol} is no perpetual")


def _some(asset: str, amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount <= 0 or at_most(amount) != amount:
        why = f"{amount} {asset} must be a number above 0 with no more than 8 places"
        raise Refusal(RefusalCode.BAD_PARAMETER, why)
    return amount
