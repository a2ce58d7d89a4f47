"""Owns the reading of iCalendar text, the few fields a macro event needs; what it cannot read it refuses.

Read: VEVENT's DTSTART, DTEND, SUMMARY, and CATEGORIES, one of which is the impact. Days without an hour, UTC times and
times with a TZID. A cancelled event is left out; a repeating one is refused, since its later dates would be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.core.snapshot import MacroEvent
from bot.feeds.reading import Reading, Unusable
from bot.feeds.shapes import IMPACTS, event, shown

BEGIN: Final = "BEGIN:VCALENDAR"
LINE: Final = re.compile(r'(?P<name>[A-Za-z0-9-]+)(?P<given>(?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:]*))*):(?P<value>.*)')
STAMP: Final = re.compile(r"(\d{8})T(\d{6})(Z?)")
DAY: Final = re.compile(r"\d{8}")
ESCAPED: Final = re.compile(r"\\([\\;,nN])")
ONCE: Final = ("DTSTART", "DTEND", "SUMMARY", "STATUS", "DURATION", "RRULE", "RDATE")
REPEATING: Final = ("RRULE", "RDATE")
Fields = dict[str, tuple[str, str, int]]  # name -> parameters, value, line


def read_ics(text: str) -> Reading:
    """The events of a calendar; raises `Unusable` naming line and value."""
    found: list[MacroEvent] = []
    fields: Fields | None = None
    inner: list[str] = []
    for number, name, given, value in _lines(text):
        if name == "BEGIN":
            inner.append(value.upper())
            if inner[-1] == "VEVENT":
                fields = {}
        elif name == "END":
            if not inner or inner.pop() != value.upper():
                raise Unusable(f"line {number}: END:{value} closes nothing that is open")
            if value.upper() == "VEVENT" and fields is not None:
                found += _event(fields, number)
                fields = None
        elif fields is not None and inner[-1] == "VEVENT":
            _take(fields, name, given, value, number)
    if inner:
        raise Unusable(f"ends inside {inner[-1]}: the calendar is cut short")
    return Reading(events=tuple(sorted(found, key=lambda item: (item.start, item.name))))


def _lines(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Unfolded lines as number, name, parameters and value."""
    whole: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line[:1] in (" ", "\t") and whole:
            whole[-1] = (whole[-1][0], whole[-1][1] + line[1:])
        elif line.strip():
            whole.append((number, line))
    if not whole or whole[0][1].strip().upper() != BEGIN:
        raise Unusable(f"line 1: is no calendar, must begin with {BEGIN}")
    for number, line in whole:
        parts = LINE.fullmatch(line.rstrip())
        if parts is None:
            raise Unusable(f"line {number}: is {shown(line)}, must be NAME:value")
        yield number, parts["name"].upper(), parts["given"], parts["value"]


def _take(fields: Fields, name: str, given: str, value: str, number: int) -> None:
    if name == "CATEGORIES" and name in fields:
        value = f"{fields[name][1]},{value}"
    elif name in ONCE and name in fields:
        raise Unusable(f"line {number}: {name} stands twice in one event")
    fields[name] = (given, value, number)


def _event(fields: Fields, number: int) -> list[MacroEvent]:
    if fields.get("STATUS", ("", "", 0))[1].upper() == "CANCELLED":
        return []
    for name in REPEATING:
        if name in fields:
            raise Unusable(f"line {fields[name][2]}: {name}: repeating events are not read; write each date out")
    if "DURATION" in fields:
        raise Unusable(f"line {fields['DURATION'][2]}: DURATION is not read; write DTEND")
    for name in ("DTSTART", "SUMMARY"):
        if name not in fields:
            raise Unusable(f"line {number}: the event that ends here has no {name}")
    start, whole_day = _time(*fields["DTSTART"])
    end = _time(*fields["DTEND"])[0] if "DTEND" in fields else start + timedelta(days=1 if whole_day else 0)
    _, words, line = fields.get("CATEGORIES", ("", "", number))
    impacts = [word for word in (each.strip().lower() for each in words.split(",")) if word in IMPACTS]
    if len(impacts) != 1:
        wanted = ", ".join(word.upper() for word in IMPACTS)
        raise Unusable(f"line {line}: CATEGORIES is {shown(words)}, must name one of {wanted}")
    name = ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], fields["SUMMARY"][1])
    told = {"name": name, "start": start.isoformat(), "end": end.isoformat(), "impact": impacts[0]}
    return [event(told, f"line {number}")]


def _time(given: str, value: str, number: int) -> tuple[datetime, bool]:
    """The instant, UTC, and whether it is a whole day."""
    stamp = STAMP.fullmatch(value)
    try:
        if DAY.fullmatch(value):
            return datetime.strptime(value, "%Y%m%d").replace(tzinfo=UTC), True
        if stamp is not None:
            moment = datetime.strptime(stamp[1] + stamp[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return (moment if stamp[3] else moment.replace(tzinfo=_zone(given, number)).astimezone(UTC)), False
    except ValueError:
        pass
    raise Unusable(f"line {number}: time is {shown(value)}, must be such as 20260107T133000Z or 20260107")


def _zone(given: str, number: int) -> ZoneInfo:
    named = re.search(r';TZID="?([^";:]+)', given, re.IGNORECASE)
    if named is None:
        raise Unusable(f"line {number}: the time has no zone; end it in Z, or give a TZID")
    try:
        return ZoneInfo(named[1])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unusable(
            f"line {number}: time zone {shown(named[1])} is not known; write times in UTC, ending in Z"
        ) from None
