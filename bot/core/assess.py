"""Owns the assessment: what the account looks like now, from readings to triggers. Pure; memoises by content only."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from bot.core.assessment import Assessment, Exposure, Market, Readings, RiskShare, Stables, Trigger
from bot.core.desk import Ledger, contract_of, is_lift
from bot.core.exposure import (
    AGREE_AFTER,
    UNEXPLAINED,
    band_of,
    exposures,
    ledger,
    rescoped,
    stables,
    unexplained,
    unit_value,
    worth_of,
)
from bot.core.kept import Kept
from bot.core.market import days, sentiment_of, series, view
from bot.core.numbers import ZERO, fraction, from_float, milliseconds
from bot.core.policy import Policy
from bot.core.readings import Parameters, parameters, rows_at
from bot.core.readings.memo import Memo
from bot.core.sizing import percent
from bot.core.snapshot import Snapshot
from bot.core.targets import Targets, risk_view, wanted
from bot.core.triggers import calendar, floor, narrative, threshold, trend

TABLES_KEPT = 4096


def _asked(policy: Policy) -> Parameters:
    keys = policy.narrative
    return parameters(policy.signals, keys.parabolic_return, keys.parabolic_window, policy.costs.volatility)


_ROWS: Memo[Readings] = Memo(TABLES_KEPT)
_ASKED: Kept[Policy, Parameters] = Kept(_asked, 16)


def readings(snapshot: Snapshot, policy: Policy) -> Mapping[str, Readings]:
    """Asset -> the last row of its table; an asset without candles has only unknown readings."""
    if not policy.signals.enabled:
        return {}
    asked = _ASKED.of(policy)
    _ROWS.turn()
    at_ms = milliseconds(snapshot.at)
    # Bars are closed: the row changes only when a bar closes, so the instant is cut to the signal timeframe.
    slot_ms = at_ms - at_ms % asked.timeframe_ms
    frames = policy.signals.timeframe, policy.signals.regime_timeframe
    both = [tuple(series(asset, frame, snapshot, policy) for frame in frames) for asset in policy.assets]

    def made(places: list[int]) -> list[Readings]:
        return rows_at([(both[at][0].bars, both[at][1].bars) for at in places], asked, slot_ms)

    # A row is a function of its bars' digests, so made once per bar.
    keys = [(signal.key, regime.key, asked, slot_ms) for signal, regime in both]
    return dict(zip(policy.assets, _ROWS.of_all(keys, made), strict=True))


def assess(
    snapshot: Snapshot, policy: Policy, table: Mapping[str, Readings] | None = None
) -> tuple[Assessment, Ledger]:
    """Readings, market, targets, exposures, triggers; ``table`` replaces the readings by recorded ones."""
    book, unknown, notes = ledger(snapshot, policy)
    read = readings(snapshot, policy) if table is None else table
    market = view(snapshot, policy, {asset: float(abs(book.net(asset))) for asset in policy.assets})
    goals = _targets(snapshot, policy, market)
    overlay = {asset: _risk_overlay(asset, snapshot, policy, book) for asset in policy.assets if book.equity}
    items = exposures(book, goals.now, policy, read, notes, overlay)
    cash = stables(book, policy)
    worth = worth_of(snapshot, policy, book) if book.equity else {}
    rescope = rescoped(worth, snapshot.memory) if worth else ZERO
    strange, doubts = _strange(book, snapshot, rescope)
    unit, doubt = unit_value(book, snapshot.memory, snapshot.at, rescope)
    return (
        Assessment(
            at=snapshot.at,
            equity=None if strange else book.equity,
            regime=market.regime,
            stress=market.stress,
            read_equity=book.equity,
            strange=strange,
            exposures=items,
            stables=cash,
            alarms=market.alarms,
            unknown=tuple(sorted({*unknown, *doubts, *market.unknown, *goals.unknown, *_unread(items, policy)})),
            triggers=tuple(_triggers(snapshot, policy, book, items, cash, market)) if not strange else (),
            targets=goals.now,
            market=market,
            neutral=goals.neutral,
            neutral_bands={asset: band_of(asset, target, policy) for asset, target in goals.neutral.items()},
            risk=_risk(snapshot, policy, book),
            worth=worth,
            rescoped=rescope,
            unit_value=unit,
            doubt=doubt,
        ),
        book.without_equity() if strange else book,
    )


def _targets(snapshot: Snapshot, policy: Policy, market: Market) -> Targets:
    daily = {asset: days(asset, snapshot, policy).bars for asset in policy.assets}
    return wanted(policy, market.regime, market.stress, daily, snapshot.at, snapshot.memory.risk_budgets)


def _triggers(
    snapshot: Snapshot,
    policy: Policy,
    book: Ledger,
    items: tuple[Exposure, ...],
    cash: Stables,
    market: Market,
) -> list[Trigger]:
    """Everything that says something may have to be done, in the order of precedence (section 5)."""
    if not book.equity:
        return []
    memory = snapshot.memory
    felt = {name: value for name in policy.targets.sleeves if (value := sentiment_of(name, snapshot)) is not None}
    refilling = memory.episode("stables") is not None
    return [
        *floor.fire(cash, book.equity, policy, refilling=refilling),
        *([_stressed(market)] if market.stress > 0 else []),
        *narrative.fire(items, market, felt, policy),
        *threshold.fire(items, policy),
        *trend.fire(items, policy, memory, snapshot.at),
        *calendar.fire(items, policy, memory, snapshot.at),
    ]


def _stressed(market: Market) -> Trigger:
    """Stress is a level, not an edge: it is its own trigger while it lasts (R-W5)."""
    return Trigger("R-W5", "portfolio", f"stress {market.stress}: {', '.join(market.alarms) or 'calming'}", "upkeep")


def _strange(
    book: Ledger, snapshot: Snapshot, rescope: Decimal
) -> tuple[Literal["", "new", "waiting"], tuple[str, ...]]:
    """A change of equity that nothing explains stops trading until two reads, some time apart, agree (R-W9)."""
    change, doubt = unexplained(book, snapshot.memory, rescope), snapshot.memory.doubt
    # A flow that was told before E showed it explains the change that brings it.
    told = doubt.amount / book.equity if doubt is not None and book.equity else ZERO
    if change is not None and min(abs(change), abs(change + told)) > UNEXPLAINED:
        return "new", (f"equity: {percent(change)} of it came or went without explanation",)
    seen = snapshot.memory.seen
    since = seen.unexplained_since if seen is not None else None
    if since is not None and snapshot.at - since < AGREE_AFTER:
        return "waiting", ("equity: an unexplained change must be read twice, 30 s apart",)
    return "", ()


def _unread(items: tuple[Exposure, ...], policy: Policy) -> list[str]:
    if not policy.signals.enabled:
        return []
    return [f"{item.asset} trend" for item in items if item.readings.trend is None]


def _risk(snapshot: Snapshot, policy: Policy, book: Ledger) -> Mapping[str, RiskShare]:
    """Shares of risk under the risk-parity model (R-T5); empty where the model is another or history is short."""
    if policy.targets.model != "risk-parity" or not book.equity:
        return {}
    daily = {asset: days(asset, snapshot, policy).bars for asset in policy.assets}
    seen = risk_view(policy.assets, daily, snapshot.at, policy, snapshot.memory.risk_budgets)
    if seen is None:
        return {}
    net = {asset: float(book.net(asset)) for asset in policy.assets}
    shares = seen.shares(net)
    made = {}
    for asset in policy.assets:
        bare = {**net, asset: net[asset] + float(_risk_overlay(asset, snapshot, policy, book))}
        made[asset] = RiskShare(
            share=_decimal(shares[asset]),
            budget=_decimal(seen.budgets[asset]),
            without=_decimal(seen.shares(bare)[asset]),
            at_budget=_decimal(seen.weight_at_budget(asset, net)),
        )
    return made


def _risk_overlay(asset: str, snapshot: Snapshot, policy: Policy, book: Ledger) -> Decimal:
    """What R-T5 shorted of an asset, fractions of E; under 0 what it lifted it by."""
    if not snapshot.memory.hedges and not snapshot.memory.bridges:
        return ZERO
    contract = contract_of(asset, policy)
    shorts = [item for item in snapshot.memory.hedges if item.symbol == contract.symbol and item.purpose == "risk"]
    lifts = [item for item in snapshot.memory.bridges if item.symbol == contract.symbol and is_lift(item)]
    short = sum((item.contracts for item in shorts), ZERO) * contract.coins
    long = sum((item.contracts for item in lifts), ZERO) * contract.coins
    # What somebody else closed does not stand any more.
    held = book.contracts.get(asset, ZERO)
    standing = min(short, max(ZERO, -held)) - min(long, max(ZERO, held))
    price = book.marks.get(asset) or book.prices.get(asset)
    return standing * price / book.equity if price and book.equity else ZERO


def _decimal(value: float) -> Decimal:
    return fraction(from_float(float(f"{value:.9e}")) or ZERO)
