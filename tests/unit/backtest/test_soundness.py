from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.backtest.soundness import checked, findings
from bot.venues.simulated.recordings import TapeError
from tests.unit.backtest.tapes import HOUR_MS, bars, closes, write_candles

Rows = NDArray[np.float64]


def rows(hours: int = 48) -> Rows:
    return bars(closes(100.0, hours, 1, 0.001))


def said(of: Rows) -> dict[str, tuple[int, bool]]:
    return {item.what: (item.count, item.fatal) for item in findings(of)}


def test_sound_bars_are_left_alone() -> None:
    assert said(rows()) == {}


def test_a_gap_is_told_with_its_first_missing_hour_and_is_not_fatal() -> None:
    of = np.delete(rows(), [10, 11, 30], axis=0)
    (found,) = findings(of)
    assert found.what == "gaps, 3 hours in all, the longest 2"
    assert (found.count, found.first, found.fatal) == (2, "2021-01-01T10:00:00Z", False)


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        (0, None, "the same time twice"),
        (0, HOUR_MS / 2, "not on a full hour"),
        (3, 0.0, "a price that is not above 0"),
        (2, 1.0, "a price outside its own high and low"),
        (5, -1.0, "a negative volume"),
        (4, np.nan, "missing or not finite"),
    ],
)
def test_what_no_tape_plays_is_fatal(column: int, value: float | None, what: str) -> None:
    of = rows()
    of[20, column] = of[19, 0] if value is None else of[20, 0] + value if column == 0 else value
    assert said(of)[what] == (1, True)


def test_silence_and_leaps_are_strange_but_play() -> None:
    of = rows()
    of[5, 5] = 0
    of[20:, 1:5] *= 2
    assert said(of) == {"no volume": (1, False), "a close over 50% from the one before": (1, False)}


def test_a_folder_is_looked_at_file_by_file(tmp_path: Path) -> None:
    write_candles(tmp_path, "BTC", rows())
    broken = rows()
    broken[3, 0] = broken[2, 0]
    write_candles(tmp_path, "ETH", broken)
    (tmp_path / "SOLUSDT.csv").write_text("ts,open\n1,2\n", encoding="utf-8")
    found = {item.file: item for item in checked(tmp_path)}
    assert {name: item.sound for name, item in found.items()} == {
        "BTCUSDT.csv": True,
        "ETHUSDT.csv": False,
        "SOLUSDT.csv": False,
    }
    assert found["BTCUSDT.csv"].rows == 48
    assert "has no column high" in found["SOLUSDT.csv"].findings[0].what


def test_a_folder_without_candles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="holds no candles"):
        checked(tmp_path)
