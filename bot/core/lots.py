"""Owns tax lots: what was paid for the coins held and what each sale gained, from recorded fills. Pure arithmetic.

Spot only: a perpetual is no coin, its profit is in the wallet. Money is in the accounting currency and exact: a part of
a lot is rounded once, to 18 decimals, and what remains is the difference, so that no sum ever loses anything.
Unknown is not zero: coins whose price or fee nobody knows have no cost, and their sale no gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any, Final, Literal

from bot.core.instruments import base_of, is_swap, quote_of
from bot.core.numbers import ONE, ZERO

Method = Literal["fifo", "highest-cost"]
SMALLEST: Final = Decimal("1e-18")
#: Amounts and prices have at most 18 decimals each, so products and sums of them fit, and anything else is an error.
EXACT: Final = Context(prec=80, traps=[DivisionByZero, Inexact, InvalidOperation])
#: What memory keeps must be foldable whatever a venue writes: there a digit too many is rounded off.
ROUNDED: Final = Context(prec=60, traps=[DivisionByZero, InvalidOperation])
LOTS_KEPT: Final = 24  # an asset, in memory


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of the coins held: a spot trade, or coins that came (+) or went (-) otherwise, flagged ``transfer``.

    ``qty`` signed coins before any fee; ``price`` per coin, of a transfer the market's, None unknown. ``fee``
    (+ = paid) is in ``fee_asset``, empty for money; ``fee_value`` is its worth, of a third coin; None unknown.
    """

    at: datetime
    asset: str
    qty: Decimal
    price: Decimal | None
    fee: Decimal = ZERO
    fee_asset: str = ""
    fee_value: Decimal | None = None
    transfer: bool = False


@dataclass(frozen=True, slots=True)
class Lot:
    """Coins got at once and still held. ``cost`` of all of them, fees included; None unknown."""

    asset: str
    opened_at: datetime
    qty: Decimal
    cost: Decimal | None = None
    transferred: bool = False  # at market price: what was really paid for it is not in this record

    @property
    def unit_cost(self) -> Fraction | None:
        """Exact cost per coin."""
        return None if self.cost is None else Fraction(self.cost) / Fraction(self.qty)


@dataclass(frozen=True, slots=True)
class Realised:
    """Coins of one lot that were sold at once. ``opened_at`` None: sold without a lot, so bought before this record."""

    asset: str
    opened_at: datetime | None
    closed_at: datetime
    qty: Decimal
    cost: Decimal | None
    proceeds: Decimal | None
    transferred: bool = False

    @property
    def gain(self) -> Decimal | None:
        """Proceeds less cost; None where either is unknown."""
        return None if self.cost is None or self.proceeds is None else EXACT.subtract(self.proceeds, self.cost)


@dataclass(slots=True)
class LotBook:
    """What is held, by asset, what every sale gained, and which lots left the account unsold."""

    method: Method
    held: dict[str, list[Lot]] = field(default_factory=dict)
    realised: list[Realised] = field(default_factory=list)
    sent: list[Lot] = field(default_factory=list)

    @property
    def lots(self) -> Mapping[str, tuple[Lot, ...]]:
        """Lots by asset, oldest first; assets of which nothing is held are left out."""
        return {asset: tuple(own) for asset, own in sorted(self.held.items()) if own}


def lots(entries: Iterable[Entry], method: Method = "fifo") -> Mapping[str, tuple[Lot, ...]]:
    """The lots that are left of all entries, by asset."""
    return lot_book(entries, method).lots


def lot_book(entries: Iterable[Entry], method: Method = "fifo") -> LotBook:
    """Book all entries in order of time (those of one instant as they are given).

    Raises ValueError for a trade without a price, or one whose fee in coins takes all that was bought.
    """
    book = LotBook(method)
    with localcontext(EXACT):
        for entry in sorted(entries, key=lambda each: each.at):
            if entry.qty > 0:
                _take_in(book, entry)
            elif entry.qty < 0:
                _give_out(book, entry)
            _pay_fee(book, entry)
    return book


def entries_of(
    fills: Iterable[Mapping[str, Any]], currency: str = "USDT", coins_each: Mapping[str, Decimal] | None = None
) -> list[Entry]:
    """Entries of recorded spot fills (the record's rows); perpetuals are left out.

    ``coins_each``: coins of the asset in one unit of a market's base, for bases that are several (`1000PEPE`).
    Raises ValueError for a fill that is not in ``currency``, the accounting one: nobody says what it was worth.
    """
    made = []
    for fill in fills:
        symbol = str(fill["symbol"])
        if is_swap(symbol):
            continue
        if quote_of(symbol) != currency:
            raise ValueError(
                f"fill {fill.get('trade_id')}: {symbol} is not traded against {currency}: no lot in {currency}"
            )
        each = (coins_each or {}).get(base_of(symbol), ONE)
        fee_asset = str(fill.get("fee_asset") or currency)
        in_base = fee_asset == base_of(symbol)
        asset = str(fill.get("asset") or base_of(symbol))
        fee = _number(fill.get("fee")) or ZERO
        made.append(
            Entry(
                at=fill["at"],
                asset=asset,
                qty=_known(fill, "qty") * each,
                price=_known(fill, "price") / each,
                fee=fee * each if in_base else fee,
                fee_asset=asset if in_base else "" if fee_asset == currency else fee_asset,
                fee_value=_number(fill.get("fee_value")),
            )
        )
    return made


def tax_of_sale(own: Sequence[Lot], qty: Decimal, price: Decimal, rate: Decimal, method: Method = "fifo") -> Decimal:
    """The tax on selling ``qty`` coins at ``price``: ``rate`` of the gain over the lots used, at least 0 (R-G10).

    Losses of the same sale count against its gains. What has no known cost is taxed as if it had cost nothing: a tax
    that is asked before a sale is never understated.
    """
    if qty <= 0 or price <= 0:
        return ZERO
    with localcontext(EXACT):
        left, cost = qty, ZERO
        for lot in _ranked(own, method):
            part = min(left, lot.qty)
            cost += _part(lot.cost, part, lot.qty) or ZERO
            left -= part
            if not left:
                break
        return max(ZERO, qty * price - cost) * rate


def uncosted(own: Sequence[Lot], qty: Decimal) -> Decimal:
    """How many of ``qty`` coins sold first in, first out nobody knows the cost of."""
    left, unknown = qty, ZERO
    for lot in own:
        part = min(left, lot.qty)
        unknown += part if lot.cost is None else ZERO
        left -= part
    return unknown + left


def less(own: Sequence[Lot], qty: Decimal) -> tuple[Lot, ...]:
    """The lots of one asset that ``qty`` coins sold first in, first out leave."""
    if qty <= 0 or not own:
        return tuple(own)
    book = LotBook("fifo", {own[0].asset: list(own)})
    with localcontext(ROUNDED):
        _used(book, own[0].asset, qty)
    return tuple(book.held[own[0].asset])


# ---- what memory keeps: the lots of now, and no more of them than a decision needs

Kept = Mapping[str, tuple[Lot, ...]]


def after_fill(kept: Kept, at: datetime, asset: str, body: Mapping[str, Any]) -> dict[str, tuple[Lot, ...]]:
    """The lots after a booked spot fill (the body of its event), first in, first out."""
    each = _number(body.get("coins_each")) or ONE
    base, quote = base_of(str(body["symbol"])), quote_of(str(body["symbol"]))
    paid_in = str(body.get("fee_asset") or quote)
    in_base = paid_in == base
    fee = _number(body.get("fee")) or ZERO
    entry = Entry(
        at=at,
        asset=asset,
        qty=Decimal(str(body["qty"])) * each,
        price=Decimal(str(body["price"])) / each,
        fee=fee * each if in_base else fee,
        fee_asset=asset if in_base else "" if paid_in == quote else paid_in,
        fee_value=_number(body.get("fee_value")),
    )
    return _after(kept, entry)


def after_flow(kept: Kept, at: datetime, asset: str, amount: Decimal) -> dict[str, tuple[Lot, ...]]:
    """The lots after coins came (+) or went (-) without a trade; what those that came cost, nobody knows."""
    return _after(kept, Entry(at, asset, amount, None, transfer=True))


def _after(kept: Kept, entry: Entry) -> dict[str, tuple[Lot, ...]]:
    names = [name for name in dict.fromkeys((entry.asset, entry.fee_asset)) if name]
    book = LotBook("fifo", {name: list(kept.get(name, ())) for name in names})
    in_coins = entry.fee if entry.fee_asset == entry.asset else ZERO
    with localcontext(ROUNDED):
        if entry.qty - in_coins > 0:
            fee = _fee_money(entry)
            cost = None if entry.price is None or fee is None else entry.qty * entry.price + fee
            lot = Lot(entry.asset, entry.at, entry.qty - in_coins, cost, entry.transfer)
            book.held[entry.asset] = sorted([*book.held[entry.asset], lot], key=lambda each: each.opened_at)
        else:
            _used(book, entry.asset, in_coins - entry.qty)
        _pay_fee(book, entry)
        made = {name: _coarse(own) for name, own in book.held.items()}
    return {name: own for name, own in sorted({**kept, **made}.items()) if own}


def _coarse(own: Sequence[Lot]) -> tuple[Lot, ...]:
    """Neighbours of one day, or of unknown cost, as one; then of the nearest cost, until there are few enough."""
    made: list[Lot] = []
    for lot in own:
        alike = bool(made) and (made[-1].cost is None) == (lot.cost is None)
        if alike and (lot.cost is None or made[-1].opened_at.date() == lot.opened_at.date()):
            made[-1] = _joined(made[-1], lot)
        else:
            made.append(lot)
    while len(made) > LOTS_KEPT:
        at = min(range(len(made) - 1), key=lambda index: _apart(made[index], made[index + 1]))
        made[at : at + 2] = [_joined(made[at], made[at + 1])]
    return tuple(made)


def _apart(one: Lot, other: Lot) -> Fraction:
    """How far two lots' costs per coin are apart; beside one of unknown cost, further than any."""
    first, second = one.unit_cost, other.unit_cost
    if first is None or second is None:
        return Fraction(10) ** 30
    return abs(first - second) / max(first, second, Fraction(SMALLEST))


def _joined(one: Lot, other: Lot) -> Lot:
    """Two lots as one of the older's date; of unknown cost where either is."""
    cost = None if one.cost is None or other.cost is None else one.cost + other.cost
    return Lot(one.asset, one.opened_at, one.qty + other.qty, cost, one.transferred or other.transferred)


# ---- booking


def _take_in(book: LotBook, entry: Entry) -> None:
    fee_in_coins = entry.fee if entry.fee_asset == entry.asset else ZERO
    coins = entry.qty - fee_in_coins
    if coins <= 0:
        raise ValueError(f"{entry.asset} at {entry.at}: a fee of {fee_in_coins} takes all {entry.qty} that were bought")
    fee = _fee_money(entry)
    cost = None if entry.price is None or fee is None else entry.qty * entry.price + fee
    if entry.price is None and not entry.transfer:
        raise ValueError(f"{entry.asset} at {entry.at}: a trade without a price")
    book.held.setdefault(entry.asset, []).append(Lot(entry.asset, entry.at, coins, cost, entry.transfer))


def _give_out(book: LotBook, entry: Entry) -> None:
    fee_in_coins = entry.fee if entry.fee_asset == entry.asset else ZERO
    coins = fee_in_coins - entry.qty
    if entry.transfer:
        book.sent += [_as_lot(each, entry) for each in _used(book, entry.asset, coins)]
        return
    if entry.price is None:
        raise ValueError(f"{entry.asset} at {entry.at}: a trade without a price")
    fee = _fee_money(entry)
    _realise(book, entry, coins, None if fee is None else -entry.qty * entry.price - fee)


def _realise(book: LotBook, entry: Entry, coins: Decimal, proceeds: Decimal | None, asset: str = "") -> None:
    """Coins leave for money: one `Realised` for each lot used, the last takes what rounding left of the proceeds."""
    asset = asset or entry.asset
    used = _used(book, asset, coins)
    rest = proceeds
    for index, lot in enumerate(used):
        last = index == len(used) - 1
        part = rest if last or rest is None else _part(proceeds, lot.qty, coins)
        rest = None if rest is None or part is None else rest - part
        book.realised.append(Realised(asset, lot.opened_at, entry.at, lot.qty, lot.cost, part, lot.transferred))


@dataclass(frozen=True, slots=True)
class _Used:
    opened_at: datetime | None
    qty: Decimal
    cost: Decimal | None
    transferred: bool = False


def _used(book: LotBook, asset: str, coins: Decimal) -> list[_Used]:
    """Take coins out of the lots by the method; what no lot holds comes without a date or a cost."""
    own = book.held.setdefault(asset, [])
    made: list[_Used] = []
    left = coins
    for lot in _ranked(own, book.method):
        if left <= 0:
            break
        part = min(left, lot.qty)
        cost = _part(lot.cost, part, lot.qty)
        made.append(_Used(lot.opened_at, part, cost, lot.transferred))
        left -= part
        index = next(number for number, each in enumerate(own) if each is lot)
        if part == lot.qty:
            del own[index]
        else:
            rest = None if lot.cost is None or cost is None else lot.cost - cost
            own[index] = replace(lot, qty=lot.qty - part, cost=rest)
    if left > 0:
        made.append(_Used(None, left, None))
    return made


def _ranked(own: Sequence[Lot], method: Method) -> list[Lot]:
    """In the order they are used; of equal cost the older first, and what cost nobody knows last."""
    if method == "fifo":
        return list(own)
    return sorted(own, key=lambda lot: (lot.unit_cost is None, -(lot.unit_cost or Fraction(0))))


def _part(whole: Decimal | None, part: Decimal, of: Decimal) -> Decimal | None:
    """``whole`` x ``part`` / ``of``, rounded down to 18 decimals; all of it when the part is everything."""
    if whole is None or part == of:
        return whole
    exact = Fraction(whole) * Fraction(part) / Fraction(of)
    return Decimal(int(exact / Fraction(SMALLEST))).scaleb(-18)


def _as_lot(used: _Used, entry: Entry) -> Lot:
    return Lot(entry.asset, used.opened_at or entry.at, used.qty, used.cost, used.transferred)


# ---- fees


def _fee_money(entry: Entry) -> Decimal | None:
    """What the fee adds to the cost, or takes from the proceeds; a fee in the coins themselves changes their number."""
    if not entry.fee or entry.fee_asset == entry.asset:
        return ZERO
    return entry.fee if not entry.fee_asset else entry.fee_value


def _pay_fee(book: LotBook, entry: Entry) -> None:
    """A fee in a third coin gives that coin away, for as much as it was worth; a rebate brings it in at that cost."""
    if entry.fee_asset in ("", entry.asset):
        return
    if entry.fee > 0:
        _realise(book, entry, entry.fee, entry.fee_value, asset=entry.fee_asset)
    elif entry.fee < 0:
        cost = None if entry.fee_value is None else -entry.fee_value
        book.held.setdefault(entry.fee_asset, []).append(Lot(entry.fee_asset, entry.at, -entry.fee, cost))


def _number(value: object) -> Decimal | None:
    return None if value is None else value if isinstance(value, Decimal) else Decimal(str(value))


def _known(fill: Mapping[str, Any], name: str) -> Decimal:
    number = _number(fill.get(name))
    if number is None or not number.is_finite():
        raise ValueError(f"fill {fill.get('trade_id')}: {name} is {fill.get(name)!r}, must be a finite number")
    return number
