"""Medians known ahead are those that an engine gathers hour by hour."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.usual import Usual
from bot.core.instruments import spot_symbol, swap_symbol
from bot.core.numbers import from_milliseconds
from bot.engine.medians import Medians
from bot.engine.observe import in_turn
from bot.venues.simulated.tape import TapeScene
from tests.unit.backtest.tapes import BEGUN, HOUR_MS, tape
from tests.unit.engine.world import FakeAlerts

WITHIN = Decimal("0.005")
FEW = {"BTC": 31_234.5, "DOGE": 0.0123}
MANY = {f"C{number:02}": 10.0 + number for number in range(14)}  # more books than an hour reads


@pytest.mark.parametrize("first", [FEW, MANY])
async def test_what_is_told_of_an_hour_is_what_was_sampled_by_then(tmp_path: Path, first: dict[str, float]) -> None:
    scene = TapeScene(tape(tmp_path, hours=24 * 12, volatility=0.02, first=first))
    names = sorted(name for coin in first for name in (spot_symbol(coin, "USDT"), swap_symbol(coin, "USDT")))
    begun_ms = int((BEGUN + timedelta(hours=31)).timestamp() * 1000)
    times = begun_ms + np.arange(24 * 10, dtype=np.int64) * HOUR_MS
    columns = {name: found for name in names if (found := scene.columns(name, times, WITHIN)) is not None}
    usual, told, sampled = Usual(columns, times), Medians(None, FakeAlerts()), Medians(None, FakeAlerts())
    least = {name: usual.least_spread(name) for name in names}
    for row, time_ms in enumerate(times.tolist()):
        at = from_milliseconds(time_ms)
        books = {name: scene.book(name, at) for name in in_turn(names, at)}
        await sampled.sample(at, {name: book for name, book in books.items() if book is not None}, WITHIN)
        assert sorted(name for name, book in books.items() if book) == sorted(usual.read_at(row))
        if row % 29 == 0 or row == len(times) - 1:
            usual.tell(told, row)
            assert [told.of(name) for name in names] == [sampled.of(name) for name in names]
            assert not await told.due(at)
        for name in names:
            spread = sampled.of(name)[0]
            assert spread is None or float(least[name][row]) <= float(spread)
