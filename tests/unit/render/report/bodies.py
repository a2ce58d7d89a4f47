"""A report's body with named defaults, made of a small result."""

from __future__ import annotations

from typing import Any

import numpy as np

from bot.backtest.report import report
from tests.unit.backtest.events import booked, fill, seen
from tests.unit.backtest.results import a_curve, a_result


def a_body(*, days: int = 3, lived: bool = False, **over: Any) -> dict[str, Any]:
    """So many days of two coins, one of which was bought."""
    walk = np.random.default_rng(2).normal(0, 0.004, (days * 24, 2))
    prices = (np.array([100.0, 10.0]) * np.exp(np.cumsum(walk, axis=0))).tolist()
    equity = [1000.0 + row for row in range(days * 24)]
    ledger, _ = booked(
        [
            seen(0, "1000"),
            fill(0.1, "2", "101", fee="0.2", fee_value="0.2"),
            seen(1, "1017.806", coins={"BTC": "2"}, prices={"BTC": "110.003"}),
        ],
        {"one": "100"},
    )
    decision = {
        "at": "2026-01-30T03:00:00Z",
        "actions": [
            {
                "id": "d1-1",
                "kind": "add",
                "rule": "R-A11",
                "asset": "BTC",
                "why": "R-A11: <b>not</b> markup </script>",
                "legs": [],
            },
            {"id": "d1-2", "kind": "trim", "rule": "R-A1", "asset": "ETH", "why": "R-A1: a reason", "legs": []},
        ],
    }
    given: dict[str, Any] = {"decisions": (decision,), "config": {"cycle": "1h", "name": "</script><script>alert(1)"}}
    return report(a_result(a_curve(prices, [0.5, 0.3], equity=equity), ledger, **{**given, **over}), lived=lived)
