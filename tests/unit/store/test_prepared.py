"""A prepared statement does what SQLAlchemy would have done with it: the same rows, values and refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update

from bot.ports.errors import StoreError
from bot.store.sql.engine import Database
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import alerts, funding_payments, metadata, portfolios

T = TypeVar("T")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAID = Prepared(insert(funding_payments))
SOME = select(funding_payments).where(
    funding_payments.c.book_id == bindparam("book"), funding_payments.c.symbol.in_(bindparam("some", expanding=True))
)


def a_payment(number: int, **changed: Any) -> dict[str, Any]:
    return {"book_id": 1, "event_number": number, "at": AT, "symbol": f"S{number}", "paid": Decimal("-0.10"), **changed}


class File:
    """A record of one empty book."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'b.db'}", foreign_keys=False)

    async def do(self, work: Callable[[Connection], T]) -> T:
        return await self.database.write(work)


@pytest.fixture
async def file(tmp_path: Path) -> Any:
    made = File(tmp_path)
    await made.do(metadata.create_all)
    yield made
    await made.database.close()


async def test_rows_are_those_that_sqlalchemy_reads(file: File) -> None:
    rows = [a_payment(number, paid=Decimal(f"{number}.100")) for number in range(1, 6)]
    await file.do(lambda line: PAID.run_all(line, rows))
    given = {"book": 1, "some": ["S2", "S4", "S9"]}
    theirs = await file.do(lambda line: [tuple(row) for row in line.execute(SOME, given)])
    ours = await file.do(lambda line: Prepared(SOME).rows(line, given))
    assert [tuple(row) for row in ours] == theirs
    assert [(row.symbol, str(row.paid), row.at) for row in ours] == [("S2", "2.100", AT), ("S4", "4.100", AT)]


async def test_lists_of_several_lengths_go_through_one_statement(file: File) -> None:
    await file.do(lambda line: PAID.run_all(line, [a_payment(number) for number in range(1, 6)]))
    some = Prepared(SOME)
    found = [await file.do(partial(some.rows, values={"book": 1, "some": [f"S{n}"] * n})) for n in (1, 3, 2)]
    assert [[row.event_number for row in rows] for rows in found] == [[1], [3], [2]]


async def test_an_instant_of_another_zone_is_kept_in_utc(file: File) -> None:
    late = AT.astimezone(timezone(timedelta(hours=9)))
    await file.do(lambda line: PAID.run(line, a_payment(1, at=late)))
    kept = await file.do(lambda line: line.exec_driver_sql("SELECT at FROM funding_payments").scalar())
    assert kept == "2026-03-01T12:00:00.000000Z"


async def test_a_column_left_out_keeps_its_default(file: File) -> None:
    names = ("portfolio", "mode", "venue", "environment", "account")
    new = Prepared(insert(portfolios))
    for number in (1, 2):
        await file.do(partial(new.run, values={**dict.fromkeys(names, str(number)), "created_at": AT}))
    assert await file.do(lambda line: [row.id for row in line.execute(select(portfolios))]) == [1, 2]


async def test_a_change_tells_how_many_rows_it_changed(file: File) -> None:
    change = Prepared(
        update(funding_payments)
        .where(funding_payments.c.symbol == bindparam("b_symbol"))
        .values(paid=bindparam("b_paid"))
    )
    await file.do(lambda line: PAID.run(line, a_payment(1)))
    changed = [
        await file.do(partial(change.run, values={"b_symbol": symbol, "b_paid": Decimal(2)})) for symbol in ("S1", "S2")
    ]
    assert changed == [1, 0]


async def test_nothing_found_is_none(file: File) -> None:
    wanted = Prepared(select(alerts.c.text).where(alerts.c.book_id == bindparam("book")))
    assert await file.do(lambda line: (wanted.row(line, {"book": 1}), wanted.value(line, {"book": 1}))) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"paid": 0.1}, "must be a finite Decimal"), ({"at": datetime(2026, 1, 1)}, "has no time zone")],  # noqa: DTZ001
)
async def test_a_value_that_a_column_refuses_is_told_and_takes_everything_back(
    file: File, wrong: dict[str, Any], word: str
) -> None:
    def write(line: Connection) -> None:
        PAID.run(line, a_payment(1))
        PAID.run(line, a_payment(2, **wrong))

    with pytest.raises(StoreError, match=word):
        await file.do(write)
    assert await file.do(lambda line: Prepared(select(funding_payments)).rows(line, {})) == ()


async def test_a_row_that_is_there_already_is_told_so(file: File) -> None:
    await file.do(lambda line: PAID.run(line, a_payment(1)))
    with pytest.raises(StoreError, match="holds this already"):
        await file.do(lambda line: PAID.run(line, a_payment(1)))


async def test_both_ways_into_one_transaction_end_together(file: File) -> None:
    def write(line: Connection) -> None:
        PAID.run(line, a_payment(1))
        line.execute(insert(funding_payments), [a_payment(2)])
        PAID.run(line, a_payment(1))

    with pytest.raises(StoreError):
        await file.do(write)
    assert await file.do(lambda line: Prepared(select(funding_payments)).rows(line, {})) == ()
