from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.run import run
from bot.backtest.tally import Tally
from bot.ports.store import Identity
from bot.store.memory import MemoryDatabase, MemoryRecord
from bot.wiring_past import past
from tests.unit.backtest.tapes import settings, tape
from tests.unit.backtest.test_past import DAYS, span


async def test_a_record_told_again_gives_the_curve_and_the_trades_of_the_run(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS)
    job = await past(settings(), span(folder), name="tested")
    result = await run(job)
    told = Tally("USDT")
    for row in reversed(await job.parts.record.decisions(1_000)):
        told.take_body(json.loads(row.plan_json))
    again = await told.result(job.parts.record, name="tested", config={})
    assert again.trades == result.trades
    assert np.allclose(again.curve.equity, result.curve.equity)
    for word in ("price", "spot", "futures", "target", "low", "high"):
        assert np.allclose(getattr(again.curve, word), getattr(result.curve, word), equal_nan=True), word


async def test_a_refusal_repeated_is_counted_and_not_told_again(tmp_path: Path) -> None:
    job = await past(settings(), span(tape(tmp_path, hours=24 * DAYS)), name="tested")
    result = await run(job)
    counts = result.counts
    assert counts["repeats"] > 0
    assert counts["decisions"] == len(result.decisions) + counts["repeats"] + counts.get("holds", 0)
    acted = sum(len(body["actions"]) for body in result.decisions)
    assert acted == sum(count for name, count in counts.items() if name.startswith("actions."))


async def test_nothing_decided_is_nothing_to_tell() -> None:
    record = MemoryRecord(MemoryDatabase(), Identity("main", "paper", "binance", "local"))
    with pytest.raises(ValueError, match="no decision was made"):
        await Tally("USDT").result(record, name="tested", config={})
