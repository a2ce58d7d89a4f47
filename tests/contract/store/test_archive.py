"""What is written out of a record, and what leaves it for its archive, whatever database it is kept in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.memory import fold_all
from bot.ports.errors import Fenced, StoreError, StoreRefused
from bot.ports.store import Identity
from bot.store.parquet import column
from bot.store.sql import SqlRecord, SqlStore
from bot.store.sql.compact import compact
from bot.store.sql.export import TABLES, export
from tests.contract.store.builders import (
    MAIN,
    HandClock,
    a_fill,
    a_plan,
    a_policy,
    a_snapshot,
    a_wish,
    an_event,
    an_intent,
)

POLICY = a_policy()
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 100  # of a decision a day, from the first of January on; every tenth trades
SPAN = timedelta(days=30)


async def a_book(url: str, identity: Identity = MAIN, days: int = DAYS) -> HandClock:
    """A decision a day, each with a snapshot; every tenth with an order that filled. Nobody leads it afterwards."""
    clock = HandClock()
    store = SqlStore(url, clock)
    await store.open(identity, migrate=True)
    fence = await store.lead("first", 30)
    for day in range(days):
        at, name = JANUARY + timedelta(days=day), f"d{identity.portfolio}{day}"
        acts = day % 10 == 0
        intents = [an_intent(name, fence=fence)] if acts else []
        plan = a_plan(
            name, at=at, policy=POLICY, wishes=[a_wish()] if acts else [], refused=[] if day % 3 else [a_wish()],
            events=[an_event("seen", f"{name}:seen", at=at)],
        )  # fmt: skip
        await store.begin(f"c{day}", a_snapshot(at=at), POLICY, plan, intents, [], fence)
        for intent in intents:
            await store.append([a_fill(intent, f"t{day}", qty="-0.06", price="30000")], fence)
    await store.release(fence)
    await store.close()
    return clock


async def ids(url: str, identity: Identity = MAIN) -> list[str]:
    record = SqlRecord(url, identity)
    try:
        return [row.decision_id for row in await record.decisions(1_000)][::-1]
    finally:
        await record.close()


def days_of(names: list[str]) -> set[int]:
    return {int(name.removeprefix("dmain")) for name in names}


async def test_old_months_of_what_did_nothing_go_to_a_file_each_and_all_else_stays(
    empty_url: str, tmp_path: Path
) -> None:
    clock = await a_book(empty_url)
    other = Identity("other", "paper", "binance", "local")
    await a_book(empty_url, other, days=40)
    made = await compact(empty_url, MAIN, tmp_path / "archive", SPAN, clock)
    # The last decision is of the tenth of April: January and February ended thirty days before it.
    assert made.months == {"2026-01": 27, "2026-02": 26}
    files = sorted((tmp_path / "archive").iterdir())
    assert [file.name for file in files] == ["decisions-2026-01.parquet", "decisions-2026-02.parquet"]
    moved = [name for file in files for name in column(file, "decision_id")]
    assert days_of(moved) == {day for day in range(31 + 28) if day % 10}
    assert days_of(await ids(empty_url)) == set(range(DAYS)) - days_of(moved)
    assert len(await ids(empty_url, other)) == 40
    plans = column(files[0], "plan")
    assert all('"decision_id":"dmain' in plan.replace(" ", "") for plan in plans)

    assert (await compact(empty_url, MAIN, tmp_path / "archive", SPAN, clock)).months == {}
    assert len(list((tmp_path / "archive").iterdir())) == 2


async def test_who_comes_afterwards_leads_and_goes_on_where_it_was(empty_url: str, tmp_path: Path) -> None:
    clock = await a_book(empty_url)
    await compact(empty_url, MAIN, tmp_path / "archive", SPAN, clock)
    store = SqlStore(empty_url, clock)
    await store.open(MAIN, migrate=True)
    fence = await store.lead("next", 30)
    at = JANUARY + timedelta(days=DAYS)
    await store.begin("c-next", a_snapshot(at=at), POLICY, a_plan("dnext", at=at, policy=POLICY), [], [], fence)
    await store.close()
    record = SqlRecord(empty_url, MAIN)
    last = (await record.decisions(1))[0]
    assert (last.decision_id, last.number) == ("dnext", DAYS + 1)
    events = [event async for event in record.events()]
    assert len([event for event in events if event.kind == "seen"]) == DAYS
    assert fold_all(events) == await record.checkpoint()
    await record.close()


async def test_nothing_is_moved_while_a_bot_leads(empty_url: str, tmp_path: Path) -> None:
    clock = await a_book(empty_url)
    store = SqlStore(empty_url, clock)
    await store.open(MAIN, migrate=False)
    await store.lead("the bot", 30)
    with pytest.raises(Fenced, match="the bot leads this portfolio until"):
        await compact(empty_url, MAIN, tmp_path / "archive", SPAN, clock)
    await store.close()
    assert not (tmp_path / "archive").exists()
    assert len(await ids(empty_url)) == DAYS


async def test_a_run_that_was_cut_off_behind_its_file_loses_nothing(empty_url: str, tmp_path: Path) -> None:
    clock = await a_book(empty_url)
    kept = tmp_path / "archive" / "decisions-2026-01.parquet"
    kept.parent.mkdir()
    kept.write_bytes(b"what an earlier run wrote before it died")
    made = await compact(empty_url, MAIN, kept.parent, SPAN, clock)
    assert made.months["2026-01"] == 27
    assert kept.read_bytes() == b"what an earlier run wrote before it died"
    assert len(column(kept.with_name("decisions-2026-01-2.parquet"), "number")) == 27


async def test_an_archive_that_cannot_be_written_deletes_nothing(empty_url: str, tmp_path: Path) -> None:
    clock = await a_book(empty_url)
    (tmp_path / "archive").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        await compact(empty_url, MAIN, tmp_path / "archive", SPAN, clock)
    assert len(await ids(empty_url)) == DAYS
    store = SqlStore(empty_url, clock)  # and the lease was given back
    await store.open(MAIN, migrate=False)
    assert await store.lead("next", 30)
    await store.close()


async def test_every_table_of_one_book_is_written_out_to_the_digit(empty_url: str, tmp_path: Path) -> None:
    await a_book(empty_url)
    await a_book(empty_url, Identity("other", "paper", "binance", "local"), days=12)
    heard: list[str] = []
    made = await export(empty_url, MAIN, tmp_path / "out", told=lambda table, _rows: heard.append(table))
    assert sorted(f"{name}.parquet" for name in made) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert set(heard) == {table.name for table in TABLES}
    assert (made["decisions"], made["orders"], made["fills"]) == (DAYS, DAYS // 10, DAYS // 10)
    assert column(tmp_path / "out" / "fills.parquet", "qty") == ["-0.06"] * (DAYS // 10)
    assert column(tmp_path / "out" / "decisions.parquet", "at")[0] == JANUARY

    some = await export(empty_url, MAIN, tmp_path / "some", since=JANUARY + timedelta(days=90))
    assert some["decisions"] == 10
    with pytest.raises(StoreError, match=r"decisions\.parquet is there already"):
        await export(empty_url, MAIN, tmp_path / "out")


async def test_a_book_that_is_not_there_is_told(empty_url: str, tmp_path: Path) -> None:
    await a_book(empty_url, days=1)
    with pytest.raises(StoreRefused, match="holds nothing of portfolio 'nobody'"):
        await export(empty_url, Identity("nobody", "paper", "binance", "local"), tmp_path / "out")
    with pytest.raises(StoreRefused, match="holds nothing of portfolio 'nobody'"):
        await compact(empty_url, Identity("nobody", "paper", "binance", "local"), tmp_path, SPAN, HandClock())
