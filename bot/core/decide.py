"""Owns the order in which wishes are thought of: safety, floor, upkeep, overweight, underweight. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

from bot.core.assessment import Exposure
from bot.core.desk import Desk
from bot.core.numbers import ONE
from bot.core.rules import add, broken, margin, net_short, refill, trim, unhedge
from bot.core.sizing import percent, points, sign_of
from bot.core.wishes import Hold, Wish

#: Looks at the desk as the previous actions leave it and proposes; called once.
Proposer = Callable[[Desk], list[Wish | Hold]]


def proposers(desk: Desk) -> Iterator[Proposer]:
    """One pass (rulebook section 5). The order within a stage is that of the first assessment."""
    yield lambda now: [*net_short.wishes(now)]
    yield lambda now: [*margin.safety(now)]
    if desk.ledger.equity is None:
        yield _unknown
        return
    yield lambda now: [*refill.wishes(now)]
    yield lambda now: [*broken.wishes(now)]
    yield lambda now: [*margin.transfers(now)]
    exposures = desk.seen.exposures
    for item in exposures:
        yield partial(_one, unhedge.wish, item.asset)
    ranked = sorted(exposures, key=lambda item: (-_urgency(item), item.asset))
    for item in ranked:
        if item.drift > 0 or _working(desk, item.asset, "down"):
            yield partial(_one, trim.wish, item.asset)
    for item in ranked:
        if item.drift < 0 or _working(desk, item.asset, "up"):
            yield partial(_one, add.wish, item.asset)


def _one(rule: Callable[[Desk, str], Wish | Hold | None], asset: str, desk: Desk) -> list[Wish | Hold]:
    made = rule(desk, asset)
    return [] if made is None else [made]


def _urgency(item: Exposure) -> Decimal:
    return abs(item.drift) / (item.band or ONE)


def _working(desk: Desk, asset: str, sign: str) -> bool:
    episode = desk.memory.episode(asset)
    return episode is not None and sign_of(episode) == sign


def _unknown(desk: Desk) -> list[Wish | Hold]:
    """Equity unknown: nothing is sized; every asset says why (R-G3)."""
    why = "; ".join(desk.seen.unknown[:3])
    return [
        Hold(item.asset, "R-G3", f"equity is unknown: {why}", "a sane price and an answer for everything held")
        for item in desk.seen.exposures
    ]


def inside(item: Exposure) -> Hold:
    """The word on an asset about which no rule had anything to say."""
    edge = item.band_high if item.drift >= 0 else item.band_low
    return Hold(
        item.asset,
        "R-W2",
        f"inside its band: net {percent(item.net)}, target {percent(item.target)}, drift {points(item.drift)} points",
        f"net exposure of {percent(edge)}, now {percent(item.net)}",
    )
