"""Owns the proof of a record: every decision made again, the memory folded again, the invariants. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot import __version__
from bot.core.memory import fold_all
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot
from bot.engine.arithmetic import decide, exact
from bot.engine.invariants import INVARIANTS, Evidence
from bot.ports.store import DecisionRow, Record

SHOWN = 10  # faults of one kind that are told line by line
ALL = 2**31 - 1
Progress = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """What was found. ``lines`` are for people; the last one is the verdict."""

    lines: list[str] = field(default_factory=list)
    decisions: int = 0
    identical: int = 0
    invariants: int = 0
    held: int = 0
    memory: bool = True
    pruned: int = 0  # decisions that did nothing, whose inputs are kept no longer

    @property
    def clean(self) -> bool:
        """Whether everything compared was identical and everything asked held."""
        return self.identical == self.decisions and self.held == self.invariants and self.memory

    @property
    def verdict(self) -> str:
        """The last line."""
        identical = f"{self.identical} of {self.decisions} identical"
        pruned = f" ({self.pruned} holds are older than their inputs are kept: readings only)" if self.pruned else ""
        return f"{identical}{pruned}, {self.held} of {self.invariants} invariants hold"


async def verify(record: Record, *, progress: Progress | None = None, any_version: bool = False) -> Report:
    """Check a whole record. Decisions of another version are named and, but for ``any_version``, not compared."""
    report, seen = Report(), Evidence()
    others: dict[str, int] = {}
    async for row, snapshot, policy in record.everything():
        body = json.loads(row.plan_json)
        seen.add(row, body, snapshot, policy)
        if snapshot is None:
            report.pruned += 1
        elif row.version != __version__ and not any_version:
            others[row.version] = others.get(row.version, 0) + 1
        else:
            _compare(report, row, body, snapshot, policy)
        if progress is not None:
            progress(len(seen.decided))
    report.lines += [
        f"{count} decisions were made by version {version}: not compared" for version, count in others.items()
    ]
    await _facts(record, report, seen)
    report.lines.append(report.verdict)
    return report


async def _facts(record: Record, report: Report, seen: Evidence) -> None:
    seen.events = [event async for event in record.events()]
    seen.orders = await record.orders(ALL)
    seen.fills = await record.fills()
    with exact():
        report.memory = fold_all(seen.events) == await record.checkpoint()
    if not report.memory:
        report.lines.append(f"memory: folding all {len(seen.events)} events gives another memory than the record's")
    for name, holds in INVARIANTS.items():
        faults = holds(seen)
        report.invariants += 1
        report.held += not faults
        report.lines += [f"{name}: {fault}" for fault in faults[:SHOWN]]
        if len(faults) > SHOWN:
            report.lines.append(f"{name}: and {len(faults) - SHOWN} more")


def _compare(report: Report, row: DecisionRow, told: Mapping[str, Any], snapshot: Snapshot, policy: Policy) -> None:
    """The same inputs through the same door: the readings first, since all else follows from them."""
    report.decisions += 1
    with exact():
        made = json.loads(decide(snapshot, policy).to_json())
    # What the cycle saw is written beside the plan's own facts, in the same transaction.
    recorded = {**told, "events": [event for event in told["events"] if event["kind"] != "seen"]}
    if made == recorded:
        report.identical += 1
        return
    different = [f"{item['asset']}'s readings" for item in _differing_readings(made, recorded)]
    different = different or sorted(key for key in {*made, *recorded} if made.get(key) != recorded.get(key))
    report.lines.append(
        f"decision {row.decision_id} of {row.at.isoformat()}: made again it differs in {', '.join(different)}"
    )


def _differing_readings(made: Mapping[str, Any], told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    before = {item["asset"]: item["readings"] for item in told["exposures"]}
    return [item for item in made["exposures"] if item["readings"] != before.get(item["asset"])]
