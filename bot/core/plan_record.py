"""Owns the plan: what would be done, why, what stood in the way; and its one text form. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.core.assessment import Assessment, Exposure, Readings, Trigger
from bot.core.events import Event
from bot.core.numbers import CENT, canonical_json, fraction, plain, utc_text
from bot.core.verdicts import Approved, Refused, Verdict
from bot.core.wishes import Hold, Leg, Move, Wish


@dataclass(frozen=True, slots=True)
class After:
    """The account as the approved actions would leave it, fractions of E."""

    exposures: Mapping[str, Decimal]
    liquid_stables: Decimal | None
    gross_leverage: Decimal | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision. ``events`` are the facts it states (episodes opened and ended, slots fired), appended with it."""

    decision_id: str
    at: datetime
    config_hash: str
    assessment: Assessment
    actions: tuple[Approved, ...]
    blocked: tuple[Refused, ...]
    holds: tuple[Hold, ...]
    after: After
    venue: str = ""
    events: tuple[Event, ...] = ()
    stables_floor: Decimal = Decimal(0)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def action_id(self, index: int) -> str:
        """The id of the ``index``-th approved action: stable, since a plan is."""
        return f"{self.decision_id}-{index + 1}"

    def body(self) -> dict[str, Any]:
        """The plan in the JSON form of the plan contract (numbers: fractions as numbers, money as strings)."""
        return _body(self)

    def to_json(self) -> str:
        """The canonical text: equal plans give equal bytes."""
        return canonical_json(self.body())


def number(value: Decimal | None) -> float | None:
    """A fraction as a JSON number with at most 9 decimals."""
    return None if value is None else float(fraction(value)) + 0.0


def money(value: Decimal | None) -> str | None:
    """Accounting currency to the cent, as text."""
    return None if value is None else f"{value.quantize(CENT):f}"


def _body(plan: Plan) -> dict[str, Any]:
    seen = plan.assessment
    return {
        "version": 1,
        "decision_id": plan.decision_id,
        "at": utc_text(plan.at),
        "config_hash": plan.config_hash,
        "equity": money(seen.equity),
        "regime": seen.regime,
        "stress": seen.stress,
        "alarms": list(seen.alarms),
        "unknown": list(seen.unknown),
        "exposures": [_exposure(item) for item in seen.exposures],
        "stables": _stables(plan),
        "triggers": [_trigger(item) for item in seen.triggers],
        "actions": [
            _action(plan.action_id(index), item.wish, item.passed, item.not_passed)
            for index, item in enumerate(plan.actions)
        ],
        "blocked": [
            _action(f"{plan.decision_id}-b{index + 1}", item.wish, item.passed, item.not_passed)
            for index, item in enumerate(plan.blocked)
        ],
        "holds": [
            {"asset": item.asset, "rule": item.rule, "why": item.why, "nearest": item.nearest} for item in plan.holds
        ],
        "after": _after(plan.after),
        "events": [
            {"key": item.key, "at": utc_text(item.at), "kind": item.kind, "body": dict(item.body)}
            for item in plan.events
        ],
        **plan.extra,
    }


def _stables(plan: Plan) -> dict[str, Any]:
    """Stables as shares of E; None while E is unknown."""
    stables, equity = plan.assessment.stables, plan.assessment.equity
    parts = {
        "liquid": stables.liquid,
        "dry_powder": stables.dry_powder,
        "earn": stables.earn,
        "margin": stables.margin,
    }
    shares = {name: number(value / equity) if equity else None for name, value in parts.items()}
    return {**shares, "floor": number(plan.stables_floor)}


def _after(after: After) -> dict[str, Any]:
    return {
        "exposures": {asset: number(value) for asset, value in sorted(after.exposures.items())},
        "liquid_stables": number(after.liquid_stables),
        "gross_leverage": number(after.gross_leverage),
    }


_READ = tuple(each.name for each in fields(Readings) if each.name != "trend")


def _exposure(item: Exposure) -> dict[str, Any]:
    known = item.price is not None
    read = item.readings
    readings = {name: value for name in _READ if (value := getattr(read, name)) is not None}
    return {
        "asset": item.asset,
        "sleeve": item.sleeve,
        "price": None if item.price is None else plain(item.price),
        "spot": number(item.spot) if known else None,
        "futures": number(item.futures) if known else None,
        "net": number(item.net) if known else None,
        "target": number(item.target),
        "band": [number(item.band_low), number(item.band_high)],
        "drift": number(item.drift) if known else None,
        "trend": item.readings.trend.value if item.readings.trend else None,
        "readings": readings,
        "notes": list(item.notes),
    }


def _trigger(item: Trigger) -> dict[str, Any]:
    return {"rule": item.rule, "subject": item.subject, "why": item.why}


def _leg(leg: Leg) -> dict[str, Any]:
    return {
        "symbol": leg.symbol,
        "side": "buy" if leg.qty > 0 else "sell",
        "amount": plain(abs(leg.qty)),
        "notional": money(leg.notional),
        "reduce_only": leg.reduce_only,
        "price": plain(leg.price),
        "purpose": leg.purpose,
        **({"limit": plain(leg.limit)} if leg.limit is not None else {}),
    }


def _move(move: Move) -> dict[str, Any]:
    return {"asset": move.asset, "amount": plain(move.amount), "from": move.source, "to": move.to}


def _verdict(item: Verdict) -> dict[str, Any]:
    body: dict[str, Any] = {"gate": item.gate, "verdict": item.verdict}
    if item.until:
        body["until"] = utc_text(item.until)
    return {**body, "why": item.why, "nearest": item.nearest}


def _action(action_id: str, wish: Wish, passed: int, not_passed: tuple[Verdict, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": action_id,
        "rule": wish.rule,
        "kind": wish.kind,
        "class": wish.cls,
        "asset": wish.asset,
        "exposure_change": number(wish.exposure_change),
        "funded_by": list(wish.funded_by),
        "depends_on": list(wish.depends_on),
        "legs": [_leg(leg) for leg in wish.legs] + [_move(move) for move in wish.moves],
        "gates": {"passed": passed, "not_passed": [_verdict(item) for item in not_passed]},
        "why": wish.why,
    }
    if wish.cost is not None:
        cost = wish.cost
        body["cost"] = {
            "fees": money(cost.fees),
            "spread": money(cost.spread),
            "impact": money(cost.impact),
            "funding": money(cost.funding),
            "total": money(cost.total),
        }
    if wish.benefit is not None:
        body["benefit"] = money(wish.benefit)
    if wish.goal is not None:
        body["goal"] = number(wish.goal)
    if wish.repairs:
        body["repairs"] = wish.repairs
    if wish.notes:
        body["notes"] = dict(wish.notes)
    return body
