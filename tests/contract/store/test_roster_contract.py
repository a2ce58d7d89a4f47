"""A fleet's roster, on both databases: who works, who may start what, and that a deposed leader keeps nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from bot.clocks import host_utc_now
from bot.ports.errors import Fenced
from bot.ports.fleet import Offer, Worker
from bot.ports.store import Identity
from bot.store.sql import SqlStore
from bot.store.sql.engine import Pool
from bot.store.sql.renewing import Renewals, RenewingStore
from bot.store.sql.roster import SqlRoster
from bot.store.sql.tables import leases
from tests.contract.store.builders import MAIN
from tests.contract.store.conftest import Handles
from tests.server import Postgres

Make = Callable[[str], SqlRoster]
OTHER = Identity("other", "paper", "binance", "local")
OFFER = Offer("1", "hash")


def a_worker(name: str, **over: object) -> Worker:
    return Worker(**{"name": name, "host": "here", "pid": 7, "version": "1", "started_at": host_utc_now(), **over})  # type: ignore[arg-type]


async def had(roster: SqlRoster, book: int, holder: str, alive: Collection[str]) -> bool:
    """Whether a claim of one book was had."""
    return list(await roster.claim({book: OFFER}, holder, alive, 60)) == [book]


async def run_out(roster: SqlRoster, book: int) -> None:
    """Let a lease end now, without waiting for it on a machine that may be busy."""
    over = update(leases).where(leases.c.book_id == book).values(until=host_utc_now() - timedelta(seconds=1))
    await roster._database.write(lambda connection: connection.execute(over))  # noqa: SLF001 - no port does it


@pytest.fixture
async def roster_at(postgres: Postgres, postgres_template: str) -> AsyncIterator[Make]:
    """Rosters of several workers on one PostgreSQL."""
    url, made = postgres.make_database(template=postgres_template), []

    def make(name: str) -> SqlRoster:
        made.append(SqlRoster(url, name, host_utc_now))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def test_a_deposed_leader_keeps_no_state(handles: Handles) -> None:
    old, new = handles.store(), handles.store()
    await old.open(MAIN, migrate=True)
    await new.open(MAIN, migrate=True)
    await old.lead("old", 1)
    await old.keep("paper", b"old")
    handles.clock.forward(2)
    await new.lead("new", 30)
    await new.keep("paper", b"new")
    with pytest.raises(Fenced):
        await old.keep("paper", b"older")
    assert await new.keep("paper") == b"new"


async def test_workers_see_one_another_with_what_they_offer(roster_at: Make) -> None:
    one, two = roster_at("one"), roster_at("two")
    offers = {"alpha": Offer("1", "hash")}
    await one.muster(a_worker("one", offers=offers, troubles={"beta": "no key"}), 15)
    seen = await two.muster(a_worker("two", draining=True), 15)
    assert [worker.name for worker in seen.workers] == ["one", "two"]
    assert seen.workers[0].offers == offers
    assert seen.workers[0].troubles == {"beta": "no key"}
    assert [worker.draining for worker in seen.workers] == [False, True]
    await two.leave(a_worker("two"))
    assert [worker.name for worker in (await one.muster(a_worker("one"), 15)).workers] == ["one"]


async def test_a_worker_that_is_silent_is_no_longer_counted(roster_at: Make) -> None:
    one, two = roster_at("one"), roster_at("two")
    await one.muster(a_worker("one"), 0.05)
    await asyncio.sleep(0.1)
    assert [worker.name for worker in (await two.muster(a_worker("two"), 15)).workers] == ["two"]


async def test_a_book_is_claimed_once_and_again_when_it_is_dropped_or_its_claimant_is_gone(roster_at: Make) -> None:
    one, two = roster_at("one"), roster_at("two")
    first, second = await one.bind([MAIN, OTHER])
    assert await had(one, first, "one", {"one", "two"})
    assert await had(one, second, "one", {"one", "two"})
    assert not await had(two, first, "two", {"one", "two"})
    await one.drop(first, "one")
    assert await had(two, first, "two", {"one", "two"})
    assert not await had(two, second, "two", {"two"})
    await one.close()  # as when its process is killed: the session's end is its locks' end
    await run_out(two, second)
    assert await had(two, second, "two", {"one", "two"})


async def test_all_that_are_free_are_claimed_at_once_and_what_they_are_led_with_stands_in_their_leases(
    roster_at: Make,
) -> None:
    one, two = roster_at("one"), roster_at("two")
    books = await one.bind([Identity(f"p{number}", "paper", "binance", "local") for number in range(5)])
    assert await had(one, books[1], "one", {"one", "two"})
    offers = {book: Offer("2", f"hash-{book}") for book in books}
    taken = await two.claim(offers, "two", {"one", "two"}, 30)
    assert sorted(taken) == [book for book in books if book != books[1]]
    leads = {book: offers[book] for book in taken}
    seen = await one.muster(a_worker("one"), 15)
    assert {book: lease.stamp for book, lease in seen.leases.items()} == {**leads, books[1]: OFFER}
    assert {lease.fence for lease in seen.leases.values()} == {1}
    # An edit that a worker took over stands in its leases, and in nobody else's.
    edited = {book: Offer("2", "edited") for book in books}
    assert {lease.stamp for lease in (await two.muster(a_worker("two"), 15, edited)).leases.values()} == {
        Offer("2", "edited"), OFFER,
    }  # fmt: skip
    assert (await one.muster(a_worker("one"), 15)).leases[books[1]].stamp == OFFER


async def test_what_waits_for_its_start_stays_its_claimants_and_what_is_anothers_his(roster_at: Make) -> None:
    one, two = roster_at("one"), roster_at("two")
    first, second = await one.bind([MAIN, OTHER])
    assert await had(one, first, "one", {"one", "two"})
    assert await had(two, second, "two", {"one", "two"})
    for book in (first, second):
        await run_out(one, book)
    await one.hold([first, second], "one", 60)
    seen = await one.muster(a_worker("one"), 15)
    assert [seen.leases[book].runs(seen.at) for book in (first, second)] == [True, False]


async def test_a_lease_that_is_written_under_is_not_waited_for(roster_at: Make, postgres: Postgres) -> None:
    one = roster_at("one")
    first, second = await one.bind([MAIN, OTHER])
    assert await had(one, first, "one", {"one"})
    pool = Pool(one._url, size=1)  # noqa: SLF001 - another way into the same database
    async with pool.engine(query_only=False).connect() as connection:
        await connection.execute(select(leases).with_for_update())
        assert list(await one.claim({first: OFFER, second: OFFER}, "one", {"one"}, 30)) == [second]
    await pool.close()
    assert list(await one.claim({first: OFFER}, "one", {"one"}, 30)) == [first]


async def test_who_is_no_worker_leaves_no_stamp_and_a_portfolio_that_starts_keeps_its_workers(empty_url: str) -> None:
    store, other = SqlStore(empty_url, host_utc_now), SqlStore(empty_url, host_utc_now)
    roster = SqlRoster(empty_url, "one", host_utc_now)
    await store.open(MAIN, migrate=True)
    (book,) = await roster.bind([MAIN])
    assert list(await roster.claim({book: OFFER}, "one", {"one"}, 30)) == [book]
    assert await store.lead("one", 30) == 2
    assert (await roster.muster(a_worker("one"), 15)).leases[book].stamp == OFFER
    await store.release(2)
    await other.open(MAIN, migrate=True)
    assert await other.lead("somebody", 30) == 3
    assert (await roster.muster(a_worker("one"), 15)).leases[book].stamp is None
    for each in (store, other, roster):
        await each.close()


async def test_one_that_stands_still_does_not_keep_others_off(roster_at: Make) -> None:
    one, two, three = roster_at("one"), roster_at("two"), roster_at("three")
    (book,) = await one.bind([MAIN])
    assert await had(one, book, "one", {"one"})
    assert not await had(two, book, "two", {"two"})
    await run_out(two, book)
    assert await had(two, book, "two", {"two"})
    await run_out(two, book)
    # When the old claimant is gone, its lock becomes the new one's, which keeps a third off.
    await one.close()
    await two.muster(a_worker("two"), 15)
    assert not await had(three, book, "three", {"two", "three"})


async def test_leases_are_renewed_together_and_only_by_who_has_them(postgres: Postgres, postgres_template: str) -> None:
    url = postgres.make_database(template=postgres_template)
    roster, asked = SqlRoster(url, "me", host_utc_now), []

    async def renew(fences: Mapping[int, int], ttl_s: float) -> Collection[int]:
        asked.append(len(fences))
        return await roster.renew("me", fences, ttl_s)

    renewals, pool = Renewals(renew), Pool(url, size=4)
    identities = [Identity(f"p{number}", "paper", "binance", "local") for number in range(4)]
    books = await roster.bind(identities)
    stores = [RenewingStore(url, host_utc_now, pool=pool, renewals=renewals) for _ in identities]
    for store, identity in zip(stores, identities, strict=True):
        await store.open(identity, migrate=False)
        assert await store.lead("me", 1) == 1
    rival = SqlStore(url, lambda: host_utc_now() + timedelta(seconds=5), pool=pool)
    await rival.open(identities[3], migrate=False)
    assert await rival.lead("rival", 60) == 2
    found = await asyncio.gather(*(store.lead("me", 30) for store in stores), return_exceptions=True)
    assert found[:3] == [1, 1, 1]
    assert isinstance(found[3], Fenced)
    assert asked == [4]
    seen = await roster.muster(a_worker("me"), 15)
    assert all(seen.leases[book].until > seen.at + timedelta(seconds=20) for book in books)
    assert (seen.leases[books[3]].holder, seen.leases[books[3]].fence) == ("rival", 2)
    await roster.close()
    await pool.close()


async def test_one_that_stands_still_within_a_transaction_does_not_keep_the_lease(
    postgres: Postgres, postgres_template: str
) -> None:
    url = postgres.make_database(template=postgres_template)
    still, pool = Pool(url, size=2, idle_most_s=0.5), Pool(url, size=2)
    old, new = SqlStore(url, host_utc_now, pool=still), SqlStore(url, host_utc_now, pool=pool)
    await old.open(MAIN, migrate=False)
    await new.open(MAIN, migrate=False)
    fence = await old.lead("old", 0.1)
    stands = still.engine(query_only=False).connect()
    async with stands as connection:
        await connection.execute(select(leases).with_for_update())
        await asyncio.sleep(0.2)
        assert await new.lead("new", 30) == fence + 1  # at once where the row is free, here when that session is ended
        with pytest.raises(DBAPIError):
            await connection.execute(select(leases))
        await connection.invalidate()
    for each in (still, pool):
        await each.close()


async def test_the_rosters_time_is_the_servers_whatever_the_machine_says(roster_at: Make) -> None:
    roster = roster_at("one")
    roster._utc_now = lambda: host_utc_now() - timedelta(hours=1)  # noqa: SLF001 - a machine whose clock is off
    await roster.muster(a_worker("one"), 15)
    assert abs(roster.now() - host_utc_now()) < timedelta(seconds=5)


async def test_a_file_serves_one_worker(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/data/ballast.db"
    one, two = SqlRoster(url, "one", host_utc_now), SqlRoster(url, "two", host_utc_now)
    await one.open()
    with pytest.raises(Fenced, match="a fleet of several needs PostgreSQL"):
        await two.open()
    (book,) = await one.bind([MAIN])
    assert await had(one, book, "one", {"one"})
    store = SqlStore(url, one.now)
    await store.open(MAIN, migrate=False)
    await store.lead("one", 15)
    seen = await one.muster(a_worker("one"), 15)
    assert [worker.name for worker in seen.workers] == ["one"]
    assert seen.leases[book].runs(seen.at)
    await store.close()
    await one.close()
    await two.open()
    await two.close()
