"""Owns /metrics: the record's numbers in Prometheus' text form. Counts decisions and orders by key, never all anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot.core.snapshot import KILL_LEVELS
from bot.ports.panorama import Panorama
from bot.web.standing import Pulse, Standing

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PAGE: Final = 200
COUNTED: Final = 1_000
EDGES_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
VERDICTS: Final = (("actions", "approved"), ("blocked", "refused"))


@dataclass(slots=True)
class Tally:
    """What was counted so far: decisions from the last 1,000 before the first look on, orders' ends from the last 200.

    A long record is never counted whole: it would take what a cycle in the same loop must not wait for.
    """

    number: int | None = None
    ending: int = -1
    outcomes: Counter[str] = field(default_factory=Counter)
    wishes: Counter[tuple[str, str]] = field(default_factory=Counter)
    endings: dict[str, list[float]] = field(default_factory=dict)  # state -> count by edge, then beyond, then sum
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def count(self, panorama: Panorama) -> None:
        """Take in what came since the last time, a page at a time."""
        async with self._busy:
            if self.number is None:
                self.number = max(0, (await panorama.head()).number - COUNTED)
            while turns := await panorama.turns_after(self.number, PAGE):
                for turn in turns:
                    self.outcomes[turn.outcome] += 1
                    for name, verdict in VERDICTS:
                        for wish in turn.summary.get(name, ()):
                            self.wishes[str(wish).partition(" ")[0], verdict] += 1
                self.number = turns[-1].number
                await asyncio.sleep(0)
            for ended in await panorama.endings(self.ending, PAGE):
                self.ending = ended.id
                slots = self.endings.setdefault(ended.state, [0.0] * (len(EDGES_S) + 2))
                slots[next((at for at, edge in enumerate(EDGES_S) if ended.seconds <= edge), len(EDGES_S))] += 1
                slots[-1] += ended.seconds
            self.ending = max(self.ending, 0)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a scrape tells. ``drawdown``: a fraction of the peak; ``memory_bytes``: of this process."""

    beat: Mapping[str, Any]
    plan: Mapping[str, Any]
    standing: Standing
    pulse: Pulse
    tally: Tally
    drawdown: float | None
    memory_bytes: int | None
    listeners: int


class _Once(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(facts: Facts) -> bytes:
    """The text; what is unknown is left out, never written as 0."""
    return text_of([*_account(facts), *_exposures(facts.plan), *_counted(facts.tally), *_machine(facts)])


def text_of(families: Iterable[Metric]) -> bytes:
    """Families in Prometheus' text form."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(families))
    return generate_latest(registry)


def _gauge(name: str, says: str, value: float | str | None) -> list[Metric]:
    made = GaugeMetricFamily(f"ballast_{name}", says)
    if value is None:
        return []
    made.add_metric([], float(value))
    return [made]


def _account(facts: Facts) -> list[Metric]:
    plan = facts.plan
    made = _gauge("equity", "Equity in accounting currency.", facts.beat.get("equity"))
    made += _gauge("drawdown_ratio", "Fall of the unit value from its peak (R-G14).", facts.drawdown)
    made += _gauge("stress", "Stress level, 0 to 3 (R-S6).", plan.get("stress"))
    made += _gauge(
        "gross_leverage_ratio", "Gross exposure over equity.", (plan.get("after") or {}).get("gross_leverage")
    )
    stables = GaugeMetricFamily("ballast_stables_ratio", "Stables as a fraction of equity.", labels=["part"])
    for part, value in (plan.get("stables") or {}).items():
        if value is not None:
            stables.add_metric([part], value)
    regime = GaugeMetricFamily("ballast_regime", "1 for the regime in force.", labels=["regime"])
    if plan.get("regime"):
        regime.add_metric([str(plan["regime"])], 1)
    kill = GaugeMetricFamily("ballast_kill_level", "1 for the kill level in force (R-G1).", labels=["level"])
    for level in KILL_LEVELS:
        kill.add_metric([level], float(level == facts.standing.level))
    unknown = GaugeMetricFamily("ballast_unknown_readings", "Readings that the last decision had to do without.")
    unknown.add_metric([], len(plan.get("unknown") or ()))
    return [*made, stables, regime, kill, unknown]


def _exposures(plan: Mapping[str, Any]) -> list[Metric]:
    exposure = GaugeMetricFamily("ballast_exposure_ratio", "Exposure over equity.", labels=["asset", "part"])
    target = GaugeMetricFamily("ballast_target_ratio", "Target over equity.", labels=["asset"])
    drift = GaugeMetricFamily("ballast_drift_ratio", "Net exposure less target, over equity.", labels=["asset"])
    band = GaugeMetricFamily("ballast_band_ratio", "Edges of the band.", labels=["asset", "edge"])
    for item in plan.get("exposures") or ():
        asset = str(item["asset"])
        for part in ("spot", "futures", "net"):
            if item[part] is not None:
                exposure.add_metric([asset, part], item[part])
        if item["drift"] is not None:
            drift.add_metric([asset], item["drift"])
        target.add_metric([asset], item["target"])
        for edge, value in zip(("low", "high"), item["band"], strict=True):
            band.add_metric([asset, edge], value)
    return [exposure, target, drift, band]


def _counted(tally: Tally) -> list[Metric]:
    outcomes = CounterMetricFamily(
        "ballast_decisions", "Decisions by outcome, since shortly before the dashboard began.", labels=["outcome"]
    )
    for outcome, count in sorted(tally.outcomes.items()):
        outcomes.add_metric([outcome], count)
    wishes = CounterMetricFamily(
        "ballast_wishes", "Wishes by kind and verdict, since then.", labels=["kind", "verdict"]
    )
    for (kind, verdict), count in sorted(tally.wishes.items()):
        wishes.add_metric([kind, verdict], count)
    says = "Venue seconds from an order's sending to its end."
    took = HistogramMetricFamily("ballast_order_seconds", says, labels=["state"])
    for state, slots in sorted(tally.endings.items()):
        *counts, total = slots
        so_far = 0.0
        buckets = []
        for edge, ended in zip((*map(str, EDGES_S), "+Inf"), counts, strict=True):
            so_far += ended
            buckets.append((edge, so_far))
        took.add_metric([state], buckets, total)
    return [outcomes, wishes, took]


def lag_s(plan: Mapping[str, Any]) -> float | None:
    """Seconds from the turn of the last decision's cycle to the decision; None where its cycle had no turn."""
    length, *turns = str((plan.get("recorded") or {}).get("cycle_id", "")).split(":")
    if not turns or not all(each.isdigit() for each in (length, *turns)):
        return None
    due_ms = int(turns[1]) if len(turns) > 1 else int(length) * int(turns[0])  # a cycle that news woke had no turn
    return max(0.0, datetime.fromisoformat(plan["at"]).timestamp() - due_ms / 1_000)


def _machine(facts: Facts) -> list[Metric]:
    beat = facts.beat
    made = _gauge("orders_open", "Orders that rest or fill.", beat.get("orders_open"))
    made += _gauge("orders_unknown", "Orders whose outcome nobody knows.", beat.get("unknown_orders"))
    made += _gauge("failures", "Cycles that failed in a row.", beat.get("failures"))
    offset_ms = beat.get("clock_offset_ms")
    made += _gauge(
        "clock_offset_seconds", "The venue's clock less ours.", None if offset_ms is None else offset_ms / 1_000
    )
    made += _gauge("beat_age_seconds", "Host seconds since the bot's last word.", facts.pulse.beat_s)
    made += _gauge("cycle_age_seconds", "Host seconds since a decision came in.", facts.pulse.cycle_s)
    made += _gauge("bot_memory_bytes", "Resident memory of the bot's process.", beat.get("memory_bytes"))
    made += _gauge("memory_bytes", "Resident memory of this process.", facts.memory_bytes)
    made += _gauge("cycle_lag_seconds", "Venue seconds from a cycle's turn to its decision.", lag_s(facts.plan))
    made += _gauge("listeners", "Pages that are open.", facts.listeners)
    requests = CounterMetricFamily(
        "ballast_requests", "Requests to the venue, or weight used, by call.", labels=["call"]
    )
    for call, count in sorted((beat.get("requests") or {}).items()):
        requests.add_metric([str(call)], float(count))
    post = beat.get("alerts") or {}
    made += _gauge("alerts_waiting", "Alerts that people have yet to be told.", post.get("waiting"))
    made += _gauge("alerts_delivered", "Alerts that people were told since the bot began.", post.get("delivered"))
    made += _gauge("alerts_undelivered", "Alerts that could not be delivered since.", post.get("undelivered"))
    version = InfoMetricFamily("ballast_build", "What runs.")
    version.add_metric([], {name: str(beat.get(name) or "") for name in ("version", "mode", "venue", "environment")})
    return [*made, requests, version]
