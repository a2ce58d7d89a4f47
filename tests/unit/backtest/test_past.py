from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.result import Result
from bot.backtest.run import run
from bot.ports.errors import StoreRefused
from bot.ports.venue import Gap
from bot.settings import Settings
from bot.venues.simulated.recordings import TapeError
from bot.wiring_past import SAME_PRICES, Span, past
from tests.unit.backtest.tapes import BEGUN, CONFIG, FIRST, bars, closes, settings, tape, write_candles

DAYS = 20
NO_BAND = "{points: null, relative: null}"


def span(folder: Path, *, first_day: int = 15, days: float = 2.0, cycle: timedelta | None = None) -> Span:
    since = BEGUN + timedelta(days=first_day)
    return Span(folder, since, since + timedelta(days=days), cycle)


async def played(folder: Path, asked: Settings | None = None, **over: float) -> Result:
    within = span(folder, **over)  # type: ignore[arg-type]
    return await run(await past(asked or settings(), within, name="tested"))


async def test_a_run_decides_once_an_hour_from_its_first_instant_to_before_its_last(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    job = await past(settings(), span(tape(tmp_path, hours=24 * DAYS)), name="tested")
    result = await run(job, told=lambda done, whole: heard.append((done, whole)))
    assert len(result.curve) == 48
    assert result.since == BEGUN + timedelta(days=15)
    assert result.until == BEGUN + timedelta(days=17, hours=-1)
    assert heard[0] == (0, 48)
    assert heard[-1] == (48, 48)


async def test_an_account_in_cash_is_brought_towards_its_targets_and_pays_for_it(tmp_path: Path) -> None:
    result = await played(tape(tmp_path, hours=24 * DAYS), days=4)
    assert {trade.asset for trade in result.trades} == set(FIRST)
    assert all(trade.fee and trade.fee > 0 and trade.rule and trade.reference is not None for trade in result.trades)
    assert result.counts["orders.filled"] == len({(trade.decision_id, trade.action_id) for trade in result.trades})
    assert result.curve.net[-1].sum() > 0.4
    assert result.curve.net[0].sum() == 0


async def test_the_same_past_gives_the_same_result_twice(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS)
    first, second = await played(folder), await played(folder)
    assert first.decisions == second.decisions
    assert first.trades == second.trades


async def test_what_comes_later_changes_no_decision_made_before(tmp_path: Path) -> None:
    folder = tape(tmp_path / "as it was", hours=24 * DAYS)
    other = tape(tmp_path / "otherwise", hours=24 * DAYS)
    until = (15 + 2) * 24
    for number, (coin, price) in enumerate(FIRST.items()):
        path = closes(price, 24 * DAYS, 100 + number)
        path[until:] *= np.linspace(1.0, 3.0 - number, len(path) - until)
        rows = bars(path)
        rows[until:, 5] *= 7
        write_candles(other, coin, rows)
    before = await played(folder, days=4)
    after = await played(other, days=4)
    at = BEGUN + timedelta(days=17)
    early = [body for body in before.decisions if body["at"] < at.isoformat()]
    assert len(early) > 10
    assert early == [body for body in after.decisions if body["at"] < at.isoformat()]
    assert before.decisions[len(early) :] != after.decisions[len(early) :]


async def test_prices_recorded_by_the_hour_are_decided_on_by_the_hour_unless_asked_otherwise(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS)
    often = settings(CYCLE="10m")
    hourly = await run(await past(often, span(folder, days=0.5), name="hourly"))
    asked = await run(await past(often, span(folder, days=0.5, cycle=timedelta(minutes=10)), name="asked"))
    assert (len(hourly.curve), len(asked.curve)) == (12, 72)
    assert any("decided every 60 min, not every 10" in note for note in hourly.notes)
    assert not any("decided every" in note for note in asked.notes)


async def test_an_order_that_rests_is_cancelled_on_the_way_to_the_next_decision(tmp_path: Path) -> None:
    job = await past(settings(), span(tape(tmp_path, hours=24 * DAYS)), name="tested")
    result = await run(job)
    states = [event async for event in job.parts.record.events() if event.kind == "order.state"]
    rested = [event.at for event in states if event.body["state"] == "cancelled"]
    assert result.counts["orders.cancelled"] == len(rested) > 0
    assert {(at.minute, at.second) for at in rested} == {(1, 0)}


async def test_a_new_database_keeps_the_record_and_one_with_decisions_is_refused(tmp_path: Path) -> None:
    folder = tape(tmp_path / "tape", hours=24 * DAYS)
    url = f"sqlite+aiosqlite:///{tmp_path}/record.db"
    kept = await run(await past(settings(), span(folder, days=0.5), name="kept", record_url=url))
    plain = await played(folder, days=0.5)
    assert kept.decisions == plain.decisions
    assert kept.trades == plain.trades
    with pytest.raises(StoreRefused, match="must be a new database"):
        await past(settings(), span(folder), name="again", record_url=url)


async def test_what_was_not_recorded_is_named(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS, first={"BTC": 30_000.0, "ETH": 1_000.0})
    (folder / "funding.csv").unlink()
    notes = (await past(settings(), span(folder), name="tested")).notes
    assert SAME_PRICES in notes
    assert "not recorded, so without a price: SOL" in notes
    assert any(note.startswith("no funding recorded") and note.endswith("BTC, ETH") for note in notes)


async def test_an_end_outside_the_recordings_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS)
    late = replace(span(folder), until=BEGUN + timedelta(days=DAYS + 1))
    with pytest.raises(TapeError, match=r"--to: 2021-01-22T00:00:00Z must be after .* no later than 2021-01-21"):
        await past(settings(), late, name="tested")


async def test_without_a_trigger_nothing_is_traded_and_equity_stands(tmp_path: Path) -> None:
    idle = settings(f"{CONFIG}triggers: {{band: {NO_BAND}, sleeve_band: {NO_BAND}, trend: false}}\n")
    result = await played(tape(tmp_path, hours=24 * DAYS), idle)
    assert result.trades == ()
    assert set(result.curve.equity.tolist()) == {100_000.0}


@pytest.mark.parametrize("style", ["taker", "maker-then-taker"])
async def test_fills_and_fees_add_up_to_what_the_account_holds_to_the_last_unit(tmp_path: Path, style: str) -> None:
    asked = settings(f"{CONFIG}execution: {{style: {style}}}\n")
    job = await past(asked, span(tape(tmp_path, hours=24 * DAYS), days=3), name="tested")
    result = await run(job)
    held = {"USDT": Decimal(100_000), **dict.fromkeys(FIRST, Decimal(0))}
    fills = await job.parts.record.fills()
    for fill in fills:
        held[fill["asset"]] += fill["qty"]
        held["USDT"] -= fill["qty"] * fill["price"]
        held[fill["fee_asset"]] -= fill["fee"]
    assert len(fills) == len(result.trades) > 10
    assert {fill["fee_asset"] for fill in fills if fill["qty"] > 0} == set(FIRST)
    balances = await job.parts.account.balances()
    assert not isinstance(balances, Gap)
    assert {item.asset: item.total for item in balances if item.total} == held
    last = result.curve
    worth = float(held["USDT"]) + sum(
        float(held[asset]) * last.price[-1][number] for number, asset in enumerate(last.assets)
    )
    assert last.equity[-1] == pytest.approx(worth, rel=1e-12) or result.trades[-1].at == result.until
