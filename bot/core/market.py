"""Owns the market as a whole as a decision sees it: regime, stress and its alarms, betas, illiquid assets. Pure.

What is made of bars alone is memoised by their digest: a function of content, never of when it is asked.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Market, Regime
from bot.core.desk import contract_of
from bot.core.instruments import is_swap
from bot.core.kept import Kept, KeptWhileAsked
from bot.core.numbers import from_float, milliseconds
from bot.core.policy import Policy
from bot.core.prices import candles_symbol, half_spread
from bot.core.readings import regime as regimes
from bot.core.readings import stress as stresses
from bot.core.readings.anchors import anchor
from bot.core.readings.bars import CLOSE, MS, Floats, sound
from bot.core.readings.beta import beta
from bot.core.readings.daily import daily as daily_bars
from bot.core.readings.memo import Memo
from bot.core.readings.parameters import timeframe_ms
from bot.core.readings.regime import DAY_MS, FEED_AGE_MS, TABLES, RegimeAsked, as_of
from bot.core.readings.stress import LEVELS, StressAsked
from bot.core.snapshot import History, Point, Snapshot, forgotten
from bot.core.windows import liquidity

DAY = timedelta(days=1)
MS_UNIT = timedelta(milliseconds=1)
HOUR_MS = 3_600_000
NO_BARS: Floats = np.empty((0, 6))
THIRD = 1 / 3
SLACK = 1e-9  # sums of weights are floats: a third of them is a third
SPREAD_TIMES = 2  # of the median spread, over which it alarms (R-S9)
DEPTH_TIMES = 3  # under the median depth, at which it alarms (R-S9)
IMPACTS = ("low", "medium", "high")
MEMO: Memo[Any] = Memo(16_384)
STARTS_KEPT = 8_192


@dataclass(frozen=True, slots=True)
class Series:
    """Closed bars in their anchored window, and a key that is equal for equal bars: a memo compares that alone."""

    key: tuple[object, ...]
    bars: Floats = field(compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What every part of the view looks at: an instant, what is asked, and the series of every asset needed."""

    snapshot: Snapshot
    policy: Policy
    asked: StressAsked
    at_ms: int
    signal_ms: int
    daily: Mapping[str, Series]
    signal: Mapping[str, Series]
    grid: Floats  # open times of the index's newest days, as many as stress remembers

    @property
    def index(self) -> Series:
        """The index's days."""
        return self.daily[self.policy.regime.index]


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the window of a whole series begins, from when its last bar is closed; it keeps no bars alive."""

    bars: weakref.ref[Floats]
    frame: tuple[str, bool]
    closed_ms: float
    start: int
    first_ms: float
    last_ms: float


_STARTS: dict[int, _Start] = {}
_SERIES: Kept[Snapshot, dict[tuple[str, str], tuple[Policy, Series]]] = Kept(lambda _snapshot: {}, 2)


def series(asset: str, timeframe: str, snapshot: Snapshot, policy: Policy) -> Series:
    """An asset's candles of one timeframe that are closed at the decision; empty where there are none."""
    known = _SERIES.of(snapshot)  # one decision asks for each several times
    found = known.get((asset, timeframe))
    if found is None or found[0] is not policy:
        found = known[asset, timeframe] = (policy, _series(asset, timeframe, snapshot, policy))
    return found[1]


def _series(asset: str, timeframe: str, snapshot: Snapshot, policy: Policy) -> Series:
    symbol = candles_symbol(asset, contract_of(asset, policy).symbol, snapshot, policy)
    bars = snapshot.bars(symbol, timeframe)
    if bars is None or not len(bars):
        return Series(("",), NO_BARS)
    at_ms, signal = milliseconds(snapshot.at), timeframe == policy.signals.timeframe
    known = _STARTS.get(id(bars))
    if known is not None and known.bars() is bars and known.frame == (timeframe, signal) and known.closed_ms <= at_ms:
        return Series((snapshot.bar_keys[symbol][timeframe], known.first_ms, known.last_ms), bars[known.start :])
    length_ms = timeframe_ms(timeframe)
    window = anchor(bars, length_ms, at_ms, signal=signal)
    if not len(window):
        return Series(("",), NO_BARS)
    first_ms, last_ms = float(window[0, MS]), float(window[-1, MS])
    if last_ms == bars[-1, MS] and not bars.flags.writeable:
        while len(_STARTS) >= STARTS_KEPT:
            del _STARTS[next(iter(_STARTS))]
        start = len(bars) - len(window)
        held = weakref.ref(bars, partial(forgotten, _STARTS, id(bars)))
        _STARTS[id(bars)] = _Start(held, (timeframe, signal), last_ms + length_ms, start, first_ms, last_ms)
    return Series((snapshot.bar_keys[symbol][timeframe], first_ms, last_ms), window)


def days(asset: str, snapshot: Snapshot, policy: Policy) -> Series:
    """An asset's daily bars: those of the regime timeframe, or made of them where it is a shorter one."""
    frame = policy.signals.regime_timeframe
    found = series(asset, frame, snapshot, policy)
    return found if frame == "1d" else Series((*found.key, frame), daily_bars(found.bars, timeframe_ms(frame)))


def needed(policy: Policy) -> tuple[str, ...]:
    """Assets whose candles a decision reads: the configured ones, the index and the majors."""
    extra = {policy.regime.index, *(policy.stress.majors if policy.stress.enabled else ())}
    return tuple(sorted({*policy.assets, *extra}))


def _points(points: tuple[Point, ...] | None) -> tuple[tuple[float, float], ...]:
    return _POINTS.of(points) if points else ()


def _digest(points: tuple[tuple[float, float], ...]) -> bytes:
    """What a memo knows points by: they grow with every reading, and a key holds its parts for long."""
    return hashlib.sha256(np.array(points, dtype=np.float64).tobytes()).digest()


_POINTS: KeptWhileAsked[tuple[Point, ...], tuple[tuple[float, float], ...]] = KeptWhileAsked(
    lambda points: tuple((float(at), float(value)) for at, value in points)
)
_DIGESTS: KeptWhileAsked[tuple[tuple[float, float], ...], bytes] = KeptWhileAsked(_digest)
_TURNED = (MEMO, TABLES, _POINTS, _DIGESTS)


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


_ASKED: Kept[Policy, StressAsked] = Kept(asked_of, 16)


def view(
    snapshot: Snapshot, policy: Policy, weights: Mapping[str, float], *, live: Mapping[str, str] | None = None
) -> Market:
    """``weights``: abs net exposure by configured asset, what alarms are weighed by; the index's where all are 0.

    ``live``: what spread and depth say by asset (R-S9), where that is known otherwise than by the snapshot's quotes.
    """
    for kept in _TURNED:
        kept.turn()
    scene = scene_of(snapshot, policy)
    if live is None:
        live = {name: why for name in {*policy.assets, policy.regime.index} if (why := _live(name, snapshot, policy))}
    level: int = 0
    alarms: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    if policy.stress.enabled:
        some = weights if any(weights.values()) else {policy.regime.index: 1.0}
        level, alarms, unknown = _stress(scene, some, live)
    return Market(
        regime=_regime(scene),
        stress=level,
        alarms=alarms,
        unknown=unknown,
        betas=_betas(scene),
        illiquid=_illiquid(scene, live),
        outperformance=_ahead(scene),
    )


def scene_of(snapshot: Snapshot, policy: Policy) -> Scene:
    """What there is to look at."""
    asked = _ASKED.of(policy)
    names = needed(policy)
    daily = {name: days(name, snapshot, policy) for name in names}
    return Scene(
        snapshot=snapshot,
        policy=policy,
        asked=asked,
        at_ms=milliseconds(snapshot.at),
        signal_ms=timeframe_ms(policy.signals.timeframe),
        daily=daily,
        signal={name: series(name, policy.signals.timeframe, snapshot, policy) for name in names},
        grid=sound(daily[policy.regime.index].bars)[-LEVELS * asked.calm_closes :, MS],
    )


def _regime(scene: Scene) -> Regime:
    keys = scene.policy.regime
    asked = RegimeAsked(keys.fast, keys.slow, float(keys.drawdown), float(keys.sentiment), keys.confirm)
    felt = _points((scene.snapshot.feeds.sentiment or {}).get("market"))
    index = scene.index

    def made() -> Regime:
        code = regimes.regime_column(index.bars, asked, felt)[-1:]
        return regimes.REGIMES[code[0]] if code.size and code[0] >= 0 else "unknown"

    found: Regime = MEMO.of(("regime", index.key, asked, _DIGESTS.of(felt)), made)
    return found


def _betas(scene: Scene) -> Mapping[str, Decimal]:
    """Asset -> beta against the index; absent where unknown."""
    lookback = scene.policy.stress.beta_lookback // DAY
    index, betas = scene.index, {}
    for name in scene.policy.assets:
        own = scene.daily[name]
        value = MEMO.of(("beta", own.key, index.key, lookback), partial(beta, own.bars, index.bars, lookback))
        if value is not None:
            betas[name] = Decimal(repr(value))
    return betas


def _ahead(scene: Scene) -> Mapping[str, Decimal]:
    """Each asset's return over the narrative window beyond the index's; absent where unknown."""
    window_ms = scene.policy.narrative.parabolic_window / MS_UNIT
    index = _gain(scene.index, window_ms)
    made = {}
    for name in scene.policy.assets:
        own = _gain(scene.daily[name], window_ms)
        ahead = from_float(float(f"{own - index:.9e}")) if own is not None and index is not None else None
        if ahead is not None:
            made[name] = ahead
    return made


def _gain(daily: Series, window_ms: float) -> float | None:
    """The last close over the close of the window before; None where that day is not there."""
    bars = daily.bars
    if not len(bars):
        return None
    before = int(np.searchsorted(bars[:, MS], bars[-1, MS] - window_ms))
    found = bars[before, MS] == bars[-1, MS] - window_ms
    return float(bars[-1, CLOSE] / bars[before, CLOSE] - 1.0) if found else None


def _stress(
    scene: Scene, weights: Mapping[str, float], live: Mapping[str, str]
) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Level, alarms that ring now, and alarms nobody can know (R-S15)."""
    instants, closing = instants_of(scene)
    # What days say holds from their close to the next one.
    day = np.searchsorted(scene.grid + DAY_MS, instants, side="right") - 1
    columns = {
        "volatility": _volatility(scene, weights)[day],
        "correlation": _correlation(scene)[day],
        "funding": _funding(scene, instants),
        "dominance": stresses.dominance_alarm(_points(scene.snapshot.feeds.dominance), instants, scene.asked),
        "liquidity": _volume(scene, weights, instants),
    }
    raw = np.minimum(LEVELS, np.nansum(np.stack(list(columns.values())), axis=0)).astype(np.int64)
    now = {name for name, column in columns.items() if column[-1] == 1}
    if _thin_market(scene, weights, live, instants):
        now.add("liquidity")
    unknown = tuple(sorted(name for name, column in columns.items() if np.isnan(column[-1]) and name not in now))
    if now and _macro(scene.snapshot, scene.policy):
        now.add("macro")
    stood = stresses.standing(raw, closing, scene.asked.calm_closes)
    return max(int(stood[-1]), min(LEVELS, len(now))), tuple(sorted(now)), unknown


def instants_of(scene: Scene) -> tuple[Floats, NDArray[np.bool_]]:
    """When stress is looked at: every signal close of the days it remembers, and now; and which are daily closes."""
    closes = scene.grid + DAY_MS
    step = max(scene.signal_ms, HOUR_MS)
    slots = np.arange(closes[0], scene.at_ms + 1, step) if closes.size else closes
    # By hand: numpy's own sets load its masked arrays first, 50 ms that one decision would feel.
    both = np.sort(np.concatenate([closes, slots]))
    instants = np.append(both[np.diff(both, prepend=-np.inf) > 0], scene.at_ms)
    closing = np.zeros(instants.size, dtype=np.bool_)
    closing[np.searchsorted(instants, closes)] = True
    return instants, closing


def _volatility(scene: Scene, weights: Mapping[str, float]) -> Floats:
    """1, 0 or NaN per day of the grid, by the value-weighted ratio (R-S7); a last NaN for what is before the grid."""
    if not scene.grid.size:
        return np.array([np.nan])
    ratios = {}
    for name, weight in weights.items():
        if weight > 0:
            ratios[name] = ratio_of(scene, name)
    whole = np.append(stresses.weighted(ratios, weights), np.nan)
    return np.where(np.isnan(whole), np.nan, (whole >= scene.asked.volatility_ratio).astype(float))


def ratio_of(scene: Scene, name: str) -> Floats:
    """An asset's volatility over its median (R-S7) on each day of the grid, NaN where it has none."""
    own, asked = scene.daily[name], scene.asked
    made = partial(stresses.ratio_on, own.bars, scene.grid, asked)
    found: Floats = MEMO.of(("ratio", own.key, scene.index.key, asked), made)
    return found


def _correlation(scene: Scene) -> Floats:
    """1, 0 or NaN per day of the grid (R-S8), and a last NaN for what is before the grid."""
    majors = [scene.daily[name] for name in scene.policy.stress.majors]

    def made() -> Floats:
        days_of_index = sound(scene.index.bars)[:, MS]
        closes = [stresses.on_grid(item.bars, days_of_index) for item in majors]
        return np.append(stresses.correlation_alarm(closes, scene.asked, scene.grid.size), np.nan)

    found: Floats = MEMO.of(("correlation", tuple(item.key for item in majors), scene.index.key, scene.asked), made)
    return found


def _funding(scene: Scene, instants: Floats) -> Floats:
    """1 where any major's funding swung (R-S10), 0 where none that is known did, NaN where none is known."""
    columns = [np.full(instants.size, np.nan)]
    for name in scene.policy.stress.majors:
        history = scene.snapshot.history.get(contract_of(name, scene.policy).symbol)
        if history is not None and history.funding:
            rates, past = _points(history.funding), instants[:-1]
            column = MEMO.of(
                ("funding", _DIGESTS.of(rates), hashlib.sha256(past.tobytes()).digest(), scene.asked),
                partial(stresses.funding_alarm, rates, past, scene.asked),
            )
            columns.append(np.append(column, _funding_now(rates, instants[-1:], scene.asked)))
    worst: Floats = np.fmax.reduce(columns)
    return worst


def _funding_now(rates: tuple[tuple[float, float], ...], at_ms: Floats, asked: StressAsked) -> Floats:
    """The alarm of now, made once for as long as the same rates are in the window and none has gone stale."""
    table = TABLES.of(rates)
    start, end = np.searchsorted(table[:, 0], [at_ms[0] - asked.funding_ms, at_ms[0]], side="right").tolist()
    if not end or at_ms[0] - table[end - 1, 0] > FEED_AGE_MS:
        return stresses.funding_alarm(rates, at_ms, asked)
    key = ("funding now", _DIGESTS.of(rates), start, end, asked)
    found: Floats = MEMO.of(key, partial(stresses.funding_alarm, rates, at_ms, asked))
    return found


def _volume(scene: Scene, weights: Mapping[str, float], instants: Floats) -> Floats:
    """1 where volume alarms for the index or for a third of risk value (R-S9), 0, or NaN where none is known."""
    slots = slots_of(scene, instants)
    columns = {name: volume_alarm(scene, name, slots) for name in {*weights, scene.policy.regime.index}}
    index = columns[scene.policy.regime.index]
    table = np.stack([columns[name] for name in weights])
    part = np.array(list(weights.values())) @ (table == 1)
    known = np.isfinite(index) | np.isfinite(table).any(axis=0)
    alarmed = (index == 1) | _is_third(part, sum(weights.values()))
    return np.where(known, alarmed.astype(float), np.nan)


def _is_third(part: Floats, whole: float) -> NDArray[np.bool_]:
    return (part > 0) & (part >= whole * THIRD - SLACK)


def slots_of(scene: Scene, instants: Floats) -> Floats:
    """The instants, the last of them put back to its slot: a bar closes on one, so nothing changes between two."""
    return np.append(instants[:-1], instants[-1] - instants[-1] % scene.signal_ms)


def volume_alarm(scene: Scene, name: str, slots: Floats) -> Floats:
    """An asset's volume alarm at each slot."""
    own = scene.signal[name]
    asked, ms = scene.asked, scene.signal_ms
    key = ("volume", own.key, scene.index.key, slots[-1], asked)
    found: Floats = MEMO.of(key, lambda: stresses.volume_alarm_of(_volumes(scene, own)[0], ms, slots, asked))
    return found


def _volumes(scene: Scene, own: Series) -> tuple[Floats, bool]:
    """(open ms, volume ratio) of as many bars as stress remembers, and whether every bar of the series is sound."""
    rows = (LEVELS * scene.asked.calm_closes + 1) * max(1, DAY_MS // scene.signal_ms) + 1
    found: tuple[Floats, bool] = MEMO.of(("volumes", own.key, rows), partial(stresses.volumes, own.bars, rows))
    return found


def _thin_market(scene: Scene, weights: Mapping[str, float], live: Mapping[str, str], instants: Floats) -> bool:
    """Whether spread, depth or volume alarm now for a third of risk value, or spread or depth for the index."""
    slots = slots_of(scene, instants)
    part = sum(weight for name, weight in weights.items() if name in live or volume_alarm(scene, name, slots)[-1] == 1)
    return scene.policy.regime.index in live or bool(_is_third(np.array(part), sum(weights.values())))


def _macro(snapshot: Snapshot, policy: Policy) -> bool:
    """An event of enough impact, from `macro.before` its start to `macro.after` its end (R-S13)."""
    least = IMPACTS.index(policy.macro.impact)
    return any(
        item.start - policy.macro.before <= snapshot.at <= item.end + policy.macro.after
        for item in snapshot.feeds.macro or ()
        if item.impact.lower() in IMPACTS and IMPACTS.index(item.impact.lower()) >= least
    )


def _illiquid(scene: Scene, live: Mapping[str, str]) -> Mapping[str, str]:
    """Configured assets that are illiquid, and why (R-S9); absent where they are not, or nobody can tell."""
    dry = dry_of(scene)
    return {name: why for name in scene.policy.assets if (why := live.get(name) or dry.get(name, ""))}


def dry_of(scene: Scene) -> Mapping[str, str]:
    """Configured assets that are illiquid by closed bars, whatever their spread is now, and why."""
    held: dict[str, Decimal] = {}
    for item in scene.snapshot.balances:
        held[item.asset] = held.get(item.asset, Decimal(0)) + item.total
    each = {name: _still(scene, name) or _too_large(scene, name, held.get(name)) for name in scene.policy.assets}
    return {name: why for name, why in each.items() if why}


def _live(asset: str, snapshot: Snapshot, policy: Policy) -> str:
    """What spread and depth say against their medians (R-S9); empty when nothing, or nobody can tell."""
    symbol = f"{asset}/{policy.accounting_currency}"
    history = snapshot.history.get(symbol, History())
    half = half_spread(symbol, snapshot) if history.spread_median else None
    if half is not None and history.spread_median and half * 2 > history.spread_median * SPREAD_TIMES:
        return f"spread {half * 20_000:.1f} bp, over twice its median {history.spread_median * 10_000:.1f} bp"
    if symbol in snapshot.books and history.depth_median:
        other = contract_of(asset, policy).symbol
        depth = liquidity(symbol, other, buying=False, snapshot=snapshot, policy=policy).depth
        if depth is not None and depth * DEPTH_TIMES < history.depth_median:
            return f"depth {depth:.0f}, under a third of its median {history.depth_median:.0f}"
    return ""


def _still(scene: Scene, asset: str) -> str:
    """Whether the volume was under its limit on every signal bar of the last day (R-S9).

    One quiet bar is no market gone dry: on recorded data single bars rang 4 to 14 % of the time, whole days 0.1 to 2 %.
    """
    own = scene.signal[asset]
    if not len(own.bars) or scene.at_ms - own.bars[-1, MS] >= 3 * scene.signal_ms:  # closed two bars ago: not of now
        return ""
    rows = max(1, int(DAY_MS // scene.signal_ms))

    def made() -> float:
        points, whole = _volumes(scene, own)
        return float(np.max(points[-rows:, 1] if whole else stresses.volume_ratio(own.bars, rows)))

    ratio: float = MEMO.of(("still", own.key, rows), made)
    limit = scene.asked.volume_ratio
    return f"volume at most {ratio:.2f} of its usual for a day, under {limit}" if ratio < limit else ""


def _too_large(scene: Scene, asset: str, held: Decimal | None) -> str:
    """Whether leaving takes more than `liquidity.days` at the share of a usual day's volume (R-S9)."""
    daily, keys = scene.daily[asset], scene.policy.liquidity
    if not held or not len(daily.bars):
        return ""
    traded = MEMO.of(
        ("traded", daily.key, keys.median), lambda: stresses.traded(daily.bars, max(1, keys.median // DAY))
    )
    contract = contract_of(asset, scene.policy)
    charted = candles_symbol(asset, contract.symbol, scene.snapshot, scene.policy)
    price = float(daily.bars[-1, CLOSE]) / (float(contract.coins) if is_swap(charted) else 1.0)
    value = float(held) * price
    bearable = float(keys.days * keys.volume_share) * traded
    return (
        f"position {value:.0f} needs more than {keys.days} days at {keys.volume_share:.0%} of volume"
        if value > bearable
        else ""
    )


def sentiment_of(name: str, snapshot: Snapshot) -> float | None:
    """The newest sentiment of a narrative at the decision, at most two days old; None = unknown."""
    points = _points((snapshot.feeds.sentiment or {}).get(name))
    value = as_of(points, np.array([float(milliseconds(snapshot.at))]), FEED_AGE_MS)[0]
    return None if np.isnan(value) else float(value)
