"""Owns an approved action on its way to the venue: its slice, its intents, and what is to be remembered of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

from bot.core.instruments import Market, is_swap
from bot.core.numbers import ONE, ZERO
from bot.core.orders import MoveIntent, OrderIntent, Purpose, client_id
from bot.core.plan import while_frozen
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.core.wishes import Leg, Wish
from bot.engine.resting import own_side, rests, subject_of

SLICE = 0  # one slice per leg and cycle; what is left of an increment is a new decision's
WHOLE_ENOUGH = Decimal("1e-9")  # three slices and less than this of a fourth are three


@dataclass(frozen=True, slots=True)
class LegFacts:
    """A leg as decided: the price it was sized at, and whether it moves net exposure (index hedges do not)."""

    symbol: str
    price: Decimal
    purpose: Purpose
    counts: bool


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """What bookings and episodes need of an action. ``wanted``: the exposure change before gates, fractions of E."""

    action_id: str
    decision_id: str
    asset: str
    kind: str
    rule: str
    subject: str
    repairs: str
    episodic: bool  # whether it belongs to an episode
    wanted: Decimal
    equity: Decimal | None
    legs: tuple[LegFacts, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """One action about to be worked: the wish, its intents in order, its facts."""

    wish: Wish
    facts: ActionFacts
    orders: tuple[OrderIntent, ...]
    moves: tuple[MoveIntent, ...]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: parts of every client id, the fence, and the instant after which nothing of a decision leaves."""

    mode: str
    portfolio: str
    fence: int
    sent_before: datetime


def works(plan: Plan, policy: Policy, snapshot: Snapshot, sender: Sender) -> tuple[Work, ...]:
    """The plan's actions with this cycle's slice of each leg as intents; ``snapshot`` is the one it was decided on."""
    return tuple(_work(plan, index, policy, snapshot, sender) for index in range(len(plan.actions)))


def _work(plan: Plan, index: int, policy: Policy, snapshot: Snapshot, sender: Sender) -> Work:
    wish, action_id = plan.actions[index].wish, plan.action_id(index)
    frozen_too = while_frozen(wish)
    moves = tuple(
        MoveIntent(
            client_id=client_id(sender.mode, sender.portfolio, plan.decision_id, action_id, len(wish.legs) + number, 0),
            decision_id=plan.decision_id, action_id=action_id, asset=move.asset, amount=move.amount,
            source=move.source, to=move.to, sent_before=sender.sent_before, fence=sender.fence,
            while_frozen=frozen_too,
        )
        for number, move in enumerate(wish.moves)
    )  # fmt: skip
    return Work(wish, facts_of(plan, index), _orders(plan, index, policy, snapshot, sender), moves)


def _orders(plan: Plan, index: int, policy: Policy, snapshot: Snapshot, sender: Sender) -> tuple[OrderIntent, ...]:
    """One order per leg; where the first rests it is the only one: what it leaves open is decided afresh."""
    wish, action_id = plan.actions[index].wish, plan.action_id(index)
    share = sliced(wish, plan.assessment.equity, policy, snapshot.markets)
    patient = rests(plan, index, policy, snapshot)
    made: list[OrderIntent] = []
    for number, leg in enumerate(wish.legs):
        qty = cut(leg.qty * share, snapshot.markets.get(leg.symbol))
        if not qty:
            continue
        resting = own_side(leg, snapshot) if patient and not made else None
        taking = leg.limit if leg.limit is not None else leg.price
        made.append(
            OrderIntent(
                client_id=client_id(sender.mode, sender.portfolio, plan.decision_id, action_id, number, SLICE),
                decision_id=plan.decision_id, action_id=action_id, leg=number, slice=SLICE, symbol=leg.symbol,
                qty=qty, price=taking if resting is None else resting, tif="ioc" if resting is None else "post_only",
                reduce_only=leg.reduce_only, sent_before=sender.sent_before, fence=sender.fence, asset=wish.asset,
                kind=wish.kind, purpose=leg.purpose, while_frozen=while_frozen(wish), reference=leg.price,
                leverage=leg.leverage,
            )
        )  # fmt: skip
        if resting is not None:
            break
    return tuple(made)


def sliced(wish: Wish, equity: Decimal | None, policy: Policy, markets: Mapping[str, Market]) -> Decimal:
    """The share of every leg that is sent this cycle: the largest is at most `execution.slice_max` of E.

    `twap` makes as few equal slices as that allows, one a cycle. Safety is never sliced, nor what a slice would make
    smaller than the venue takes.
    """
    largest = max((leg.notional for leg in wish.legs), default=ZERO)
    if not equity or not largest or wish.cls == "safety":
        return ONE
    slices = max(ONE, largest / (policy.execution.slice_max * equity))
    if policy.execution.style == "twap":
        slices = (slices - WHOLE_ENOUGH).to_integral_value(ROUND_CEILING)
    share = ONE / slices
    return ONE if any(_too_small(leg, share, markets.get(leg.symbol)) for leg in wish.legs) else share


def _too_small(leg: Leg, share: Decimal, market: Market | None) -> bool:
    if market is None:
        return False
    return abs(cut(leg.qty * share, market)) < market.smallest(leg.price, reduce_only=leg.reduce_only)


def cut(qty: Decimal, market: Market | None) -> Decimal:
    """A signed amount cut to whole steps, towards nothing."""
    if market is None:
        return qty
    amount = market.down(abs(qty))
    return amount if qty > 0 else -amount


def facts_of(plan: Plan, index: int) -> ActionFacts:
    """The facts of the ``index``-th approved action."""
    wish = plan.actions[index].wish
    return ActionFacts(
        action_id=plan.action_id(index),
        decision_id=plan.decision_id,
        asset=wish.asset,
        kind=wish.kind,
        rule=wish.rule,
        subject=subject_of(wish),
        repairs=wish.repairs,
        episodic=wish.direction is not None and wish.goal is not None,
        wanted=wish.wanted or wish.exposure_change,
        equity=plan.assessment.equity,
        legs=tuple(_leg_facts(leg.symbol, leg.price, leg.purpose) for leg in wish.legs),
    )


def recorded_facts(plan_json: str, action_id: str) -> ActionFacts | None:
    """The same facts read back from a recorded plan, for orders that an earlier process sent."""
    body: Mapping[str, Any] = json.loads(plan_json, parse_float=Decimal)
    for action in body["actions"]:
        if action["id"] == action_id:
            return ActionFacts(
                action_id=action_id,
                decision_id=str(body["decision_id"]),
                asset=action["asset"],
                kind=action["kind"],
                rule=action["rule"],
                subject=str(action.get("notes", {}).get("subject", action["asset"])),
                repairs=action.get("repairs", ""),
                episodic=action.get("goal") is not None,
                wanted=Decimal(action["exposure_change"] or 0),
                equity=None if body["equity"] is None else Decimal(body["equity"]),
                legs=_recorded_legs(action["legs"]),
            )
    return None


def _recorded_legs(legs: Sequence[Mapping[str, Any]]) -> tuple[LegFacts, ...]:
    return tuple(_leg_facts(leg["symbol"], Decimal(leg["price"]), leg["purpose"]) for leg in legs if "symbol" in leg)


def _leg_facts(symbol: str, price: Decimal, purpose: Purpose) -> LegFacts:
    return LegFacts(symbol, price, purpose, counts=not (purpose == "index" and is_swap(symbol)))
