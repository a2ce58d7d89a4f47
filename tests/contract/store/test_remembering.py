"""Memory is the fold of all committed events, with and without the checkpoints that make a start quick."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.events import Event
from bot.core.memory import fold_all
from bot.ports.errors import StoreError
from bot.ports.store import Store
from bot.store.sql import SqlStore
from tests.contract.store.builders import (
    MAIN,
    NOON,
    HandClock,
    a_fill,
    a_plan,
    a_policy,
    a_snapshot,
    an_event,
    an_intent,
)
from tests.contract.store.conftest import Handles

ASSETS = st.sampled_from(["BTC", "ETH", "SOL"])
AMOUNTS = st.decimals("-1000", "1000", places=7).filter(bool).map(str)
PRICES = st.decimals("0.0001", "90000", places=4).map(str)


@st.composite
def facts(draw: st.DrawFn) -> list[Event]:
    """Events as a bot's life makes them, of every kind that memory folds often, some of them told twice."""
    made: list[Event] = []
    for number in range(draw(st.integers(1, 25))):
        at = NOON + timedelta(minutes=draw(st.integers(0, 3_000)))
        asset, amount = draw(ASSETS), draw(AMOUNTS)
        intent = an_intent("d1", symbol=draw(st.sampled_from([f"{asset}/USDT", f"{asset}/USDT:USDT"])), asset=asset)
        purpose = draw(st.sampled_from(["hedge", "bridge", "index"]))
        fill = a_fill(intent, f"t{number}", qty=amount, price=draw(PRICES), purpose=purpose, client_id=None)
        kinds = [
            an_event("seen", f"{number}", at=at, equity=amount.lstrip("-"), unit_value="1.1", prices={asset: amount}),
            an_event("residual", f"{number}", at=at, asset=asset, amount=amount),
            an_event("flow", f"{number}", at=at, asset=asset, amount=amount, kind="deposit"),
            an_event("episode.opened", f"{number}", at=at, subject=asset, direction="trim", goal=amount, rule="R-W2"),
            an_event("episode.worked", f"{number}", at=at, subject=asset, left=amount, filled=amount),
            an_event("episode.ended", f"{number}", at=at, subject=asset),
            an_event("funding", f"{number}", at=at, symbol=intent.symbol, paid=amount),
            an_event("something new", f"{number}", at=at, asset=asset),
            Event(fill.key, at, fill.kind, fill.body),
        ]
        made.append(draw(st.sampled_from(kinds)))
    return [*made, *draw(st.lists(st.sampled_from(made), max_size=5))]


def first_of_each(events: Sequence[Event]) -> list[Event]:
    seen: set[str] = set()
    kept = []
    for event in events:
        if event.key not in seen:
            kept.append(event)
        seen.add(event.key)
    return kept


async def test_memory_is_the_fold_of_the_events_from_the_first_on(store: Store, fence: int, handles: Handles) -> None:
    """Past several checkpoints, over restarts, and in the words of every handle."""
    events = [
        an_event("seen", f"s{n}", at=NOON + timedelta(minutes=n), equity=str(1_000 + n % 97), prices={"A/B": f"1.{n}"})
        for n in range(1_730)
    ]
    whole = fold_all(events)
    for start in range(0, len(events), 130):
        await store.append(events[start : start + 130], fence)
    assert await store.memory() == whole
    assert await handles.record().checkpoint() == whole
    again = handles.store()
    await again.open(MAIN, migrate=True)
    assert (await again.load()).memory == whole
    assert fold_all([event async for event in handles.record().events()]) == whole


async def test_events_of_a_plan_count_towards_memory_as_others_do(store: Store, fence: int) -> None:
    policy = a_policy()
    for number in range(4):
        seen = an_event("seen", f"s{number}", equity=Decimal(number + 1))
        plan = a_plan(f"d{number}", events=[seen])
        await store.begin(f"c{number}", a_snapshot(), policy, plan, [], [], fence)
        assert (await store.memory()).equity_seen == Decimal(number + 1)
        await store.append([an_event("seen", f"t{number}", equity="9.9")], fence)
        assert (await store.memory()).equity_seen == Decimal("9.9")


@settings(max_examples=40)
@given(batches=st.lists(facts(), min_size=1, max_size=4), every=st.integers(1, 12))
async def test_whatever_happened_checkpoint_and_rest_are_the_whole_fold(batches: list[list[Event]], every: int) -> None:
    everything = [
        replace(event, key=f"{number}:{event.key}") if event.kind != "fill" else event
        for number, batch in enumerate(batches)
        for event in batch
    ]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/ballast.db"
        store = SqlStore(url, HandClock(), checkpoint_every=every)
        await store.open(MAIN, migrate=True)
        fence = await store.lead("first", 30)
        for start in range(0, len(everything), 7):
            await store.append(everything[start : start + 7], fence)
        remembered = await store.memory()
        await store.close()
        again = SqlStore(url, HandClock())
        await again.open(MAIN, migrate=False)
        assert (await again.load()).memory == remembered == fold_all(first_of_each(everything))
        await again.close()


async def test_a_start_folds_only_what_came_after_the_last_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "ballast.db"
    store = SqlStore(f"sqlite+aiosqlite:///{file}", HandClock(), checkpoint_every=10)
    await store.open(MAIN, migrate=True)
    fence = await store.lead("first", 30)
    for number in range(45):
        await store.append([an_event("residual", f"r{number}", asset=f"A{number}", amount="1")], fence)
    assert changed(file, "SELECT number FROM checkpoints ORDER BY number") == [(30,), (40,)]
    # An event from before the checkpoint is not read again: what it says now does not matter.
    changed(file, "UPDATE events SET body = '{}' WHERE number = 3")
    again = SqlStore(f"sqlite+aiosqlite:///{file}", HandClock())
    await again.open(MAIN, migrate=True)
    assert len((await again.load()).memory.residuals) == 45
    # A checkpoint made by another `fold` is: all events are folded anew, and the spoilt one is found.
    changed(file, "UPDATE checkpoints SET fold = 'of another version'")
    with pytest.raises(StoreError, match="event r2 of kind residual cannot be remembered"):
        await again.load()
    await again.close()
    await store.close()


def changed(file: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()
