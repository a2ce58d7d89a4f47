"""Owns calendar slots: daily, weekly, monthly, quarterly or a cron line, in UTC (R-W1, R-T5). Pure arithmetic."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cronsim import CronSim

LINES: Final = {
    "daily": "0 0 * * *",
    "weekly": "0 0 * * 1",
    "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *",
}
MINUTE = timedelta(minutes=1)


def last_slot(calendar: str, at: datetime) -> datetime:
    """The newest slot at or before ``at``."""
    backwards = CronSim(LINES.get(calendar, calendar), at + MINUTE, reverse=True)
    return next(slot for slot in backwards if slot <= at)


def next_slot(calendar: str, at: datetime) -> datetime:
    """The first slot after ``at``."""
    return next(CronSim(LINES.get(calendar, calendar), at))
