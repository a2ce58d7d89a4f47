"""Owns the order in which wishes are thought of: safety, floor, derisk, upkeep, drift, yield. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

from bot.core.assessment import Exposure
from bot.core.desk import Desk
from bot.core.exposure import AGREE_AFTER
from bot.core.futures import backed
from bot.core.gates import benefit
from bot.core.numbers import ONE
from bot.core.rules import (
    add,
    bear,
    breaker,
    bridge,
    broken,
    derisk,
    exits,
    index,
    margin,
    net_short,
    parity,
    park,
    refill,
    trim,
    unhedge,
)
from bot.core.sizing import percent, points, sign_of
from bot.core.wishes import Hold, Wish

#: Looks at the desk as the previous actions leave it and proposes; called once.
Proposer = Callable[[Desk], list[Wish | Hold]]


def proposers(desk: Desk) -> Iterator[Proposer]:
    """One pass (rulebook section 5). The order within a stage is that of the first assessment."""
    yield from _SAFETY
    if desk.ledger.equity is None:
        yield _unknown
        return
    for propose in (*_BEFORE_DRIFT, *_by_asset(desk)):
        yield partial(_backed, propose)


def _by_asset(desk: Desk) -> Iterator[Proposer]:
    """Hedges and bridges, then overweight and underweight by urgency, then what is idle."""
    exposures = desk.seen.exposures
    for item in exposures:
        yield partial(_one, unhedge.wish, item.asset)
        yield partial(_one, bridge.convert, item.asset)
    ranked = sorted(exposures, key=lambda item: (-_urgency(item), item.asset))
    for item in ranked:
        if item.drift > 0 or _working(desk, item.asset, "down") or desk.seen.regime == "bear":
            yield partial(_overweight, item.asset)
            yield partial(_one, derisk.step_beside, item.asset)
    for item in ranked:
        if item.drift < 0 or _working(desk, item.asset, "up"):
            yield partial(_underweight, item.asset)
            yield partial(_instead, item.asset)
    yield parity.lifts
    yield lambda now: [*park.park(now)]


#: Never net short, liquidation, stop, breaker, flatten: asked even while equity is unknown.
_SAFETY: tuple[Proposer, ...] = (
    lambda now: [*net_short.wishes(now)],
    lambda now: [*breaker.flatten(now)],
    lambda now: [*breaker.wishes(now)],
    lambda now: [*bridge.stops(now)],
    lambda now: [*margin.safety(now)],
)
#: The stable floor, then stress and regime, then the upkeep of futures.
_BEFORE_DRIFT: tuple[Proposer, ...] = (
    lambda now: [*park.recall(now)],
    lambda now: [*refill.wishes(now)],
    derisk.wishes,
    exits.wishes,
    parity.wishes,
    lambda now: [*index.wishes(now)],
    lambda now: [*broken.wishes(now)],
    lambda now: [*margin.transfers(now)],
)


def _overweight(asset: str, desk: Desk) -> list[Wish | Hold]:
    """In a bear regime the hedge is asked before the trim (R-A6)."""
    hedged = bear.wish(desk, asset)
    return [hedged] if hedged is not None else _one(trim.wish, asset, desk)


def _underweight(asset: str, desk: Desk) -> list[Wish | Hold]:
    """What is being left is not added to (R-A17)."""
    made = _one(add.wish, asset, desk)
    why = exits.leaving(desk, desk.exposure(asset)) if any(isinstance(item, Wish) for item in made) else ""
    kept = [item for item in made if isinstance(item, Hold) or item.kind == "unhedge"]
    return [*kept, Hold(asset, exits.RULE, f"{why}: nothing is added", "its reason gone")] if why else made


def _instead(asset: str, desk: Desk) -> list[Wish | Hold]:
    """Spot where a bridge is not worth its cost (R-G10); one that only waits, for margin or a book, is waited for."""
    dear = [item for item in desk.refused if item.asset == asset and item.rule == add.BRIDGE]
    refused = any(benefit.judge(item, desk)[1].verdict == "veto" for item in dear)
    return _one(add.instead, asset, desk) if refused else []


def _one(rule: Callable[[Desk, str], Wish | Hold | None], asset: str, desk: Desk) -> list[Wish | Hold]:
    made = rule(desk, asset)
    return [] if made is None else [made]


def _backed(propose: Proposer, desk: Desk) -> list[Wish | Hold]:
    """What a proposer says, margin no larger than what lies there carries; each wish beside those before it."""
    made: list[Wish | Hold] = []
    before: Wish | None = None  # done only where another one comes: most proposers say one thing
    for item in propose(desk):
        if isinstance(item, Hold):
            made.append(item)
            continue
        desk = desk.after(before) if before is not None else desk
        word = backed(desk, item)
        before = word if isinstance(word, Wish) else None
        made.append(word)
    return made


def _urgency(item: Exposure) -> Decimal:
    return abs(item.drift) / (item.band or ONE)


def _working(desk: Desk, asset: str, sign: str) -> bool:
    episode = desk.memory.episode(asset)
    return episode is not None and sign_of(episode) == sign


def _unknown(desk: Desk) -> list[Wish | Hold]:
    """Equity unknown: nothing is sized; every asset says why (R-G3, R-W9)."""
    rule, nearest = "R-G3", "a sane price and an answer for everything held"
    why = f"equity is unknown: {'; '.join(desk.seen.unknown[:3])}"
    if desk.seen.strange:
        rule, nearest = "R-W9", f"a second read that agrees, {AGREE_AFTER.total_seconds():.0f} s after the first"
        why = next((word for word in desk.seen.unknown if word.startswith("equity")), why)
    return [Hold(item.asset, rule, why, nearest) for item in desk.seen.exposures]


def inside(item: Exposure) -> Hold:
    """The word on an asset about which no rule had anything to say."""
    edge = item.band_high if item.drift >= 0 else item.band_low
    return Hold(
        item.asset,
        "R-W2",
        f"inside its band: net {percent(item.net)}, target {percent(item.target)}, drift {points(item.drift)} points",
        f"net exposure of {percent(edge)}, now {percent(item.net)}",
    )
