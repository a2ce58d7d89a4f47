"""What a dashboard asks of the record, on SQLite and PostgreSQL: pages by key, thinned series, the last words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.ports.panorama import Head, Paid
from bot.store.sql import SqlControls, SqlStore
from bot.store.sql.panorama import SqlPanorama
from tests.contract.store.builders import (
    MAIN,
    NOON,
    HandClock,
    a_fill,
    a_plan,
    a_policy,
    a_snapshot,
    a_state,
    a_submit,
    a_wish,
    an_event,
    an_intent,
)

POLICY = a_policy()
MINUTE = timedelta(minutes=1)


class Book:
    """A record being written, and the panorama that looks at it."""

    def __init__(self, url: str) -> None:
        self.store = SqlStore(url, HandClock())
        self.panorama = SqlPanorama(url, MAIN)
        self.controls = SqlControls(url, MAIN, HandClock())
        self.fence = 0

    async def decide(self, number: int, *, equity: str | None = "58000", acts: bool = False) -> None:
        at = NOON + number * MINUTE
        unit = {"equity": equity, "unit_value": "1.5"} if equity else {}
        events = [an_event("seen", f"seen{number}", at=at, **unit)]
        wishes = [a_wish()] if acts else []
        refused = [] if acts else [a_wish(asset="ETH", kind="add")]
        plan = a_plan(f"d{number}", at=at, wishes=wishes, refused=refused, events=events, equity=equity)
        intents = [an_intent(f"d{number}", fence=self.fence)] if acts else []
        await self.store.begin(f"c{number}", a_snapshot(at=at), POLICY, plan, intents, [], self.fence)
        for intent in intents:
            done = [a_submit(intent), a_fill(intent, f"t{number}"), a_state(intent, "filled")]
            await self.store.append(done, self.fence)


@pytest.fixture
async def book(empty_url: str) -> AsyncIterator[Book]:
    made = Book(empty_url)
    await made.store.open(MAIN, migrate=True)
    made.fence = await made.store.lead("first", 30)
    yield made
    await made.store.close()
    await made.panorama.close()
    await made.controls.close()


async def test_the_head_moves_with_decisions_beats_and_requests(book: Book) -> None:
    assert await book.panorama.head() == Head()
    await book.decide(1)
    await book.decide(2)
    assert (await book.panorama.head()).number == 2
    before = (await book.panorama.head()).beat_at
    await book.store.beat({"equity": "1"}, book.fence)
    assert (await book.panorama.head()).beat_at != before
    number = await book.controls.request("kill", "halt", "me", "why")
    assert (await book.panorama.head()).control == number
    assert [row.what for row in await book.panorama.requests(5)] == ["kill"]
    assert await book.panorama.beat() == {"equity": "1"}


async def test_decisions_are_paged_by_their_number_both_ways(book: Book) -> None:
    for number in range(1, 6):
        await book.decide(number, acts=number == 3)
    newest = await book.panorama.turns(2)
    assert [turn.number for turn in newest] == [5, 4]
    assert [turn.number for turn in await book.panorama.turns(9, before=4)] == [3, 2, 1]
    assert [turn.number for turn in await book.panorama.turns_after(3, 9)] == [4, 5]
    assert [turn.outcome for turn in await book.panorama.turns(3)] == ["blocked", "blocked", "actions"]
    assert newest[0].summary["blocked"] == ["add ETH"]
    found = await book.panorama.numbered([1, 5, 99])
    assert {number: row.decision_id for number, row in found.items()} == {1: "d1", 5: "d5"}
    last = await book.panorama.latest()
    assert last is not None
    assert last.number == 5


async def test_equity_is_thinned_to_about_as_many_points_with_first_and_last(book: Book) -> None:
    assert await book.panorama.worth(10) == []
    for number in range(1, 13):
        await book.decide(number, equity=None if number == 5 else f"{58_000 + number}")
    whole = await book.panorama.worth(100)
    assert [each.number for each in whole] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12], "what was unknown has no point"
    assert whole[0].equity == Decimal(58_001)
    few = await book.panorama.worth(4)
    assert [few[0].number, few[-1].number] == [1, 12]
    assert len(few) <= 6


async def test_orders_and_fills_are_newest_first_and_skipped_over(book: Book) -> None:
    for number in range(1, 4):
        await book.decide(number, acts=True)
    orders = await book.panorama.page_of_orders(2)
    assert [row.intent.decision_id for row in orders] == ["d3", "d2"]
    assert [row.intent.decision_id for row in await book.panorama.page_of_orders(2, skip=2)] == ["d1"]
    assert [row.intent.decision_id for row in await book.panorama.page_of_orders(9, decision_id="d2")] == ["d2"]
    assert [row["trade_id"] for row in await book.panorama.page_of_fills(2)] == ["t3", "t2"]
    assert [row["trade_id"] for row in await book.panorama.page_of_fills(9, decision_id="d1")] == ["t1"]


async def test_an_order_that_ended_is_told_once_with_the_time_it_took(book: Book) -> None:
    await book.decide(1, acts=True)
    (first,) = await book.panorama.endings(-1, 10)
    assert (first.state, first.seconds) == ("filled", 0.0)
    assert await book.panorama.endings(first.id, 10) == []
    await book.decide(2, acts=True)
    assert len(await book.panorama.endings(first.id, 10)) == 1
    assert [each.id > first.id for each in await book.panorama.endings(-1, 1)] == [True], "the last ones, when new"


async def test_funding_and_alerts_are_told_newest_first(book: Book) -> None:
    paid = [
        an_event("funding", f"f{number}", at=NOON + number * MINUTE, symbol="BTC/USDT:USDT", paid=f"0.{number}")
        for number in (1, 2, 3)
    ]
    await book.store.append([*paid, an_event("alert", "a1", level="critical", text="look")], book.fence)
    assert await book.panorama.funding(2) == [
        Paid(NOON + 3 * MINUTE, "BTC/USDT:USDT", Decimal("0.3")),
        Paid(NOON + 2 * MINUTE, "BTC/USDT:USDT", Decimal("0.2")),
    ]
    assert [(each.level, each.text) for each in await book.panorama.alerts(5)] == [("critical", "look")]


async def test_memory_follows_what_is_appended(book: Book) -> None:
    await book.store.append([an_event("asset.halted", "h1", asset="BTC", why="x")], book.fence)
    assert (await book.panorama.memory()).halted_assets == ("BTC",)
    await book.store.append([an_event("asset.rearmed", "h2", assets=["BTC"])], book.fence)
    assert (await book.panorama.memory()).halted_assets == ()
    assert (await book.panorama.memory()) == await book.panorama.checkpoint()


async def test_inputs_and_policy_are_the_last_decisions(book: Book) -> None:
    assert await book.panorama.inputs() == {}
    assert await book.panorama.policy() == {}
    await book.decide(1)
    first = await book.panorama.inputs()
    assert first["venue"] == "binance"
    assert "candles" not in first
    assert (await book.panorama.policy())["targets"]["stables"]["weight"] == "0.1"
    assert await book.panorama.inputs() is first, "read once"
    await book.decide(2)
    assert (await book.panorama.inputs())["at"] > first["at"]


async def test_volumes_are_medians_by_hour_of_the_last_days_and_a_revised_bar_counts_once(book: Book) -> None:
    assert await book.panorama.volumes(30) == []
    await book.decide(1)
    before = await book.panorama.volumes(30)
    assert {each.symbol for each in before} == {"BTC/USDT", "ETH/USDT"}
    assert {each.hour for each in before} == {0, 4, 8, 12, 16, 20}
    assert sum(each.bars for each in before if each.symbol == "BTC/USDT") == 20
    assert sum(each.bars for each in await book.panorama.volumes(1) if each.symbol == "BTC/USDT") == 6
    candles = {symbol: dict(frames) for symbol, frames in a_snapshot().candles.items()}
    bars = candles["BTC/USDT"]["4h"].copy()
    bars[-1, 5] *= 1_000
    revised = a_snapshot(at=NOON + 2 * MINUTE, candles={**candles, "BTC/USDT": {"4h": bars}})
    plan = a_plan("d2", at=NOON + 2 * MINUTE)
    await book.store.begin("c2", revised, POLICY, plan, [], [], book.fence)
    after = await book.panorama.volumes(1)
    (was,) = [each for each in await book.panorama.volumes(30) if (each.symbol, each.hour) == ("BTC/USDT", 8)]
    (now,) = [each for each in after if (each.symbol, each.hour) == ("BTC/USDT", 8)]
    assert now.bars == 1
    assert now.median > 100 * min(each.median for each in before if each.symbol == "BTC/USDT")
    assert was.bars == next(each.bars for each in before if (each.symbol, each.hour) == ("BTC/USDT", 8))


async def test_equity_at_a_decision_is_its_own_or_the_last_known_before_it(book: Book) -> None:
    await book.decide(1, equity="58000")
    await book.decide(2, equity=None)
    await book.decide(3, equity="60000")
    found = [await book.panorama.worth_at(turn.number) for turn in await book.panorama.turns(3)]
    assert [None if each is None else each.equity for each in found] == [Decimal(60000), Decimal(58000), Decimal(58000)]
    assert await book.panorama.worth_at(0) is None
