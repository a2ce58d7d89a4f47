"""What the store's tests are made of: plain functions with named defaults, and a host clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Assessment, Stables
from bot.core.events import Event
from bot.core.orders import MoveIntent, OrderIntent, client_id
from bot.core.plan_record import After, Plan
from bot.core.policy import Policy, config_hash
from bot.core.snapshot import Snapshot, build
from bot.core.verdicts import Approved, Refused, Verdict
from bot.core.wishes import Hold, Leg, Wish
from bot.ports.store import Identity, Run

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
FOUR_HOURS_MS = 4 * 3_600_000
MAIN = Identity("main", "paper", "binance", "local")


@dataclass(slots=True)
class HandClock:
    """Host time that stands until it is moved."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def a_policy(**over: Any) -> Policy:
    return Policy.model_validate(
        {
            "targets": {
                "stables": {"weight": "0.10", "floor": "0.05"},
                "sleeves": {"majors": {"weight": "0.90", "assets": {"BTC": "0.6", "ETH": "0.4"}}},
            },
            **over,
        }
    )


def a_run(**over: Any) -> Run:
    return Run(**{"version": "0.1.0", "fingerprint": {"numpy": "2"}, "config": "{}", "config_hash": "h", **over})


def some_bars(count: int = 20, *, upto: datetime = NOON, price: float = 30_000.0) -> NDArray[np.float64]:
    """Closed four-hour bars, the last closing at ``upto``; their prices are no round numbers."""
    last = int(upto.timestamp() * 1000) // FOUR_HOURS_MS * FOUR_HOURS_MS - FOUR_HOURS_MS
    steps = np.arange(count)
    opened = last - (count - 1 - steps) * float(FOUR_HOURS_MS)
    close = price * (1 + 0.01 * np.sin(opened / FOUR_HOURS_MS))
    return np.column_stack([opened, close * 0.999, close * 1.001, close * 0.998, close, 10 + np.cos(opened) / 3])


def a_snapshot(*, at: datetime = NOON, candles: Mapping[str, Mapping[str, Any]] | None = None, **over: Any) -> Snapshot:
    bars = some_bars(upto=at)
    return build(
        {
            "at": at,
            "venue": "binance",
            "balances": [
                {"wallet": "spot", "asset": "USDT", "free": "40000.123456789012345678", "locked": "0.10"},
                {"wallet": "spot", "asset": "BTC", "free": "0.6", "locked": 0},
            ],
            "positions": [{"symbol": "BTC/USDT:USDT", "side": "short", "contracts": "0.1", "leverage": 2}],
            "tickers": {"BTC/USDT": {"bid": "29999.5", "ask": "30000.5", "last": "30000", "at": at}},
            "funding": {"BTC/USDT:USDT": {"rate": "0.0001", "interval_hours": 8}},
            "markets": {"BTC/USDT": {"step": "0.00001", "tick": "0.01", "maker": "0.001", "taker": "0.001"}},
            "feeds": {"dominance": [[1_760_000_000_000.5, "54.1"]]},
            "candles": {"BTC/USDT": {"4h": bars}, "ETH/USDT": {"4h": bars * [1, 0.1, 0.1, 0.1, 0.1, 2]}}
            if candles is None
            else candles,
            **over,
        }
    )


def a_wish(*, asset: str = "BTC", qty: str = "-0.06", kind: Any = "trim") -> Wish:
    return Wish(
        rule="R-A3",
        kind=kind,
        cls="normal",
        asset=asset,
        why="over its band",
        legs=(Leg(f"{asset}/USDT", Decimal(qty), Decimal(30_000)),),
        exposure_change=Decimal("-0.05"),
    )


def a_plan(
    decision_id: str = "d1",
    *,
    at: datetime = NOON,
    policy: Policy | None = None,
    wishes: Sequence[Wish] = (),
    refused: Sequence[Wish] = (),
    events: Sequence[Event] = (),
    equity: str | None = "58000.00",
) -> Plan:
    stables = Stables(*(Decimal(40_000), *(Decimal(0),) * 6))
    return Plan(
        decision_id=decision_id,
        at=at,
        config_hash=config_hash(policy) if policy else "hash",
        assessment=Assessment(
            at=at,
            equity=None if equity is None else Decimal(equity),
            regime="neutral",
            stress=0,
            exposures=(),
            stables=stables,
        ),
        actions=tuple(Approved(wish, 15) for wish in wishes),
        blocked=tuple(Refused(wish, 3, (Verdict("R-G5", "defer", "spread"),)) for wish in refused),
        holds=(Hold("ETH", "R-W2", "inside its band"),),
        after=After({}, None, None),
        events=tuple(events),
    )


def an_intent(decision_id: str = "d1", *, part: int = 0, fence: int = 1, **over: Any) -> OrderIntent:
    action_id = f"{decision_id}-1"
    return OrderIntent(
        **{
            "client_id": client_id("paper", "main", decision_id, action_id, 0, part),
            "decision_id": decision_id,
            "action_id": action_id,
            "leg": 0,
            "slice": part,
            "symbol": "BTC/USDT",
            "qty": Decimal("-0.06"),
            "price": Decimal("30000.10"),
            "tif": "post_only",
            "reduce_only": False,
            "sent_before": NOON + timedelta(seconds=30),
            "fence": fence,
            "asset": "BTC",
            "kind": "trim",
            "purpose": "spot",
            "reference": Decimal(30_000),
            **over,
        }
    )


def a_move(decision_id: str = "d1", **over: Any) -> MoveIntent:
    return MoveIntent(
        **{
            "client_id": f"move-{decision_id}",
            "decision_id": decision_id,
            "action_id": f"{decision_id}-1",
            "asset": "USDT",
            "amount": Decimal("1234.567890123456789"),
            "source": "spot",
            "to": "futures",
            "sent_before": NOON + timedelta(seconds=30),
            "fence": 1,
            **over,
        }
    )


def an_event(kind: str, key: str = "", /, *, at: datetime = NOON, **body: Any) -> Event:
    return Event(key=key or f"{kind}:{sorted(body.items())}", at=at, kind=kind, body=body)


def a_submit(intent: OrderIntent, *, qty: str | None = None) -> Event:
    return an_event(
        "order.submitted",
        f"submitted:{intent.client_id}",
        client_id=intent.client_id,
        qty=qty or f"{intent.qty:f}",
        wish="BTC:trim",
    )


def a_state(intent: OrderIntent, state: str, key: str = "", **body: Any) -> Event:
    name = key or f"state:{intent.client_id}:{state}"
    return an_event("order.state", name, client_id=intent.client_id, state=state, **{"why": "", **body})


def a_fill(intent: OrderIntent, trade_id: str = "t1", /, **body: Any) -> Event:
    return an_event(
        "fill",
        body.pop("key", f"fill:{intent.symbol}:{trade_id}"),
        **{
            "client_id": intent.client_id,
            "trade_id": trade_id,
            "symbol": intent.symbol,
            "qty": "-0.02",
            "price": "30000.10",
            "fee": "0.6",
            "fee_asset": "USDT",
            "fee_value": "0.6",
            "equity": "58000",
            "asset": intent.asset,
            "purpose": intent.purpose,
            **body,
        },
    )
