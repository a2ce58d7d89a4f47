"""Owns an order's words: intent, states and their transitions, views, fills, client ids. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from bot.core.numbers import digest

Purpose = Literal["spot", "hedge", "risk", "index", "bridge"]
TimeInForce = Literal["post_only", "ioc", "gtc"]
MODE_LETTERS: Mapping[str, str] = {"paper": "p", "dry-run": "d", "testnet": "t", "live": "l"}


class OrderState(StrEnum):
    """Where an order stands; `absent` is proven never placed, `denied` was refused by our own permit."""

    INTENDED = "intended"
    SUBMITTED = "submitted"
    OPEN = "open"
    PARTLY_FILLED = "partly_filled"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABSENT = "absent"
    DENIED = "denied"


_S = OrderState
#: from -> to. What is not here does not happen; terminal states take nothing more (late fills are booked by trade id).
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    # Denied before the socket, or never sent because the process ended: both are proven by our own record.
    _S.INTENDED: frozenset({_S.SUBMITTED, _S.DENIED}),
    _S.SUBMITTED: frozenset(
        {_S.OPEN, _S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED, _S.UNKNOWN, _S.DENIED}
    ),
    # Unknown leaves only on proof from the venue; absent needs order, open orders and trades to agree past the bound.
    _S.UNKNOWN: frozenset({_S.OPEN, _S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED, _S.ABSENT}),
    _S.OPEN: frozenset({_S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.UNKNOWN}),
    # Not back to open: what is known to be filled in part is not untold by an answer that does not know it yet.
    _S.PARTLY_FILLED: frozenset({_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.UNKNOWN}),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.ABSENT: frozenset(),
    _S.DENIED: frozenset(),
}
TERMINAL = frozenset(state for state, to in TRANSITIONS.items() if not to)
LIVE = frozenset({_S.SUBMITTED, _S.OPEN, _S.PARTLY_FILLED, _S.UNKNOWN})


class IllegalTransition(ValueError):
    """An order was told to go where `TRANSITIONS` has no road."""


def moved(now: OrderState, to: OrderState) -> OrderState:
    """The state after an observation; the same state again is no move; raises `IllegalTransition`."""
    if now == to or to in TRANSITIONS[now]:
        return to
    message = f"order state {now} cannot become {to}; from there it may become {sorted(TRANSITIONS[now]) or 'nothing'}"
    raise IllegalTransition(message)


class Placed(StrEnum):
    """A venue's answer to a write, sorted by what we do next."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXISTS = "exists"
    UNKNOWN = "unknown"
    DENIED = "denied"  # our own permit said no; nothing left the process


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """One order about to be sent: ``qty`` signed base units (+ buy), ``price`` the limit in quote.

    ``sent_before``: host-independent venue time after which it must not leave any more. ``while_frozen``: the gate's
    word that it may be sent under kill level `freeze`. ``reference`` is the price it was sized at, for the collar.
    """

    client_id: str
    decision_id: str
    action_id: str
    leg: int
    slice: int
    symbol: str
    qty: Decimal
    price: Decimal
    tif: TimeInForce
    reduce_only: bool
    sent_before: datetime
    fence: int
    asset: str
    kind: str  # of the action: trim, add, …
    purpose: Purpose
    while_frozen: bool = False
    reference: Decimal | None = None
    leverage: Decimal | None = None  # to be set and read back before a futures order


@dataclass(frozen=True, slots=True)
class MoveIntent:
    """Money about to be moved between own wallets: ``amount`` of ``asset`` from ``source`` to ``to``."""

    client_id: str
    decision_id: str
    action_id: str
    asset: str
    amount: Decimal
    source: str
    to: str
    sent_before: datetime
    fence: int
    while_frozen: bool = False


@dataclass(frozen=True, slots=True)
class OrderView:
    """What the venue says of an order now; ``filled`` unsigned base units."""

    client_id: str
    venue_id: str | None
    state: OrderState
    filled: Decimal
    price_avg: Decimal | None
    symbol: str = ""
    amount: Decimal | None = None
    side: Literal["buy", "sell"] | None = None
    price: Decimal | None = None
    reduce_only: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of ours: ``qty`` signed base units (+ buy), ``fee`` in ``fee_asset`` (+ = paid)."""

    trade_id: str
    client_id: str | None
    symbol: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime
    venue_order_id: str | None = None


def client_id(mode: str, portfolio: str, decision_id: str, action_id: str, leg: int, part: int) -> str:
    """`b` + mode letter + 24 base32 characters; a function of the decision, so a resend is never a new order."""
    return "b" + MODE_LETTERS[mode] + digest(portfolio, decision_id, action_id, str(leg), str(part), length=24)
