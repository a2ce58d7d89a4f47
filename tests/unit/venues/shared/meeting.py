"""Two processes' worth of one run folder: each has its own locks, a machine's clock and venue time set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.venues.shared.answers import Answers
from bot.venues.shared.run_folder import RunFolder

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
BRIEF = timedelta(seconds=5)


@dataclass
class Time:
    """Machine seconds and venue time; ``boot`` changes when the machine starts anew."""

    machine_s: float = 1_000.0
    at: datetime = NOON
    boot: str = "first"

    def forward(self, seconds: float) -> None:
        self.machine_s += seconds
        self.at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self.at

    def mono(self) -> float:
        return self.machine_s

    async def sleep(self, host_s: float) -> None:
        self.forward(host_s)

    async def until(self, venue_at: datetime) -> None:
        self.at = venue_at


@dataclass
class Process:
    """What one process has of it, and what it told of trouble."""

    path: Path
    time: Time
    told: list[str] = field(default_factory=list)

    @property
    def folder(self) -> RunFolder:
        made = RunFolder(self.path, lambda: self.time.machine_s, self.time.boot, self.told.append)
        assert made.open()
        return made

    def answers(self) -> Answers:
        return Answers(self.folder, self.time, 1.0, BRIEF)
