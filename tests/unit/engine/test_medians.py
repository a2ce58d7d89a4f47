"""What is usual of a book: hourly samples, a median per day, thirty days of them, over restarts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.core.memory import Memory
from bot.core.snapshot import Book
from bot.engine.medians import DAYS, LEAST, Medians, spread_and_depth
from bot.engine.observe import Observer
from bot.engine.stop import Standing
from tests.builders import NOON, D
from tests.unit.engine.world import FakeAlerts, a_world
from tests.unit.venues.simulated.scenes import SPOT

HOUR = timedelta(hours=1)
WITHIN = D("0.005")


class Shelf:
    """The store's `keep`."""

    def __init__(self, state: bytes | None = None) -> None:
        self.state = state

    async def keep(self, name: str, state: bytes | None = None) -> bytes | None:
        assert name == "medians"
        self.state = self.state if state is None else state
        return self.state


def a_book(spread: str = "0.2", amount: str = "10") -> Book:
    """One level a side around 100."""
    half = D(spread) / 2
    return Book(bids=((100 - half, D(amount)),), asks=((100 + half, D(amount)),))


async def sampled(medians: Medians, count: int, book: Book, start: datetime = NOON) -> datetime:
    for number in range(count):
        await medians.sample(start + number * HOUR, {SPOT: book}, WITHIN)
    return start + count * HOUR


async def test_a_median_is_told_once_a_weeks_worth_was_seen() -> None:
    medians = Medians(None, FakeAlerts())
    await sampled(medians, LEAST - 1, a_book())
    assert medians.of(SPOT) == (None, None)
    await medians.sample(NOON + LEAST * HOUR, {SPOT: a_book()}, WITHIN)
    assert medians.of(SPOT) == (D("0.002"), D("999.00"))


async def test_one_wild_day_does_not_move_what_is_usual() -> None:
    medians = Medians(None, FakeAlerts())
    midnight = NOON + 12 * HOUR
    after = await sampled(medians, 9 * 24, a_book(), midnight)
    await sampled(medians, 24, a_book(spread="4", amount="0.1"), after)
    assert medians.of(SPOT)[0] == D("0.002")


async def test_what_is_older_than_thirty_days_is_forgotten() -> None:
    medians = Medians(None, FakeAlerts())
    midnight = NOON + 12 * HOUR
    after = await sampled(medians, 10 * 24, a_book(spread="0.8"), midnight)
    await sampled(medians, (DAYS + 1) * 24, a_book(), after)
    assert medians.of(SPOT)[0] == D("0.002")


async def test_the_next_process_goes_on_with_the_same_medians_and_the_same_hour() -> None:
    shelf = Shelf()
    first = Medians(shelf.keep, FakeAlerts())
    assert await first.due(NOON)
    after = await sampled(first, LEAST + 6, a_book())
    second = Medians(shelf.keep, FakeAlerts())
    assert not await second.due(after - HOUR / 2)
    assert second.of(SPOT) == first.of(SPOT) != (None, None)
    assert await second.due(after)


async def test_unreadable_medians_begin_anew_and_are_told() -> None:
    alerts = FakeAlerts()
    medians = Medians(Shelf(b'{"at": 7}').keep, alerts)
    assert await medians.due(NOON)
    assert medians.of(SPOT) == (None, None)
    assert "begin anew" in alerts.texts


def test_depth_is_the_thinner_side_within_reach_and_a_crossed_book_tells_nothing() -> None:
    book = Book(bids=((D("99.9"), D(5)), (D(99), D(500))), asks=((D("100.1"), D(10)),))
    assert spread_and_depth(book, WITHIN) == (D("0.002"), D("499.50"))
    assert spread_and_depth(Book(bids=((D(101), D(1)),), asks=((D(100), D(1)),)), WITHIN) is None
    assert spread_and_depth(Book(bids=(), asks=((D(100), D(1)),)), WITHIN) is None


async def test_books_are_sampled_hourly_and_their_medians_reach_the_snapshot() -> None:
    world = await a_world()
    observer = Observer(world.parts)
    for _ in range(2 * LEAST):
        reads = await observer.read(world.policy)
        await world.clock.until(world.clock.now() + HOUR / 2)
    made = observer.snapshot(reads, world.policy, Memory(), Standing(), (), {})
    books = [args for args in world.venue.booked if args == SPOT]
    assert len(books) == LEAST  # though it was read twice as often
    history = made.history[SPOT]
    assert history.spread_median == D("0.0002")
    # Five levels of 0.1 lie within half a per cent of 100, on the thinner side below it.
    assert history.depth_median == pytest.approx(5 * D(100_000) * D("99.79"), rel=D("0.001"))
