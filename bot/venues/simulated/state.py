"""Owns everything the simulated exchange remembers, and its bytes: what is not here does not outlive the process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from bot.core.instruments import base_of, is_swap, quote_of
from bot.core.numbers import ONE, ZERO, canonical_json
from bot.venues.simulated import alterations
from bot.venues.simulated.alterations import Alterations
from bot.venues.simulated.codec import from_row, row_text
from bot.venues.simulated.fees import at_least
from bot.venues.simulated.history import History
from bot.venues.simulated.records import FlowRecord, IncomeRecord, OrderRecord, TradeRecord, TransferRecord

FORMAT = 1


class StateError(ValueError):
    """Bytes that are no account of a simulated exchange; the text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A perpetual position: ``quantity`` signed base units, ``cost`` the signed quote it was opened for."""

    quantity: Decimal
    cost: Decimal
    updated_at: datetime

    @property
    def entry_price(self) -> Decimal:
        """What a unit was opened for."""
        return self.cost / self.quantity


@dataclass(frozen=True, slots=True)
class Earning:
    """Coins in savings: ``owed`` is interest earned until ``since`` and not paid yet, to the fraction of a unit."""

    amount: Decimal
    owed: Decimal
    since: datetime


@dataclass(frozen=True, slots=True)
class Eaten:
    """Depth that own fills took from one side of a book, base units."""

    amount: Decimal
    at: datetime


@dataclass(slots=True)
class State:
    """One account at one instant. Only `booking`, `matching`, `savings`, `passage`, `outside`, `exchange` change it."""

    now: datetime
    history_max: int
    version: int = 0
    serial: int = 0
    quote_fee: Decimal = ZERO  # by the venue's rules, so not kept: what a spot buy's fee may come to in quote
    leverage_default: int = 20  # as well: of a symbol nobody set
    order_requests: int = 0
    cancel_requests: int = 0
    spot: dict[str, Decimal] = field(default_factory=dict)  # free and locked
    wallet: Decimal = ZERO  # futures, without unrealised PnL
    earning: dict[str, Earning] = field(default_factory=dict)  # savings, by asset
    holdings: dict[str, Holding] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)  # symbols; the others are cross
    pockets: dict[str, Decimal] = field(default_factory=dict)  # what of the wallet stands behind an isolated position
    marks: dict[str, Decimal] = field(default_factory=dict)  # last known, of symbols held
    eaten: dict[str, Eaten] = field(default_factory=dict)  # by "symbol side"
    altered: Alterations = field(default_factory=Alterations)
    open: dict[int, OrderRecord] = field(default_factory=dict)
    closed: History[OrderRecord] = field(init=False)
    trades: History[TradeRecord] = field(init=False)
    income: History[IncomeRecord] = field(init=False)
    interest: History[IncomeRecord] = field(init=False)
    transfers: History[TransferRecord] = field(init=False)
    flows: History[FlowRecord] = field(init=False)
    by_id: dict[int, OrderRecord] = field(default_factory=dict)  # closed ones
    by_client: dict[tuple[str, str], int] = field(default_factory=dict)  # newest order of (symbol, client id)

    def __post_init__(self) -> None:
        self.closed = History(self.history_max)
        self.trades = History(self.history_max)
        self.income = History(self.history_max)
        self.interest = History(self.history_max)
        self.transfers = History(self.history_max)
        self.flows = History(self.history_max)

    def touch(self) -> None:
        """Something changed that must be kept."""
        self.version += 1

    def next_id(self) -> int:
        """A number no record of this account has yet."""
        self.serial += 1
        return self.serial

    def put(self, order: OrderRecord) -> OrderRecord:
        """Take in an order as it now stands; one that is no longer open moves to the past."""
        self.touch()
        if order.client_id:
            key = (order.symbol, order.client_id)
            self.by_client[key] = max(order.order_id, self.by_client.get(key, 0))
        if order.is_open:
            self.open[order.order_id] = order
            return order
        if order.order_id in self.by_id:  # a fill that came after the end
            self.by_id[order.order_id] = order
            self.closed.amend(order, lambda known: known.order_id == order.order_id)
            return order
        self.open.pop(order.order_id, None)
        self.by_id[order.order_id] = order
        forgotten = self.closed.append(order)
        if forgotten is not None:
            del self.by_id[forgotten.order_id]
            key = (forgotten.symbol, forgotten.client_id)
            if self.by_client.get(key) == forgotten.order_id:
                del self.by_client[key]
        return order

    def find(self, symbol: str, client_id: str | None, order_id: int | None) -> OrderRecord | None:
        """The order by its number, else the newest by client id."""
        number = order_id if order_id is not None else self.by_client.get((symbol, client_id or ""))
        if number is None:
            return None
        order = self.by_number(number)
        return order if order is not None and order.symbol == symbol else None

    def by_number(self, order_id: int) -> OrderRecord | None:
        """The order, open or remembered."""
        return self.open.get(order_id) or self.by_id.get(order_id)

    def resting(self, symbol: str | None = None) -> list[OrderRecord]:
        """Open orders, oldest first."""
        return [order for order in self.open.values() if symbol is None or order.symbol == symbol]

    def locked(self) -> dict[str, Decimal]:
        """What open spot orders hold, by asset."""
        held: dict[str, Decimal] = {}
        for order in self.open.values():
            if is_swap(order.symbol) or order.price is None:
                continue
            buying = order.side == "buy"
            asset = quote_of(order.symbol) if buying else base_of(order.symbol)
            held[asset] = held.get(asset, ZERO) + (self.cost(order.rest, order.price) if buying else order.rest)
        return held

    def leverage_of(self, symbol: str) -> int:
        """As set, or the venue's own."""
        return self.leverage.get(symbol, self.leverage_default)

    def cost(self, amount: Decimal, price: Decimal) -> Decimal:
        """What a buy at a limit must have ready, its fee too where that is paid in quote."""
        return at_least(amount * price * (ONE + self.quote_fee))

    def free(self, asset: str) -> Decimal:
        """Spot coins that no order holds."""
        return self.spot.get(asset, ZERO) - self.locked().get(asset, ZERO)

    def dump(self) -> bytes:
        """Compact JSON, decimals as strings; the same bytes for the same state."""
        head = canonical_json(
            {
                "cancel_requests": self.cancel_requests,
                "format": FORMAT,
                "isolated": self.isolated,
                "leverage": self.leverage,
                "marks": self.marks,
                "now": self.now,
                "order_requests": self.order_requests,
                "pockets": self.pockets,
                "serial": self.serial,
                "spot": self.spot,
                "version": self.version,
                "wallet": self.wallet,
            }
        )
        parts = {
            "altered": self.altered.text(),
            "holdings": _keyed(sorted(self.holdings.items())),
            "earning": _keyed(sorted(self.earning.items())),
            "eaten": _keyed(sorted(self.eaten.items())),
            "open": "[" + ",".join(row_text(order) for _, order in sorted(self.open.items())) + "]",
            "closed": self.closed.text(),
            "trades": self.trades.text(),
            "income": self.income.text(),
            "interest": self.interest.text(),
            "transfers": self.transfers.text(),
            "flows": self.flows.text(),
        }
        tail = ",".join(f'"{name}":{text}' for name, text in parts.items())
        return f"{head[:-1]},{tail}}}".encode()


def restore(state: bytes, history_max: int) -> State:
    """The state that `State.dump` wrote; raises `StateError`."""
    try:
        raw = json.loads(state)
        return _read(raw, history_max)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise StateError(f"the simulated account's state cannot be read: {type(error).__name__}: {error}") from error


def _altered(raw: dict[str, Any]) -> Alterations:
    if "altered" in raw:
        return alterations.read(raw["altered"])
    return Alterations(halted=dict.fromkeys(raw["halted"]))  # as accounts were written before there was more


def _keyed(items: Iterable[tuple[str, Holding | Earning | Eaten]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{row_text(value)}" for key, value in items) + "}"


def _read(raw: dict[str, Any], history_max: int) -> State:
    if raw["format"] != FORMAT:
        raise ValueError(f"it is in format {raw['format']}, this version reads format {FORMAT}")
    made = State(
        now=datetime.fromisoformat(raw["now"]),
        history_max=history_max,
        version=int(raw["version"]),
        serial=int(raw["serial"]),
        order_requests=int(raw["order_requests"]),
        cancel_requests=int(raw["cancel_requests"]),
        spot={asset: Decimal(amount) for asset, amount in raw["spot"].items()},
        wallet=Decimal(raw["wallet"]),
        holdings={symbol: from_row(Holding, row) for symbol, row in raw["holdings"].items()},
        # Accounts written before there were savings have none.
        earning={asset: from_row(Earning, row) for asset, row in raw.get("earning", {}).items()},
        leverage={symbol: int(times) for symbol, times in raw["leverage"].items()},
        marks={symbol: Decimal(mark) for symbol, mark in raw["marks"].items()},
        eaten={key: from_row(Eaten, row) for key, row in raw["eaten"].items()},
        # Accounts written before there was more than one margin mode are cross.
        isolated=set(raw.get("isolated", ())),
        pockets={symbol: Decimal(amount) for symbol, amount in raw.get("pockets", {}).items()},
        altered=_altered(raw),
        open={order.order_id: order for order in (from_row(OrderRecord, row) for row in raw["open"])},
    )
    made.closed = History(history_max, (from_row(OrderRecord, row) for row in raw["closed"][-history_max:]))
    made.trades = History(history_max, (from_row(TradeRecord, row) for row in raw["trades"][-history_max:]))
    made.income = History(history_max, (from_row(IncomeRecord, row) for row in raw["income"][-history_max:]))
    interest = raw.get("interest", [])[-history_max:]
    made.interest = History(history_max, (from_row(IncomeRecord, row) for row in interest))
    made.transfers = History(history_max, (from_row(TransferRecord, row) for row in raw["transfers"][-history_max:]))
    made.flows = History(history_max, (from_row(FlowRecord, row) for row in raw["flows"][-history_max:]))
    made.by_id = {order.order_id: order for order in made.closed}
    for order in sorted(chain(made.closed, made.open.values()), key=lambda order: order.order_id):
        if order.client_id:
            made.by_client[order.symbol, order.client_id] = order.order_id
    return made
