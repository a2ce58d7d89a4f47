"""The tour tells its story for every seed: what the market looks like at the start, and what happens afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from bot.core.assessment import Readings, Trend
from bot.core.numbers import milliseconds
from bot.core.policy import Signals
from bot.core.readings.parameters import parameters
from bot.core.readings.table import row, table
from bot.venues.simulated.generated import START, GeneratedScene, make_scene, tour
from bot.venues.simulated.market import COINS
from bot.venues.simulated.tour import ACT_DAYS, ACTS, DETOURS, HISTORY_DAYS, LAST_DAY, STORIES

SEEDS = (7, 1, 2, 3)
UP = {Trend.STRONG_UP, Trend.WEAKENING_UP, Trend.RANGE}
ASKED = parameters(Signals(), Decimal(1), timedelta(days=14), timedelta(days=30))
SCENES = {seed: tour(seed) for seed in SEEDS}


def on_day(day: float) -> datetime:
    return START + timedelta(days=day)


def close(scene: GeneratedScene, coin: str, day: float) -> float:
    price = scene.price(f"{coin}/USDT", on_day(day))
    assert price is not None
    return float(price)


def daily_closes(scene: GeneratedScene, coin: str, at: datetime) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    bars = scene.candles(f"{coin}/USDT", "1d", 0, 2_000, at)
    closes = bars[bars[:, 0] + 86_400_000 <= milliseconds(at), 4]
    return np.asarray(closes, dtype=np.float64).ravel()


def readings(scene: GeneratedScene, coin: str, at: datetime) -> Readings:
    at_ms = milliseconds(at)
    signal = scene.candles(f"{coin}/USDT", "4h", 0, 5_000, at)
    regime = scene.candles(f"{coin}/USDT", "1d", 0, 5_000, at)
    closed = signal[signal[:, 0] + 4 * 3_600_000 <= at_ms], regime[regime[:, 0] + 86_400_000 <= at_ms]
    return row(table(*closed, ASKED), at_ms)


@pytest.fixture(params=SEEDS)
def scene(request: pytest.FixtureRequest) -> GeneratedScene:
    return SCENES[request.param]


def test_bitcoin_is_overweight_and_may_be_trimmed_at_the_start(scene: GeneratedScene) -> None:
    bitcoin = 0.6 * close(scene, "BTC", 0)
    assert bitcoin / (bitcoin + 40_000) > 0.24 + 2 * 0.05
    for hour in (0, 4, 8, 12):
        assert readings(scene, "BTC", START + timedelta(hours=hour)).trend in {Trend.WEAKENING_UP, Trend.RANGE}


def test_several_laggards_may_be_added_in_the_first_hours(scene: GeneratedScene) -> None:
    for coin in ("ETH", "SOL", "BNB", "DOGE", "LINK"):
        assert readings(scene, coin, START).trend in UP
    addable = [readings(scene, coin, START) for coin in ("ETH", "SOL", "BNB", "DOGE", "LINK")]
    assert sum(not read.overextended and not read.parabolic for read in addable) >= 3


def test_one_coin_falls_like_a_knife(scene: GeneratedScene) -> None:
    trends = [readings(scene, "XRP", START + timedelta(hours=hour)).trend for hour in (0, 12, 24, 48)]
    assert Trend.STRONG_DOWN in trends
    assert not UP & set(trends)


def test_the_regime_is_no_bear_at_the_start_and_nothing_alarms(scene: GeneratedScene) -> None:
    closes = daily_closes(scene, "BTC", START)
    assert closes[-1] > closes[-200:].mean()
    assert closes[-50:].mean() > closes[-200:].mean()
    moves = np.diff(np.log(np.column_stack([daily_closes(scene, coin, START) for coin in ("BTC", "ETH")])), axis=0)
    assert np.corrcoef(moves[-30:, 0], moves[-30:, 1])[0, 1] < 0.85
    recent = [moves[end - 20 : end, 0].std() for end in range(len(moves) - 180, len(moves) + 1)]
    assert recent[-1] / np.median(recent) < 1.75
    dominance = [float(value) for _, value in scene.feeds(START).dominance or ()]
    assert abs(dominance[-1] - dominance[-8]) < 3


def test_hours_go_back_300_days_and_days_800(scene: GeneratedScene) -> None:
    hours = scene.candles("ETH/USDT", "1h", 0, 10_000, START)
    days = scene.candles("ETH/USDT", "1d", 0, 10_000, START)
    assert len(hours) == 300 * 24 + 1
    assert len(days) == 800 + 1
    assert np.array_equal(days[1:, 1], days[:-1, 4])
    assert hours[0, 1] == days[500, 1]


def test_bitcoin_rallies_and_tires(scene: GeneratedScene) -> None:
    assert close(scene, "BTC", 10) / close(scene, "BTC", 3) > 1.08
    assert abs(close(scene, "BTC", 16) / close(scene, "BTC", 11) - 1) < 0.10
    assert any(readings(scene, "BTC", on_day(day)).exhausted for day in np.arange(5, 14, 1 / 6))


def test_dogecoin_triples_in_a_fortnight(scene: GeneratedScene) -> None:
    assert 2.3 < close(scene, "DOGE", 18) / close(scene, "DOGE", 4) < 4
    assert any(readings(scene, "DOGE", on_day(day)).parabolic for day in (16, 17, 17.9))


def test_the_crash_takes_a_third_in_eighteen_hours_with_volume_through_thin_books(scene: GeneratedScene) -> None:
    fall = close(scene, "BTC", 18.75) / close(scene, "BTC", 18) - 1
    assert -0.46 < fall < -0.24
    calm, crash = scene.book("BTC/USDT", on_day(1)), scene.book("BTC/USDT", on_day(18.4))
    assert calm is not None
    assert crash is not None
    spreads = [book.asks[0][0] / book.bids[0][0] - 1 for book in (calm, crash)]
    assert 4 < spreads[1] / spreads[0] < 6
    depths = [sum(price * amount for price, amount in book.bids[:20]) for book in (calm, crash)]
    assert Decimal("0.15") < depths[1] / depths[0] < Decimal("0.25")
    volume = [scene.quote_volume("BTC/USDT", on_day(day)) for day in (17.75, 18.75)]
    assert volume[1] > 3 * volume[0]


def test_after_the_crash_everything_moves_as_one(scene: GeneratedScene) -> None:
    hours = np.column_stack(
        [scene.candles(f"{coin}/USDT", "1h", milliseconds(on_day(18.75)), 54, on_day(21))[:, 4] for coin in STORIES]
    )
    together = np.corrcoef(np.diff(np.log(hours), axis=0).T)
    assert together[np.triu_indices(len(STORIES), 1)].mean() > 0.9


def test_the_drought_dries_books_and_volume(scene: GeneratedScene) -> None:
    before = scene.quote_volume("SOL/USDT", on_day(17))
    assert scene.quote_volume("SOL/USDT", on_day(23)) < before * Decimal("0.4")


def test_first_shorts_pay_then_longs_pay_a_lot(scene: GeneratedScene) -> None:
    squeeze = [rate for _, rate in scene.settled("BTC/USDT:USDT", on_day(3), on_day(6))]
    frenzy = [rate for _, rate in scene.settled("BTC/USDT:USDT", on_day(12.4), on_day(18))]
    calm = [rate for _, rate in scene.settled("BTC/USDT:USDT", on_day(-90), on_day(0))]
    assert len(calm) == 270
    assert max(squeeze) < Decimal("-0.0004")
    assert min(frenzy) > Decimal("0.001")
    assert all(Decimal(0) < rate < Decimal("0.0002") for rate in calm)


def test_the_bear_turns_the_long_averages(scene: GeneratedScene) -> None:
    closes = daily_closes(scene, "BTC", on_day(40))
    assert closes[-1] < closes[-200:].mean()
    assert closes[-50:].mean() < closes[-200:].mean()
    assert closes[-1] < 0.65 * closes[-365:].max()
    assert close(scene, "BTC", 44) > 1.08 * close(scene, "BTC", 40)


def test_sentiment_and_dominance_fit_the_story(scene: GeneratedScene) -> None:
    def market(day: float) -> Decimal:
        told = scene.feeds(on_day(day)).sentiment
        assert told is not None
        return Decimal(told["market"][-1][1])

    assert market(11) > 60
    assert market(19) < 20
    told = scene.feeds(on_day(17.9)).sentiment
    assert told is not None
    assert told["narratives"][-1][1] >= 80


def test_feeds_tell_nothing_of_the_future(scene: GeneratedScene) -> None:
    at = on_day(4.3)
    feeds = scene.feeds(at)
    assert feeds.dominance is not None
    assert max(ms for ms, _ in feeds.dominance) <= milliseconds(at)
    assert milliseconds(at) - feeds.dominance[-1][0] < 3_600_000


def test_events_are_announced_before_they_come() -> None:
    events = SCENES[7].feeds(on_day(2)).macro or ()
    assert [(event.start - START, event.impact) for event in events] == [(timedelta(days=9, hours=18), "high")]


def test_money_comes_once_and_goes_once() -> None:
    flows = SCENES[7].flows(START, on_day(60))
    assert [(flow.kind, flow.asset, flow.amount) for flow in flows] == [
        ("deposit", "USDT", Decimal(8_000)),
        ("withdrawal", "USDT", Decimal(-4_000)),
        ("deposit", "BTC", Decimal("0.42")),
        ("withdrawal", "BTC", Decimal("-0.06")),
    ]
    assert flows[0].at > START + timedelta(hours=50)
    assert SCENES[7].flows(flows[0].at, on_day(20)) == []
    assert SCENES[7].flows(START, flows[0].at) == [flows[0]]


def test_after_the_acts_the_market_walks_on(scene: GeneratedScene) -> None:
    closes = daily_closes(scene, "ETH", on_day(400))
    assert len(closes) == 1_200
    assert np.abs(np.diff(np.log(closes[-300:]))).mean() > 0.005


def test_every_coin_has_a_story_that_passes_its_price_at_the_start() -> None:
    assert {coin.name for coin in COINS} == set(STORIES)
    for past, future in STORIES.values():
        assert (len(past), len(future)) == (len(HISTORY_DAYS), len(ACT_DAYS))
        assert past[-1] == 1
    assert max(act.ends for act in ACTS) == LAST_DAY == ACT_DAYS[-1]


def test_the_start_is_the_same_for_all_and_a_given_one_is_taken_to_its_midnight() -> None:
    assert {scene.start for scene in SCENES.values()} == {START}
    moved = make_scene("tour", 7, start=datetime(2030, 6, 1, 13, tzinfo=UTC))
    assert moved.start == datetime(2030, 6, 1, tzinfo=UTC)
    assert moved.price("BTC/USDT", moved.start) == SCENES[7].price("BTC/USDT", START)
    assert moved.end is None


def test_a_scenario_nobody_wrote_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"local\.scenario: 'moon'.*tour or random"):
        make_scene("moon", 7)


def test_a_symbol_or_an_instant_without_a_market_has_nothing() -> None:
    scene = SCENES[7]
    for symbol, at in (("PEPE/USDT", START), ("BTC/EUR", START), ("BTC/USDT", on_day(-801))):
        assert scene.price(symbol, at) is None
        assert scene.book(symbol, at) is None
        assert scene.extremes(symbol, at - timedelta(hours=1), at) is None
        assert scene.funding(symbol, at) is None
        assert scene.settled(symbol, at - timedelta(days=1), at) == ()
        assert scene.candles(symbol, "1d", 0, 10, at).shape == (0, 6)
        assert scene.quote_volume(symbol, at) == 0
    assert scene.funding("BTC/USDT", START) is None
    with pytest.raises(ValueError, match="timeframe '7h'"):
        scene.candles("BTC/USDT", "7h", 0, 10, START)


def test_litecoin_slips_twice_and_comes_back(scene: GeneratedScene) -> None:
    assert 0.68 < close(scene, "LTC", 1.9) / close(scene, "LTC", 1.2) < 0.88
    assert 0.72 < close(scene, "LTC", 4.0) / close(scene, "LTC", 3.2) < 0.90
    assert close(scene, "LTC", 8) / close(scene, "BTC", 8) > 0.85 * close(scene, "LTC", 0) / close(scene, "BTC", 0)


def test_avalanche_is_left_behind_and_the_crash_passes_it_by(scene: GeneratedScene) -> None:
    assert close(scene, "AVAX", 14.5) / close(scene, "AVAX", 9) < 0.75
    fallen = {coin: close(scene, coin, 18.75) / close(scene, coin, 18) for coin in ("AVAX", "BTC")}
    assert fallen["AVAX"] > fallen["BTC"] + 0.15


def test_a_detour_ends_where_it_began() -> None:
    for coin, way in DETOURS.items():
        assert coin in STORIES
        days, multiples = zip(*way, strict=True)
        assert list(days) == sorted(set(days))
        assert 0 <= days[0] < days[-1] <= LAST_DAY
        assert (multiples[0], multiples[-1]) == (1, 1)
