"""Owns the drill: a real bot process on a local exchange, killed and started again, and proven from both ledgers.

Rounds of `ROUND` kills, each with an account and a market of its own. The record is read from a copy of what the
killed process left on disk, the exchange's ledger from a copy of its state file taken while it is stopped; neither is
asked through the bot. At every death I2, I3, I4, I12 and I16 must hold, for what is not quite new I5, L1 and L2, the
file must be whole, no coin short, the stables' floor kept; at a round's end, after a run under `halt`, everything.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from bot.clocks import SystemClock
from bot.ports.clock import Clock
from bot.simulation.death import FLOOR, Death
from bot.simulation.processes import Bot, Child, EndedByItself, Venue, an_exchange
from bot.venues.simulated.exchange import Exchange

ROUND = 25  # kills with one account: it is being built up meanwhile, so that orders are under way
SPEED = 60  # exchange seconds per second: a cycle of a minute is a second
WITHIN_S = 2.5  # after a decision: until when a kill comes
ANSWER_S = 0.03  # about what an order takes from the wire to the record
LAST_CYCLES = 4
DECIDED = '"event": "cycle"'
Moment = Literal["starting", "any time", "order under way"]
MOMENTS: tuple[Moment, ...] = ("starting", "any time", "order under way", "order under way")
CONFIG = f"""
mode: testnet
cycle: {SPEED}s
kill_switch: off
venue: {{id: binance, environment: local}}
web: {{enabled: false}}
log: {{level: info, format: json}}
targets:
  stables: {{weight: 0.10, floor: {FLOOR}}}
  sleeves:
    majors: {{weight: 0.60, assets: {{BTC: 0.5, ETH: 0.5}}}}
    others: {{weight: 0.30, assets: [SOL, BNB]}}
pace: {{increment_interval: 1m, turnover_per_day: 1.0, orders_per_minute: 100, orders_per_hour: 10000}}
hedge: {{index: {{enabled: false}}}}
execution: {{slice_max: 0.003}}
limits: {{fees_per_day: 0.05, age_max: {{quotes: 15m, balances: 15m, positions: 15m, funding: 1h}}}}
"""


@dataclass(slots=True)
class Report:
    """What a drill found; seconds are the host's."""

    seed: int
    kills: int = 0
    starts: int = 0
    rounds: int = 0
    decisions: int = 0
    orders: int = 0
    fills: int = 0
    violations: list[str] = field(default_factory=list)
    moments: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)  # kills by what they left unfinished
    restarts_s: list[float] = field(default_factory=list)

    def restart_s(self, share: float) -> float | None:
        """The quantile of the times from a start after a kill to its first decision; None where there was none."""
        ranked = sorted(self.restarts_s)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else None


class Drill:
    """Kills ``kills`` times; ``folder`` gets a folder per round, ``told`` hears of each kill and of each violation."""

    def __init__(
        self, kills: int, seed: int, folder: Path, *, told: Callable[[str | None], None], clock: Clock | None = None
    ) -> None:
        self.report = Report(seed)
        self._kills = kills
        self._folder = folder
        self._told = told
        self._clock = clock or SystemClock()
        self._chance = Random(seed)  # noqa: S311 - seeded: the same draws again
        self._usual_s = 3.0  # a start, until one was measured

    async def run(self) -> Report:
        """All rounds; raises Lost where a process could not be had at all."""
        while self.report.kills < self._kills:
            self.report.rounds += 1
            seed = self.report.seed * 1_000 + self.report.rounds
            folder = _made(self._folder / f"round-{self.report.rounds}")
            async with an_exchange(folder, seed, SPEED, self._clock) as venue:
                await self._round(venue, min(ROUND, self._kills - self.report.kills))
        return self.report

    async def _round(self, venue: Venue, kills: int) -> None:
        bot = Bot(venue.folder / "bot", CONFIG, venue.env, self._clock)
        killed = False
        for _ in range(kills):
            await self._one_kill(bot, venue, after_kill=killed)
            killed = True
        await self._last(bot, venue)

    async def _one_kill(self, bot: Bot, venue: Venue, *, after_kill: bool) -> None:
        running = await bot.start()
        self.report.starts += 1
        moment = self._chance.choice(MOMENTS)
        try:
            await self._until(moment, running, venue, after_kill=after_kill)
        except EndedByItself as ended:
            self._violated(str(ended))
        finally:
            await running.kill()
        self.report.kills += 1
        self.report.moments[moment] += 1
        async with venue.stopped() as ledger:
            with bot.record() as record:
                self._look(record, ledger)
        self._told(None)

    async def _until(self, moment: Moment, running: Child, venue: Venue, *, after_kill: bool) -> None:
        """Come back when it is time to kill; raises EndedByItself where the bot ended by itself before."""
        if moment == "starting":
            await running.lives(self._chance.uniform(0.05, self._usual_s))
            return
        took_s, _ = await running.said(DECIDED)
        self._usual_s = took_s
        if after_kill:
            self.report.restarts_s.append(took_s)
        if moment == "any time":
            await running.lives(self._chance.uniform(0.0, WITHIN_S))
            return
        await venue.next_order()
        await running.lives(self._chance.uniform(0.0, ANSWER_S))

    def _look(self, record: sqlite3.Connection | None, ledger: Exchange) -> None:
        if record is None:
            self.report.left["no record yet"] += 1
            return
        found = Death(record, ledger)
        for wrong in found.wrong():
            self._violated(wrong)
        self.report.left[found.left()] += 1

    async def _last(self, bot: Bot, venue: Venue) -> None:
        """Nothing new is sent, long enough for the exchange's silence to prove something; then all must be over."""
        ended = await bot.ballast("run", "--cycles", str(LAST_CYCLES), BALLAST_KILL_SWITCH="halt")
        self.report.starts += 1
        if ended.code:
            self._violated(f"the last run ended with {ended.code}: {ended.last}")
        proof = await bot.ballast("verify")
        if proof.code:
            self._violated(f"ballast verify: {proof.last}")
        async with venue.stopped() as ledger:
            with bot.record() as record:
                if record is None:
                    self._violated("there is no record after the last run")
                    return
                found = Death(record, ledger)
                for wrong in found.all_wrong():
                    self._violated(wrong)
                self.report.decisions += found.count("decisions")
                self.report.orders += found.count("orders")
                self.report.fills += found.fill_count()

    def _violated(self, what: str) -> None:
        text = f"round {self.report.rounds}, kill {self.report.kills}: {what}"
        self.report.violations.append(text)
        self._told(text)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder.resolve()
