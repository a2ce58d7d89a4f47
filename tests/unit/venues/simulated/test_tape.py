"""The tape: what was recorded is played as it was, and what was not recorded stays unknown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa  # noqa: TID253 - a test writes tapes
import pyarrow.csv as pa_csv  # noqa: TID253
import pyarrow.parquet as pa_parquet  # noqa: TID253
import pytest

from bot.core.numbers import milliseconds
from bot.venues.simulated.generated import make_scene
from bot.venues.simulated.recordings import TapeError
from bot.venues.simulated.tape import TapeScene

FIRST = datetime(2021, 5, 10, tzinfo=UTC)
START = FIRST + timedelta(days=2)
HOURS = 96
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
Bar = tuple[float, float, float, float, float]


def after(hours: float) -> datetime:
    return FIRST + timedelta(hours=hours)


def rising(hour: int) -> Bar:
    """Opens at 50000 + 10 an hour; low 30 under, high 40 over, closes 20 over its open; 100 coins."""
    opened = 50_000.0 + 10 * hour
    return opened, opened + 40, opened - 30, opened + 20, 100.0


def a_table(hours: Sequence[int], bars: Sequence[Bar] | None = None) -> pa.Table:
    rows = [rising(hour) for hour in hours] if bars is None else bars
    columns = dict(zip(("open", "high", "low", "close", "volume"), map(list, zip(*rows, strict=True)), strict=True))
    return pa.table({"ts": [milliseconds(after(hour)) for hour in hours], **columns})


def a_tape(
    folder: Path, *, hours: Sequence[int] = range(HOURS), bars: Sequence[Bar] | None = None, name: str = "BTCUSDT"
) -> Path:
    folder.mkdir(exist_ok=True)
    pa_parquet.write_table(a_table(hours, bars), folder / f"{name}.parquet")
    return folder


def a_funding(path: Path, rates: dict[int, float], symbol: str = "BTCUSDT") -> None:
    path.parent.mkdir(exist_ok=True)
    times = [milliseconds(after(hour)) for hour in rates]
    columns = {"ts": times, "symbol": [symbol] * len(times), "funding_rate": list(rates.values())}
    pa_parquet.write_table(pa.table(columns), path)


def a_scene(tmp_path: Path, **tape: object) -> TapeScene:
    return TapeScene(a_tape(tmp_path / "tape", **tape), START)  # type: ignore[arg-type]


def test_an_hour_goes_from_open_over_low_and_high_to_close(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    prices = [scene.price(SPOT, after(60 + minutes / 60)) for minutes in (0, 10, 20, 30, 40, 50, 60)]
    assert prices == [Decimal(price) for price in (50600, 50585, 50570, 50605, 50640, 50630, 50610)]


def test_a_falling_hour_meets_its_high_first(tmp_path: Path) -> None:
    scene = a_scene(tmp_path, bars=[(100, 110, 90, 95, 1)] * HOURS)
    assert [scene.price(SPOT, after(minutes / 60)) for minutes in (0, 20, 40)] == [100, 110, 90]


def test_spot_and_perpetual_trade_at_the_same_price(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    assert scene.price(SPOT, after(50.3)) == scene.price(SWAP, after(50.3)) is not None
    assert np.array_equal(scene.candles(SPOT, "1h", 0, 9, START), scene.candles(SWAP, "1h", 0, 9, START))


def test_extremes_miss_no_high_and_no_low(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    assert scene.extremes(SPOT, after(60), after(61)) == (Decimal(50570), Decimal(50640))
    assert scene.extremes(SPOT, after(60.1), after(60.2)) == (Decimal(50582), Decimal(50591))
    assert scene.extremes(SPOT, after(10), after(20)) == (Decimal(50070), Decimal(50230))
    assert scene.extremes(SPOT, after(60), after(60)) is None


def test_the_last_price_counts_for_two_hours_of_a_gap_and_then_there_is_none(tmp_path: Path) -> None:
    scene = a_scene(tmp_path, hours=[*range(50), *range(60, 70)])
    assert scene.price(SPOT, after(51.9)) == scene.price(SPOT, after(52)) == Decimal(50510)
    for hour in (52.01, 59.9):
        assert scene.price(SPOT, after(hour)) is None
        assert scene.book(SPOT, after(hour)) is None
    assert scene.price(SPOT, after(60)) == Decimal(50600)
    assert scene.extremes(SPOT, after(53), after(55)) is None
    assert scene.extremes(SPOT, after(53), after(61)) == (Decimal(50570), Decimal(50640))


def test_gaps_are_gaps_in_the_candles(tmp_path: Path) -> None:
    scene = a_scene(tmp_path, hours=[*range(50), *range(60, 70)])
    hours = scene.candles(SPOT, "1h", milliseconds(after(48)), 10, after(62.5))
    assert [(row - milliseconds(FIRST)) / 3_600_000 for row in hours[:, 0]] == [48, 49, 60, 61, 62]
    fours = scene.candles(SPOT, "4h", milliseconds(after(44)), 10, after(62.5))
    assert [(row - milliseconds(FIRST)) / 3_600_000 for row in fours[:, 0]] == [44, 48, 60]
    assert fours[1, 5] == 200


def test_bars_before_the_start_are_history_and_none_lies_ahead(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    bars = scene.candles(SPOT, "1h", 0, 1_000, START)
    assert len(bars) == 49
    assert bars[-1].tolist() == [milliseconds(START), 50480, 50480, 50480, 50480, 0]
    assert scene.candles(SPOT, "1d", 0, 1_000, START - timedelta(milliseconds=1))[-1, 0] == milliseconds(after(24))


def test_the_running_bar_shows_what_has_happened_only(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    bar = scene.candles(SPOT, "4h", milliseconds(after(60)), 1, after(61 + 1 / 3))[0]
    assert bar.tolist() == [milliseconds(after(60)), 50600, 50640, 50570, 50580, pytest.approx(100 + 100 / 3)]
    done = scene.candles(SPOT, "4h", milliseconds(after(60)), 1, after(64))[0]
    assert done.tolist() == [milliseconds(after(60)), 50600, 50670, 50570, 50650, 400]


def test_candles_heed_since_and_limit(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    bars = scene.candles(SPOT, "1h", milliseconds(after(10)) + 1, 3, START)
    assert [(row - milliseconds(FIRST)) / 3_600_000 for row in bars[:, 0]] == [11, 12, 13]
    assert len(scene.candles(SPOT, "1h", 0, 0, START)) == 0
    with pytest.raises(ValueError, match="'15m': the tape is hourly"):
        scene.candles(SPOT, "15m", 0, 10, START)


def test_what_is_served_cannot_be_scribbled_on(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    scene.candles(SPOT, "1h", 0, 5, START)[:, 4] = 0
    assert scene.candles(SPOT, "1h", 0, 5, START)[0, 4] == 50_020


def test_depth_is_a_share_of_the_turnover_and_thin_coins_have_wide_books(tmp_path: Path) -> None:
    folder = a_tape(tmp_path / "tape")
    a_tape(folder, name="XYZUSDT", bars=[(10, 11, 9, 10, 4_000)] * HOURS)
    scene = TapeScene(folder, START)
    assert scene.quote_volume(SPOT, START) == pytest.approx(Decimal(24 * 100 * 50_365), rel=Decimal("0.001"))
    deep, thin = scene.book(SPOT, START), scene.book("XYZ/USDT", START)
    assert deep is not None
    assert thin is not None
    for made, volume in ((deep, scene.quote_volume(SPOT, START)), (thin, scene.quote_volume("XYZ/USDT", START))):
        resting = sum(price * amount for price, amount in made.bids[:20])
        assert resting == pytest.approx(volume / 1_000, rel=Decimal("0.01"))
    spreads = [made.asks[0][0] / made.bids[0][0] - 1 for made in (deep, thin)]
    assert spreads[0] < Decimal("0.0003")
    assert spreads[1] > Decimal("0.001")


def test_steps_and_ticks_follow_the_prices(tmp_path: Path) -> None:
    folder = a_tape(tmp_path / "tape")
    a_tape(folder, name="DOGEUSDT", bars=[(0.05, 0.051, 0.049, 0.05, 1e6)] * HOURS)
    listed = TapeScene(folder, START).markets()
    assert set(listed) == {SPOT, SWAP, "DOGE/USDT", "DOGE/USDT:USDT"}
    assert (listed[SPOT].tick, listed[SPOT].step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (listed["DOGE/USDT"].tick, listed["DOGE/USDT"].step) == (Decimal("1e-8"), Decimal(1))
    assert listed[SPOT].maintenance_rate is None
    assert listed[SWAP].maintenance_rate == Decimal("0.0065")


def test_funding_that_was_not_recorded_is_unknown(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    assert scene.funding(SWAP, START) is None
    assert scene.settled(SWAP, FIRST, START) == ()


@pytest.mark.parametrize("place", ["tape/funding.parquet", "tape/funding/any.parquet", "funding/venue_BTC.parquet"])
def test_recorded_funding_is_found_and_the_next_rate_is_not_foreseen(tmp_path: Path, place: str) -> None:
    (tmp_path / "tape").mkdir()
    a_funding(tmp_path / place, {32: 0.0001, 40: -0.00025, 48: 0.0003})
    scene = a_scene(tmp_path)
    known = scene.funding(SWAP, after(41))
    assert known is not None
    assert (known.rate, known.predicted) == (Decimal("-0.00025"), Decimal("-0.00025"))
    assert (known.next_at, known.interval_hours) == (after(48), Decimal(8))
    assert scene.settled(SWAP, after(32), after(48)) == [
        (after(40), Decimal("-0.00025")),
        (after(48), Decimal("0.00030000")),
    ]
    assert scene.funding(SPOT, after(41)) is None
    assert scene.funding(SWAP, after(31)) is None
    assert scene.funding(SWAP, after(48 + 13)) is None


def test_of_several_venues_the_first_that_knows_the_coin_is_heard_and_a_hole_is_no_interval(tmp_path: Path) -> None:
    a_funding(tmp_path / "funding" / "alpha_BTC.parquet", {8: 0.1, 48: 0.2})
    a_funding(tmp_path / "funding" / "alpha_more.parquet", {16: 0.3})
    a_funding(tmp_path / "funding" / "beta_BTC.parquet", {24: 0.9})
    scene = a_scene(tmp_path)
    assert scene.settled(SWAP, FIRST, after(60)) == [
        (after(8), Decimal("0.1")),
        (after(16), Decimal("0.3")),
        (after(48), Decimal("0.2")),
    ]
    assert scene.funding(SWAP, after(30)) is None
    known = scene.funding(SWAP, after(49))
    assert known is not None
    assert known.interval_hours == 8


def test_csv_plays_like_parquet(tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    pa_csv.write_csv(a_table(range(HOURS)), tmp_path / "csv" / "BTCUSDT.csv")
    parquet, csv = a_scene(tmp_path), TapeScene(tmp_path / "csv", START)
    assert np.array_equal(parquet.candles(SPOT, "1h", 0, 99, START), csv.candles(SPOT, "1h", 0, 99, START))


def test_a_tape_ends_with_its_last_bar_and_starts_where_told(tmp_path: Path) -> None:
    folder = a_tape(tmp_path / "tape")
    assert TapeScene(folder, "2021-05-12").start == START == TapeScene(folder, START.replace(tzinfo=None)).start
    assert TapeScene(folder).start == after(HOURS / 2)
    assert TapeScene(folder).end == after(HOURS)
    assert TapeScene(folder, START).price(SPOT, after(HOURS + 2.1)) is None
    assert make_scene("tour", 7, folder, START).start == START


@pytest.mark.parametrize("start", ["2021-05-09", "2021-05-14", "2030-01-01T00:00:00Z"])
def test_a_start_outside_the_tape_is_refused_with_what_there_is(tmp_path: Path, start: str) -> None:
    with pytest.raises(TapeError, match=r"outside the tape.*2021-05-10T00:00:00Z to 2021-05-14T00:00:00Z"):
        TapeScene(a_tape(tmp_path / "tape"), start)


def test_a_start_that_is_no_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="'yesterday' is no date"):
        TapeScene(a_tape(tmp_path / "tape"), "yesterday")


@pytest.mark.parametrize(
    ("bar", "said"),
    [
        ((100, float("nan"), 90, 95, 1), "column high, row 2: is missing or not finite"),
        ((100, 110, -1, 95, 1), "2021-05-10T01:00:00Z holds a price that is not above 0"),
        ((100, 110, 90, 95, -5), "holds a negative volume"),
        ((100, 99, 90, 95, 1), "trades outside its own high and low"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_in_one_line(tmp_path: Path, bar: Bar, said: str) -> None:
    good: Bar = (100, 110, 90, 95, 1)
    with pytest.raises(TapeError) as refused:
        a_scene(tmp_path, hours=range(3), bars=[good, bar, good])
    assert said in str(refused.value)
    assert "BTCUSDT.parquet" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_folders_and_files_that_are_no_tape_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="is no folder"):
        TapeScene(tmp_path / "nowhere")
    with pytest.raises(TapeError, match="holds no"):
        TapeScene(tmp_path)
    (tmp_path / "BTCUSDT.parquet").write_text("not parquet")
    with pytest.raises(TapeError, match="not readable as parquet"):
        TapeScene(tmp_path)
    pa_parquet.write_table(pa.table({"ts": [0], "open": [1.0]}), tmp_path / "BTCUSDT.parquet")
    with pytest.raises(TapeError, match="has no column high, low, close, volume"):
        TapeScene(tmp_path)
    a_tape(tmp_path, name="BTCUSDT")
    a_tape(tmp_path, name="candles")
    with pytest.raises(TapeError, match="the name must be a coin and USDT"):
        TapeScene(tmp_path)


def test_the_same_hour_twice_and_a_crooked_hour_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="2021-05-10T01:00:00Z the same time stands twice"):
        a_scene(tmp_path, hours=[0, 1, 1])
    table = a_table(range(3))
    crooked = table.set_column(0, "ts", pa.array([milliseconds(FIRST) + 60_000 * k for k in range(3)]))
    pa_parquet.write_table(crooked, tmp_path / "tape" / "BTCUSDT.parquet")
    with pytest.raises(TapeError, match="does not open on a full hour"):
        TapeScene(tmp_path / "tape")


# ---- the real thing ---------------------------------------------------------------------------


def test_real_recordings_load_quickly_and_play_the_crash_of_may_2021(market_data: Path) -> None:
    before = time.process_time()
    scene = TapeScene(market_data / "perp_1h", "2021-05-10")
    assert time.process_time() - before < 2
    assert len(scene.markets()) == 44
    lowest, highest = scene.extremes(SPOT, datetime(2021, 5, 19, tzinfo=UTC), datetime(2021, 5, 20, tzinfo=UTC)) or (
        0,
        0,
    )
    assert 28_000 < lowest < 30_000
    assert highest > 42_000
    known = scene.funding(SWAP, scene.start)
    assert known is not None
    assert scene.funding("XLM/USDT:USDT", scene.start) is None
    assert len(scene.settled(SWAP, scene.start, scene.start + timedelta(days=10))) == 30
    assert scene.candles("SOL/USDT", "4h", 0, 5_000, scene.start)[-1, 0] == milliseconds(scene.start)
