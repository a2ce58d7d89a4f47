"""A record on disk as a running bot leaves it: one decision that trimmed, one that held, an order, a fill, a beat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.clocks import host_utc_now
from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.snapshot import parse
from bot.ports.store import Identity
from bot.settings import load_text
from bot.store.sql import SqlStore
from tests.contract.store.builders import a_fill, a_run, a_state, a_submit, an_intent
from tests.unit.cli.snapshots import CONFIG, a_snapshot

MAIN = Identity("main", "paper", "binance", "local")
BEAT: Mapping[str, Any] = {
    "mode": "paper",
    "venue": "binance",
    "environment": "local",
    "kill": {"level": "off", "reason": None, "by": None, "at": None},
    "cycles": 2,
    "decisions": 2,
    "last_cycle_at": "2026-01-05T12:10:00Z",
    "equity": "100000.00",
    "orders_open": 0,
    "unknown_orders": 0,
    "waiting_for": [],
    "version": "0.1.0",
}


async def a_record(
    folder: Path, *, identity: Identity = MAIN, beat: Mapping[str, Any] = BEAT, at: datetime | None = None
) -> list[Plan]:
    """Write it to `data/ballast.db` under a folder; the plans, oldest first. ``at``: host time of the beat."""
    url = f"sqlite+aiosqlite:///{folder / 'data' / 'ballast.db'}"
    (folder / "data").mkdir(exist_ok=True)
    policy = load_text(CONFIG, {}).policy()
    store = SqlStore(url, lambda: at or host_utc_now())
    await store.open(identity, migrate=True)
    fence = await store.lead("test", 60)
    await store.start_run(a_run(), fence)
    plans = []
    for number, (weights, minute) in enumerate((({"BTC": 0.64, "ETH": 0.20}, 0), ({"BTC": 0.54, "ETH": 0.36}, 10))):
        instant = datetime(2026, 1, 5, 12, minute, tzinfo=UTC)
        snapshot = parse(json.dumps(a_snapshot(weights, at=instant.isoformat())))
        made = plan(snapshot, policy)
        intents = [an_intent(made.decision_id, fence=fence)] if made.actions else []
        await store.begin(f"c{number}", snapshot, policy, made, intents, [], fence)
        for intent in intents:
            events = [a_submit(intent), a_fill(intent, qty="-0.06", price="50000"), a_state(intent, "filled")]
            await store.append(events, fence)
        plans.append(made)
    await store.beat({**beat, "exposures": plans[-1].body()["exposures"]}, fence)
    await store.release(fence)
    await store.close()
    return plans
