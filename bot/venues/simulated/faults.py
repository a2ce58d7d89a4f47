"""Owns the vocabulary of faults: what can go wrong, a plan of it as data, when each is due, how the exchange is struck.

Faults of the line (`LINE`) spoil a request or its answer and are whoever carries requests' to apply; all others are
struck here, on `Exchange.outside`. A plan is data: the same plan is the same faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bot.core.instruments import base_of, quote_of
from bot.core.numbers import ZERO
from bot.venues.simulated.exchange import Exchange, Refusal, RefusalCode
from bot.venues.simulated.fees import at_most
from bot.venues.simulated.records import Side

ANY = "any"
HALF = Decimal("0.5")
CASH = Decimal("0.99")  # of free money, since a market order pays the book and not the price


class FaultKind(StrEnum):
    """What can go wrong."""

    DELAY = "delay"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    RESET = "reset"
    TRUNCATED = "truncated"
    HTML = "html"
    EMPTY = "empty"
    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    BANNED = "banned"
    WRONG = "wrong"
    DUPLICATE = "duplicate"

    LATE_VISIBILITY = "late_visibility"
    PARTIAL_FILL = "partial_fill"
    FILL_BEFORE_CANCEL = "fill_before_cancel"
    FILL_AFTER_CANCEL = "fill_after_cancel"
    HALT = "halt"
    DELIST = "delist"
    FILTERS = "filters"
    MANUAL_TRADE = "manual_trade"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    DEPEG = "depeg"
    CRASH = "crash"
    ADL = "adl"
    LIQUIDATION = "liquidation"
    SKEW = "skew"


LINE = frozenset(list(FaultKind)[: list(FaultKind).index(FaultKind.LATE_VISIBILITY)])


class Asked(StrEnum):
    """What a request asks for; a fault bites on one of these, or on any."""

    CREATE = "create"
    CANCEL = "cancel"
    LOOKUP = "lookup"  # orders and own trades
    ACCOUNT = "account"
    TRANSFER = "transfer"
    SETTING = "setting"
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: armed ``at_s`` venue seconds after the start, it bites on the ``nth`` request ``on`` from then.

    It bites ``times`` such requests in a row. What the rest means is the kind's: ``seconds`` of delay, of Retry-After,
    of lag or skew; ``for_s`` how long it holds (venue seconds); ``done``: the exchange does what was asked anyhow.
    """

    kind: FaultKind
    at_s: Decimal = ZERO
    on: str = ANY
    nth: int = 1
    times: int = 1
    seconds: Decimal = ZERO
    for_s: Decimal | None = None
    done: bool = True
    status: int = 503
    share: Decimal = HALF
    symbol: str | None = None
    asset: str | None = None
    side: Side = "sell"
    amount: Decimal = ZERO
    price: Decimal = ZERO
    step: Decimal | None = None
    tick: Decimal | None = None
    min_amount: Decimal | None = None
    min_notional: Decimal | None = None


@dataclass(slots=True)
class _Pending:
    fault: Fault
    met: int = 0


class Schedule:
    """A plan under way: what is due at each request, and how often what has bitten."""

    def __init__(self, plan: Iterable[Fault], start: datetime) -> None:
        self.start = start
        self.bitten: Counter[FaultKind] = Counter()
        self.missed: Counter[FaultKind] = Counter()  # it was due, and there was nothing to bite
        self._pending = [_Pending(fault) for fault in sorted(plan, key=lambda fault: fault.at_s)]

    @property
    def waiting(self) -> int:
        """Faults that have not bitten as often as they will."""
        return len(self._pending)

    def due(self, asked: Asked, at: datetime, *, path: str = "") -> list[Fault]:
        """The faults of this request, in the order of the plan; of those of the line only one, the others wait.

        ``path`` is the request's method and path, for plans that name one.
        """
        since = Decimal((at - self.start) // timedelta(microseconds=1)) / 1_000_000
        found: list[Fault] = []
        for one in list(self._pending):
            fault = one.fault
            if fault.at_s > since:
                break
            if fault.on not in (ANY, asked.value, path):
                continue
            if fault.kind in LINE and any(other.kind in LINE for other in found):
                continue
            one.met += 1
            if one.met >= fault.nth:
                found.append(fault)
            if one.met >= fault.nth + fault.times - 1:
                self._pending.remove(one)
        return found

    def strike(self, exchange: Exchange, faults: Sequence[Fault]) -> Fault | None:
        """Strike the exchange with what is its own and count it; answers with the fault of the line, if there is one.

        That one is counted by whoever applies it: `bit` or `miss`.
        """
        of_line = None
        for fault in faults:
            if fault.kind in LINE:
                of_line = fault
                continue
            try:
                strike(exchange, fault)
            except Refusal:
                self.miss(fault)
            else:
                self.bit(fault)
        return of_line

    def bit(self, fault: Fault) -> None:
        """It did what it was to do."""
        self.bitten[fault.kind] += 1

    def miss(self, fault: Fault) -> None:
        """There was nothing for it to bite."""
        self.missed[fault.kind] += 1


def strike(exchange: Exchange, fault: Fault) -> None:
    """Let one fault of the exchange's own happen now; raises `Refusal` where it cannot, ValueError for the line's."""
    held, share = _span(fault.for_s), fault.share
    outside = exchange.outside
    match fault.kind:
        case FaultKind.LATE_VISIBILITY:
            outside.veil(_seconds(fault.seconds), held or _seconds(fault.seconds))
        case FaultKind.PARTIAL_FILL:
            outside.fill_part(share)
        case FaultKind.FILL_BEFORE_CANCEL:
            outside.fill_before_cancel(share)
        case FaultKind.FILL_AFTER_CANCEL:
            outside.fill_after_cancel(share, _seconds(fault.seconds))
        case FaultKind.DEPOSIT:
            outside.deposit(_asset(fault), fault.amount)
        case FaultKind.WITHDRAWAL:
            balance = exchange.balances().get(_asset(fault))
            outside.withdraw(_asset(fault), at_most((balance.free if balance else ZERO) * share))
        case FaultKind.DEPEG:
            outside.depeg(_asset(fault), fault.price, held)
        case FaultKind.CRASH:
            outside.crash(_asset(fault), share, held or timedelta(minutes=1))
        case FaultKind.SKEW:
            outside.skew(_seconds(fault.seconds), held)
        case _:
            _strike_symbol(exchange, fault)


def _strike_symbol(exchange: Exchange, fault: Fault) -> None:
    outside = exchange.outside
    match fault.kind:
        case FaultKind.HALT:
            outside.halt(_symbol(fault), _span(fault.for_s))
        case FaultKind.DELIST:
            outside.delist(_symbol(fault))
        case FaultKind.FILTERS:
            filters = {
                "step": fault.step,
                "tick": fault.tick,
                "min_amount": fault.min_amount,
                "min_notional": fault.min_notional,
            }
            outside.change_filters(_symbol(fault), **filters)
        case FaultKind.MANUAL_TRADE:
            _trade(exchange, _symbol(fault), fault.side, fault.share)
        case FaultKind.ADL:
            outside.adl(fault.symbol or _held(exchange), fault.share)
        case FaultKind.LIQUIDATION:
            outside.liquidate(fault.symbol)
        case _:
            message = f"{fault.kind} is a fault of the line, not the exchange's"
            raise ValueError(message)


def _trade(exchange: Exchange, symbol: str, side: Side, share: Decimal) -> None:
    """The owner sells a share of the free coins, or buys for a share of the free money."""
    balances = exchange.balances()
    price = exchange.scene.price(symbol, exchange.now)
    balance = balances.get(base_of(symbol) if side == "sell" else quote_of(symbol))
    if balance is None or price is None:
        raise Refusal(RefusalCode.INSUFFICIENT_BALANCE, f"there is nothing to {side} {symbol} with")
    amount = balance.free * share if side == "sell" else balance.free * share * CASH / price
    exchange.outside.manual_trade(symbol, side, amount)


def _held(exchange: Exchange) -> str:
    positions = exchange.positions()
    if not positions:
        raise Refusal(RefusalCode.REDUCE_ONLY_REJECTED, "there is no position at all")
    return positions[0].symbol


def _symbol(fault: Fault) -> str:
    if fault.symbol is None:
        raise Refusal(RefusalCode.UNKNOWN_SYMBOL, f"{fault.kind} names no symbol")
    return fault.symbol


def _asset(fault: Fault) -> str:
    if fault.asset is None:
        raise Refusal(RefusalCode.UNKNOWN_SYMBOL, f"{fault.kind} names no asset")
    return fault.asset


def _seconds(value: Decimal) -> timedelta:
    return timedelta(seconds=float(value))


def _span(value: Decimal | None) -> timedelta | None:
    return None if value is None else _seconds(value)
