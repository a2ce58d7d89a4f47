"""Passing quiet hours changes nothing: whole decisions, fills, equity and memory are those of deciding every hour."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.result import Result
from bot.backtest.run import run
from bot.core.memory import Memory
from bot.settings import Settings, load
from bot.wiring_past import Span, past
from tests.unit.backtest.tapes import BEGUN, bars, closes, settings, tape, write_candles, write_funding

SEEDS = range(int(os.environ.get("SCREEN_SEEDS", "5")))
COINS = {"BTC": 30_000.0, "ETH": 1_000.0, "SOL": 20.0, "DOGE": 0.05, "LINK": 9.0}
DAYS = 17
LIVELY_DAYS, LIVELY_FOR = 26, int(os.environ.get("SCREEN_LIVELY", "5"))
CONFIGS = Path(__file__).parents[2] / "config"
RECORDED_DAYS = int(os.environ.get("SCREEN_DAYS", "20"))


@dataclass(frozen=True)
class Lived:
    result: Result
    memory: Memory


def drawn(rng: random.Random, *, signals: bool = False) -> str:
    """A portfolio: weights, bands, goals, calendars and narratives as they come; hedges and windows beside signals."""
    coins = rng.sample(sorted(COINS), rng.randint(2, len(COINS)))
    cut = rng.randint(1, len(coins))
    weight = rng.choice(["0.45", "0.30"])
    sleeves = {"first": coins[:cut], "rest": coins[cut:]}
    lines = []
    for name, members in sleeves.items():
        if members:
            narrative = ", narrative: true, cap: 0.5" if rng.random() < 0.3 else ""
            slots = f", calendar: {rng.choice(['daily', 'weekly'])}" if rng.random() < 0.3 else ""
            lines.append(f"    {name}: {{weight: {weight}, assets: [{', '.join(members)}]{narrative}{slots}}}")
    cash = 1 - float(weight) * len(lines)
    band = f"{{points: {rng.choice(['0.02', '0.05'])}, relative: {rng.choice(['0.1', '0.25', 'null'])}}}"
    stress = f"stress: {{enabled: {rng.choice(['true', 'false'])}, majors: [{coins[0]}, {coins[1]}]}}"
    held = f"{{USDT: {rng.choice([2_000, 100_000])}, {coins[0]}: {rng.choice(['0.5', '0.001'])}}}"
    return "\n".join([
        "mode: paper",
        f"cycle: {rng.choice(['1h', '1h', '4h'])}",
        "targets:",
        f"  stables: {{weight: {cash:.2f}, floor: {rng.choice(['0.05', '0.02'])}}}",
        "  sleeves:", *lines,
        *(_signalled(rng) if signals else ["signals: {enabled: false}"]),
        f"regime: {{index: {coins[0]}}}", stress,
        f"triggers: {{band: {band}, goal: {rng.choice(['target', 'edge', 'midpoint'])}}}",
        f"execution: {{style: {rng.choice(['taker', 'maker-then-taker'])}}}",
        f"paper: {{balances: {held}}}",
    ])  # fmt: skip


def _signalled(rng: random.Random) -> list[str]:
    """Signals, and what they let a portfolio do: readings of short spans, so that days show all of them."""
    schedule = rng.choice(["always", "[Mon-Fri 06:00-18:00]"])
    frame, period = rng.choice(["4h", "4h", "1d"]), rng.choice([3, 7])
    spans = f"averages: {{fast: 3, slow: 8}}, rsi: {{period: {period}}}"
    return [
        f"signals: {{enabled: true, timeframe: {frame}, {spans}}}",
        f"windows: {{schedule: {schedule}}}",
        f"hedge: {{enabled: {rng.choice(['true', 'true', 'false'])}}}",
        f"trim: {{spot_share: {rng.choice(['0.6', '1.0'])}, prefer: {rng.choice(['sale', 'sale', 'hedge'])}}}",
        f"spike: {{atr: {rng.choice(['1.5', '3.0'])}}}",
    ]


def lively(rng: random.Random) -> str:
    """A portfolio of any model in a market whose windows are so short that a fortnight knows regimes and alarms."""
    model = rng.choice(["fixed", "momentum", "risk-parity", "core-satellite"])
    coins = ["BTC", "ETH", "SOL", *rng.sample(["DOGE", "LINK"], rng.randint(0, 2))]
    role = ", role: core" if model == "core-satellite" else ""
    rest = "role: satellite, " if model == "core-satellite" else "narrative: true, cap: 0.4, "
    weighting = ", weighting: risk-parity" if model == "risk-parity" else ""
    history, route = rng.choice(["4d", "6d"]), rng.choice(["spot", "bridge"])
    lift = rng.choice(["true", "false"])
    stress = "correlation: 0.1, correlation_percentile: 0.5, correlation_window: 3d, funding_history: 11d, "
    stress += f"funding_zscore: {rng.choice([1, 2])}, calm_closes: {rng.choice([1, 2])}, beta_lookback: 5d"
    return "\n".join([
        "mode: paper",
        "cycle: 1h",
        "targets:",
        f"  model: {model}",
        "  stables: {weight: 0.25, floor: 0.05}",
        "  sleeves:",
        f"    first: {{weight: 0.45, assets: [BTC, ETH]{role}{weighting}}}",
        f"    rest: {{weight: 0.30, {rest}assets: [{', '.join(coins[2:])}]}}",
        f"  risk_parity: {{lookback: 8d, volatility: 5d, refresh: weekly, lift: {lift}}}",
        "  regimes: {bear: {stables: 0.5, sleeves: {first: 0.35, rest: 0.15}}}",
        "signals: {enabled: true, timeframe: 4h, averages: {fast: 3, slow: 8}, rsi: {period: 3}}",
        "regime: {index: BTC, fast: 2, slow: 4, drawdown: 0.1, confirm: 1}",
        f"stress: {{majors: [BTC, ETH], volatility_ratio: 1.2, volatility_window: 3d, history: {history}, {stress}}}",
        f"add: {{route: {route}}}",
        f"windows: {{max_spread_bp: {rng.choice([1, 15])}}}",
        f"triggers: {{band: {{points: {rng.choice(['0.02', '0.05'])}, relative: 0.25}}}}",
        f"paper: {{balances: {{USDT: {rng.choice([20_000, 100_000])}, BTC: {rng.choice(['0.5', '2'])}}}}}",
    ])  # fmt: skip


def lively_tape(folder: Path, seed: int, hours: int) -> Path:
    """Prices that leap about, volumes that dry up, and funding that swings and misses a settlement."""
    rng = np.random.default_rng(seed)
    for number, (coin, price) in enumerate(COINS.items()):
        turnover = (
            5e7 * rng.lognormal(0, 0.6, hours) * np.repeat(rng.choice([0.2, 1.0, 2.0], hours // 12 + 1), 12)[:hours]
        )
        path = closes(price, hours, seed * 100 + number, float(rng.choice([0.004, 0.012])))
        write_candles(folder, coin, bars(path, turnover=turnover))
    rates = (
        rng.normal(0.0001, 0.0003, hours // 8 + 1)
        * np.repeat(rng.choice([0.2, 3.0], hours // 40 + 1), 5)[: hours // 8 + 1]
    )
    write_funding(folder, {coin: rates.round(8).tolist() for coin in ("BTC", "ETH", "SOL")})
    if seed % 2:
        told = (folder / "funding.csv").read_text(encoding="utf-8").splitlines()
        missing = rng.integers(len(rates) - 9, len(rates) - 2) + 1
        (folder / "funding.csv").write_text("\n".join([*told[:missing], *told[missing + 1 :]]) + "\n", encoding="utf-8")
    return folder


async def lived(asked: Settings, span: Span, *, screen: bool) -> Lived:
    job = await past(asked, span, name="tested", screen=screen)
    result = await run(job)
    return Lived(result, await job.parts.store.memory())


async def both(asked: Settings, span: Span) -> tuple[Lived, Lived]:
    return await lived(asked, span, screen=True), await lived(asked, span, screen=False)


def same(mine: Lived, other: Lived) -> None:
    assert mine.result.decisions == other.result.decisions
    assert mine.result.trades == other.result.trades
    assert mine.result.counts == other.result.counts
    assert mine.memory == other.memory
    left, right = mine.result.curve, other.result.curve
    assert np.array_equal(left.times_ms, right.times_ms)
    assert left.assets == right.assets
    for name in ("equity", "liquid", "flows", "price", "spot", "futures", "target", "low", "high"):
        assert np.allclose(getattr(left, name), getattr(right, name), rtol=1e-12, atol=2e-9, equal_nan=True), name


@pytest.mark.parametrize("signals", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
async def test_quiet_hours_passed_change_no_decision(tmp_path: Path, seed: int, *, signals: bool) -> None:
    rng = random.Random(seed)
    text = drawn(rng, signals=signals)
    folder = tape(tmp_path, hours=24 * DAYS, seed=seed, volatility=rng.choice([0.003, 0.01]), first=COINS)
    since = BEGUN + timedelta(days=3, hours=rng.randint(0, 30))
    span = Span(folder, since, BEGUN + timedelta(days=DAYS - 1))
    mine, other = await both(settings(text), span)
    same(mine, other)
    assert signals or len(other.result.trades) > 0, text


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_the_market_does_hours_passed_change_no_decision(tmp_path: Path, seed: int) -> None:
    """Regimes, stress by every alarm, illiquid hours, funding paid and missed, bridges, shares of risk."""
    text = lively(random.Random(seed))
    folder = lively_tape(tmp_path, seed, 24 * LIVELY_DAYS)
    until = BEGUN + timedelta(days=LIVELY_DAYS - 1)
    mine, other = await both(settings(text), Span(folder, until - timedelta(days=LIVELY_FOR), until))
    same(mine, other)


THIRDS = """
mode: paper
cycle: 1h
targets:
  stables: {weight: 0.25, floor: 0.05}
  sleeves: {all: {weight: 0.75, assets: [BTC, ETH, SOL], band: {points: 0.15, relative: null}}}
signals: {enabled: true, timeframe: 4h, averages: {fast: 3, slow: 8}, rsi: {period: 3}}
regime: {index: BTC, fast: 2, slow: 4, drawdown: 0.5, confirm: 10}
stress: {majors: [BTC, ETH], volatility_ratio: 9, volatility_window: 3d, history: 6d, correlation: 0.999,
  correlation_percentile: 1.0, correlation_window: 3d, beta_lookback: 5d, calm_closes: 1}
triggers: {trend: false}
spike: {atr: 1000}
execution: {style: taker}
paper: {balances: {USDT: 25000, BTC: "0.8333", ETH: "24.7", SOL: "1250"}}
"""


@pytest.mark.parametrize("rises_at", range(13, 24, 2))
async def test_a_coin_that_becomes_a_third_of_what_is_held_rings_for_volumes_of_hours_passed(
    tmp_path: Path, rises_at: int
) -> None:
    """It dried up for one bar in the morning, when it was less; settlements and closes lie between."""
    rng, hours, day = np.random.default_rng(rises_at), 24 * LIVELY_DAYS, 24 * (LIVELY_DAYS - 3)
    for coin in ("BTC", "ETH", "SOL"):
        turnover, path = np.full(hours, 5e7), COINS[coin] * (1 + 1e-5 * np.arange(hours) + rng.normal(0, 1e-5, hours))
        if coin == "ETH":
            turnover[day + 8 : day + 12] *= 0.01
            path[day + rises_at :] *= 1.03
        write_candles(tmp_path, coin, bars(path, turnover=turnover))
    write_funding(
        tmp_path, {coin: rng.normal(1e-4, 1e-6, hours // 8 + 1).round(8).tolist() for coin in ("BTC", "ETH", "SOL")}
    )
    span = Span(tmp_path, BEGUN + timedelta(hours=day - 30), BEGUN + timedelta(hours=day + 40))
    mine, other = await both(settings(THIRDS), span)
    same(mine, other)
    assert len({row.tobytes() for row in other.result.curve.target}) > 1  # stress was told of it


@pytest.mark.parametrize("wick_at", [22, 23])
async def test_a_spread_that_widens_as_a_bar_closes_makes_the_illiquid_be_left(tmp_path: Path, wick_at: int) -> None:
    """Also at midnight, where the market is read anew: what spreads said before is not what they say then."""
    rng, hours, day = np.random.default_rng(3), 24 * LIVELY_DAYS, 24 * (LIVELY_DAYS - 3)
    for coin in ("BTC", "ETH", "SOL"):
        turnover = np.full(hours, 3e6 if coin == "ETH" else 5e7)
        path = COINS[coin] * (1 + 1e-5 * np.arange(hours) + rng.normal(0, 1e-5, hours))
        made = bars(path, turnover=turnover)
        if coin == "ETH":  # its range makes the spread three times as wide
            wick = slice(day + wick_at, day + wick_at + 2)
            made[wick, 2] = made[wick, 4] * 1.065
        write_candles(tmp_path, coin, made)
    write_funding(
        tmp_path,
        {coin: rng.normal(1e-4, 1e-6, hours // 8 + 1).round(8).tolist() for coin in ("BTC", "ETH", "SOL")},
    )
    text = THIRDS.replace("volatility_ratio: 9", "volatility_ratio: 0.1").replace("USDT: 25000", "USDT: 32000")
    span = Span(tmp_path, BEGUN + timedelta(hours=day - 300), BEGUN + timedelta(hours=day + 40))
    mine, other = await both(settings(text), span)
    same(mine, other)
    assert any(trade.symbol == "ETH/USDT" for trade in other.result.trades)


async def test_recorded_hours_passed_change_no_decision(market_data: Path) -> None:
    coins = "assets: [BTC, ETH, SOL, BNB, XRP, DOGE, LINK, ADA]"
    text = f"""
mode: paper
cycle: 1h
targets: {{stables: {{weight: 0.1, floor: 0.05}}, sleeves: {{all: {{weight: 0.9, {coins}}}}}}}
signals: {{enabled: false}}
triggers: {{band: {{points: 0.05, relative: 0.5}}, calendar: weekly}}
execution: {{style: taker}}
paper: {{balances: {{USDT: 100000}}}}
"""
    begun = datetime(2022, 9, 1, tzinfo=UTC)
    mine, other = await both(
        settings(text), Span(market_data / "perp_1h", begun, begun + timedelta(days=RECORDED_DAYS))
    )
    same(mine, other)
    assert len(other.result.trades) > 0


async def test_most_hours_of_a_quiet_market_are_passed(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS, volatility=0.001, first=COINS)
    text = drawn(random.Random(3)).replace("cycle: 4h", "cycle: 1h")
    job = await past(settings(text), Span(folder, BEGUN + timedelta(days=3)), name="tested")
    result = await run(job)
    decided = len(await job.parts.record.decisions(100_000))
    assert len(result.curve) == (DAYS - 3) * 24
    assert decided < len(result.curve) / 3


async def test_with_signals_most_hours_between_two_bars_are_passed(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * DAYS, volatility=0.001, first=COINS)
    text = (
        drawn(random.Random(3), signals=True)
        .replace("cycle: 4h", "cycle: 1h")
        .replace("timeframe: 1d", "timeframe: 4h")
    )
    job = await past(settings(text), Span(folder, BEGUN + timedelta(days=3)), name="tested")
    result = await run(job)
    decided = len(await job.parts.record.decisions(100_000))
    assert decided < len(result.curve) * 0.6


async def test_what_has_no_screen_form_is_named_and_every_hour_is_decided(tmp_path: Path) -> None:
    folder = tape(tmp_path, hours=24 * 10, first=COINS)
    text = drawn(random.Random(3)).replace(
        "signals: {enabled: false}", "signals: {enabled: true}\nsavings: {enabled: true}"
    )
    job = await past(settings(text), Span(folder, BEGUN + timedelta(days=8)), name="tested")
    result = await run(job)
    assert any(note.endswith("no screen form: savings") for note in result.notes)
    assert len(await job.parts.record.decisions(100_000)) == len(result.curve)


PRESETS = ("tactical", "core-satellite", "dynamic", "momentum", "risk-parity")


@pytest.mark.parametrize("preset", PRESETS)
async def test_recorded_hours_of_a_preset_passed_change_no_decision(market_data: Path, preset: str) -> None:
    """Signals, funding, hedges, stress and windows; more of it with SCREEN_DAYS."""
    begun = datetime(2022, 5, 9, tzinfo=UTC)  # into a bear regime and its index hedges
    asked = load(CONFIGS / f"{preset}.yaml", {})
    span = Span(market_data / "perp_1h", begun, begun + timedelta(days=max(4, RECORDED_DAYS - 12)))
    mine, other = await both(asked, span)
    same(mine, other)
    assert len(other.result.trades) > 0
