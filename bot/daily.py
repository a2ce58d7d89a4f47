"""Owns the daily summary: once a day one message of what a portfolio came to, made from its record. Decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog

from bot.core.numbers import ZERO
from bot.ports.alerts import DAILY, Alerts
from bot.ports.clock import Clock
from bot.ports.errors import PortError
from bot.ports.panorama import Panorama, Turn, Worth
from bot.render.words import UNKNOWN, counted, money, percent, points

LOOK_EVERY_S: Final = 20.0  # host seconds
KEPT: Final = "daily summary"  # the name under which the day that was told last is kept
A_DAY: Final = timedelta(days=1)
TURNS_A_PAGE, FILLS_A_PAGE, ROWS_MOST = 500, 200, 1_000
NAMED_MOST: Final = 4

Keep = Callable[[str, bytes | None], Awaitable[bytes | None]]


@dataclass(slots=True)
class Day:
    """The figures of one day, in accounting currency; what is not known is None."""

    since: datetime
    until: datetime
    opening: Worth | None = None
    closing: Worth | None = None
    peak: Decimal | None = None  # of the unit value, ever
    turns: list[Turn] = field(default_factory=list)  # newest first
    fills: list[Mapping[str, Any]] = field(default_factory=list)
    funding: Decimal = ZERO  # paid; what was received is negative
    alerts: Counter[str] = field(default_factory=Counter)
    beat: Mapping[str, Any] = field(default_factory=dict)


async def day_of(panorama: Panorama, since: datetime, until: datetime) -> Day:
    """What the record holds of the time from ``since`` up to ``until``, by questions that cost what the day holds."""
    day = Day(since, until)
    newer, opening = None, None
    while opening is None and (page := await panorama.turns(TURNS_A_PAGE, before=newer)):
        day.turns += [turn for turn in page if since <= turn.at < until]
        opening = next((turn for turn in page if turn.at < since), None)
        newer = page[-1].number
    day.opening = await panorama.worth_at(opening.number) if opening else None
    day.closing = await panorama.worth_at(day.turns[0].number) if day.turns else None
    skip = 0
    while rows := await panorama.page_of_fills(FILLS_A_PAGE, skip=skip):
        day.fills += [row for row in rows if since <= row["at"] < until]
        if rows[-1]["at"] < since:
            break
        skip += len(rows)
    paid = [one.paid for one in await panorama.funding(ROWS_MOST) if since <= one.at < until]
    day.funding = sum(paid, ZERO)
    day.alerts = Counter(row.level for row in await panorama.alerts(ROWS_MOST) if since <= row.at < until)
    day.beat = await panorama.beat() or {}
    peak = (await panorama.memory()).unit_peak
    day.peak = None if peak is None else Decimal(str(peak))
    return day


def told(day: Day, currency: str) -> str:
    """The day in a few lines."""
    last = f"{day.until - timedelta(seconds=1):%A, %d %B %Y}"
    if not day.turns:
        return f"{last}: no decision was recorded; is the bot running?"
    lines = [f"{last}, until {day.until:%H:%M} UTC", _worth(day, currency), _decided(day), _traded(day, currency)]
    newest = day.turns[0].summary
    kill = (day.beat.get("kill") or {}).get("level", UNKNOWN)
    stops = "may trade" if kill == "off" else f"stopped at {kill}"
    lines.append(f"regime {newest.get('regime') or UNKNOWN}, stress {newest.get('stress', UNKNOWN)}; {stops}")
    alerts = [f"{counted(day.alerts[level], level)}" for level in ("critical", "warning") if day.alerts[level]]
    unknown = day.beat.get("unknown_orders", 0)
    lines.append(
        f"alerts: {', '.join(alerts) or 'none'}" + (f"; {counted(unknown, 'unknown order')}" if unknown else "")
    )
    if edit := day.beat.get("edit"):
        lines.append(f"an edit that raises risk waits for `ballast accept`: {'; '.join(edit['raises'])}")
    return "\n".join(lines)


def _worth(day: Day, currency: str) -> str:
    if day.closing is None:
        return "equity is not known"
    unit, then, peak = day.closing.unit_value, day.opening and day.opening.unit_value, day.peak
    change = f", {points(unit / then - 1)} %" if unit and then else ""
    fallen = f"; {percent(max(ZERO, 1 - unit / peak))} under its peak" if unit and peak else ""
    return f"equity {money(day.closing.equity)} {currency}{change}{fallen}"


def _decided(day: Day) -> str:
    acted = sum(turn.outcome == "actions" for turn in day.turns)
    done = Counter(words for turn in day.turns for words in turn.summary.get("actions", ()))
    refused = Counter(words for turn in day.turns for words in turn.summary.get("blocked", ()))
    text = f"{counted(len(day.turns), 'decision')}, {acted} acted{_most(done)}"
    return f"{text}; refused or put off{_most(refused)}" if refused else text


def _most(found: Counter[str]) -> str:
    named = [f"{words} × {times}" for words, times in found.most_common(NAMED_MOST)]
    more = len(found) - NAMED_MOST
    return (f": {', '.join(named)}" + (f" and {more} more" if more > 0 else "")) if named else ""


def _traded(day: Day, currency: str) -> str:
    if not day.fills:
        paid = f"; funding paid {money(day.funding)} {currency}" if day.funding else ""
        return f"nothing was traded{paid}"
    value = sum((abs(row["qty"]) * row["price"] for row in day.fills), ZERO)
    fees = [row["fee_value"] for row in day.fills]
    known = sum((fee for fee in fees if fee is not None), ZERO)
    without = f" ({counted(fees.count(None), 'fee')} without a price)" if None in fees else ""
    share = f" ({percent(value / day.closing.equity)} of equity)" if day.closing and day.closing.equity else ""
    assets = _names(sorted({row["asset"] for row in day.fills}))
    return (
        f"{counted(len(day.fills), 'fill')} on {assets}: {money(value)} {currency} bought and sold{share}, "
        f"fees {money(known)}{without}, funding paid {money(day.funding)}"
    )


def _names(names: Sequence[str]) -> str:
    more = len(names) - NAMED_MOST
    return ", ".join(names[:NAMED_MOST]) + (f" and {more} more" if more > 0 else "")


class Daily:
    """Tells the day that ended at ``at`` (UTC, venue time), once; a day that passed while nothing ran is left out."""

    def __init__(self, panorama: Panorama, keep: Keep, clock: Clock, *, at: time, currency: str) -> None:
        self._panorama = panorama
        self._keep = keep
        self._clock = clock
        self._at = at
        self._currency = currency
        self._log = structlog.get_logger("daily")

    async def run(self, alerts: Alerts) -> None:
        """Until it is cancelled; a record that cannot be read is the next look's to read."""
        try:
            while True:
                try:
                    await self.look(alerts)
                except PortError as error:
                    self._log.warning("no daily summary yet", why=str(error))
                await self._clock.sleep(LOOK_EVERY_S)
        finally:
            await self._panorama.close()

    async def look(self, alerts: Alerts) -> None:
        """Tell the day that is over, where it was not told yet; raises PortError."""
        until = self._ended()
        kept = await self._keep(KEPT, None)
        if kept is not None and datetime.fromisoformat(kept.decode()) >= until:
            return
        if kept is not None:
            day = await day_of(self._panorama, until - A_DAY, until)
            alerts.send("info", told(day, self._currency), key=DAILY)
        await self._keep(KEPT, until.isoformat().encode())

    def _ended(self) -> datetime:
        now = self._clock.now()
        today = datetime.combine(now.date(), self._at, now.tzinfo)
        return today if today <= now else today - A_DAY
