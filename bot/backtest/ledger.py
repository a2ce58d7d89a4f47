"""Owns the ledger of a span: what stood at its ends, what moved between, and what each part of it gained. Pure, exact.

A record tells with every decision what was held and at which prices (`seen`), and every fill, payment and flow between.
So what equity changed by is told apart to the last unit: the gain of prices on what was held (by what it was held for),
fees, spread, funding, interest; and what no recorded fact explains is a number of its own, never hidden in another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, localcontext
from typing import Any, Final

from bot.core.events import Event
from bot.core.instruments import base_of, is_swap, quote_of
from bot.core.numbers import ONE, ZERO, plain, utc_text

#: What a position is for; ``outside``: traded by somebody else on the same account.
PURPOSES: Final = ("spot", "hedge", "risk", "index", "bridge", "outside")
HEDGES: Final = ("hedge", "risk", "index")
PARTS: Final = ("gain", "fees", "spread", "funding")
ACROSS: Final = ("deposit", "withdrawal")  # flows that cross the account's border; others move within it
EXACT: Final = Context(prec=60)
DUST: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Ledger:
    """What equity did between two decisions, in accounting currency; costs are below 0.

    ``parts``: purpose -> {gain (of prices, at the mids that decisions saw), fees, spread (and impact), funding}.
    ``by_asset``: asset -> the sum of its parts. ``flows`` came in from outside, ``rescoped`` came by a change of the
    configuration: neither is a gain.
    """

    opened_at: datetime
    closed_at: datetime
    opened: Decimal
    closed: Decimal
    flows: Decimal = ZERO
    rescoped: Decimal = ZERO
    interest: Decimal = ZERO
    other: Decimal = ZERO
    parts: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    by_asset: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0  # fills without a mid: their spread is not told apart from the gain
    unvalued: int = 0  # fees whose worth nobody knew

    @property
    def change(self) -> Decimal:
        """What was gained (lost: below 0), flows taken out."""
        with localcontext(EXACT):
            return self.closed - self.opened - self.flows - self.rescoped

    def part(self, name: str, purposes: Iterable[str] = PURPOSES) -> Decimal:
        """One of `PARTS`, summed over purposes."""
        with localcontext(EXACT):
            return sum((self.parts[each][name] for each in purposes if each in self.parts), ZERO)

    def net(self, purposes: Iterable[str]) -> Decimal:
        """All parts of some purposes: what these positions brought, costs and funding included."""
        with localcontext(EXACT):
            return sum((self.part(name, purposes) for name in PARTS), ZERO)

    @property
    def unexplained(self) -> Decimal:
        """What no recorded fact explains: trades by hand, forced closings beyond the mark, rounding."""
        with localcontext(EXACT):
            return self.change - self.net(PURPOSES) - self.interest - self.other

    def body(self) -> dict[str, Any]:
        """As JSON, exact."""
        money = ("opened", "closed", "flows", "rescoped", "interest", "other")
        return {
            "opened_at": utc_text(self.opened_at),
            "closed_at": utc_text(self.closed_at),
            **{name: plain(getattr(self, name)) for name in money},
            "parts": {key: {name: plain(value) for name, value in row.items()} for key, row in self.parts.items()},
            "by_asset": {asset: plain(value) for asset, value in self.by_asset.items()},
            "unpriced": self.unpriced,
            "unvalued": self.unvalued,
        }


def ledger_of(body: Mapping[str, Any]) -> Ledger:
    """The ledger that `Ledger.body` told; raises KeyError, ValueError, ArithmeticError."""
    money = ("opened", "closed", "flows", "rescoped", "interest", "other")
    return Ledger(
        datetime.fromisoformat(body["opened_at"]),
        datetime.fromisoformat(body["closed_at"]),
        **{name: Decimal(body[name]) for name in money},
        parts={key: {name: Decimal(value) for name, value in row.items()} for key, row in body["parts"].items()},
        by_asset={asset: Decimal(value) for asset, value in body["by_asset"].items()},
        unpriced=int(body["unpriced"]),
        unvalued=int(body["unvalued"]),
    )


Key = tuple[str, str]  # purpose, asset


class Bookkeeper:
    """Takes a record's events in the order they were committed, gives the ledger of a span of it.

    ``references``: client id -> the mid its decision saw; ``coins_each``: coins of the asset in one base unit, for
    markets of several (`1000PEPE`). What comes before ``since`` says only which positions were there, and what for.
    """

    def __init__(
        self,
        currency: str,
        references: Mapping[str, Decimal | None],
        *,
        coins_each: Mapping[str, Decimal] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        self._currency = currency
        self._references = references
        self._each = coins_each or {}
        self._since, self._until = since, until
        self._held: dict[Key, Decimal] = {}
        self._prices: dict[bool, dict[str, Decimal]] = {False: {}, True: {}}  # by swap or not
        self._counted: frozenset[str] = frozenset()  # what E counts
        self._sums = _Sums()
        self._pending: list[Event] = []  # flows that no decision has seen yet
        self._open: tuple[datetime, Decimal] | None = None
        self._due: tuple[datetime, Decimal] | None = None  # the last decision, not closed at yet
        self._made: Ledger | None = None
        self._assets: dict[str, str] = {}  # base of a perpetual -> asset
        self.hedges: list[tuple[datetime, Decimal]] = []  # what hedges brought so far, as each decision saw it
        self.flows: list[tuple[datetime, Decimal]] = []  # when, worth: across the border or by configuration

    def take(self, event: Event) -> None:
        """One fact; those after ``until`` are left out."""
        if self._until is not None and event.kind == "seen" and event.at > self._until:
            return
        with localcontext(EXACT):
            if self._due is not None and (event.kind != "seen" or event.body.get("equity") is None):
                self._made, self._due = self._closing(*self._due), None
            if event.kind == "seen":
                self._seen(event)
            elif event.kind == "fill":
                self._fill(event.body)
            elif event.kind == "funding":
                self._funding(event.body)
            elif event.kind == "flow" and event.body.get("kind") != "transfer":
                self._pending.append(event)

    def ledger(self) -> Ledger | None:
        """From the first decision that knew equity to the last one; None where there is none."""
        if self._due is not None:
            with localcontext(EXACT):
                self._made, self._due = self._closing(*self._due), None
        return self._made

    # ---- what is held

    def _seen(self, event: Event) -> None:
        body = event.body
        spot, marks = (
            {asset: Decimal(str(price)) for asset, price in (body.get(name) or {}).items()}
            for name in ("prices_by_asset", "marks")
        )
        self._prices[False].update(spot)
        self._prices[True] = marks  # told of what is held alone: an old one says nothing
        if body.get("equity") is None:
            return
        self._counted = frozenset({*(body.get("worth") or ()), *(body.get("prices_by_asset") or ()), self._currency})
        for flow in self._pending:
            self._flow(flow)
        self._pending.clear()
        self._agree(body.get("coins") or {}, swap=False)
        self._agree(body.get("contracts") or {}, swap=True)
        equity = Decimal(str(body["equity"]))
        if self._since is not None and event.at < self._since:
            return
        if self._open is None:
            self._open, self._sums = (event.at, equity), _Sums()
            self.flows.clear()
            for key, amount in self._held.items():
                self._sums.put_in(key, amount * self._price(key))
        elif body.get("rescoped"):
            self._sums.rescoped += Decimal(str(body["rescoped"]))
            self.flows.append((event.at, Decimal(str(body["rescoped"]))))
        self._due = (event.at, equity)
        self.hedges.append((event.at, self._brought(HEDGES)))

    def _brought(self, purposes: Iterable[str]) -> Decimal:
        """Prices, costs and funding of some purposes since the opening."""
        worth = [
            self._held.get(key, ZERO) * self._price(key) - put_in
            for key, put_in in self._sums.put.items()
            if key[0] in purposes
        ]
        paid = [value for key, row in self._sums.parts.items() if key[0] in purposes for value in row.values()]
        return sum(worth, ZERO) + sum(paid, ZERO)

    def _agree(self, told: Mapping[str, Any], *, swap: bool) -> None:
        """What is really held where it is not what the orders made it: at the price of now, so nobody gained by it."""
        names = {asset for purpose, asset in self._held if (purpose != "spot") == swap} | told.keys()
        for asset in names:
            own = [key for key in self._held if key[1] == asset and (key[0] != "spot") == swap]
            mine = sum((self._held[key] for key in own), ZERO)
            real = Decimal(str(told.get(asset, 0)))
            if abs(real - mine) <= DUST:
                continue
            if mine and (real / mine) >= 0 and abs(real) < abs(mine):
                for key in own:
                    self._move(key, self._held[key] * (real / mine) - self._held[key], None)
            else:
                self._move(("outside" if swap else "spot", asset), real - mine, None)

    def _price(self, key: Key) -> Decimal:
        purpose, asset = key
        spot = self._prices[False].get(asset, ZERO)
        return spot if purpose == "spot" else self._prices[True].get(asset) or spot

    def _move(self, key: Key, coins: Decimal, price: Decimal | None) -> None:
        """Coins or contracts more (less: below 0) at a price; None: at the last one seen."""
        held = self._held.get(key, ZERO) + coins
        self._sums.put_in(key, coins * (self._price(key) if price is None else price))
        if held:
            self._held[key] = held
        else:
            self._held.pop(key, None)

    # ---- facts

    def _fill(self, body: Mapping[str, Any]) -> None:
        symbol = str(body["symbol"])
        base, asset, swap = base_of(symbol), str(body.get("asset") or base_of(symbol)), is_swap(symbol)
        self._assets[base] = asset
        each = self._each.get(base, ONE)
        qty, price = Decimal(str(body["qty"])), Decimal(str(body["price"]))
        purpose = str(body.get("purpose") or "outside") if swap else "spot"
        purpose = purpose if purpose in PURPOSES and (purpose != "spot" or not swap) else "outside"
        reference = self._references.get(str(body.get("client_id")))
        self._sums.unpriced += reference is None
        seen = price if reference is None else reference
        fee, coin = Decimal(str(body.get("fee") or 0)), str(body.get("fee_asset") or quote_of(symbol))
        worth = None if body.get("fee_value") is None else Decimal(str(body["fee_value"]))
        got = qty - fee if coin == base and not swap else qty
        self._move((purpose, asset), got * each, seen / each)
        self._sums.add(purpose, asset, "spread", -got * (price - seen))
        if coin == base and not swap:
            worth = fee * price
        elif fee and coin in self._counted and coin not in (self._currency, quote_of(symbol)) and worth is not None:
            self._move(("spot", coin), -fee, worth / fee)
        if worth is None and fee:
            self._sums.unvalued += 1
        elif worth and (coin in (base, quote_of(symbol)) or coin in self._counted):
            self._sums.add(purpose, asset, "fees", -worth)

    def _funding(self, body: Mapping[str, Any]) -> None:
        """Shared by what the position is for, in proportion."""
        base, paid = base_of(str(body["symbol"])), Decimal(str(body["paid"]))
        base = self._assets.get(base, base)
        held = {key: amount for key, amount in self._held.items() if key[1] == base and key[0] != "spot"}
        whole = sum(held.values(), ZERO)
        for (purpose, asset), amount in held.items() if whole else ():
            self._sums.add(purpose, asset, "funding", -paid * amount / whole)
        if not whole:
            self._sums.add("outside", base, "funding", -paid)

    def _flow(self, event: Event) -> None:
        asset, amount = str(event.body["asset"]), Decimal(str(event.body["amount"]))
        told = event.body.get("value")
        coin = asset in self._prices[False] and asset != self._currency
        if told is None and asset not in self._counted:
            return
        value = Decimal(str(told)) if told is not None else amount * self._prices[False][asset] if coin else amount
        if coin:
            self._move(("spot", asset), amount, value / amount if amount else None)
        kind = str(event.body.get("kind"))
        if kind in ACROSS:
            self._sums.flows += value
            self.flows.append((event.at, value))
        elif kind == "interest":
            self._sums.interest += value
        else:
            self._sums.other += value

    # ---- the end

    def _closing(self, at: datetime, equity: Decimal) -> Ledger:
        opened_at, opened = self._open or (at, equity)
        made = {key: dict(parts) for key, parts in self._sums.parts.items()}
        for key, put_in in self._sums.put.items():
            row = made.setdefault(key, dict.fromkeys(PARTS, ZERO))
            row["gain"] += self._held.get(key, ZERO) * self._price(key) - put_in
        parts = {purpose: dict.fromkeys(PARTS, ZERO) for purpose in PURPOSES if any(key[0] == purpose for key in made)}
        by_asset: dict[str, Decimal] = {}
        for (purpose, asset), row in made.items():
            for name, value in row.items():
                parts[purpose][name] += value
            by_asset[asset] = by_asset.get(asset, ZERO) + sum(row.values(), ZERO)
        sums = self._sums
        return Ledger(
            opened_at, at, opened, equity, sums.flows, sums.rescoped, sums.interest, sums.other,
            parts, dict(sorted(by_asset.items())), sums.unpriced, sums.unvalued,
        )  # fmt: skip


@dataclass(slots=True)
class _Sums:
    """What came together since the opening."""

    put: dict[Key, Decimal] = field(default_factory=dict)  # worth of what was put into a position, at mids
    parts: dict[Key, dict[str, Decimal]] = field(default_factory=dict)
    flows: Decimal = ZERO
    rescoped: Decimal = ZERO
    interest: Decimal = ZERO
    other: Decimal = ZERO
    unpriced: int = 0
    unvalued: int = 0

    def put_in(self, key: Key, worth: Decimal) -> None:
        self.put[key] = self.put.get(key, ZERO) + worth

    def add(self, purpose: str, asset: str, name: str, value: Decimal) -> None:
        row = self.parts.setdefault((purpose, asset), dict.fromkeys(PARTS, ZERO))
        row[name] += value
