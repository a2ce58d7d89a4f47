"""Owns what a running portfolio says of itself: alerts kept for the record, the body of a heartbeat. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from bot.core.numbers import utc_text
from bot.core.orders import OrderState
from bot.core.plan_record import Plan
from bot.engine.parts import Parts
from bot.engine.stop import Standing
from bot.ports.alerts import Alerts

LIVE = (OrderState.OPEN, OrderState.PARTLY_FILLED)
UNKNOWN = (OrderState.UNKNOWN, OrderState.SUBMITTED)


class NotedAlerts:
    """Alerts that are told at once and recorded with the next heartbeat; ``clean`` takes secrets out of both."""

    def __init__(self, inner: Alerts, clean: Callable[[str], str] = str) -> None:
        self._inner = inner
        self._clean = clean
        self.waiting: list[tuple[str, str]] = []

    def send(self, level: Literal["info", "warning", "critical"], text: str, *, key: str = "") -> None:
        """Tell, and keep for the record."""
        text = self._clean(text)
        self._inner.send(level, text, key=key)
        if (level, text) not in self.waiting:
            self.waiting.append((level, text))


async def standing_body(parts: Parts, last: Plan | None, standing: Standing) -> dict[str, Any]:
    """What `status` shows of the portfolio itself (plan contract); the daemon adds what it counts."""
    orders = await parts.store.orders()
    equity = last.assessment.equity if last else None
    return {
        "mode": parts.mode,
        "venue": parts.venue,
        "environment": parts.environment,
        "portfolio": parts.portfolio,
        "kill": {
            "level": standing.level,
            "reason": standing.reason or None,
            "by": standing.by or None,
            "at": utc_text(standing.at) if standing.at else None,
        },
        "last_cycle_at": utc_text(last.at) if last else None,
        "equity": None if equity is None else f"{equity:.2f}",
        "exposures": last.body()["exposures"] if last else [],
        "orders_open": sum(row.state in LIVE for row in orders),
        "unknown_orders": sum(row.state in UNKNOWN for row in orders),
        "waiting_for": waiting_for(last) if last else [],
    }


def waiting_for(plan: Plan) -> list[str]:
    """What would let the refused wishes through, one line each."""
    return [
        f"{item.wish.kind} {item.wish.asset}: {verdict.gate} {verdict.why}; {verdict.nearest}".rstrip("; ")
        for item in plan.blocked
        for verdict in item.not_passed
        if verdict.verdict in ("defer", "veto")
    ]
