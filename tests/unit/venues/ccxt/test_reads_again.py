"""Reads that are asked again, and the quiet a venue may ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.ports.errors import Transient, VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt.venue import CcxtVenue
from tests.unit.venues.ccxt.scripted import (
    NOW,
    NOW_MS,
    SPOT,
    SWAP,
    Answer,
    D,
    Stage,
    a_stage,
    an_intent,
    refusal,
    yes,
)
from tests.unit.venues.ccxt.served import ACCOUNT, BOOK_TICKER, FUTURES, HTML, PREMIUM, PREMIUMS, QUOTES, serving


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with serving() as made:
        yield made


# ---- retrying and quiet

READS: list[tuple[str, Callable[[CcxtVenue], Awaitable[Any]]]] = [
    (BOOK_TICKER, lambda venue: venue.quotes()),
    (ACCOUNT, lambda venue: venue.balances()),
    ("GET /api/v3/openOrders", lambda venue: venue.open_orders([SPOT])),
]
GOOD: dict[str, Any] = {BOOK_TICKER: QUOTES, ACCOUNT: {"balances": []}, "GET /api/v3/openOrders": []}
PASSING = [
    Answer(HTML, 503),
    Answer(HTML, 200),
    Answer("", 200),
    Answer("[]" * 40, manner="cut"),
    Answer(manner="hang_up"),
    Answer("[]", after_s=0.5),
    refusal(-1000, "unknown"),
    refusal(-1021, "Timestamp for this request is outside of the recvWindow."),
]


@pytest.mark.parametrize(("what", "read"), READS)
@pytest.mark.parametrize("trouble", PASSING)
async def test_a_read_is_asked_again_when_that_may_help(
    stage: Stage, what: str, read: Callable[[CcxtVenue], Awaitable[Any]], trouble: Answer
) -> None:
    stage.script.on(FUTURES, {"assets": []})
    stage.script.on(what, trouble, trouble, GOOD[what])
    assert not isinstance(await read(stage.venue), Gap)


async def test_a_read_that_keeps_failing_is_a_gap_after_four_times(stage: Stage) -> None:
    stage.script.on(BOOK_TICKER, Answer(HTML, 503))
    gap = await stage.venue.quotes()
    assert isinstance(gap, Gap)
    assert gap.why.startswith("Transient")
    assert stage.script.count(BOOK_TICKER) == 4


async def test_a_read_that_is_refused_is_asked_once(stage: Stage) -> None:
    stage.script.on(BOOK_TICKER, refusal(-1102, "Mandatory parameter was not sent"))
    assert isinstance(await stage.venue.quotes(), Gap)
    assert stage.script.count(BOOK_TICKER) == 1


async def test_a_cancelled_read_ends_at_once(stage: Stage) -> None:
    stage.script.on(BOOK_TICKER, Answer(manner="silent"))
    task = asyncio.create_task(stage.venue.quotes())
    await stage.script.came(BOOK_TICKER)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.script.count(BOOK_TICKER) == 1


async def test_a_429_pauses_everything_until_it_is_over(stage: Stage) -> None:
    stage.script.on(BOOK_TICKER, refusal(-1003, "Too much request weight used", 429, retry_after="30"))
    gap = await stage.venue.quotes()
    assert isinstance(gap, Gap)
    assert stage.venue.paused_until is not None
    assert NOW < stage.venue.paused_until <= NOW + timedelta(seconds=30)
    before = len(stage.script.asked)
    stage.script.on(BOOK_TICKER, QUOTES)
    stage.script.on(ACCOUNT, {"balances": []})
    stage.script.on(FUTURES, {"assets": []})
    for answer in (await stage.venue.balances(), await stage.venue.quotes(), await stage.venue.now()):
        assert isinstance(answer, Gap)
        assert "RateLimited" in answer.why or "quiet" in answer.why
    assert len(stage.script.asked) == before
    stage.clock.host_s += 30
    assert not isinstance(await stage.venue.quotes(), Gap)


async def test_a_short_429_is_sat_out_within_the_read(stage: Stage) -> None:
    stage.script.on(BOOK_TICKER, refusal(-1003, "Too much", 429, retry_after="2"), QUOTES)
    assert not isinstance(await stage.venue.quotes(), Gap)
    assert max(stage.clock.slept) >= 2 - 0.3


async def test_a_ban_that_only_its_text_tells_lasts_until_then(stage: Stage) -> None:
    until = NOW_MS + 600_000
    stage.script.on(BOOK_TICKER, refusal(-1003, f"Way too much request weight used; IP banned until {until}.", 418))
    await stage.venue.quotes()
    assert stage.venue.paused_until is not None
    assert timedelta(minutes=9, seconds=55) < stage.venue.paused_until - NOW <= timedelta(minutes=10)


async def test_what_was_asked_and_what_it_weighed_is_counted(stage: Stage) -> None:
    stage.script.on(BOOK_TICKER, Answer(QUOTES, headers={"X-Mbx-Used-Weight-1M": "77"}))
    await stage.venue.quotes()
    assert stage.venue.requests[BOOK_TICKER] == 1
    assert stage.venue.used_weight == {"api": 77}


async def test_without_a_key_only_public_data_is_read() -> None:
    async with a_stage(key="") as stage:
        stage.script.on(BOOK_TICKER, QUOTES)
        stage.script.on(PREMIUM, PREMIUMS)
        assert not isinstance(await stage.venue.quotes(), Gap)
        markets = await stage.venue.markets()
        assert (markets[SPOT].maker, markets[SWAP].maker, markets[SWAP].maintenance_rate) == (
            D("0.001"),
            D("0.0002"),
            None,
        )
        before = len(stage.script.asked)
        for answer in (await stage.venue.balances(), await stage.venue.positions(), await stage.venue.fills(SPOT, NOW)):
            assert isinstance(answer, Gap)
            assert "no key" in answer.why
        assert (await stage.venue.key()).can_withdraw is None
        assert len(stage.script.asked) == before


async def test_a_venue_that_does_not_answer_cannot_be_opened() -> None:
    async with a_stage(opened=False) as stage:
        stage.script.on("GET /api/v3/exchangeInfo", Answer(HTML, 503))
        with pytest.raises(Transient):
            await stage.venue.open()
        assert isinstance(await stage.venue.quotes(), Gap)


async def test_markets_are_loaded_anew_after_a_day_and_when_a_symbol_is_not_known() -> None:
    async with a_stage() as stage:
        await stage.venue.markets()
        await stage.venue.markets()
        assert stage.script.count("GET /api/v3/exchangeInfo") == 1
        stage.clock.at += timedelta(days=1, seconds=1)
        await stage.venue.markets()
        assert stage.script.count("GET /api/v3/exchangeInfo") == 2
        stage.script.on("POST /api/v3/order", refusal(-1121, "Invalid symbol."))
        await stage.venue.place(an_intent(), yes)
        await stage.venue.markets()
        assert stage.script.count("GET /api/v3/exchangeInfo") == 3


async def test_a_market_that_cannot_be_read_is_left_out_and_the_others_stay() -> None:
    async with a_stage(key="") as stage:
        stage.venue._line.client.markets[SPOT]["precision"]["amount"] = "NaN"  # noqa: SLF001 - as if listed so
        assert set(await stage.venue.markets()) == {"LDO/USDT", SWAP}


async def test_a_closed_venue_says_so_and_closes_twice(stage: Stage) -> None:
    await stage.venue.close()
    await stage.venue.close()
    gap = await stage.venue.quotes()
    assert isinstance(gap, Gap)
    assert "not open" in gap.why
    with pytest.raises(VenueError):
        await stage.venue.markets()
