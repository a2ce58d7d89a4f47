"""Owns how tax lots look: a table, their JSON form, and CSV that a spreadsheet cannot take for formulas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from bot.core.lots import Lot, LotBook, Realised
from bot.core.numbers import jsonable
from bot.render.plan import plain_table
from bot.render.spreadsheet import sheet
from bot.render.words import UNKNOWN, amount, instant, money

DAY: Final = 10  # characters of an instant up to its day
BEFORE: Final = "before"
COLUMNS: Final = ("what", "asset", "amount", "opened_at", "closed_at", "cost", "proceeds", "gain", "transferred")


def lots_body(book: LotBook) -> dict[str, Any]:
    """Lots held, sold and sent away as machines see them: amounts and money exact, as text; null is unknown."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(book)]
    made: dict[str, Any] = jsonable({"method": book.method, "lots": rows})
    return made


def lots_csv(book: LotBook) -> str:
    """The same as CSV with a header; unknown is empty."""
    return sheet(COLUMNS, lots_body(book)["lots"])


def lots_view(book: LotBook, currency: str) -> RenderableType:
    """What is held, then what was sold, newest last, with each asset's gains added up."""
    if not book.lots and not book.realised and not book.sent:
        return Text("No lots: no coin was bought or sold on this record.", style="dim")
    parts: list[RenderableType] = []
    if book.lots:
        parts += [Text(f"Held ({book.method}, {currency})", style="bold"), _held(book)]
    if book.realised:
        parts += [Text(), Text(f"Sold ({currency})", style="bold"), _sold(book.realised), Text()]
        parts += [_gained(asset, book.realised, currency) for asset in sorted({item.asset for item in book.realised})]
    if book.sent:
        parts += [Text(), *(Text(f"Sent away  {amount(lot.qty)} {lot.asset}") for lot in book.sent)]
    return Group(*parts)


def _held(book: LotBook) -> RenderableType:
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    table.add_column("bought", no_wrap=True)
    for name in ("amount", "cost each", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for asset, own in book.lots.items():
        for lot in own:
            each = None if lot.unit_cost is None else Decimal(lot.unit_cost.numerator) / lot.unit_cost.denominator
            came = " (came)" if lot.transferred else ""
            table.add_row(asset, f"{instant(lot.opened_at)[:DAY]}{came}", amount(lot.qty), money(each), money(lot.cost))
    return table


def _sold(realised: Sequence[Realised]) -> RenderableType:
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    table.add_column("sold", no_wrap=True)
    table.add_column("bought", no_wrap=True)
    for name in ("amount", "proceeds", "cost", "gain"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in realised:
        bought = BEFORE if item.opened_at is None else instant(item.opened_at)[:DAY]
        figures = (money(item.proceeds), money(item.cost), money(item.gain))
        table.add_row(item.asset, instant(item.closed_at)[:DAY], bought, amount(item.qty), *figures)
    return table


def _gained(asset: str, realised: Sequence[Realised], currency: str) -> Text:
    own = [item.gain for item in realised if item.asset == asset]
    known = [gain for gain in own if gain is not None]
    total = money(sum(known, Decimal(0))) if known else UNKNOWN
    unknown = len(own) - len(known)
    rest = f", and {unknown} of {len(own)} sales whose gain is unknown" if unknown else ""
    return Text(f"{asset} gained {total} {currency}{rest}.")


def _rows(book: LotBook) -> Iterator[tuple[Any, ...]]:
    for own in book.lots.values():
        yield from (_lot_row("held", lot) for lot in own)
    for item in book.realised:
        dates = (item.opened_at, item.closed_at)
        yield ("sold", item.asset, item.qty, *dates, item.cost, item.proceeds, item.gain, item.transferred)
    yield from (_lot_row("sent", lot) for lot in book.sent)


def _lot_row(what: str, lot: Lot) -> tuple[Any, ...]:
    return (what, lot.asset, lot.qty, lot.opened_at, None, lot.cost, None, None, lot.transferred)
