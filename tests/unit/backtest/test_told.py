"""Which cycles of a past are the first to know of funding, and what they know."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np

from bot.backtest.told import Told
from bot.core.numbers import from_milliseconds
from bot.core.snapshot import Funding, History, Snapshot
from bot.venues.simulated.recordings import Rates
from tests.unit.core.markets import a_policy, a_snapshot

HOUR_MS = 3_600_000
EIGHT_MS = 8 * HOUR_MS
BEGUN_MS = 1_609_459_200_000
SWAP = "BTC/USDT:USDT"
DAYS = 120


def a_record(*, without: int | None = None, late_ms: int = 0) -> Rates:
    """Settlements every eight hours, calm all along; one of them may be missing, all may be a little late."""
    times = BEGUN_MS + np.arange(3 * DAYS, dtype=np.int64) * EIGHT_MS + late_ms
    rates = [Decimal("0.00001") * (1 + number % 3) for number in range(3 * DAYS)]
    if without is not None:
        times, rates = np.delete(times, without), [*rates[:without], *rates[without + 1 :]]
    return Rates(times, tuple(rates), np.full(len(times), EIGHT_MS))


def told(record: Rates, first: int = 24 * 100, hours: int = 48) -> tuple[Told, np.ndarray]:
    times = BEGUN_MS + (first + np.arange(hours, dtype=np.int64)) * HOUR_MS
    return Told(a_policy(["BTC", "ETH"]), lambda name: record if name == SWAP else None, times), times


def knowing(record: Rates, at_ms: int) -> tuple[Snapshot, dict[str, Funding]]:
    """What is known an hour before, and the funding of then."""
    last = int(np.searchsorted(record.times_ms, at_ms - HOUR_MS, side="right"))
    points = tuple((float(record.times_ms[each]), record.rates[each]) for each in range(last - 200, last))
    due = from_milliseconds(int(record.times_ms[last - 1]) + EIGHT_MS)
    funding = Funding(rate=record.rates[last - 1], next_at=due)
    snapshot = a_snapshot({}).model_copy(
        update={"funding": {SWAP: funding}, "history": {SWAP: History(funding=points)}}
    )
    return snapshot, {SWAP: Funding(rate=record.rates[last], next_at=due + timedelta(hours=8))}


def test_the_cycle_at_a_settlement_is_the_first_to_know_of_it() -> None:
    made, times = told(a_record())
    assert (made.paid == (times % EIGHT_MS == 0)).all()
    assert (made.rows == made.paid).all()


def test_a_settlement_between_two_cycles_is_paid_by_the_marks_of_the_first() -> None:
    made, times = told(a_record(late_ms=5))
    assert (made.paid == np.isin(times % EIGHT_MS, [0, HOUR_MS])).all()


def test_while_a_settlement_is_overdue_every_cycle_looks() -> None:
    made, times = told(a_record(without=303), hours=24)
    assert made.paid[(times >= BEGUN_MS + 303 * EIGHT_MS)].all()


def test_what_was_settled_is_added_to_what_was_known() -> None:
    record = a_record()
    made, times = told(record)
    row = int(np.flatnonzero(made.rows)[1])
    snapshot, funding = knowing(record, int(times[row]))
    found = made.at(row, snapshot, funding)
    assert found is not None
    assert found.funding == funding
    points = found.history[SWAP].funding
    assert points is not None
    assert points[-1][0] == times[row]
    assert points[:-1] == snapshot.history[SWAP].funding


def test_a_settlement_that_nobody_waited_for_is_looked_at() -> None:
    record = a_record()
    made, times = told(record)
    row = int(np.flatnonzero(made.rows)[1])
    snapshot, funding = knowing(record, int(times[row]))
    later = snapshot.funding[SWAP].model_copy(update={"next_at": from_milliseconds(int(times[row]) + HOUR_MS)})
    assert made.at(row, snapshot.model_copy(update={"funding": {SWAP: later}}), funding) is None


def test_a_major_of_which_nothing_is_known_yet_is_looked_at() -> None:
    made, _ = told(a_record())
    assert made.at(0, a_snapshot({}), {}) is None
