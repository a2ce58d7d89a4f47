"""What readers may rely on: decisions come back with the very inputs they were made from."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bot import __version__
from bot.core.policy import config_hash
from bot.core.snapshot import Snapshot
from bot.ports.errors import StoreRefused
from bot.ports.store import Identity, Store
from tests.contract.store.builders import (
    FOUR_HOURS_MS,
    NOON,
    a_fill,
    a_plan,
    a_policy,
    a_snapshot,
    a_state,
    a_submit,
    a_wish,
    an_event,
    an_intent,
    some_bars,
)
from tests.contract.store.conftest import Handles

POLICY = a_policy()
BARS = some_bars(20)


def revised(bars: Any, row: int = 5) -> Any:
    changed = np.array(bars)
    changed[row, 5] += 0.25
    return changed


def without(bars: Any, row: int) -> Any:
    return np.delete(bars, row, axis=0)


async def recorded(store: Store, fence: int, number: int, snapshot: Snapshot) -> None:
    await store.begin(f"c{number}", snapshot, POLICY, a_plan(f"d{number}", at=snapshot.at), [], [], fence)


@pytest.mark.parametrize(
    "sequence",
    [
        [BARS, BARS],
        [BARS[:19], BARS, BARS[1:]],
        [BARS[5:15], BARS, BARS[:3], BARS[10:]],
        [BARS, revised(BARS), BARS, revised(BARS, 0), revised(BARS, 19)],
        [without(BARS, 7), BARS, without(BARS, 7), without(BARS, 3)],
        [BARS, BARS + np.array([0.5, 0, 0, 0, 0, 0])],
        [BARS * np.array([1, 1, 1, 1, 1, 0]), BARS * np.array([1, 1, 1, 1, 1, -0.0])],
        [BARS[:0], BARS[:1], BARS[19:], BARS[:0]],
        [BARS * np.array([1, 1e-310, 1e-310, 1e-310, 1e-310, 1e300]), BARS / 3],
    ],
    ids=["same", "sliding", "stretches", "revised", "hole", "odd ms", "minus zero", "empty", "extreme"],
)
async def test_every_snapshot_reads_back_equal_whatever_its_bars_went_through(
    store: Store, fence: int, handles: Handles, sequence: list[Any]
) -> None:
    made = [
        a_snapshot(at=NOON + timedelta(minutes=number), candles={"BTC/USDT": {"4h": bars, "1d": bars}, "X/USDT": {}})
        for number, bars in enumerate(sequence)
    ]
    for number, snapshot in enumerate(made):
        await recorded(store, fence, number, snapshot)
    for record in (handles.record(), handles.record()):
        read = [snapshot for _, snapshot, _ in [item async for item in record.everything()]]
        assert [snapshot and snapshot.digest for snapshot in read] == [snapshot.digest for snapshot in made]
        for number in reversed(range(len(made))):
            found = await record.decision(f"d{number}")
            assert found is not None
            assert found[1].digest == made[number].digest
            assert found[1].to_json() == made[number].to_json()


async def test_a_store_that_comes_back_goes_on_with_the_bars_there_are(
    store: Store, fence: int, handles: Handles
) -> None:
    await recorded(store, fence, 0, a_snapshot(candles={"BTC/USDT": {"4h": BARS[:18]}}))
    handles.clock.forward(60)
    again = handles.store()
    await again.open(Identity("main", "paper", "binance", "local"), migrate=True)
    newer = await again.lead("second", 30)
    snapshots = [
        a_snapshot(candles={"BTC/USDT": {"4h": revised(BARS[2:])}}),
        a_snapshot(candles={"BTC/USDT": {"4h": BARS}}),
    ]
    for number, snapshot in enumerate(snapshots, start=1):
        await recorded(again, newer, number, snapshot)
    read = [snapshot async for _, snapshot, _ in handles.record().everything()]
    assert [item and item.bar_keys for item in read[1:]] == [item.bar_keys for item in snapshots]
    assert read[0] is not None
    assert np.array_equal(read[0].candles["BTC/USDT"]["4h"], BARS[:18])


async def test_a_decision_comes_back_with_its_plan_and_its_policy(store: Store, fence: int, handles: Handles) -> None:
    policy = a_policy(trim={"increment": "0.07"})
    plan = a_plan("d1abc", policy=policy, wishes=[a_wish()], refused=[a_wish(asset="ETH")])
    await store.begin("c1", a_snapshot(), policy, plan, [], [], fence)
    found = await handles.record().decision("d1a")
    assert found is not None
    row, snapshot, read = found
    assert (row.number, row.decision_id, row.cycle_id, row.at) == (1, "d1abc", "c1", NOON)
    assert (row.version, row.config_hash, row.outcome, row.mode) == (
        __version__,
        config_hash(policy),
        "actions",
        "paper",
    )
    assert row.plan_json == plan.to_json()
    assert row.summary["equity"] == "58000.00"
    assert row.summary["actions"] == ["trim BTC"]
    assert row.summary["blocked"] == ["trim ETH"]
    assert (read, config_hash(read)) == (policy, config_hash(policy))
    assert snapshot.to_json() == a_snapshot().to_json()


async def test_a_prefix_that_fits_two_decisions_finds_none_unless_it_is_one_of_them(
    store: Store, fence: int, handles: Handles
) -> None:
    for number, name in enumerate(("ab", "abc", "abd", "x_y", "x%y")):
        await store.begin(f"c{number}", a_snapshot(), POLICY, a_plan(name), [], [], fence)
    record = handles.record()
    found = {name: await record.decision(name) for name in ("ab", "abc", "a", "", "zz", "x", "x_", "x%", "%")}
    assert {name: item[0].decision_id for name, item in found.items() if item} == {
        "ab": "ab",
        "abc": "abc",
        "x_": "x_y",
        "x%": "x%y",
    }


async def test_decisions_are_told_newest_first_with_their_outcome(store: Store, fence: int, handles: Handles) -> None:
    plans = [
        a_plan("d1"),
        a_plan("d2", wishes=[a_wish()], refused=[a_wish(asset="ETH")]),
        a_plan("d3", refused=[a_wish()], equity=None),
    ]
    for plan in plans:
        await store.begin(f"c-{plan.decision_id}", a_snapshot(), POLICY, plan, [], [], fence)
    record = handles.record()
    told = [(row.number, row.outcome) for row in await record.decisions(9)]
    assert told == [(3, "blocked"), (2, "actions"), (1, "hold")]
    assert [row.decision_id for row in await record.decisions(2)] == ["d3", "d2"]
    assert [row.decision_id for row in await record.decisions(9, asset="BTC")] == ["d3", "d2"]
    assert [row.decision_id for row in await record.decisions(9, asset="ETH")] == ["d2"]
    counts = await record.counts()
    assert (counts["decisions"], counts["actions"], counts["equity"], counts["configs"]) == (3, 3, 2, 1)


async def test_orders_and_fills_are_found_by_their_decision(store: Store, fence: int, handles: Handles) -> None:
    for name in ("d1", "d2"):
        plan = a_plan(name, wishes=[a_wish()])
        await store.begin(name, a_snapshot(), POLICY, plan, [an_intent(name), an_intent(name, part=1)], [], fence)
        await store.append([a_submit(an_intent(name)), a_fill(an_intent(name), f"t-{name}")], fence)
    record = handles.record()
    assert [row.intent.slice for row in await record.orders(9, decision_id="d1")] == [1, 0]
    assert [row.intent.decision_id for row in await record.orders(3)] == ["d2", "d2", "d1"]
    assert [row["trade_id"] for row in await record.fills()] == ["t-d1", "t-d2"]
    [fill] = await record.fills(decision_id="d2")
    assert fill == {
        "symbol": "BTC/USDT",
        "trade_id": "t-d2",
        "client_id": an_intent("d2").client_id,
        "decision_id": "d2",
        "at": NOON,
        "qty": Decimal("-0.02"),
        "price": Decimal("30000.10"),
        "fee": Decimal("0.6"),
        "fee_asset": "USDT",
        "fee_value": Decimal("0.6"),
        "equity": Decimal(58_000),
        "asset": "BTC",
        "purpose": "spot",
    }


async def test_events_are_told_in_the_order_of_their_commit_and_not_of_their_time(
    store: Store, fence: int, handles: Handles
) -> None:
    plan = a_plan(events=[an_event("seen", "z", at=NOON + timedelta(hours=1), equity=Decimal("1.10"))])
    await store.begin("c1", a_snapshot(), POLICY, plan, [], [], fence)
    await store.append([an_event("alert", "b", at=NOON, level="warning", text="slow")], fence)
    await store.append([an_event("alert", "a", at=NOON + timedelta(microseconds=7), level="info", text="ok")], fence)
    told = [event async for event in handles.record().events()]
    assert [event.key for event in told] == ["z", "b", "a"]
    assert told[0].body == {"equity": "1.1"}
    assert (told[1].at, told[2].at) == (NOON, NOON + timedelta(microseconds=7))
    assert (await handles.record().counts())["alerts"] == 2


async def test_alerts_are_told_newest_first(store: Store, fence: int, handles: Handles) -> None:
    assert list(await handles.record().alerts(5)) == []
    for part, level in enumerate(("info", "warning", "critical")):
        await store.append([an_event("alert", f"a{part}", at=NOON, level=level, text=f"text {part}")], fence)
    found = await handles.record().alerts(2)
    assert [(row.level, row.text, row.at) for row in found] == [
        ("critical", "text 2", NOON),
        ("warning", "text 1", NOON),
    ]
    assert found[0].number > found[1].number


async def test_many_events_are_told_all(store: Store, fence: int, handles: Handles) -> None:
    many = [an_event("residual", f"r{part}", asset="A", amount=str(part)) for part in range(2_345)]
    await store.append(many, fence)
    assert [event.key async for event in handles.record().events()] == [event.key for event in many]


async def test_the_last_beat_is_what_status_reads(store: Store, fence: int, handles: Handles) -> None:
    record = handles.record()
    assert await record.status() is None
    await store.beat({"cycles": 1, "equity": Decimal("58000.10"), "at": NOON}, fence)
    await store.beat({"cycles": 2, "equity": Decimal("58000.10"), "at": NOON}, fence)
    assert await record.status() == {"cycles": 2, "equity": "58000.1", "at": "2026-01-10T12:00:00Z"}


async def test_readers_read_while_the_leader_writes(store: Store, fence: int, handles: Handles) -> None:
    await recorded(store, fence, 0, a_snapshot())
    done = asyncio.Event()

    async def write() -> None:
        for number in range(1, 30):
            bars = some_bars(20, upto=NOON + timedelta(milliseconds=number * FOUR_HOURS_MS))
            snapshot = a_snapshot(at=NOON + timedelta(minutes=number), candles={"BTC/USDT": {"4h": bars}})
            plan = a_plan(f"d{number}", at=snapshot.at, wishes=[a_wish()])
            intent = an_intent(f"d{number}")
            await store.begin(f"c{number}", snapshot, POLICY, plan, [intent], [], fence)
            await store.append([a_submit(intent), a_state(intent, "rejected")], fence)
            await asyncio.sleep(0)
        done.set()

    async def read() -> int:
        record, seen = handles.record(), 0
        while not done.is_set():
            latest = (await record.decisions(1))[0]
            assert latest.number >= seen
            seen = latest.number
            found = await record.decision(latest.decision_id)
            assert found is not None
            assert len(await record.orders(99)) >= seen - 1
            await asyncio.sleep(0)
        return seen

    _, *seen = await asyncio.gather(write(), read(), read())
    assert (await handles.record().decisions(1))[0].number == 30
    assert min(seen) > 1


async def test_a_portfolio_that_never_ran_is_named(handles: Handles) -> None:
    await handles.store().open(Identity("main", "paper", "binance", "local"), migrate=True)
    with pytest.raises(StoreRefused, match="'second'"):
        await handles.record(Identity("second", "paper", "binance", "local")).status()
