from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.lived import chosen, lived
from bot.backtest.result import Result
from bot.backtest.run import run
from bot.ports.panorama import Turn
from bot.store.sql import SqlStore
from bot.store.sql.panorama import SqlPanorama
from bot.wiring_past import past
from tests.contract.store.builders import MAIN, NOON, HandClock, a_plan, a_policy, a_snapshot, an_event
from tests.unit.backtest.tapes import BEGUN, settings, tape
from tests.unit.backtest.test_past import DAYS, span


async def recorded(folder: Path) -> tuple[Result, SqlPanorama]:
    url = f"sqlite+aiosqlite:///{folder}/record.db"
    job = await past(settings(), span(tape(folder / "tape", hours=24 * DAYS)), name="tested", record_url=url)
    return await run(job), SqlPanorama(url)


async def test_a_record_tells_what_the_run_told_that_made_it(tmp_path: Path) -> None:
    result, record = await recorded(tmp_path)
    try:
        again = await lived(record, name="tested", currency="USDT", config={})
    finally:
        await record.close()
    assert again is not None
    assert again.ledger == result.ledger
    assert again.ledger is not None
    assert again.ledger.unexplained == 0
    assert again.trades == result.trades
    assert np.allclose(again.curve.equity, result.curve.equity)
    for name in ("decisions", "holds", "actions.add"):
        whole = result.counts[name] if name != "holds" else result.counts.get("holds", 0)
        assert again.counts[name] == whole


async def test_a_part_of_a_record_begins_with_what_was_held_then(tmp_path: Path) -> None:
    _, record = await recorded(tmp_path)
    first, last = BEGUN + timedelta(days=15, hours=20), BEGUN + timedelta(days=16, hours=20)
    try:
        part = await lived(record, name="tested", currency="USDT", config={}, since=first, until=last)
        none = await lived(record, name="tested", currency="USDT", config={}, since=last + timedelta(days=9))
    finally:
        await record.close()
    assert none is None
    assert part is not None
    assert (part.since, part.until, len(part.curve)) == (first, last, 25)
    assert part.ledger is not None
    assert (part.ledger.opened_at, part.ledger.closed_at) == (first, last)
    assert float(part.ledger.change) == pytest.approx(part.curve.equity[-1] - part.curve.equity[0], abs=0.02)
    assert part.ledger.unexplained == 0


async def test_the_last_decision_counts_whatever_its_microseconds(tmp_path: Path) -> None:
    url, policy = f"sqlite+aiosqlite:///{tmp_path}/record.db", a_policy()
    store = SqlStore(url, HandClock())
    await store.open(MAIN, migrate=True)
    fence = await store.lead("first", 30)
    for number, equity in enumerate(("58000.00", "57000.00")):
        at = NOON + timedelta(minutes=10 * number, microseconds=25_235)
        seen = an_event("seen", f"d{number}:seen", at=at, equity=equity, coins={}, contracts={}, prices={}, marks={})
        plan = a_plan(f"d{number}", at=at, policy=policy, equity=equity, events=[seen])
        await store.begin(f"c{number}", a_snapshot(at=at), policy, plan, [], [], fence)
    await store.close()
    record = SqlPanorama(url)
    try:
        made = await lived(record, name="tested", currency="USDT", config={})
    finally:
        await record.close()
    assert made is not None
    assert made.ledger is not None
    assert made.ledger.change == -1_000


def test_of_many_decisions_all_that_acted_are_looked_at_and_the_ends() -> None:
    turns = [
        Turn(number, f"d{number}", BEGUN, "actions" if number in (333, 334) else "hold") for number in range(1, 1_001)
    ]
    numbers = chosen(turns, 100)
    assert {1, 333, 334, 1_000} <= set(numbers)
    assert 100 <= len(numbers) <= 104
    assert numbers == sorted(numbers)
    assert chosen(turns[:1]) == [1]
