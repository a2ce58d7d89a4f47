"""Owns what an action costs and what it is worth (R-G10), and what funding a position pays (R-S10). Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bot.core.assessment import Readings
from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.kept import Lately
from bot.core.numbers import ZERO, from_float
from bot.core.prices import half_spread, stale
from bot.core.snapshot import Point
from bot.core.windows import impact
from bot.core.wishes import Cost, Leg

MAJORS = ("BTC", "ETH")
VOLATILITY_UNKNOWN = Decimal("0.8")
SPREAD_UNKNOWN = Decimal("0.0005")
DAYS_A_YEAR = Decimal(365)
DAY = timedelta(days=1)
RATES_AVERAGED = 3
LIMITS_KEPT = 64


@dataclass(frozen=True, slots=True)
class FundingView:
    """What longs pay a year, as fractions: now, and the highest and lowest of now, predicted and the last three.

    What was over a limit stands until three settled rates are under half of it (R-W6).
    """

    now: Decimal
    highest: Decimal
    lowest: Decimal

    def paid_by_short(self) -> Decimal:
        """The worst a short pays a year (> 0 when rates are negative)."""
        return -self.lowest

    def paid_by_long(self) -> Decimal:
        """The worst a long pays a year."""
        return self.highest


def funding_view(symbol: str, desk: Desk) -> FundingView | None:
    """Annualised funding of a perpetual (R-S10, R-W6); None when missing or stale: unknown is not zero."""
    return desk.once(f"funding {symbol}", lambda: _funding_view(symbol, desk))  # several rules and gates ask of it


def _funding_view(symbol: str, desk: Desk) -> FundingView | None:
    funding = desk.snapshot.funding.get(symbol)
    if funding is None or stale(funding.at, desk.snapshot.at, desk.policy.limits.age_max.funding):
        return None
    yearly = Decimal(24) / funding.interval_hours * DAYS_A_YEAR
    rates = [funding.rate]
    if funding.predicted is not None:
        rates.append(funding.predicted)
    history = desk.snapshot.history.get(symbol)
    settled = SETTLED.of(history.funding if history is not None and history.funding else ())
    if settled.latest is not None:
        rates.append(settled.latest)
    asset, _ = desk.asset_of(symbol)
    by_long, by_short = desk.policy.bridge_for(asset).funding_limit, desk.policy.hedge_for(asset).funding_limit
    long = _held_over(max(rates), settled, by_long / yearly, sign=1)
    short = _held_over(-min(rates), settled, by_short / yearly, sign=-1)
    return FundingView(funding.rate * yearly, long * yearly, -short * yearly)


def _held_over(worst: Decimal, settled: _Settled, limit: Decimal, *, sign: int) -> Decimal:
    """The worst rate of now; where it is within the limit but not free again yet, the one it still stands for."""
    return worst if worst > limit else settled.since_calm(limit, sign) or worst


class _Settled:
    """Settled rates, oldest first, and what follows from them alone: rates settle every few hours at most."""

    def __init__(self, points: tuple[Point, ...]) -> None:
        self._rates = {1: [rate for _ms, rate in sorted(points)]}
        self._rates[-1] = [-rate for rate in self._rates[1]]
        last = self._rates[1][-RATES_AVERAGED:]
        self.latest = sum(last, ZERO) / len(last) if last else None
        self._known: dict[tuple[int, Decimal], Decimal] = {}

    def since_calm(self, limit: Decimal, sign: int) -> Decimal:
        """As the function, of what a long pays (``sign`` 1) or a short."""
        known = self._known.get((sign, limit))
        if known is None:
            if len(self._known) >= LIMITS_KEPT:
                self._known.clear()
            known = self._known[sign, limit] = since_calm(self._rates[sign], limit)
        return known


SETTLED: Lately[tuple[Point, ...], _Settled] = Lately(_Settled)


def since_calm(settled: Sequence[Decimal], limit: Decimal) -> Decimal:
    """The highest mean of three settled rates since one was under half of ``limit``; 0 unless it was over ``limit``.

    ``settled`` oldest first. What was over the limit stays so until it is under half of it (R-W6), and that follows
    from the rates alone: nothing is remembered.
    """
    if not settled or max(settled) <= limit:
        return ZERO
    peak = ZERO
    for end in range(RATES_AVERAGED, len(settled) + 1):
        mean = sum(settled[end - RATES_AVERAGED : end], ZERO) / RATES_AVERAGED
        peak = ZERO if mean < limit / 2 else max(peak, mean)
    return peak if peak > limit else ZERO


def cost_of(legs: Sequence[Leg], desk: Desk) -> Cost:
    """Fees, half spreads, impact; an opened futures leg's later close; expected funding while it is held, signed."""
    fees = spread = moved = funding = ZERO
    fresh = desk.policy.limits.age_max.quotes
    for leg in legs:
        asset, _ = desk.asset_of(leg.symbol)
        half = half_spread(leg.symbol, desk.snapshot, fresh)
        half = SPREAD_UNKNOWN if half is None else half
        buying = leg.qty > 0
        times = 2 if is_swap(leg.symbol) and not leg.reduce_only else 1
        fees += leg.notional * desk.taker(leg.symbol) * times
        spread += leg.notional * half * times
        moved += leg.notional * impact(
            leg.symbol, leg.notional, buying=buying, snapshot=desk.snapshot, major=asset in MAJORS, limit=fresh
        )
        if is_swap(leg.symbol) and not leg.reduce_only:
            view = funding_view(leg.symbol, desk)
            if view is not None:
                paid = view.now if buying else -view.now
                funding += leg.notional * paid * Decimal(desk.policy.costs.holding / DAY) / DAYS_A_YEAR
    return Cost(fees=fees, spread=spread, impact=moved, funding=funding)


def benefit_of(before: Decimal, after: Decimal, readings: Readings, desk: Desk) -> Decimal:
    """lambda/2 x sigma^2 x (d_before^2 - d_after^2) x horizon/365 x E (R-G10); sigma a year, unknown 0.8."""
    costs = desk.policy.costs
    sigma = VOLATILITY_UNKNOWN
    if readings.volatility is not None:
        sigma = from_float(readings.volatility) or VOLATILITY_UNKNOWN
    years = Decimal(costs.horizon / DAY) / DAYS_A_YEAR
    return costs.risk_aversion / 2 * sigma * sigma * (before * before - after * after) * years * desk.equity
