"""Owns what the configuration says about itself (rulebook section 8): warnings, errors, break-even drifts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

from bot.core.desk import contract_of
from bot.core.instruments import Market, is_swap, spot_symbol
from bot.core.numbers import ONE, ZERO, fraction, plain
from bot.core.policy import Policy
from bot.core.windows import VOLUME_AS_DEPTH

DAY: Final = timedelta(days=1)
DAYS_A_YEAR: Final = Decimal(365)
VOLATILITY_PRESUMED: Final = Decimal("0.5")  # a year
TAKER_PRESUMED: Final = Decimal("0.001")
HALF_SPREAD_PRESUMED: Final = Decimal("0.0001")
ROUND_TRIPS: Final = 4
NARROW_POINTS: Final = Decimal("0.02")
NARROW_SHARE: Final = Decimal("0.20")
FLOOR_GAP: Final = Decimal("0.02")
LEVERAGE_WARNED: Final = Decimal(3)
TARGET_ZERO_BAND: Final = Decimal("0.005")
LEAST_PERIOD: Final = 2
# What a window leaves before the bar it is for (the readings' anchors), by timeframe.
WINDOW_BARS: Final = 1280
WINDOW_BARS_REGIME: Final = 512

Level = Literal["warning", "error"]


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding: the key it is about, what the matter is, and what would be better."""

    level: Level
    key: str
    text: str

    def line(self) -> str:
        """As `check` prints it."""
        return f"{self.level}: {self.key}: {self.text}"


@dataclass(frozen=True, slots=True)
class BandRow:
    """One asset's band, and the drift from which a correction pays; fractions of E, volatility a year."""

    asset: str
    sleeve: str
    target: Decimal
    band: Decimal | None  # half-width; None: switched off
    break_even: Decimal
    volatility: Decimal
    fee: Decimal  # a taker's in spot, a fraction


@dataclass(frozen=True, slots=True)
class VenueSeen:
    """What the venue said of itself, the account and the key. ``volumes``: quote a day by asset; None = unknown."""

    name: str
    markets: Mapping[str, Market]
    swaps: bool  # whether this account can trade perpetuals at all
    equity: Decimal | None = None
    volumes: Mapping[str, Decimal] = field(default_factory=dict)
    live: bool = False
    can_withdraw: bool | None = None


def advice(
    policy: Policy,
    *,
    kill: str = "off",
    volatility: Mapping[str, Decimal] = {},
    targets: Mapping[str, Decimal] = {},
    fees: Mapping[str, Decimal] = {},
    venue: VenueSeen | None = None,
) -> list[Advice]:
    """Every finding, errors first.

    ``volatility``, ``targets`` and ``fees`` as in `bands`; ``venue`` what the venue itself said, where it was asked.
    """
    found = [
        *_periods(policy),
        *_bands(policy, bands(policy, volatility, targets, fees)),
        *_leverage(policy),
        *_floor(policy),
        *_windows(policy, venue),
        *_kill(kill),
        *(_venue(policy, venue) if venue else ()),
    ]
    return sorted(found, key=lambda each: each.level)  # stable: each level keeps its order


def bands(
    policy: Policy,
    volatility: Mapping[str, Decimal] = {},
    targets: Mapping[str, Decimal] = {},
    fees: Mapping[str, Decimal] = {},
) -> list[BandRow]:
    """Each asset's band beside its break-even drift.

    ``volatility`` a year by asset, 0.5 where it is not known; ``targets`` where history set them: else the skeleton's;
    ``fees`` of a taker in spot by asset, fractions, as the venue says: 0.1 % where it does not.
    """
    rows = []
    for name, sleeve in policy.targets.sleeves.items():
        for asset in sleeve.members:
            inner = sleeve.fixed[asset] if sleeve.fixed is not None else ONE / len(sleeve.members)
            target = targets.get(asset, fraction(sleeve.weight * inner))
            sigma = volatility.get(asset, VOLATILITY_PRESUMED)
            fee = fees.get(asset, TAKER_PRESUMED)
            earns = break_even(policy, sigma, fee)
            rows.append(BandRow(asset, name, target, _band(policy, asset, target), earns, sigma, fee))
    return rows


def break_even(policy: Policy, volatility: Decimal, fee: Decimal = TAKER_PRESUMED) -> Decimal:
    """The drift from which R-G10 lets a correction in spot through, at a taker's ``fee`` and half a spread of 1 bp.

    Benefit λ/2·σ²·d²·years equals min_ratio·cost·d at d = min_ratio·cost / (λ/2·σ²·years).
    """
    costs = policy.costs
    years = Decimal(costs.horizon / DAY) / DAYS_A_YEAR
    worth = costs.risk_aversion / 2 * volatility * volatility * years
    return fraction(costs.min_ratio * (fee + HALF_SPREAD_PRESUMED) / worth) if worth else ONE


def _band(policy: Policy, asset: str, target: Decimal) -> Decimal | None:
    """The half-width of R-W2: the tighter of points and relative, half a point around a target of 0."""
    if target == 0:
        return TARGET_ZERO_BAND
    band = policy.band_for(asset)
    widths = [width for width in (band.points, band.relative and band.relative * target) if width]
    return fraction(min(widths)) if widths else None


def _bands(policy: Policy, rows: Iterable[BandRow]) -> Iterator[Advice]:
    for row in rows:
        move = ROUND_TRIPS * 2 * (row.fee + HALF_SPREAD_PRESUMED)
        if not row.target or row.band is None:
            continue
        own = any(policy.targets.sleeves[row.sleeve].band.values())
        key = f"targets.sleeves.{row.sleeve}.band" if own else "triggers.band"
        better = max(NARROW_POINTS, fraction(NARROW_SHARE * row.target))
        told = f"{row.asset}'s band of {_points(row.band)} points"
        if row.band < NARROW_POINTS and row.band < NARROW_SHARE * row.target:
            yield Advice(
                "warning",
                key,
                f"{told} is under 2 points and under 20 % of its target of {_points(row.target)} %: it trades too "
                f"often; {_points(better)} points or more would be better (break-even {_points(row.break_even)})",
            )
        # A coin that rises by m comes to weigh t(1 + m) / (1 + t·m).
        moved = row.target * (ONE + move) / (ONE + row.target * move) - row.target
        if row.band <= moved:
            yield Advice(
                "warning",
                key,
                f"{told} is reached by a price move of {_points(move)} %, four round trips' cost: whipsaw; "
                f"{_points(better)} points or more would be better",
            )


def _leverage(policy: Policy) -> Iterator[Advice]:
    found: list[tuple[str, object]] = [
        ("limits.leverage", policy.limits.leverage),
        ("hedge.leverage", policy.hedge.leverage),
        ("bridge.leverage", policy.bridge.leverage),
        ("bridge.leverage_cap", policy.bridge.leverage_cap),
    ]
    for name, sleeve in policy.targets.sleeves.items():
        for group, keys in (("hedge", sleeve.hedge), ("bridge", sleeve.bridge)):
            found += [
                (f"targets.sleeves.{name}.{group}.{key}", value) for key, value in keys.items() if "leverage" in key
            ]
    for key, value in found:
        if isinstance(value, Decimal) and value > LEVERAGE_WARNED:
            yield Advice(
                "warning", key, f"is {plain(value)}, over 3: a common day's move liquidates; 2 would be better"
            )


def _floor(policy: Policy) -> Iterator[Advice]:
    stables = policy.targets.stables
    gap = stables.weight - stables.floor
    if (stables.weight or stables.floor) and gap < FLOOR_GAP:
        floor, weight = _points(stables.floor), _points(stables.weight)
        better = _points(max(ZERO, stables.weight - FLOOR_GAP))
        yield Advice(
            "warning",
            "targets.stables.floor",
            f"is {floor} %, {_points(gap)} points under the stables target of {weight} %: "
            f"additions find no dry powder; {better} % or less would be better",
        )


def _windows(policy: Policy, venue: VenueSeen | None) -> Iterator[Advice]:
    """Thin assets that may be traded at any hour: by their volume where it is known, else those of narratives."""
    if not isinstance(policy.windows.schedule, str):
        return
    thin = []
    for asset in policy.assets:
        volume = venue.volumes.get(asset) if venue else None
        if volume is None or venue is None or venue.equity is None:
            sleeve = policy.targets.sleeves[policy.sleeve_of(asset) or ""]
            thin += [asset] if sleeve.narrative else []
            continue
        step = policy.trim_for(asset).increment * venue.equity
        if step > volume * VOLUME_AS_DEPTH * policy.windows.depth_share:
            thin.append(asset)
    if thin:
        yield Advice(
            "warning",
            "windows.schedule",
            f"is always, and {', '.join(thin)} may be thin: at quiet hours a step moves the price; "
            'hours such as ["Mon-Fri 13:00-17:00"] would be better',
        )


def _venue(policy: Policy, venue: VenueSeen) -> Iterator[Advice]:
    """What the venue does not list, does not trade, or lets this key do."""
    listed = {symbol for symbol, market in venue.markets.items() if market.active}
    if policy.futures and not (venue.swaps and any(is_swap(symbol) for symbol in listed)):
        yield Advice(
            "warning",
            "venue.futures",
            f"is true, and {venue.name} has no perpetuals for this account: nothing is hedged or bridged; "
            "false would say so",
        )
    elif policy.futures:
        yield from _unlisted_perpetuals(policy, venue, listed)
    for asset in policy.assets:
        symbol = spot_symbol(asset, policy.accounting_currency)
        if "spot" in policy.instruments_for(asset) and symbol not in listed:
            yield Advice(
                "warning",
                f"targets.sleeves.{policy.sleeve_of(asset)}.assets",
                f"has {asset}, and {venue.name} does not list {symbol}: its target is never reached; "
                "a coin that is listed there would be better",
            )
    if venue.live and venue.can_withdraw:
        yield Advice(
            "error", "venue.api_key", "can withdraw, must be a key that cannot: whoever has it can empty the account"
        )
    elif venue.live and venue.can_withdraw is None:
        yield Advice(
            "warning",
            "venue.api_key",
            f"may be able to withdraw: {venue.name} does not say; look at the key's permissions there",
        )


def _unlisted_perpetuals(policy: Policy, venue: VenueSeen, listed: Collection[str]) -> Iterator[Advice]:
    for asset in policy.assets:
        symbol = contract_of(asset, policy).symbol
        wanted = policy.hedge_for(asset).enabled or policy.bridge_for(asset).enabled
        if wanted and symbol not in listed:
            yield Advice(
                "warning",
                f"targets.sleeves.{policy.sleeve_of(asset)}.instruments",
                f"{venue.name} does not list {symbol}: {asset} is neither hedged nor bridged; "
                "[spot], or its market in venue.aliases, would be better",
            )


def _kill(level: str) -> Iterator[Advice]:
    if level != "off":
        does = "only safety and what lowers exposure acts" if level == "freeze" else "nothing is traded"
        yield Advice("warning", "kill_switch", f"is {level}, left on: {does}; off would let it trade")


def _periods(policy: Policy) -> Iterator[Advice]:
    """Periods no reading can be computed with: the reading would stay unknown for ever."""
    signals = policy.signals
    if not signals.enabled:
        return
    periods = {
        "signals.rsi.period": signals.rsi.period,
        "signals.averages.fast": signals.averages.fast,
        "signals.averages.slow": signals.averages.slow,
        "signals.macd.fast": signals.macd.fast,
        "signals.macd.slow": signals.macd.slow,
        "signals.macd.signal": signals.macd.signal,
        "signals.atr.period": signals.atr.period,
        "signals.divergence_bars": signals.divergence_bars,
        "signals.profile.bars": signals.profile.bars,
    }
    for key, bars in periods.items():
        if bars > WINDOW_BARS:
            yield Advice(
                "error", key, f"is {bars}, must be at most {WINDOW_BARS}: a window holds no more bars than that"
            )
    for key in ("signals.rsi.period", "signals.macd.fast", "signals.macd.slow"):
        if periods[key] < LEAST_PERIOD:
            yield Advice("error", key, f"is {periods[key]}, must be at least {LEAST_PERIOD}: one bar has no strength")
    if WINDOW_BARS_REGIME < signals.averages.slow <= WINDOW_BARS:
        yield Advice(
            "warning",
            "signals.averages.slow",
            f"is {signals.averages.slow}: on {signals.regime_timeframe} bars a window holds {WINDOW_BARS_REGIME}, "
            f"so the long trend stays unknown; {WINDOW_BARS_REGIME} or less would be better",
        )


def _points(share: Decimal) -> str:
    """A fraction of E in points with as many decimals as it needs, at least one, at most two."""
    text = f"{share * 100:.2f}"
    return text.removesuffix("0")
