"""Feeds over HTTP: the documented shapes, how often they are asked, what becomes of a failing one, and what is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.core.numbers import milliseconds
from bot.feeds.http import BODY_MOST_BYTES
from bot.ports.errors import StoreError
from bot.ports.venue import Gap
from tests.unit.feeds.addresses import (
    DAY,
    HOUR,
    NOW,
    NOW_MS,
    Keeper,
    SetClock,
    a_fear_and_greed,
    a_global,
    an_address,
    over_http,
    some_feeds,
)

D = Decimal
QUARTER = timedelta(minutes=15)


async def test_dominance_is_read_from_coingeckos_global_page() -> None:
    async with an_address() as address:
        address.tells(a_global(56.25, NOW - timedelta(minutes=3)))
        feeds = some_feeds(dominance=over_http(address.url))
        read = await feeds.read()
        await feeds.close()
    assert read.dominance == ((float(NOW_MS - 180_000), D("56.25")),)
    assert read.sentiment is None
    assert feeds.gaps() == ()


async def test_sentiment_is_read_from_fear_and_greed_oldest_first() -> None:
    async with an_address() as address:
        address.tells(a_fear_and_greed(40, 55))
        feeds = some_feeds(sentiment=over_http(address.url))
        read = await feeds.read()
        await feeds.close()
    newest = NOW - 12 * HOUR
    assert read.sentiment == {
        "market": ((float(milliseconds(newest - DAY)), D(55)), (float(milliseconds(newest)), D(40)))
    }


async def test_pairs_points_and_named_series_are_read_too() -> None:
    pairs = [[NOW_MS - 1000, 51.5], [NOW_MS - 2000, "51"]]
    for told in (pairs, {"points": pairs}):
        async with an_address() as address:
            address.tells(told)
            feeds = some_feeds(dominance=over_http(address.url))
            assert [value for _, value in (await feeds.read()).dominance or ()] == [D(51), D("51.5")]
            await feeds.close()
    async with an_address() as address:
        address.tells({"market": [[NOW_MS, 30]], "memes": [["2026-01-07T11:00:00Z", 85]]})
        feeds = some_feeds(sentiment=over_http(address.url))
        read = (await feeds.read()).sentiment or {}
        await feeds.close()
    assert read["market"][0][1] == D(30)
    assert read["memes"] == ((float(NOW_MS - 3_600_000), D(85)),)


async def test_one_answer_that_tells_all_three_is_asked_once() -> None:
    event = {"name": "rates", "start": "2026-01-08T19:00:00Z", "end": "2026-01-08T20:00:00Z", "impact": "high"}
    async with an_address() as address:
        address.tells({"dominance": [[NOW_MS, "52.5"]], "sentiment": {"market": [[NOW_MS, "44"]]}, "macro": [event]})
        asked = over_http(address.url)
        feeds = some_feeds(dominance=asked, sentiment=asked, macro=asked)
        read = await feeds.read()
        await feeds.close()
        assert address.asked == 1
    assert read.dominance == ((float(NOW_MS), D("52.5")),)
    assert read.sentiment == {"market": ((float(NOW_MS), D(44)),)}
    assert [item.name for item in read.macro or ()] == ["rates"]


async def test_a_reading_the_source_has_none_of_is_a_gap() -> None:
    async with an_address() as address:
        address.tells({"dominance": None, "sentiment": None, "macro": []})
        asked = over_http(address.url)
        feeds = some_feeds(dominance=asked, macro=asked)
        read = await feeds.read()
        await feeds.close()
    assert read.dominance is None
    assert read.macro == ()
    assert feeds.gaps() == (
        Gap("feed dominance", "dominance (of several feeds): is null: the source has no such reading"),
    )


async def test_an_address_is_asked_at_most_every_so_often_of_venue_time() -> None:
    clock = SetClock()
    async with an_address() as address:
        feeds = some_feeds(clock, dominance=over_http(address.url, every="15m"))
        for minute in range(31):
            clock.at = NOW + timedelta(minutes=minute)
            address.tells(a_global(50 + minute, clock.at))
            read = await feeds.read()
        await feeds.close()
        assert address.asked == 3
    assert [int(value) for _, value in read.dominance or ()] == [50, 65, 80]


async def test_a_failing_feed_is_asked_no_more_often_than_a_sound_one() -> None:
    clock = SetClock()
    async with an_address() as address:
        address.status = 500
        feeds = some_feeds(clock, dominance=over_http(address.url))
        for _ in range(5):
            await feeds.read()
        assert address.asked == 1
        await feeds.close()


FAILURES = {
    "answered 500": (500, b"{}"),
    "answered 429: asked too often": (429, b"slow down"),
    "line 1: is not JSON: Expecting value": (200, b"<html>Bad gateway</html>"),
    "answered with what is no UTF-8 (byte 0)": (200, b"\xff\xfe{"),
    "answered more than 2 MiB": (200, b"[" + b"1," * BODY_MOST_BYTES),
    "NaN is no number, must be finite": (200, b"[[1767787200000, NaN]]"),
    "dominance[0]: value is Decimal('1E+400'), must be a number from 0 to 100": (200, b"[[1767787200000, 1e400]]"),
    "dominance[0]: value is 100.5, must be a number from 0 to 100": (200, b'[[1767787200000, "100.5"]]'),
    "dominance[0]: value is None, must be a number from 0 to 100": (200, b"[[1767787200000, null]]"),
    "dominance[0]: value is True, must be a number from 0 to 100": (200, b"[[1767787200000, true]]"),
    "must lie between 2009 and 2100; milliseconds, not seconds": (200, b"[[1767787200, 50]]"),
    "dominance[1]: is [2], must be a pair of time and value": (200, b"[[1767787200000, 50], [2]]"),
    "dominance: has 0 entries, must have 1 to 50000": (200, b"[]"),
    "dominance: is 'down', must be a list": (200, b'"down"'),
    "data is without market_cap_percentage.btc or updated_at": (200, b'{"data": {"updated_at": 1}}'),
    "must be whole seconds since 1970": (
        200,
        b'{"data": {"market_cap_percentage": {"btc": 50}, "updated_at": "today"}}',
    ),
    "key 'points' stands twice": (200, b'{"points": [], "points": []}'),
}


@pytest.mark.parametrize("why", FAILURES)
async def test_what_is_no_reading_is_absent_with_its_reason_and_no_part_of_the_address(why: str) -> None:
    async with an_address() as address:
        address.status, address.body = FAILURES[why]
        feeds = some_feeds(dominance=over_http(address.url))
        read = await feeds.read()
        await feeds.close()
    assert read.dominance is None
    (gap,) = feeds.gaps()
    assert gap.what == "feed dominance"
    assert why.strip("'") in gap.why.replace("'100.5'", "100.5")
    assert "sesame" not in gap.why


async def test_nesting_without_end_is_a_gap() -> None:
    async with an_address() as address:
        address.body = b"[" * 200_000
        feeds = some_feeds(dominance=over_http(address.url))
        assert (await feeds.read()).dominance is None
        await feeds.close()
    assert "is not JSON" in feeds.gaps()[0].why


async def test_a_body_that_is_not_what_its_encoding_says_is_a_gap() -> None:
    async with an_address() as address:
        address.tells(a_global(50))
        address.headers = {"Content-Encoding": "gzip"}
        feeds = some_feeds(dominance=over_http(address.url))
        assert (await feeds.read()).dominance is None
        await feeds.close()
    assert "cannot be asked" in feeds.gaps()[0].why


async def test_a_silent_address_costs_its_time_out_and_no_more() -> None:
    async with an_address() as address:
        address.delay_s = 5
        feeds = some_feeds(timeout_s=0.1, dominance=over_http(address.url))
        read = await feeds.read()
        await feeds.close()
    assert read.dominance is None
    assert feeds.gaps() == (Gap("feed dominance", "timed out after 0.1 s"),)


async def test_nobody_at_the_address_is_a_gap() -> None:
    async with an_address() as address:
        url = address.url
    feeds = some_feeds(dominance=over_http(url))
    assert (await feeds.read()).dominance is None
    await feeds.close()
    assert feeds.gaps() == (Gap("feed dominance", "cannot be asked (ClientConnectorError)"),)


async def test_the_other_feeds_are_read_while_one_fails() -> None:
    async with an_address() as sound, an_address() as broken:
        sound.tells(a_fear_and_greed(20))
        broken.status = 404
        feeds = some_feeds(dominance=over_http(broken.url), sentiment=over_http(sound.url))
        read = await feeds.read()
        await feeds.close()
    assert read.dominance is None
    assert read.sentiment is not None
    assert feeds.gaps() == (Gap("feed dominance", "answered 404: no such page"),)


async def test_a_failure_leaves_the_last_good_value_until_its_own_age_ends_it() -> None:
    clock = SetClock()
    async with an_address() as address:
        address.tells(a_global(56, NOW))
        feeds = some_feeds(clock, dominance=over_http(address.url, every="1h", max_age="6h"))
        await feeds.read()
        address.status = 503
        clock.at = NOW + 6 * HOUR
        held = await feeds.read()
        assert held.dominance is not None
        assert feeds.gaps() == ()
        assert feeds.notes == ("feed dominance: answered 503",)
        clock.at += timedelta(seconds=1)
        gone = await feeds.read()
        await feeds.close()
    assert gone.dominance is None
    assert feeds.gaps() == (Gap("feed dominance", "its newest value is 6 h old, at most 6 h; answered 503"),)


async def test_an_old_value_from_a_sound_answer_is_stale_all_the_same() -> None:
    async with an_address() as address:
        address.tells(a_global(56, NOW - 2 * DAY))
        feeds = some_feeds(dominance=over_http(address.url))
        assert (await feeds.read()).dominance is None
        await feeds.close()
    assert feeds.gaps() == (Gap("feed dominance", "its newest value is 2 d old, at most 1 d"),)


async def test_one_stale_series_does_not_take_the_others_with_it() -> None:
    async with an_address() as address:
        address.tells({"market": [[NOW_MS, 50]], "memes": [[NOW_MS - 3 * 86_400_000, 90]]})
        feeds = some_feeds(sentiment=over_http(address.url))
        read = await feeds.read()
        await feeds.close()
    assert set(read.sentiment or {}) == {"market"}
    assert feeds.gaps() == (Gap("feed sentiment memes", "its newest value is 3 d old, at most 1 d"),)


async def test_what_lies_after_venue_time_is_not_shown() -> None:
    clock = SetClock()
    async with an_address() as address:
        address.tells([[NOW_MS - 1, 50], [NOW_MS + 60_000, 51]])
        feeds = some_feeds(clock, dominance=over_http(address.url))
        assert [value for _, value in (await feeds.read()).dominance or ()] == [D(50)]
        await feeds.close()


async def test_the_current_value_adds_up_to_a_history_that_outlives_a_restart() -> None:
    clock, keeper = SetClock(), Keeper()
    async with an_address() as address:
        feeds = some_feeds(clock, keeper, dominance=over_http(address.url))
        for day in range(8):
            clock.at = NOW + DAY * day
            address.tells(a_global(50 + day, clock.at))
            await feeds.read()
        await feeds.close()
        again = some_feeds(clock, keeper, dominance=over_http(address.url))
        address.status = 500
        read = await again.read()
        await again.close()
    assert [int(value) for _, value in read.dominance or ()] == list(range(50, 58))
    assert b"sesame" not in keeper.kept["feeds"]


async def test_without_a_keeper_a_restart_forgets() -> None:
    async with an_address() as address:
        address.tells(a_global(50))
        first = some_feeds(dominance=over_http(address.url))
        await first.read()
        await first.close()
        address.status = 500
        second = some_feeds(dominance=over_http(address.url))
        assert (await second.read()).dominance is None
        await second.close()


async def test_another_address_does_not_inherit_what_was_kept_of_the_first() -> None:
    keeper = Keeper()
    async with an_address() as first, an_address() as second:
        first.tells(a_global(50, NOW - HOUR))
        feeds = some_feeds(keep=keeper, dominance=over_http(first.url))
        await feeds.read()
        await feeds.close()
        second.tells(a_global(58))
        feeds = some_feeds(keep=keeper, dominance=over_http(second.url))
        read = await feeds.read()
        await feeds.close()
    assert [int(value) for _, value in read.dominance or ()] == [58]


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 1, "feeds": {"dominance": 3}}'])
async def test_a_kept_state_that_nobody_can_read_is_noted_and_forgotten(state: bytes) -> None:
    keeper = Keeper()
    keeper.kept["feeds"] = state
    async with an_address() as address:
        address.tells(a_global(50))
        feeds = some_feeds(keep=keeper, dominance=over_http(address.url))
        assert (await feeds.read()).dominance is not None
        await feeds.close()
    assert feeds.notes[0].startswith("feed history: what was kept cannot be read")
    assert json.loads(keeper.kept["feeds"])["version"] == 1


async def test_a_store_that_refuses_never_raises_into_the_cycle() -> None:
    async def refused(name: str, state: bytes | None = None) -> bytes | None:
        raise StoreError("disk full")

    async with an_address() as address:
        address.tells(a_global(50))
        feeds = some_feeds(keep=refused, dominance=over_http(address.url))
        assert (await feeds.read()).dominance is not None
        await feeds.close()
    assert feeds.notes == ("feed history: was not read back: disk full",)


async def test_nothing_is_kept_when_nothing_was_told() -> None:
    keeper = Keeper()
    async with an_address() as address:
        address.status = 500
        feeds = some_feeds(keep=keeper, dominance=over_http(address.url))
        await feeds.read()
        await feeds.close()
    assert keeper.written == 0


async def test_a_calendar_over_http_is_believed_as_long_as_it_was_told_lately() -> None:
    clock = SetClock()
    calendar = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260109T133000Z\r\nSUMMARY:Payrolls\r\nCATEGORIES:HIGH\r\n"
        b"END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    async with an_address() as address:
        address.tells(calendar)
        feeds = some_feeds(clock, macro=over_http(address.url, max_age="2h"))
        assert [item.name for item in (await feeds.read()).macro or ()] == ["Payrolls"]
        address.status = 500
        clock.at = NOW + 3 * HOUR
        assert (await feeds.read()).macro is None
        await feeds.close()
    assert feeds.gaps() == (Gap("feed macro", "was last told 3 h ago, at most 2 h; answered 500"),)


async def test_no_configured_feed_is_nothing_and_no_gap() -> None:
    feeds = some_feeds()
    read = await feeds.read()
    assert (read.dominance, read.sentiment, read.macro) == (None, None, None)
    assert feeds.gaps() == ()
