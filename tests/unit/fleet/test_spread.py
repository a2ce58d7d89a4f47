"""Who leads what, as arithmetic: everything is led, nobody leads more than its share for long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.fleet.spread import clashes, share, turn
from bot.ports.fleet import Lease, Muster, Offer, Worker

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=15)


def a_worker(name: str, offers: Mapping[str, Offer] | None = None, *, draining: bool = False) -> Worker:
    return Worker(name, "host", 1, "1.0", NOON, offers or {}, draining=draining)


def a_muster(workers: Iterable[Worker], led: Mapping[str, str], books: Mapping[str, int]) -> Muster:
    leases = {books[name]: Lease(books[name], holder, 1, LATER) for name, holder in led.items()}
    return Muster(NOON, tuple(workers), leases)


def some_books(count: int) -> dict[str, int]:
    return {f"p{number}": number for number in range(count)}


def settled(names: list[str], books: Mapping[str, int], led: dict[str, str]) -> dict[str, str]:
    """Turns of every worker, one after the other, until nobody does anything."""
    for _ in range(200):
        quiet = True
        for name in names:
            muster = a_muster([a_worker(each) for each in names], led, books)
            mine = [portfolio for portfolio, holder in led.items() if holder == name]
            decided = turn(name, books, muster, mine, ())
            for portfolio in decided.leave:
                del led[portfolio]
            led |= dict.fromkeys(decided.take, name)
            quiet = quiet and decided == turn(name, books, muster, mine, ()) and not (decided.take or decided.leave)
        if quiet:
            return led
    raise AssertionError(f"it does not come to rest: {led}")


@given(st.integers(1, 40), st.integers(1, 6), st.data())
def test_whoever_comes_or_goes_everything_is_led_and_nobody_leads_more_than_the_share(
    portfolios: int, workers: int, data: st.DataObject
) -> None:
    books = some_books(portfolios)
    names = [f"w{number}" for number in range(workers)]
    before = {name: data.draw(st.sampled_from(names)) for name in books if data.draw(st.booleans())}
    led = settled(names, books, before)
    assert set(led) == set(books)
    assert max(list(led.values()).count(name) for name in names) <= share(portfolios, workers)


def test_a_worker_with_too_many_lets_go_of_an_eighth_of_the_excess_at_a_time() -> None:
    books = some_books(60)
    muster = a_muster([a_worker("old"), a_worker("new")], dict.fromkeys(books, "old"), books)
    decided = turn("old", books, muster, list(books), ())
    assert (decided.take, len(decided.leave)) == ((), 4)


def test_nothing_is_let_go_of_where_nobody_could_take_it() -> None:
    books = some_books(6)
    workers = [a_worker("old"), a_worker("leaving", draining=True)]
    muster = a_muster(workers, dict.fromkeys(books, "old"), books)
    assert turn("old", books, muster, list(books), ()) == turn("old", {}, muster, (), ())


def test_what_another_leads_is_not_taken_before_its_lease_has_run_out() -> None:
    books = some_books(2)
    muster = a_muster([a_worker("me")], {"p0": "dead"}, books)
    assert turn("me", books, muster, (), ()).take == ("p1",)
    over = Muster(LATER, muster.workers, muster.leases)
    assert set(turn("me", books, over, (), ()).take) == {"p0", "p1"}


def test_what_could_not_be_led_lately_is_left_to_others_for_a_while() -> None:
    books = some_books(2)
    assert turn("me", books, a_muster([a_worker("me")], {}, books), (), {"p0"}).take == ("p1",)


def test_two_configurations_or_two_versions_of_one_portfolio_are_told_apart() -> None:
    same, other = Offer("1.0", "aaaaaaaaaaaa"), Offer("1.0", "bbbbbbbbbbbb")
    newer = Offer("1.1", "aaaaaaaaaaaa")
    one = a_worker("one", {"alpha": same, "beta": same, "gamma": same})
    two = a_worker("two", {"alpha": same, "beta": other, "gamma": newer})
    found = clashes(Muster(NOON, (one, two), {}), {})
    assert found == {
        "beta": "two configurations of this portfolio in the fleet: one has 1.0 (aaaaaaaa), two has 1.0 (bbbbbbbb)",
        "gamma": "two versions of this portfolio in the fleet: one has 1.0 (aaaaaaaa), two has 1.1 (aaaaaaaa)",
    }


def test_a_worker_that_drains_clashes_with_nobody() -> None:
    one = a_worker("one", {"alpha": Offer("1.0", "a")}, draining=True)
    two = a_worker("two", {"alpha": Offer("1.1", "b")})
    lease = Lease(1, "one", 1, LATER, Offer("1.0", "a"))
    assert not clashes(Muster(NOON, (one, two), {1: lease}), {"alpha": 1})


def test_a_lease_counts_for_as_long_as_it_runs_whether_its_holder_is_heard_of_or_not() -> None:
    two = a_worker("two", {"alpha": Offer("1.1", "b")})
    lease = Lease(1, "silent", 1, LATER, Offer("1.0", "a"))
    found = clashes(Muster(NOON, (two,), {1: lease}), {"alpha": 1})
    assert found == {"alpha": "two versions of this portfolio in the fleet: silent has 1.0 (a), two has 1.1 (b)"}
    assert not clashes(Muster(LATER, (two,), {1: lease}), {"alpha": 1})
    assert not clashes(Muster(NOON, (two,), {1: Lease(1, "two", 1, LATER, Offer("1.1", "b"))}), {"alpha": 1})
