"""Owns what operators ask through the control table: adopt, rearm, resume, approve, reject, accept (R-G13 to R-G17)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.core.events import Event
from bot.core.numbers import utc_text
from bot.core.policy import Policy
from bot.engine.parts import Parts
from bot.engine.record import Recorder
from bot.engine.stop import OFF, Standing, asked_for, severity
from bot.ports.errors import StoreError
from bot.ports.store import ControlRow

BREAKER = "drawdown breaker"  # who froze, in the control table
APPROVAL = "R-G17"
ACCEPTS = "accept"  # an edit of the configuration that raises risk
APPROVED_FOR = timedelta(hours=1)  # venue time that a yes holds
APPROVABLE_FOR = timedelta(days=1)  # venue time after which a plan is no longer what anybody said yes to


class Requests:
    """Reads every request once per process and does what it asks of the memory.

    What a request does is written under its own id, so that reading all of them again after a restart changes nothing.
    The kill level itself is the watch's business; a table that cannot be read freezes there. ``standing`` is the stop
    as the record acknowledges it: the highest level asked for since the last resume.
    """

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._read = 0
        self.accepted: set[str] = set()  # edits of the configuration that somebody said yes to, by name
        self.standing = OFF
        self.broken = False  # whether the breaker froze and nobody resumed since

    async def handle(self, policy: Policy) -> None:
        """Acknowledge and act on all that came since the last look."""
        try:
            rows = await self._parts.controls.read(self._read)
        except StoreError:
            return
        at = self._parts.clock.now()
        made: list[Event] = []
        for row in rows:
            body = {"id": row.id, "what": row.what, "value": row.value, "who": row.who, "why": row.why}
            made.append(Event(f"control:{row.id}", at, "control", body))
            made += await self._asked(row, policy, at)
        await self._recorder.append(made)
        for row in rows:
            self._stands(row)
        self._read = max((row.id for row in rows), default=self._read)

    def _stands(self, row: ControlRow) -> None:
        if row.what == "resume":
            self.standing = OFF
        elif row.what == "kill":
            self.standing = max(self.standing, asked_for(row), key=_severity)

    async def _asked(self, row: ControlRow, policy: Policy, at: datetime) -> list[Event]:
        key = f"control:{row.id}:done"
        if row.what == "adopt":
            assets = [row.value] if row.value in policy.assets else list(policy.assets)
            return [Event(key, at, "adopted", {"assets": assets})]
        if row.what == "halt-asset" and row.value in policy.assets:
            return [Event(key, at, "asset.halted", {"asset": row.value, "why": f"{row.who}: {row.why}"})]
        if row.what == "rearm":
            return [Event(key, at, "asset.rearmed", {"assets": [row.value]} if row.value else {})]
        if row.what == ACCEPTS:
            self.accepted.add(row.value)
        if row.what == "kill":
            self.broken = self.broken or row.who == BREAKER
        if row.what == "resume" and self.broken:
            self.broken = False
            # Else the fall that was resumed from would trip it again at once.
            return [Event(key, at, "peak.reset", {})]
        if row.what in ("approve", "reject"):
            return await self._judged(row, key, at)
        return []

    async def _judged(self, row: ControlRow, key: str, at: datetime) -> list[Event]:
        """An operator's yes or no to a recorded decision's wishes that waited for it (R-G17)."""
        found = await self._parts.record.decision(row.value) if row.value else None
        if found is None:
            return self._refused(row, f"there is no decision {row.value!r}")
        decision = found[0]
        keys = waiting_keys(json.loads(decision.plan_json))
        body = {"decision_id": decision.decision_id, "keys": keys}
        if row.what == "reject":
            return [Event(key, at, "rejected", body)]
        if not keys:
            return self._refused(row, f"no wish of decision {decision.decision_id} waits for a yes")
        if at - decision.at > APPROVABLE_FOR:
            return self._refused(row, f"decision {decision.decision_id} is of {utc_text(decision.at)}, over a day old")
        # As the gate reads it: text against the snapshot's own.
        return [Event(key, at, "approved", {**body, "until": (at + APPROVED_FOR).isoformat()})]

    def _refused(self, row: ControlRow, why: str) -> list[Event]:
        self._parts.alerts.send("warning", f"{row.what} {row.value}: {why}", key=f"control:{row.id}")
        return []


def _severity(word: Standing) -> int:
    return severity(word.level)


def waiting_keys(plan: Mapping[str, Any]) -> list[str]:
    """The keys (`Wish.key`) of a recorded plan's blocked wishes that R-G17 deferred."""
    made = []
    for action in plan["blocked"]:
        if any(item["gate"] == APPROVAL and item["verdict"] == "defer" for item in action["gates"]["not_passed"]):
            legs = [leg for leg in action["legs"] if "symbol" in leg]
            sides = ",".join(f"{leg['symbol']}:{'+' if leg['side'] == 'buy' else '-'}" for leg in legs)
            made.append(f"{action['asset']}:{action['kind']}:{sides}")
    return sorted(set(made))
