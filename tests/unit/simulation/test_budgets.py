"""What a history may take: clean within its own policy, told beyond a narrower one; and how it has to end."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.policy import Policy
from bot.simulation.budgets import Budgets
from bot.simulation.history import settings_of
from bot.simulation.ledger import Create
from bot.venues.simulated.exchange import Exchange, FlowRecord
from tests.unit.simulation.conftest import Ended

D = Decimal


def a_policy(**over: Any) -> Policy:
    """The simulated portfolio's, with narrower ``pace`` or ``limits``."""
    made = settings_of(3_600, "cash").policy()
    parts = {name: getattr(made, name).model_copy(update=keys) for name, keys in over.items()}
    return made.model_copy(update=parts)


def budgets(ended: Ended, record: sqlite3.Connection, *, clocks_right: bool = True, **over: Any) -> Budgets:
    return Budgets(record, ended.exchange, ended.creates, a_policy(**over), clocks_right=clocks_right)


def changed(record: sqlite3.Connection, change: Callable[[dict[str, Any]], None], *, which: str = "max") -> None:
    """Write another last decision, or first (``min``)."""
    picked = f"SELECT number, plan FROM decisions WHERE number = (SELECT {which}(number) FROM decisions)"  # noqa: S608
    number, packed = record.execute(picked).fetchone()
    plan = json.loads(zlib.decompress(packed))
    change(plan)
    record.execute("UPDATE decisions SET plan = ? WHERE number = ?", (zlib.compress(json.dumps(plan).encode()), number))


def test_a_history_within_its_policy_is_clean(ended: Ended, record: sqlite3.Connection) -> None:
    assert budgets(ended, record).all() == []
    assert sum(budgets(ended, record).out_of_band().values()) == 5


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"pace": {"orders_per_minute": 1}}, "I10 2 orders left within a minute"),
        ({"pace": {"turnover_per_day": D("0.01")}}, "bought that day to"),
        ({"limits": {"fees_per_day": D("0.000001")}}, "was sent after fees of"),
        ({"limits": {"order_value_max": D("0.001")}}, "R-G14 bp"),
    ],
)
def test_what_a_narrower_policy_forbids_is_told(
    ended: Ended, record: sqlite3.Connection, over: dict[str, Any], told: str
) -> None:
    assert any(told in line for line in budgets(ended, record, **over).all())


def test_a_decisions_own_trades_are_counted_once_whatever_the_venues_clock_says(
    ended: Ended, record: sqlite3.Connection
) -> None:
    def told(percent: int) -> list[str]:
        return list(budgets(ended, record, pace={"turnover_per_day": D(percent) / 100}).turnover())

    enough = next(percent for percent in range(1, 100) if not told(percent))
    assert len(told(enough - 1)) < len(told(1)), "a day's last decisions are told, since all of it adds up"
    for number, at in record.execute("SELECT number, at FROM decisions").fetchall():
        ahead = datetime.fromisoformat(at) + timedelta(minutes=5)  # past all that the decision itself did
        record.execute("UPDATE decisions SET at = ? WHERE number = ?", (ahead.isoformat(), number))
    assert told(enough) == []
    assert told(enough - 1)


def test_what_is_sent_after_the_days_loss_is_told(ended: Ended, record: sqlite3.Connection) -> None:
    changed(record, lambda plan: plan.update(equity=str(D(plan["equity"]) * D("1.2"))), which="min")
    told = [line for line in budgets(ended, record).all() if "was sent after a loss of" in line]
    assert told
    assert len(told) < len({each.client_id for each in ended.creates})


class Flowed:
    """The exchange, and one transfer from or to somebody else more."""

    def __init__(self, exchange: Exchange, flow: FlowRecord) -> None:
        self._exchange = exchange
        self._flow = flow

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def flows(self, since: datetime | None, limit: int) -> list[FlowRecord]:
        return [*self._exchange.flows(since, limit), self._flow]


@pytest.mark.parametrize(("after", "told_of"), [(timedelta(seconds=1), 0), (timedelta(minutes=2), 1)])
def test_what_was_withdrawn_while_money_was_read_is_no_loss(
    ended: Ended, record: sqlite3.Connection, after: timedelta, told_of: int
) -> None:
    """A decision bears the instant at which its reading began, and sees what left within it."""
    first, second = (
        (json.loads(zlib.decompress(plan)), datetime.fromisoformat(at))
        for plan, at in record.execute("SELECT plan, at FROM decisions ORDER BY number LIMIT 2")
    )
    changed(record, lambda plan: plan.update(equity=str(D(plan["equity"]) * D("1.2"))), which="min")
    amount = D(first[0]["equity"]) / 5
    exchange: Any = Flowed(ended.exchange, FlowRecord(9_999, second[1] + after, "USDT", amount, "withdrawal"))
    made = Budgets(record, exchange, ended.creates, a_policy(), clocks_right=True)
    assert len(list(made.loss())) == told_of


@pytest.mark.parametrize(("before", "told_of"), [(timedelta(seconds=1), 0), (timedelta(minutes=2), 1)])
def test_what_came_and_is_not_in_the_money_that_was_read_yet_is_no_loss(
    ended: Ended, record: sqlite3.Connection, before: timedelta, told_of: int
) -> None:
    """By a clock that is ahead a decision bears an instant after the deposit, and read before it."""
    number, packed, at = record.execute(
        "SELECT number, plan, at FROM decisions ORDER BY number LIMIT 1 OFFSET 1"
    ).fetchone()
    amount = D(json.loads(zlib.decompress(packed))["equity"]) / 4
    record.execute(
        "DELETE FROM orders WHERE decision_id NOT IN (SELECT decision_id FROM decisions WHERE number = ?)", (number,)
    )
    exchange: Any = Flowed(
        ended.exchange, FlowRecord(9_999, datetime.fromisoformat(at) - before, "USDT", amount, "deposit")
    )
    made = Budgets(record, exchange, ended.creates, a_policy(), clocks_right=True)
    assert len(list(made.loss())) == told_of


def test_where_a_clock_was_wrong_nobody_counts_minutes(ended: Ended, record: sqlite3.Connection) -> None:
    assert budgets(ended, record, clocks_right=False, pace={"orders_per_minute": 1}).all() == []


def test_an_order_that_filled_beyond_its_leg_is_told(ended: Ended, record: sqlite3.Connection) -> None:
    first = "(SELECT min(id) FROM orders WHERE filled <> '0')"
    record.execute(f"UPDATE orders SET filled = '1000000' WHERE id = {first}")  # noqa: S608 - our own words
    assert any(line.startswith("I4 leg ") for line in budgets(ended, record).all())


def test_safetys_orders_are_not_counted_by_the_minute(ended: Ended, record: sqlite3.Connection) -> None:
    record.execute("UPDATE actions SET class = 'safety'")
    assert list(budgets(ended, record, pace={"orders_per_minute": 1}).pace()) == []


def test_an_asset_out_of_its_band_without_a_word_is_told(ended: Ended, record: sqlite3.Connection) -> None:
    def silent(plan: dict[str, Any]) -> None:
        plan["exposures"][0]["net"] = 0.99
        plan |= {"actions": [], "blocked": [], "holds": []}

    changed(record, silent)
    told = next(line for line in budgets(ended, record).all() if line.startswith("L3"))
    assert "is at 0.99, out of its band" in told


def test_an_equity_that_stays_unknown_in_a_quiet_world_is_told(ended: Ended, record: sqlite3.Connection) -> None:
    changed(record, lambda plan: plan.update(equity=None, unknown=["balances: timed out"]))
    assert "L3 in the end E is unknown: balances: timed out" in budgets(ended, record).all()


def test_coins_that_the_last_decision_saw_otherwise_are_told(ended: Ended, record: sqlite3.Connection) -> None:
    number, at, packed = record.execute(
        "SELECT number, at, body FROM snapshots ORDER BY number DESC LIMIT 1"
    ).fetchone()
    body = json.loads(zlib.decompress(packed))
    for item in body["balances"]:
        item["free"] = "7"
    record.execute("UPDATE snapshots SET body = ? WHERE number = ?", (zlib.compress(json.dumps(body).encode()), number))
    assert at
    assert any(line.startswith("I6 the last decision saw 7") for line in budgets(ended, record).all())


def test_a_burst_is_seen_wherever_it_begins(ended: Ended, record: sqlite3.Connection) -> None:
    first = ended.creates[0]
    burst = [
        Create(f"bp{n}", first.symbol, first.qty, first.price, first.left + timedelta(hours=9, seconds=5 * n),
               first.arrived, "main", accepted=True)
        for n in range(11)
    ]  # fmt: skip
    made = Budgets(record, ended.exchange, [*ended.creates, *burst], a_policy(), clocks_right=True)
    assert len(list(made.pace())) == 1
    assert list(Budgets(record, ended.exchange, burst[:10], a_policy(), clocks_right=True).pace()) == []
