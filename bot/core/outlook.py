"""Owns what a target means over the loaded history (R-T8): risk, worst fall, correlation, days to get out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.advice import Advice, VenueSeen
from bot.core.assessment import Assessment
from bot.core.instruments import spot_symbol
from bot.core.market import days
from bot.core.numbers import from_float, from_milliseconds
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot

Floats = NDArray[np.float64]
DAY: Final = timedelta(days=1)
DAY_MS: Final = 86_400_000
DAYS_A_YEAR: Final = 365.0
LEAST_DAYS: Final = 30  # returns under which nothing is said of risk
LEAST_ASSETS: Final = 2  # for a correlation
MS, CLOSE, VOLUME = 0, 4, 5


@dataclass(frozen=True, slots=True)
class AssetOutlook:
    """One asset at its target; volatility a year, worst drawdown a fraction, volume in quote a day. None = unknown."""

    asset: str
    sleeve: str
    target: float
    days: int
    volatility: float | None
    drawdown: float | None
    volume: float | None
    exit_days: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """The whole target, held at its weights day by day with stables at rest; None where an asset's history is short.

    ``correlation``: mean over all pairs of assets. ``exit_days``: of the slowest asset. ``missing``: assets without
    enough history, for which the whole is unknown.
    """

    assets: tuple[AssetOutlook, ...]
    days: int
    since: datetime | None
    until: datetime | None
    volatility: float | None
    drawdown: float | None
    correlation: float | None
    exit_days: float | None
    missing: tuple[str, ...]


def outlook(snapshot: Snapshot, policy: Policy, seen: Assessment) -> Outlook:
    """What the target of a neutral regime means over the daily bars at hand; equity and targets as assessed."""
    targets = {asset: float(target) for asset, target in seen.neutral.items() if target > 0}
    series = {asset: days(asset, snapshot, policy).bars for asset in targets}
    equity = None if seen.equity is None else float(seen.equity)
    rows = tuple(_asset(policy, asset, target, series[asset], equity) for asset, target in targets.items())
    common = _common(series)
    whole = _moves(common) if common is not None else np.empty((0, len(targets)))
    missing = tuple(row.asset for row in rows if row.days < LEAST_DAYS)
    known = not missing and len(whole) >= LEAST_DAYS
    earned = whole @ np.array(list(targets.values())) if known else None
    exits = [row.exit_days for row in rows]
    slowest = max((each for each in exits if each is not None), default=None)
    opened = common[0][:, MS] if common is not None and known else None
    return Outlook(
        assets=rows,
        days=len(whole) if known else 0,
        since=None if opened is None else from_milliseconds(float(opened[0])),
        until=None if opened is None else from_milliseconds(float(opened[-1]) + DAY_MS),
        volatility=None if earned is None else _volatility(earned),
        drawdown=None if earned is None else _fall(earned),
        correlation=_correlation(whole) if known else None,
        exit_days=None if None in exits else slowest,
        missing=missing,
    )


def findings(seen: Outlook, policy: Policy) -> Iterator[Advice]:
    """What the history warns of: exits that take too long, and a drawdown limit that the target itself would trip."""
    most = policy.liquidity.days
    for row in seen.assets:
        if row.exit_days is not None and row.exit_days > most:
            yield Advice(
                "warning",
                f"targets.sleeves.{row.sleeve}",
                f"leaving {row.asset}'s target of {row.target:.1%} takes {row.exit_days:.1f} days at "
                f"{policy.liquidity.volume_share:.0%} of its volume, over {most:f}; a target of "
                f"{row.target * float(most) / row.exit_days:.1%} or less would be better",
            )
    limit = policy.limits.drawdown
    if seen.drawdown is not None and seen.drawdown >= float(limit):
        yield Advice(
            "warning",
            "limits.drawdown",
            f"is {limit:.0%}, and the target itself fell by {seen.drawdown:.1%} from its peak within the "
            f"{seen.days} days at hand: the breaker would have tripped; over {seen.drawdown:.0%}, or more in stables, "
            "would be better",
        )
    if seen.missing:
        yield Advice(
            "warning",
            "targets",
            f"under {LEAST_DAYS} days of history of {', '.join(seen.missing)}: what the target as a whole means is "
            "unknown",
        )


def venue_seen(
    snapshot: Snapshot, policy: Policy, seen: Assessment, *, live: bool = False, can_withdraw: bool | None = None
) -> VenueSeen:
    """What a snapshot tells of its venue, for the configuration's own findings; volumes a day by asset where known."""
    volumes = {}
    for asset in policy.assets:
        ticker = snapshot.tickers.get(spot_symbol(asset, policy.accounting_currency))
        median = _volume(days(asset, snapshot, policy).bars, max(1, policy.liquidity.median // DAY))
        volume = from_float(median) if median is not None else ticker.quote_volume if ticker else None
        if volume is not None:
            volumes[asset] = volume
    return VenueSeen(
        name=snapshot.venue,
        markets=snapshot.markets,
        swaps="swap" in snapshot.account.can,
        equity=seen.equity,
        volumes=volumes,
        live=live,
        can_withdraw=can_withdraw,
    )


def taker_fees(snapshot: Snapshot, policy: Policy) -> dict[str, Decimal]:
    """What the venue takes of a taker in each asset's spot market, a fraction; what it does not list is left out."""
    listed = {asset: snapshot.markets.get(spot_symbol(asset, policy.accounting_currency)) for asset in policy.assets}
    return {asset: market.taker for asset, market in listed.items() if market is not None}


def volatilities(seen: Assessment) -> dict[str, Decimal]:
    """Each asset's realised volatility a year, as the cost gate reads it (R-G10); unknown ones are left out."""
    read = {item.asset: item.readings.volatility for item in seen.exposures}
    return {asset: known for asset, value in read.items() if value and (known := from_float(value)) is not None}


def _asset(policy: Policy, asset: str, target: float, bars: Floats, equity: float | None) -> AssetOutlook:
    moves = _moves([bars])[:, 0]
    known = len(moves) >= LEAST_DAYS
    volume = _volume(bars, max(1, policy.liquidity.median // DAY))
    bearable = None if not volume else volume * float(policy.liquidity.volume_share)
    return AssetOutlook(
        asset=asset,
        sleeve=policy.sleeve_of(asset) or "",
        target=target,
        days=len(moves),
        volatility=_volatility(moves) if known else None,
        drawdown=_fall(moves) if known else None,
        volume=volume,
        exit_days=None if bearable is None or equity is None else target * equity / bearable,
    )


def _common(series: Mapping[str, Floats]) -> list[Floats] | None:
    """The bars of every asset on the days that all of them have; None without assets."""
    if not series:
        return None
    opened = reduce(np.intersect1d, [bars[:, MS] for bars in series.values()])
    return [bars[np.isin(bars[:, MS], opened)] for bars in series.values()]


def _moves(parts: list[Floats]) -> Floats:
    """Simple returns from one day to the very next, (t, n), of bars (t + 1, 6) on one grid."""
    if not len(parts[0]):
        return np.empty((0, len(parts)))
    closes = np.column_stack([part[:, CLOSE] for part in parts])
    moves: Floats = (closes[1:] / closes[:-1] - 1.0)[np.diff(parts[0][:, MS]) == DAY_MS]
    return moves


def _volatility(moves: Floats) -> float:
    return float(moves.std(ddof=1)) * float(np.sqrt(DAYS_A_YEAR))


def _fall(moves: Floats) -> float:
    """The worst fall from a peak, as a fraction; the first day's start is a peak too."""
    worth = np.concatenate([[1.0], np.cumprod(1.0 + moves)])
    return float((1.0 - worth / np.maximum.accumulate(worth)).max())


def _correlation(moves: Floats) -> float | None:
    """The mean over all pairs; None where there is no pair, or one stood still."""
    count = moves.shape[1]
    if count < LEAST_ASSETS or not (moves.std(axis=0) > 0).all():
        return None
    found = np.corrcoef(moves, rowvar=False)
    return float((found.sum() - count) / (count * (count - 1)))


def _volume(bars: Floats, count: int) -> float | None:
    """The median of what is traded in a day over the newest ``count`` days, in quote; None where nothing is known."""
    if not len(bars):
        return None
    traded = np.sort(bars[-count:, CLOSE] * bars[-count:, VOLUME])
    middle = len(traded) // 2
    median = float(traded[middle] if len(traded) % 2 else (traded[middle - 1] + traded[middle]) / 2)
    return median or None
