"""Owns the exchange as its callers see it: one account, its orders, and venue time. No network, no wall clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from bot.venues.simulated.records import (
    DEFAULT_RULES,
    FlowRecord,
    FuturesWallet,
    IncomeKind,
    IncomeRecord,
    OrderRecord,
    OrderRequest,
    OrderStatus,
    PositionRecord,
    Refusal,
    RefusalCode,
    Rules,
    SpotBalance,
    TradeRecord,
    TransferRecord,
    WalletName,
)
from bot.venues.simulated.scene import Scene

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
    "Refusal",
    "RefusalCode",
    "Rules",
    "SpotBalance",
    "TradeRecord",
    "TransferRecord",
]


class Exchange:
    """One deterministic matching engine with one account, standing in a scene; every method acts at ``now``."""

    scene: Scene
    rules: Rules
    now: datetime
    version: int
    order_requests: int
    cancel_requests: int

    def __init__(
        self,
        scene: Scene,
        *,
        state: bytes | None = None,
        opening: Mapping[str, Decimal] | None = None,
        at: datetime | None = None,
        latency: timedelta = timedelta(0),
        settle: str = "USDT",
        rules: Rules = DEFAULT_RULES,
    ) -> None:
        raise NotImplementedError

    def advance(self, to: datetime) -> None:
        """Bring venue time to ``to``: resting orders, funding, scripted flows, liquidation; never backwards."""
        raise NotImplementedError

    def place(self, request: OrderRequest) -> OrderRecord:
        """Take an order; raises `Refusal`."""
        raise NotImplementedError

    def cancel(self, symbol: str, *, client_id: str | None = None, order_id: int | None = None) -> OrderRecord:
        """Cancel an open order; raises `Refusal` (ORDER_NOT_FOUND) when none is open by that id."""
        raise NotImplementedError

    def cancel_all(self, symbol: str) -> list[OrderRecord]:
        """Cancel every open order of a symbol."""
        raise NotImplementedError

    def order(self, symbol: str, *, client_id: str | None = None, order_id: int | None = None) -> OrderRecord:
        """The newest order by that id, open or closed; raises `Refusal` (ORDER_NOT_FOUND)."""
        raise NotImplementedError

    def open_orders(self, symbol: str | None = None) -> list[OrderRecord]:
        """Open orders, oldest first."""
        raise NotImplementedError

    def orders(self, symbol: str, since: datetime | None = None, limit: int = 500) -> list[OrderRecord]:
        """Open and remembered orders, oldest first: from ``since`` on, or the newest ``limit``."""
        raise NotImplementedError

    def trades(
        self, symbol: str, since: datetime | None = None, limit: int = 500, *, from_id: int | None = None
    ) -> list[TradeRecord]:
        """Own trades, oldest first: from ``since`` or ``from_id`` on, or the newest ``limit``."""
        raise NotImplementedError

    def income(self, since: datetime | None = None, limit: int = 1000) -> list[IncomeRecord]:
        """What changed the futures wallet, oldest first."""
        raise NotImplementedError

    def balances(self) -> Mapping[str, SpotBalance]:
        """The spot wallet."""
        raise NotImplementedError

    def futures(self) -> FuturesWallet:
        """The futures wallet."""
        raise NotImplementedError

    def positions(self) -> list[PositionRecord]:
        """Open positions by symbol."""
        raise NotImplementedError

    def leverage(self, symbol: str) -> int:
        """The leverage set for a perpetual."""
        raise NotImplementedError

    def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set it; raises `Refusal`."""
        raise NotImplementedError

    def set_margin_mode(self, symbol: str, mode: Literal["cross", "isolated"]) -> None:
        """Cross is all there is; raises `Refusal` for isolated."""
        raise NotImplementedError

    def set_position_mode(self, *, hedged: bool) -> None:
        """One-way is all there is; raises `Refusal` for hedged."""
        raise NotImplementedError

    def transfer(
        self, asset: str, amount: Decimal, source: WalletName, to: WalletName, *, client_id: str = ""
    ) -> TransferRecord:
        """Move money between own wallets at once; raises `Refusal`."""
        raise NotImplementedError

    def transfers(self, since: datetime | None = None, limit: int = 1000) -> list[TransferRecord]:
        """Moves between own wallets, oldest first."""
        raise NotImplementedError

    def deposit(self, asset: str, amount: Decimal) -> FlowRecord:
        """Money from outside into the spot wallet."""
        raise NotImplementedError

    def withdraw(self, asset: str, amount: Decimal) -> FlowRecord:
        """Money from the spot wallet to outside; raises `Refusal`."""
        raise NotImplementedError

    def flows(self, since: datetime | None = None, limit: int = 1000) -> Sequence[FlowRecord]:
        """Deposits and withdrawals, oldest first."""
        raise NotImplementedError

    def halt(self, symbol: str) -> None:
        """Stop trading of a symbol: orders are refused, resting ones wait."""
        raise NotImplementedError

    def resume(self, symbol: str) -> None:
        """Let it trade again."""
        raise NotImplementedError

    def is_trading(self, symbol: str) -> bool:
        """Whether orders are taken on it now: active, not halted, priced."""
        raise NotImplementedError

    def dump(self) -> bytes:
        """Everything the exchange remembers, as compact JSON; the same bytes for the same state."""
        raise NotImplementedError
