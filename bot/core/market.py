"""Owns the market as a whole as a decision sees it: regime, stress and its alarms, betas, illiquid assets. Pure.

Daily columns are memoised by the digest of the bars they are made of: a function of content, never of when it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np

from bot.core.assessment import Market, Regime
from bot.core.desk import contract_of
from bot.core.numbers import from_float, milliseconds
from bot.core.policy import Policy
from bot.core.prices import candles_symbol, half_spread
from bot.core.readings import regime as regimes
from bot.core.readings import stress as stresses
from bot.core.readings.bars import CLOSE, MS, VOLUME, Floats, sound
from bot.core.readings.beta import beta
from bot.core.readings.parameters import timeframe_ms
from bot.core.readings.regime import DAY_MS, RegimeAsked, as_of
from bot.core.readings.stress import StressAsked
from bot.core.snapshot import Point, Snapshot
from bot.core.windows import liquidity

ROWS = 30  # daily closes the stress level is folded over: it has forgotten where it began after 3 x 3 calm ones
DAY = timedelta(days=1)
MS_UNIT = timedelta(milliseconds=1)
NO_BARS: Floats = np.empty((0, 6))
THIRD = 1 / 3
IMPACTS = ("low", "medium", "high")


class Series:
    """Bars under their digest, so that a memo compares digests and not bars."""

    __slots__ = ("bars", "key")

    def __init__(self, key: str, bars: Floats) -> None:
        self.key, self.bars = key, bars

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and other.key == self.key


def series(asset: str, timeframe: str, snapshot: Snapshot, policy: Policy) -> Series:
    """An asset's candles of one timeframe; an empty one where there are none."""
    symbol = candles_symbol(asset, contract_of(asset, policy).symbol, snapshot, policy)
    bars = snapshot.bars(symbol, timeframe)
    if bars is None or not len(bars):
        return Series("", NO_BARS)
    return Series(snapshot.bar_keys[symbol][timeframe], bars)


def needed(policy: Policy) -> tuple[str, ...]:
    """Assets whose candles a decision reads: the configured ones, the index and the majors."""
    extra = {policy.regime.index, *(policy.stress.majors if policy.stress.enabled else ())}
    return tuple(sorted({*policy.assets, *extra}))


@lru_cache(maxsize=64)
def _regime(daily: Series, asked: RegimeAsked, felt: tuple[tuple[float, float], ...]) -> Regime:
    column = regimes.regime_column(daily.bars, asked, felt)
    return "unknown" if not column.size or column[-1] < 0 else regimes.REGIMES[column[-1]]


@lru_cache(maxsize=4096)
def _ratio(daily: Series, asked: StressAsked) -> tuple[Floats, Floats]:
    bars = sound(daily.bars)
    return bars[-ROWS:, MS], stresses.volatility_ratio(bars, asked, min(ROWS, len(bars)))


@lru_cache(maxsize=4096)
def _volumes(signal: Series) -> Floats:
    bars = sound(signal.bars)
    return np.column_stack([bars[:, MS], stresses.volume_ratio(bars)])


@lru_cache(maxsize=4096)
def _beta(daily: Series, index: Series, bars: int) -> float | None:
    return beta(daily.bars, index.bars, bars)


def _points(points: Sequence[Point] | None) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(value)) for at, value in points or ())


def asked_of(policy: Policy) -> StressAsked:
    """The policy's stress keys as plain numbers."""
    keys = policy.stress
    return StressAsked(
        volatility_ratio=float(keys.volatility_ratio),
        volatility_bars=keys.volatility_window // DAY,
        history_bars=keys.history // DAY,
        atr=policy.signals.atr.period,
        correlation=float(keys.correlation),
        percentile=float(keys.correlation_percentile),
        correlation_bars=keys.correlation_window // DAY,
        volume_ratio=float(keys.liquidity_ratio),
        dominance_points=float(keys.dominance_points),
        dominance_ms=keys.dominance_window / MS_UNIT,
        funding_zscore=float(keys.funding_zscore),
        funding_ms=keys.funding_history / MS_UNIT,
        calm_closes=keys.calm_closes,
    )


def view(snapshot: Snapshot, policy: Policy, weights: Mapping[str, float]) -> Market:
    """``weights``: abs net exposure by configured asset, what alarms are weighed by."""
    keys = policy.regime
    daily = {name: series(name, policy.signals.regime_timeframe, snapshot, policy) for name in needed(policy)}
    felt = _points((snapshot.feeds.sentiment or {}).get("market"))
    regime = _regime(
        daily[keys.index],
        RegimeAsked(keys.fast, keys.slow, float(keys.drawdown), float(keys.sentiment), keys.confirm),
        felt,
    )
    index = daily[keys.index]
    lookback = policy.stress.beta_lookback // DAY
    betas = {name: _beta(daily[name], index, lookback) for name in policy.assets if daily[name].key and index.key}
    thin = {name: why for name in policy.assets if (why := _illiquid(name, snapshot, policy, daily[name]))}
    level: int = 0
    alarms: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    if policy.stress.enabled:
        level, alarms, unknown = _stress(snapshot, policy, daily, weights, thin)
    return Market(
        regime=regime,
        stress=level,
        alarms=alarms,
        unknown=unknown,
        betas={name: value for name, item in betas.items() if item is not None and (value := from_float(item))},
        illiquid=thin,
        outperformance=_ahead(policy, daily),
    )


def _ahead(policy: Policy, daily: Mapping[str, Series]) -> Mapping[str, Decimal]:
    """Each asset's return over the narrative window beyond the index's; absent where unknown."""
    days = policy.narrative.parabolic_window // DAY
    index = _gain(daily[policy.regime.index], days)
    made = {}
    for name in policy.assets:
        own = _gain(daily[name], days)
        ahead = from_float(float(f"{own - index:.9e}")) if own is not None and index is not None else None
        if ahead is not None:
            made[name] = ahead
    return made


def _gain(daily: Series, days: int) -> float | None:
    bars = daily.bars
    if len(bars) <= days:
        return None
    return float(bars[-1, CLOSE] / bars[-1 - days, CLOSE] - 1.0)


def _stress(
    snapshot: Snapshot,
    policy: Policy,
    daily: Mapping[str, Series],
    weights: Mapping[str, float],
    thin: Mapping[str, str],
) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Level, alarms that ring now, and alarms nobody can know (R-S15)."""
    asked = asked_of(policy)
    grid = sound(daily[policy.regime.index].bars)[-ROWS:, MS]
    at_ms = float(milliseconds(snapshot.at))
    instants = np.append(grid + DAY_MS, at_ms)
    volatility = _volatility(daily, weights, grid, asked)
    closes = [stresses.on_grid(daily[name].bars, _long_grid(daily, policy)) for name in policy.stress.majors]
    correlation = stresses.correlation_alarm(closes, asked, grid.size) if grid.size else np.empty(0)
    columns = {
        "volatility": _with_last(np.where(np.isnan(volatility), np.nan, volatility >= asked.volatility_ratio)),
        "correlation": _with_last(correlation),
        "funding": _funding(snapshot, policy, instants, asked),
        "dominance": stresses.dominance_alarm(_points(snapshot.feeds.dominance), instants, asked),
        "liquidity": _volume(snapshot, policy, weights, instants, asked),
    }
    table = np.stack(list(columns.values()))
    raw = np.minimum(3, np.nansum(table, axis=0)).astype(np.int64)
    now = {name for name, column in columns.items() if column[-1] == 1}
    if _thin_market(thin, weights, policy):
        now.add("liquidity")
    unknown = tuple(sorted(name for name, column in columns.items() if np.isnan(column[-1]) and name not in now))
    if now and _macro(snapshot, policy):
        now.add("macro")
    stood = stresses.standing(raw[:-1], asked.calm_closes)
    level = max(int(stood[-1]) if stood.size else 0, min(3, len(now)))
    return level, tuple(sorted(now)), unknown


def _with_last(column: Floats) -> Floats:
    """Readings of closed days say for the running one what they said at its last close."""
    return np.append(column, column[-1] if column.size else np.nan)


def _long_grid(daily: Mapping[str, Series], policy: Policy) -> Floats:
    grid: Floats = sound(daily[policy.regime.index].bars)[:, MS]
    return grid


def _volatility(daily: Mapping[str, Series], weights: Mapping[str, float], grid: Floats, asked: StressAsked) -> Floats:
    ratios = {}
    for name in weights:
        opened, ratio = _ratio(daily[name], asked)
        made = np.full(grid.size, np.nan)
        if opened.size:
            index = np.minimum(np.searchsorted(opened, grid), opened.size - 1)
            made = np.where(opened[index] == grid, ratio[index], np.nan)
        ratios[name] = made
    return stresses.weighted(ratios, weights) if ratios else np.full(grid.size, np.nan)


def _funding(snapshot: Snapshot, policy: Policy, instants: Floats, asked: StressAsked) -> Floats:
    columns = []
    for name in policy.stress.majors:
        history = snapshot.history.get(contract_of(name, policy).symbol)
        if history is not None and history.funding:
            columns.append(stresses.funding_alarm(_points(history.funding), instants, asked))
    if not columns:
        return np.full(instants.size, np.nan)
    table = np.stack(columns)
    known = np.isfinite(table).any(axis=0)
    return np.where(known, np.nan_to_num(table).max(axis=0), np.nan)


def _volume(
    snapshot: Snapshot, policy: Policy, weights: Mapping[str, float], instants: Floats, asked: StressAsked
) -> Floats:
    """The index's volume alarm, or that of a third of risk value."""
    signal_ms = timeframe_ms(policy.signals.timeframe)
    columns = {}
    for name in sorted({*weights, policy.regime.index}):
        points = _volumes(series(name, policy.signals.timeframe, snapshot, policy))
        columns[name] = stresses.volume_alarm_of(points, signal_ms, instants, asked)
    index = columns[policy.regime.index]
    share = stresses.weighted({name: columns[name] for name in weights}, weights)
    known = np.isfinite(index) | np.isfinite(share)
    alarmed = (np.nan_to_num(index) == 1) | (np.nan_to_num(share) >= THIRD)
    return np.where(known, alarmed.astype(float), np.nan)


def _thin_market(thin: Mapping[str, str], weights: Mapping[str, float], policy: Policy) -> bool:
    """Live alarms of spread and depth, of the index or of a third of risk value; too large a position is not one."""
    live = {name for name, why in thin.items() if not why.startswith("position")}
    whole = sum(weights.values())
    part = sum(weight for name, weight in weights.items() if name in live)
    return policy.regime.index in live or (whole > 0 and part / whole >= THIRD)


def _macro(snapshot: Snapshot, policy: Policy) -> bool:
    """An event of enough impact, from `macro.before` its start to `macro.after` its end (R-S13)."""
    least = IMPACTS.index(policy.macro.impact)
    return any(
        item.start - policy.macro.before <= snapshot.at <= item.end + policy.macro.after
        for item in snapshot.feeds.macro or ()
        if item.impact.lower() in IMPACTS and IMPACTS.index(item.impact.lower()) >= least
    )


def _illiquid(asset: str, snapshot: Snapshot, policy: Policy, daily: Series) -> str:
    """Why an asset is illiquid (R-S9); empty when it is not, or nobody can tell."""
    symbol = f"{asset}/{policy.accounting_currency}"
    history = snapshot.history.get(symbol)
    half = half_spread(symbol, snapshot)
    if half is not None and history is not None and history.spread_median and half * 2 > history.spread_median * 2:
        return f"spread {half * 20_000:.1f} bp, over twice its median {history.spread_median * 10_000:.1f} bp"
    if symbol in snapshot.books and history is not None and history.depth_median:
        other = contract_of(asset, policy).symbol
        found = liquidity(symbol, other, buying=False, snapshot=snapshot, policy=policy)
        if found.depth is not None and found.depth * 3 < history.depth_median:
            return f"depth {found.depth:.0f}, under a third of its median {history.depth_median:.0f}"
    points = _volumes(series(asset, policy.signals.timeframe, snapshot, policy))
    if len(points) and np.isfinite(points[-1, 1]) and points[-1, 1] < float(policy.stress.liquidity_ratio):
        return f"volume {points[-1, 1]:.2f} of its usual, under {policy.stress.liquidity_ratio}"
    return _too_large(asset, snapshot, policy, daily)


def _too_large(asset: str, snapshot: Snapshot, policy: Policy, daily: Series) -> str:
    keys = policy.liquidity
    bars = daily.bars[-(keys.median // DAY) :]
    if not len(bars):
        return ""
    held = sum(float(item.total) for item in snapshot.balances if item.asset == asset)
    median = float(np.median(bars[:, CLOSE] * bars[:, VOLUME]))
    value = held * float(bars[-1, CLOSE])
    bearable = float(keys.days) * float(keys.volume_share) * median
    return (
        f"position {value:.0f} needs more than {keys.days} days at {keys.volume_share:.0%} of volume"
        if value > bearable > 0
        else ""
    )


def sentiment_of(name: str, snapshot: Snapshot) -> float | None:
    """The newest sentiment of a narrative at the decision, at most two days old; None = unknown."""
    points = _points((snapshot.feeds.sentiment or {}).get(name))
    value = as_of(points, np.array([float(milliseconds(snapshot.at))]), 2 * DAY_MS)[0]
    return None if np.isnan(value) else float(value)
