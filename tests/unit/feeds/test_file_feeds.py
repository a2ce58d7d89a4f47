"""Feeds from files: CSV, JSON, YAML and calendars, read again when they change; errors name file, place and value."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.feeds.files import FILE_MOST_BYTES
from tests.unit.feeds.addresses import DAY, NOW, NOW_MS, SetClock, from_file, some_feeds

D = Decimal
HOUR_MS = 3_600_000


async def test_dominance_is_read_from_csv_with_times_in_two_forms(tmp_path: Path) -> None:
    text = f"at,value\n2026-01-07T10:00:00+01:00,55.5\n{NOW_MS},56\n\n2026-01-07,54\n"
    feeds = some_feeds(dominance=from_file(tmp_path / "dominance.csv", text))
    assert (await feeds.read()).dominance == (
        (float(NOW_MS - 12 * HOUR_MS), D(54)),
        (float(NOW_MS - 3 * HOUR_MS), D("55.5")),
        (float(NOW_MS), D(56)),
    )


async def test_sentiment_by_narrative_is_read_from_csv_in_any_order_of_columns(tmp_path: Path) -> None:
    text = "value,name,at\n30,market,2026-01-07\n85,memes,2026-01-07T06:00Z\n"
    feeds = some_feeds(sentiment=from_file(tmp_path / "mood.csv", text))
    read = (await feeds.read()).sentiment or {}
    assert {name: points[-1][1] for name, points in read.items()} == {"market": D(30), "memes": D(85)}


async def test_sentiment_without_names_is_the_markets(tmp_path: Path) -> None:
    feeds = some_feeds(sentiment=from_file(tmp_path / "mood.csv", "at,value\n2026-01-07,12\n"))
    assert set((await feeds.read()).sentiment or {}) == {"market"}


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("json", '{"market": [["2026-01-07", 44.25]]}'),
        ("yaml", "market:\n  - [2026-01-07, 44.25]\n"),
        ("yml", 'market: [["2026-01-07T00:00Z", "44.25"]]'),
    ],
)
async def test_json_and_yaml_tell_the_same(tmp_path: Path, ending: str, text: str) -> None:
    feeds = some_feeds(sentiment=from_file(tmp_path / f"mood.{ending}", text))
    assert (await feeds.read()).sentiment == {"market": ((float(NOW_MS - 12 * HOUR_MS), D("44.25")),)}


async def test_yaml_words_stay_text(tmp_path: Path) -> None:
    text = "- {name: ON, start: 2026-01-08, impact: high}\n- {name: NO, start: 2026-01-09, impact: low}\n"
    feeds = some_feeds(macro=from_file(tmp_path / "macro.yaml", text))
    assert [item.name for item in (await feeds.read()).macro or ()] == ["ON", "NO"]


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:1@example
DTSTART;TZID=America/New_York:20260109T083000
DTEND;TZID="America/New_York":20260109T093000
SUMMARY:Payrolls\\, first
  print
CATEGORIES:US,High
BEGIN:VALARM
SUMMARY:not the event's
TRIGGER:-PT15M
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20260115
SUMMARY:Holiday
CATEGORIES:LOW
END:VEVENT
BEGIN:VEVENT
DTSTART:20260108T190000Z
SUMMARY:Called off
STATUS:CANCELLED
CATEGORIES:HIGH
END:VEVENT
END:VCALENDAR
"""


async def test_a_calendar_is_read_with_zones_folds_and_whole_days(tmp_path: Path) -> None:
    feeds = some_feeds(macro=from_file(tmp_path / "macro.ics", CALENDAR.replace("\n", "\r\n")))
    payrolls, holiday = (await feeds.read()).macro or ()
    assert (payrolls.name, payrolls.impact) == ("Payrolls, first print", "high")
    assert payrolls.start == datetime(2026, 1, 9, 13, 30, tzinfo=UTC)
    assert payrolls.end == datetime(2026, 1, 9, 14, 30, tzinfo=UTC)
    assert (holiday.start, holiday.end) == (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 1, 16, tzinfo=UTC))
    assert feeds.gaps() == ()


async def test_events_are_read_from_csv_and_an_end_left_out_is_the_start(tmp_path: Path) -> None:
    text = 'name,start,end,impact\n"Rates, euro",2026-01-08T13:15Z,,High\nDOGE,2026-01-05,,delisting\n'
    feeds = some_feeds(macro=from_file(tmp_path / "macro.csv", text))
    doge, rates = (await feeds.read()).macro or ()
    assert (doge.name, doge.impact) == ("DOGE", "delisting")
    assert rates.name == "Rates, euro"
    assert rates.start == rates.end == datetime(2026, 1, 8, 13, 15, tzinfo=UTC)


BROKEN = [
    ("dominance", "d.csv", "", "line 1: the header is '', must name at,value"),
    ("dominance", "d.csv", "at,value\n", "holds no row beside its header"),
    ("dominance", "d.csv", "time,value\n1,2\n", "line 1: the header is 'time,value', must name at,value"),
    ("dominance", "d.csv", "at,value\n2026-01-07,50\nyesterday,51\n", "line 3: time is 'yesterday', must be UTC"),
    ("dominance", "d.csv", "at,value\n2026-01-07,5O\n", "line 2: value is '5O', must be a number from 0 to 100"),
    ("dominance", "d.csv", "at,value\n2026-01-07,nan\n", "line 2: value is 'nan', must be a number from 0 to 100"),
    ("dominance", "d.csv", "at,value\n2026-01-07,50,51\n", "line 2: has 3 cells, must have 2 (at,value)"),
    ("dominance", "d.csv", 'at,value\n"2026-01-07,50\n', "is not CSV"),
    ("dominance", "d.txt", "at,value\n", "ends in '.txt', must be one of .csv, .json, .yaml, .yml, .ics"),
    ("dominance", "d.ics", CALENDAR, "is a calendar, and dominance is no list of events"),
    ("sentiment", "s.csv", "name,at,value\n,2026-01-07,50\n", "line 2: name is empty"),
    ("sentiment", "s.json", '{"market": [[1767787200000, -1]]}', "sentiment.market[0]: value is -1, must be"),
    ("sentiment", "s.json", '{"market": 50,}', "line 1: is not JSON"),
    ("sentiment", "s.yaml", "market: [[2026-01-07, 50]\n", "is not YAML"),
    ("sentiment", "s.yaml", "market: &a [[2026-01-07, 50]]\nmemes: *a\n", "line 2: an alias"),
    ("sentiment", "s.yaml", "market: []\nmarket: []\n", "key 'market' stands twice"),
    ("sentiment", "s.yaml", "market: !!python/object:os.system {}\n", "is not YAML"),
    ("macro", "m.json", '[{"name": "x", "start": "2026-01-08", "impact": "huge"}]', "macro[0]: impact is 'huge'"),
    ("macro", "m.json", '[{"start": "2026-01-08", "impact": "low"}]', "macro[0]: name is None, must be text"),
    (
        "macro",
        "m.json",
        '[{"name": "x", "start": "2026-01-08", "end": "2026-01-07", "impact": "low"}]',
        "macro[0]: ends at '2026-01-07', before its start at '2026-01-08'",
    ),
    ("macro", "m.json", '[{"name": "x", "when": 1}]', "macro[0]: 'when' is no field of an event"),
    ("macro", "m.ics", "hello", "line 1: is no calendar, must begin with BEGIN:VCALENDAR"),
    ("macro", "m.ics", CALENDAR.removesuffix("END:VEVENT\nEND:VCALENDAR\n"), "the calendar is cut short"),
    ("macro", "m.ics", CALENDAR.replace("CATEGORIES:LOW", "CATEGORIES:US"), "line 18: CATEGORIES is 'US', must name"),
    (
        "macro",
        "m.ics",
        CALENDAR.replace("CATEGORIES:LOW\n", ""),
        "CATEGORIES is '', must name one of LOW, MEDIUM, HIGH",
    ),
    ("macro", "m.ics", CALENDAR.replace(";TZID=America/New_York", ""), "line 5: the time has no zone; end it in Z"),
    ("macro", "m.ics", CALENDAR.replace("America/New_York", "Mars/Base"), "time zone 'Mars/Base' is not known"),
    ("macro", "m.ics", CALENDAR.replace("20260115", "20261315"), "line 16: time is '20261315', must be such as"),
    ("macro", "m.ics", CALENDAR.replace("LOW", "LOW\nRRULE:FREQ=DAILY"), "RRULE: repeating events are not read"),
    ("macro", "m.ics", CALENDAR.replace("LOW", "LOW\nDURATION:PT1H"), "DURATION is not read; write DTEND"),
    ("macro", "m.ics", CALENDAR.replace("SUMMARY:Holiday\n", ""), "the event that ends here has no SUMMARY"),
    ("macro", "m.ics", CALENDAR.replace("SUMMARY:Holiday", "SUMMARY:A\nSUMMARY:B"), "SUMMARY stands twice"),
]


@pytest.mark.parametrize(("feed", "name", "text", "why"), BROKEN)
async def test_a_broken_file_is_absent_and_one_line_names_file_place_and_value(
    tmp_path: Path, feed: str, name: str, text: str, why: str
) -> None:
    keys: dict[str, Any] = {feed: from_file(tmp_path / name, text)}
    feeds = some_feeds(**keys)
    read = await feeds.read()
    assert getattr(read, feed) is None
    (gap,) = feeds.gaps()
    assert gap.what == f"feed {feed}"
    assert gap.why.startswith(f"{tmp_path / name}: ")
    assert why in gap.why
    assert "\n" not in gap.why


async def test_a_missing_file_is_absent_until_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "dominance.csv"
    feeds = some_feeds(dominance=from_file(path))
    assert (await feeds.read()).dominance is None
    assert feeds.gaps()[0].why == f"{path}: cannot be read: No such file or directory"
    path.write_text("at,value\n2026-01-07,50\n", encoding="utf-8")
    assert (await feeds.read()).dominance is not None
    assert feeds.gaps() == ()


async def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "dominance.csv"
    with path.open("wb") as file:
        file.truncate(FILE_MOST_BYTES + 1)
    feeds = some_feeds(dominance=from_file(path))
    assert (await feeds.read()).dominance is None
    assert f"must have at most {FILE_MOST_BYTES}" in feeds.gaps()[0].why


async def test_a_file_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "dominance.csv"
    feeds = some_feeds(dominance=from_file(path, "at,value\n2026-01-07,50\n"))
    await feeds.read()
    stamp = path.stat()
    # The same size, inode and time of change: nothing says that it is another text.
    path.write_text("at,value\n2026-01-07,99\n", encoding="utf-8")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert [value for _, value in (await feeds.read()).dominance or ()] == [D(50)]
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert [value for _, value in (await feeds.read()).dominance or ()] == [D(99)]


async def test_what_a_file_no_longer_holds_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "mood.json"
    feeds = some_feeds(sentiment=from_file(path, '{"market": [["2026-01-07", 50]], "memes": [["2026-01-07", 90]]}'))
    assert set((await feeds.read()).sentiment or {}) == {"market", "memes"}
    path.write_text('{"market": [["2026-01-07", 50]]}', encoding="utf-8")
    assert set((await feeds.read()).sentiment or {}) == {"market"}


async def test_a_broken_edit_leaves_the_last_good_text_and_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "dominance.csv"
    feeds = some_feeds(dominance=from_file(path, "at,value\n2026-01-07,50\n"))
    await feeds.read()
    path.write_text("at,value\n2026-01-07,fifty\n", encoding="utf-8")
    for _ in range(2):
        assert (await feeds.read()).dominance is not None
        assert feeds.gaps() == ()
        assert feeds.notes == (f"feed dominance: {path}: line 2: value is 'fifty', must be a number from 0 to 100",)


async def test_a_file_grows_stale_by_the_age_of_its_newest_value(tmp_path: Path) -> None:
    clock = SetClock()
    feeds = some_feeds(clock, dominance=from_file(tmp_path / "d.csv", "at,value\n2026-01-07T12:00Z,50\n", max_age="2d"))
    clock.at = NOW + 2 * DAY
    assert (await feeds.read()).dominance is not None
    clock.at += timedelta(minutes=1)
    assert (await feeds.read()).dominance is None
    assert feeds.gaps()[0].why == "its newest value is 2 d old, at most 2 d"


async def test_a_calendar_whose_events_are_all_over_is_stale_but_for_delistings(tmp_path: Path) -> None:
    clock = SetClock()
    text = "name,start,end,impact\nRates,2026-01-07,,high\nDOGE,2026-01-02,,delisting\n"
    feeds = some_feeds(clock, macro=from_file(tmp_path / "m.csv", text, max_age="3d"))
    assert [item.name for item in (await feeds.read()).macro or ()] == ["DOGE", "Rates"]
    clock.at = NOW + 3 * DAY
    assert [item.name for item in (await feeds.read()).macro or ()] == ["DOGE"]
    assert feeds.gaps()[0].why.startswith("its last event ended 3 d 12 h ago, at most 3 d")


async def test_an_empty_calendar_is_a_calendar_without_events(tmp_path: Path) -> None:
    feeds = some_feeds(macro=from_file(tmp_path / "m.json", "[]"))
    assert (await feeds.read()).macro == ()
    assert feeds.gaps() == ()


async def test_a_long_history_is_thinned_but_keeps_every_daily_close(tmp_path: Path) -> None:
    rows: list[Any] = [[NOW_MS - minutes * 900_000, "50"] for minutes in range(4 * 24 * 400)]
    midnights = {at for at, _ in rows if at % (24 * HOUR_MS) == 0}
    text = "at,value\n" + "".join(f"{at},{value}\n" for at, value in rows)
    feeds = some_feeds(dominance=from_file(tmp_path / "d.csv", text))
    points = (await feeds.read()).dominance or ()
    times = {int(at) for at, _ in points}
    assert midnights <= times
    assert len(points) < 900
    assert times >= {at for at, _ in rows if at >= NOW_MS - 24 * HOUR_MS}
    recent = sorted(at for at in times if at >= NOW_MS - 10 * 24 * HOUR_MS)
    assert max(later - earlier for earlier, later in pairwise(recent)) <= HOUR_MS
