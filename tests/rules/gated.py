"""Owns the scenes that gates are asked in: one plan of each class, and whether a gate alone stopped it.

Every builder takes what `accounts.account` takes beside, so that a case changes one thing of an account that acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.core.plan_record import Plan
from bot.core.wishes import Wish
from tests.rules.accounts import AT, actions, decide, policy, reads, seen, verdicts

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"
OFF: Mapping[str, Any] = {"hedge": {"enabled": False}}
RANGE = {name: reads() for name in ("BTC", "ETH", "SOL", "XRP")}
FLOOR: Mapping[str, Any] = {"stables": {"floor": "0.10", "refill": "0"}}


def trim(weight: Any = 58, config: Mapping[str, Any] | None = None, **more: Any) -> Plan:
    """BTC over its 50, sold without a hedge."""
    state = seen({"BTC": weight}, 100 - Decimal(str(weight)), **more)
    return decide(state, policy({"BTC": 50}, **{**OFF, **(config or {})}), RANGE)


def add(config: Mapping[str, Any] | None = None, **more: Any) -> Plan:
    return decide(seen({"BTC": 42}, 58, **more), policy({"BTC": 50}, **{**OFF, **(config or {})}), RANGE)


def floor(**more: Any) -> Plan:
    return decide(seen({"BTC": 92}, 8, **more), policy({"BTC": 88}, **FLOOR, **OFF), RANGE)


def safety(**more: Any) -> Plan:
    return decide(seen({"BTC": 2}, 88, futures=10, shorts={"BTC": 3}, **more), policy({"BTC": 50}), {})


def unhedge(**more: Any) -> Plan:
    return decide(seen({"BTC": 48}, 42, futures=10, shorts={"BTC": 4}, **more), policy({"BTC": 50}), RANGE)


def convert(**more: Any) -> Plan:
    old = {"symbol": SWAP, "purpose": "hedge", "contracts": "0.04", "opened_at": AT - timedelta(days=31)}
    state = seen({"BTC": 54}, 36, futures=10, shorts={"BTC": 2}, memory={"hedges": [old]}, **more)
    return decide(state, policy({"BTC": 50}), RANGE)


def transfer(**more: Any) -> Plan:
    return decide(seen({"BTC": 58}, 42, **more), policy({"BTC": 50}), RANGE)


def stopped(made: Plan, gate: str, verdict: str = "defer") -> bool:
    return (
        made.actions == () and all(verdicts(item).get(gate) == verdict for item in made.blocked) and bool(made.blocked)
    )


def episode(minutes: int, **more: Any) -> dict[str, Any]:
    at = AT - timedelta(minutes=minutes)
    body = {"subject": "BTC", "direction": "trim", "goal": "0.5", "opened_at": at, "rule": "R-A3", "sign": "down"}
    return {"memory": {"episodes": [{**body, "last_increment_at": at, "left": "0", "judged": True, **more}]}}


def the(made: Plan, kind: str) -> Wish:
    (found,) = [item for item in actions(made) if item.kind == kind]
    return found


def kinds(made: Plan) -> list[str]:
    return [item.kind for item in actions(made)]
