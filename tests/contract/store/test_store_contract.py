"""What a leader may rely on, whatever the record is kept in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import TERMINAL, TRANSITIONS, IllegalTransition, OrderState
from bot.ports.errors import Fenced, StoreError, StoreRefused
from bot.ports.store import Identity, Store
from bot.store.memory import MemoryStore
from bot.store.sql import SqlStore
from tests.contract.store.builders import (
    MAIN,
    NOON,
    a_fill,
    a_move,
    a_plan,
    a_policy,
    a_run,
    a_snapshot,
    a_state,
    a_submit,
    a_wish,
    an_event,
    an_intent,
)
from tests.contract.store.conftest import Handles

POLICY = a_policy()


async def begun(store: Store, fence: int, decision_id: str = "d1", **intent: Any) -> None:
    plan = a_plan(decision_id, policy=POLICY, wishes=[a_wish()])
    await store.begin(
        f"cycle-{decision_id}", a_snapshot(), POLICY, plan, [an_intent(decision_id, fence=fence, **intent)], [], fence
    )


async def the_order(store: Store, intent_of: str = "d1") -> OrderState:
    rows = await store.orders(unfinished=False)
    return next(row.state for row in rows if row.intent.decision_id == intent_of)


async def test_intents_are_there_for_another_handle_once_begin_has_returned(
    store: Store, fence: int, handles: Handles
) -> None:
    intent, move = an_intent(), a_move()
    plan = a_plan(policy=POLICY, wishes=[a_wish()])
    await store.begin("c1", a_snapshot(), POLICY, plan, [intent], [move], fence)
    other = handles.store()
    await other.open(MAIN, migrate=True)
    loaded = await other.load()
    assert [(row.intent, row.state) for row in loaded.orders] == [(intent, OrderState.INTENDED)]
    assert [(row.intent, row.state) for row in loaded.moves] == [(move, OrderState.INTENDED)]
    assert (loaded.last_cycle_at, loaded.last_cycle_id) == (NOON, "c1")


async def test_a_first_start_finds_nothing(store: Store) -> None:
    loaded = await store.load()
    assert (loaded.orders, loaded.moves, loaded.last_cycle_at, loaded.kill) == ([], [], None, None)
    assert (loaded.memory.first_seen, loaded.last_cycle_id) == (None, "")


async def test_a_client_id_is_taken_once(store: Store, fence: int, handles: Handles) -> None:
    await begun(store, fence)
    same = an_intent().client_id
    with pytest.raises(StoreError):
        await begun(store, fence, "d2", client_id=same)
    assert [row.decision_id for row in await handles.record().decisions(9)] == ["d1"]


async def test_a_cycle_is_recorded_once(store: Store, fence: int) -> None:
    await store.begin("c1", a_snapshot(), POLICY, a_plan("d1"), [], [], fence)
    with pytest.raises(StoreError):
        await store.begin("c1", a_snapshot(), POLICY, a_plan("d2"), [], [], fence)
    await store.begin("c2", a_snapshot(), POLICY, a_plan("d2"), [], [], fence)


async def test_of_a_begin_that_fails_nothing_is_left(store: Store, fence: int, handles: Handles) -> None:
    bad = an_event("order.state", "bad", client_id="nobody's", state="open")
    good = an_event("seen", "seen:1", equity="58000")
    with pytest.raises(StoreError, match="nobody's"):
        await store.begin("c1", a_snapshot(), POLICY, a_plan(events=[good, bad]), [an_intent()], [a_move()], fence)
    assert await store.orders(unfinished=False) == []
    assert await store.moves(unfinished=False) == []
    assert (await store.memory()).equity_seen is None
    counts = await handles.record().counts()
    assert {counts[name] for name in ("decisions", "snapshots", "events", "equity", "actions")} == {0}
    await store.begin("c1", a_snapshot(), POLICY, a_plan(events=[good]), [an_intent()], [a_move()], fence)
    assert (await store.memory()).equity_seen == Decimal(58_000)


async def test_appending_twice_is_appending_once(store: Store, fence: int, handles: Handles) -> None:
    await begun(store, fence)
    batch = [a_submit(an_intent()), a_state(an_intent(), "open"), a_fill(an_intent()), a_fill(an_intent(), "t2")]
    await store.append(batch, fence)
    once = await store.memory(), await store.orders(), await handles.record().counts()
    await store.append(batch, fence)
    await store.append([*batch, *batch], fence)
    assert (await store.memory(), await store.orders(), await handles.record().counts()) == once
    assert once[2]["events"] == 4


async def test_a_trade_is_booked_once_under_whatever_key_it_is_told(store: Store, fence: int) -> None:
    await begun(store, fence)
    await store.append([a_submit(an_intent()), a_fill(an_intent(), "t1")], fence)
    before = await store.memory()
    await store.append([a_fill(an_intent(), "t1", key="told by the order this time")], fence)
    [row] = await store.orders()
    assert row.filled == Decimal("0.02")
    assert await store.memory() == before


async def test_the_same_trade_id_on_another_symbol_is_another_trade(store: Store, fence: int) -> None:
    await begun(store, fence)
    await store.append([a_submit(an_intent()), a_fill(an_intent(), "t1")], fence)
    await store.append([a_fill(an_intent(), "t1", symbol="BTC/USDT:USDT", purpose="hedge", key="other")], fence)
    [row] = await store.orders()
    assert row.filled == Decimal("0.04")


async def test_what_filled_comes_from_trades_and_never_from_a_status(store: Store, fence: int) -> None:
    await begun(store, fence)
    await store.append([a_submit(an_intent()), a_state(an_intent(), "filled", filled="0.06", price_avg="1")], fence)
    [row] = await store.orders(unfinished=False)
    assert (row.state, row.filled, row.price_avg) == (OrderState.FILLED, Decimal(0), Decimal(1))
    # A late fill is booked though the order is done.
    late = [
        a_fill(an_intent(), "t1", qty="-0.02", price="30000"),
        a_fill(an_intent(), "t2", qty="-0.04", price="30003"),
    ]
    await store.append(late, fence)
    [row] = await store.orders(unfinished=False)
    assert (row.state, row.filled, row.price_avg) == (OrderState.FILLED, Decimal("0.06"), Decimal(30_002))


async def test_an_order_remembers_what_was_really_sent_and_when(store: Store, fence: int) -> None:
    await begun(store, fence)
    sent = replace(a_submit(an_intent(), qty="-0.05"), at=NOON + timedelta(seconds=3))
    await store.append([sent, a_state(an_intent(), "open", venue_id="4711", why="rests")], fence)
    [row] = await store.orders()
    assert (row.state, row.sent_qty, row.submitted_at) == (OrderState.OPEN, Decimal("-0.05"), sent.at)
    assert (row.venue_id, row.why, row.created_at) == ("4711", "rests", NOON)


@pytest.mark.parametrize(
    "road", [["open"], ["submitted", "filled", "open"], ["submitted", "unknown", "denied"], ["denied", "submitted"]]
)
async def test_an_illegal_move_is_refused_and_changes_nothing(store: Store, fence: int, road: list[str]) -> None:
    await begun(store, fence)
    *fine, wrong = road
    events = [a_submit(an_intent()) if to == "submitted" else a_state(an_intent(), to) for to in fine]
    await store.append(events, fence)
    before = await the_order(store)
    last = a_submit(an_intent()) if wrong == "submitted" else a_state(an_intent(), wrong)
    with pytest.raises(IllegalTransition):
        await store.append([an_event("seen", "s", equity="1"), last], fence)
    assert await the_order(store) == before
    assert (await store.memory()).equity_seen is None


def road_to(state: OrderState) -> list[OrderState]:
    """The shortest way of an order from its intent to a state, both ends included."""
    roads = [[OrderState.INTENDED]]
    while roads[0][-1] != state:
        first = roads.pop(0)
        roads += [[*first, to] for to in sorted(TRANSITIONS[first[-1]]) if to not in first]
    return roads[0]


async def test_every_edge_of_the_table_is_a_way_an_order_may_go(store: Store, fence: int) -> None:
    edges = [(now, to) for now in OrderState for to in sorted(TRANSITIONS[now])]
    for number, (now, to) in enumerate(edges):
        name = f"d{number}"
        await begun(store, fence, name)
        for step in [*road_to(now)[1:], to]:
            word = a_submit(an_intent(name)) if step == OrderState.SUBMITTED else a_state(an_intent(name), step.value)
            await store.append([word], fence)
        assert await the_order(store, name) == to
    assert len(await store.orders()) == sum(to not in TERMINAL for _, to in edges)


async def test_finished_orders_are_no_longer_unfinished(store: Store, fence: int) -> None:
    for name in ("d1", "d2", "d3"):
        await begun(store, fence, name)
    await store.append([a_submit(an_intent("d1")), a_state(an_intent("d1"), "cancelled")], fence)
    await store.append([a_state(an_intent("d2"), "denied")], fence)
    assert [row.intent.decision_id for row in await store.orders()] == ["d3"]
    assert [row.intent.decision_id for row in await store.orders(unfinished=False)] == ["d1", "d2", "d3"]


async def test_orders_are_found_by_their_ids_ours_or_the_venues_whether_finished_or_not(
    store: Store, fence: int
) -> None:
    for name in ("d1", "d2", "d3"):
        await begun(store, fence, name)
        await store.append([a_submit(an_intent(name))], fence)
        await store.append([a_state(an_intent(name), "open", venue_id=f"v-{name}")], fence)
    await store.append([a_state(an_intent("d1"), "cancelled")], fence)
    ours = {name: an_intent(name).client_id for name in ("d1", "d2", "d3")}

    async def found(*client_ids: str, venue_ids: tuple[str, ...] = ()) -> list[str]:
        return [row.intent.decision_id for row in await store.orders_named(client_ids, venue_ids=venue_ids)]

    assert await found() == []
    assert await found("nobody's", ours["d3"], ours["d1"]) == ["d1", "d3"]
    assert await found(venue_ids=("v-d2", "v-d1", ours["d3"])) == ["d1", "d2"]
    assert await found(ours["d2"], ours["d3"], venue_ids=("v-d1", "v-d2")) == ["d1", "d2", "d3"]
    many = tuple(f"x{number}" for number in range(1_200))
    assert await found(*many, ours["d2"], venue_ids=(*many, "v-d3")) == ["d2", "d3"]
    [row] = await store.orders_named([ours["d1"]])
    assert (row.state, row.venue_id) == (OrderState.CANCELLED, "v-d1")


async def test_a_transfer_goes_its_way(store: Store, fence: int) -> None:
    await store.begin("c1", a_snapshot(), POLICY, a_plan(), [], [a_move()], fence)
    for state in ("submitted", "filled"):
        told = an_event("move.state", f"m:{state}", client_id="move-d1", state=state, why=f"is {state}")
        await store.append([told], fence)
    assert await store.moves() == []
    [row] = await store.moves(unfinished=False)
    assert (row.state, row.why, row.intent) == (OrderState.FILLED, "is filled", a_move())
    with pytest.raises(IllegalTransition):
        await store.append([an_event("move.state", "m:x", client_id="move-d1", state="open")], fence)


@pytest.mark.parametrize(
    "body",
    [
        {"qty": "NaN"},
        {"qty": "Infinity"},
        {"price": "thirty"},
        {"price": None},
        {"trade_id": None},
        {"symbol": None},
        {"fee": "NaN"},
    ],
)
async def test_a_fill_that_is_no_number_is_not_booked(store: Store, fence: int, body: dict[str, Any]) -> None:
    await begun(store, fence)
    with pytest.raises(StoreError, match=next(iter(body))):
        await store.append([a_submit(an_intent()), a_fill(an_intent(), "t1", **{"key": "k", **body})], fence)
    assert await the_order(store) == OrderState.INTENDED


async def test_a_state_nobody_knows_is_refused_with_the_ones_there_are(store: Store, fence: int) -> None:
    await begun(store, fence)
    with pytest.raises(StoreError, match="'closed', must be one of intended, submitted"):
        await store.append([a_state(an_intent(), "closed")], fence)


async def test_a_fill_of_an_order_that_the_record_lost_is_still_booked(
    store: Store, fence: int, handles: Handles
) -> None:
    await store.append([a_fill(an_intent("lost"))], fence)
    [row] = await handles.record().fills()
    assert (row["client_id"], row["decision_id"], row["qty"]) == (an_intent("lost").client_id, None, Decimal("-0.02"))


async def test_an_event_that_no_start_could_fold_is_not_committed(store: Store, fence: int, handles: Handles) -> None:
    fine = an_event("seen", "s", equity="1")
    for broken in (
        an_event("slot.fired", "a"),
        an_event("episode.opened", "b", subject="BTC"),
        an_event("residual", "c", asset="BTC", amount="some"),
    ):
        with pytest.raises(StoreError, match=f"event {broken.key} of kind {broken.kind} cannot be remembered"):
            await store.append([fine, broken], fence)
    assert [event async for event in handles.record().events()] == []
    assert (await store.memory()).equity_seen is None


MONEY = [
    "12345678901234567890.123456789012345678",
    "0.00000000000000000000000000000000000001",
    "99999999999999999999999999999999999999",
    "-1.10",
    "1E+3",
    "0",
]


@pytest.mark.parametrize("amount", MONEY)
async def test_money_comes_back_digit_by_digit(store: Store, fence: int, handles: Handles, amount: str) -> None:
    exact = Decimal(amount)
    intent = an_intent(qty=exact, price=exact, reference=exact, leverage=exact)
    await store.begin("c1", a_snapshot(), POLICY, a_plan(), [intent], [a_move(amount=exact)], fence)
    await store.append([a_submit(intent, qty=amount)], fence)
    fill = a_fill(intent, qty="1", price=amount, fee=amount, fee_value=amount)
    flow = an_event("flow", "f", asset="USDT", amount=amount, kind="deposit")
    await store.append([fill, flow, an_event("funding", "g", symbol="BTC/USDT:USDT", paid=amount)], fence)
    [order] = await store.orders()
    [move] = await store.moves()
    [booked] = await handles.record().fills()
    read = [order.intent.qty, order.intent.price, order.intent.reference, order.intent.leverage, order.sent_qty]
    assert [*read, move.intent.amount, booked["price"], booked["fee"], booked["fee_value"]] == [exact] * 9
    assert all(isinstance(value, Decimal) for value in (*read, booked["price"]))


async def test_many_small_fills_add_up_exactly(store: Store, fence: int) -> None:
    await begun(store, fence)
    await store.append([a_submit(an_intent())], fence)
    tiny, huge = "0.0000000000000000000000001", "1000000000000000"
    for part in range(3):
        await store.append(
            [a_fill(an_intent(), f"t{part}", qty=tiny), a_fill(an_intent(), f"h{part}", qty=huge)], fence
        )
    [row] = await store.orders()
    assert f"{row.filled:f}" == "3000000000000000.0000000000000000000000003"


async def test_only_one_leads(store: Store, handles: Handles) -> None:
    assert await store.lead("first", 30) == 1
    other = handles.store()
    await other.open(MAIN, migrate=True)
    with pytest.raises(Fenced, match="first"):
        await other.lead("second", 30)


async def test_renewing_keeps_the_number(store: Store, handles: Handles) -> None:
    fence = await store.lead("first", 30)
    handles.clock.forward(29)
    assert await store.lead("first", 30) == fence
    handles.clock.forward(29)
    other = handles.store()
    await other.open(MAIN, migrate=True)
    with pytest.raises(Fenced):
        await other.lead("second", 30)


async def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_shut_out(
    store: Store, fence: int, handles: Handles
) -> None:
    handles.clock.forward(31)
    other = handles.store()
    await other.open(MAIN, migrate=True)
    newer = await other.lead("second", 30)
    assert newer > fence
    for write in (
        store.append([an_event("seen", "s", equity="1")], fence),
        store.begin("c1", a_snapshot(), POLICY, a_plan(), [], [], fence),
        store.beat({"cycles": 1}, fence),
        store.start_run(a_run(), fence),
    ):
        with pytest.raises(Fenced, match="second"):
            await write
    with pytest.raises(Fenced):
        await store.lead("first", 30)
    await other.append([an_event("seen", "s", equity="2")], newer)
    assert (await other.memory()).equity_seen == Decimal(2)
    assert (await handles.record().counts())["decisions"] == 0


async def test_a_holder_that_lapsed_unnoticed_goes_on_with_its_number(
    store: Store, fence: int, handles: Handles
) -> None:
    handles.clock.forward(1_000)
    await store.append([an_event("seen", "s", equity="1")], fence)
    assert await store.lead("first", 30) == fence


async def test_a_new_process_of_the_same_name_shuts_the_old_one_out(store: Store, fence: int, handles: Handles) -> None:
    again = handles.store()
    await again.open(MAIN, migrate=True)
    assert await again.lead("first", 30) == fence + 1
    with pytest.raises(Fenced):
        await store.append([an_event("seen", "s")], fence)


async def test_a_released_lease_is_free_at_once_and_its_number_worth_nothing(
    store: Store, fence: int, handles: Handles
) -> None:
    await store.release(fence)
    with pytest.raises(Fenced, match="nobody"):
        await store.append([an_event("seen", "s")], fence)
    other = handles.store()
    await other.open(MAIN, migrate=True)
    assert await other.lead("second", 30) == fence + 1
    await store.release(fence)  # late, by the one who no longer has it
    await other.append([an_event("seen", "s")], fence + 1)


async def test_nothing_is_written_without_a_lease(store: Store) -> None:
    with pytest.raises(Fenced):
        await store.append([an_event("seen", "s")], 0)


async def test_a_record_that_is_not_open_says_so(handles: Handles) -> None:
    with pytest.raises(StoreError, match="not open"):
        await handles.store().load()


async def test_another_account_is_refused(handles: Handles) -> None:
    first = handles.store()
    await first.open(MAIN, migrate=True)
    await first.open(replace(MAIN, account="A1"), migrate=True)  # known only now
    await first.open(MAIN, migrate=True)  # not known this time
    with pytest.raises(StoreRefused, match="'A1', not 'A2'"):
        await handles.store().open(replace(MAIN, account="A2"), migrate=True)


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIN, portfolio="second"),
        replace(MAIN, mode="testnet"),
        replace(MAIN, venue="bybit"),
        replace(MAIN, environment="production"),
    ],
)
async def test_books_of_one_database_do_not_see_one_another(
    store: Store, fence: int, handles: Handles, other: Identity
) -> None:
    await begun(store, fence)
    await store.append([a_submit(an_intent()), a_fill(an_intent())], fence)
    await store.keep("account", b"main's")
    await handles.controls().request("kill", "halt", "op", "")
    second = handles.store()
    await second.open(other, migrate=True)
    loaded = await second.load()
    assert (loaded.orders, loaded.last_cycle_at, loaded.kill, loaded.memory.last_trades) == ([], None, None, {})
    assert await second.keep("account") is None
    assert await handles.controls(other).read(0) in ([], ())
    number = await second.lead("third", 30)  # not held by the other book's leader
    await begun(second, number)  # the same ids are another book's business
    await second.append([a_submit(an_intent()), a_fill(an_intent())], number)
    assert (await handles.record().counts())["fills"] == (await handles.record(other).counts())["fills"] == 1


async def test_a_simulated_account_is_kept_in_a_transaction_of_its_own(store: Store, handles: Handles) -> None:
    assert await store.keep("paper") is None
    state = bytes(range(256)) * 40
    assert await store.keep("paper", state) == state  # no lease asked: a venue has none
    await store.keep("exchange", b"")
    again = handles.store()
    await again.open(MAIN, migrate=True)
    assert (await again.keep("paper"), await again.keep("exchange")) == (state, b"")
    await again.keep("paper", b"newer")
    assert await store.keep("paper") == b"newer"


async def test_tasks_of_one_process_write_side_by_side(store: Store, fence: int) -> None:
    async def one(part: int) -> None:
        await store.append([an_event("residual", f"r{part}", asset=f"A{part}", amount="1")], fence)
        await store.keep(f"account {part}", b"x")

    await asyncio.gather(*(one(part) for part in range(20)), store.memory(), store.orders(), store.load())
    assert len((await store.memory()).residuals) == 20


async def test_a_write_that_is_cancelled_is_done_or_not_begun_but_never_half(
    store: SqlStore | MemoryStore, fence: int, handles: Handles
) -> None:
    for part in range(8):
        events = [an_event("residual", f"r{part}.{half}", asset=f"{part}.{half}", amount="1") for half in (0, 1)]
        task = asyncio.create_task(store.append(events, fence))
        for _ in range(part):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    kept = [event.key.partition(".")[0] for event in [event async for event in handles.record().events()]]
    assert all(kept.count(key) == 2 for key in kept)
    assert len((await store.memory()).residuals) == len(kept)
    await store.append([an_event("residual", "after", asset="B", amount="1")], fence)


async def test_the_snapshots_of_old_holds_go_and_those_of_actions_stay(
    store: SqlStore | MemoryStore, fence: int, handles: Handles
) -> None:
    for day in range(10):
        at = NOON + timedelta(days=day)
        wishes = [a_wish()] if day == 1 else []
        refused = [a_wish()] if day == 2 else []
        plan = a_plan(f"d{day}", at=at, policy=POLICY, wishes=wishes, refused=refused)
        await store.begin(f"c{day}", a_snapshot(at=at), POLICY, plan, [], [], fence)
    assert await store.prune(NOON + timedelta(days=7), fence) == 6
    record = handles.record()
    assert [snapshot is None for _, snapshot, _ in [item async for item in record.everything()]] == [
        day < 7 and day != 1 for day in range(10)
    ]
    found = await record.decision("d1")
    assert found is not None
    assert found[1].digest == a_snapshot(at=NOON + timedelta(days=1)).digest
    assert await record.decision("d0") is None
    assert len(await record.decisions(99)) == 10
    # What comes next still finds its bars.
    later = a_snapshot(at=NOON + timedelta(days=9, hours=4))
    await store.begin("c10", later, POLICY, a_plan("d10", at=later.at), [], [], fence)
    newest = await record.decision("d10")
    assert newest is not None
    assert newest[1].digest == later.digest
