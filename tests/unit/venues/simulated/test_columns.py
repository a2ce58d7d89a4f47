from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.core.instruments import spot_symbol, swap_symbol
from bot.core.numbers import from_milliseconds
from bot.engine.medians import spread_and_depth
from bot.venues.simulated.tape import TapeScene
from tests.unit.backtest.tapes import HOUR_MS, bars, closes, tape, write_candles

WITHIN = Decimal("0.005")
FIRST = {"BTC": 31_234.5, "ETH": 901.0, "DOGE": 0.0123, "SHIB": 0.0000071}


def hours_of(scene: TapeScene, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    start_ms = int(scene.start.timestamp() * 1000)
    return start_ms + np.arange(-48, count, dtype=np.int64) * HOUR_MS


@pytest.mark.parametrize("coin", FIRST)
@pytest.mark.parametrize("name", [spot_symbol, swap_symbol])
def test_columns_show_what_every_single_book_shows(tmp_path: Path, coin: str, name: Callable[[str, str], str]) -> None:
    scene = TapeScene(tape(tmp_path, hours=24 * 30, volatility=0.03, first=FIRST))
    symbol = name(coin, "USDT")
    times = hours_of(scene, 300)
    found = scene.columns(symbol, times, WITHIN)
    assert found is not None
    for row, time_ms in enumerate(times.tolist()):
        book = scene.book(symbol, from_milliseconds(time_ms))
        assert book is not None
        best = (book.bids[0][0], book.asks[0][0])
        assert best == tuple(Decimal(int(side[row])).scaleb(-found.tick) for side in (found.bid, found.ask))
        price, seen = scene.price(symbol, from_milliseconds(time_ms)), spread_and_depth(book, WITHIN)
        assert price == Decimal(int(found.mid[row])).scaleb(-found.tick)
        depth = Decimal(int(found.depth[row])).scaleb(-found.scale).quantize(Decimal("0.01"))
        assert seen is not None
        assert seen[1] == depth


def test_an_hour_that_was_not_recorded_has_no_quote(tmp_path: Path) -> None:
    rows = bars(closes(100.0, 24 * 30, 1))
    write_candles(tmp_path, "BTC", np.delete(rows, slice(400, 406), axis=0))
    scene = TapeScene(tmp_path)
    times = rows[:, 0].astype(np.int64)
    found = scene.columns("BTC/USDT", times, WITHIN)
    assert found is not None
    # Before the first bar nothing was traded; after the last one its close still counts for two hours.
    assert np.flatnonzero(found.bid == 0).tolist() == [0, *range(403, 406)]
    shown = [scene.book("BTC/USDT", from_milliseconds(int(time_ms))) for time_ms in times]
    assert [book is not None for book in shown] == found.known.tolist()
    assert [book.bids[0][0].scaleb(found.tick) for book in shown if book] == found.bid[found.known].tolist()
    assert scene.columns("ETH/USDT", times, WITHIN) is None


def test_a_depth_that_is_no_whole_ten_thousandth_is_refused(tmp_path: Path) -> None:
    scene = TapeScene(tape(tmp_path, hours=24 * 3))
    with pytest.raises(ValueError, match="whole ten thousandths"):
        scene.columns("BTC/USDT", hours_of(scene, 3), Decimal("0.00005"))
