"""A disk that is full and a record that is locked: no intent, no order; no outcome, and the venue tells it (I1, I5)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.orders import OrderState
from bot.engine.verify import verify
from bot.ports.errors import StoreError
from tests.builders import D
from tests.unit.engine.filed import Filed

FAILED = r"the record at .* failed: "


async def test_no_room_for_an_intent_is_no_order_and_with_room_again_it_goes_on(tmp_path: Path) -> None:
    bot = Filed(tmp_path)
    async with bot.process() as life:
        life.store.full_at = "begin"
        for _ in range(2):
            with pytest.raises(StoreError, match=FAILED):
                await life.cycle()
        assert bot.exchange.order_requests == 0
        assert not await life.record.orders(10)
        life.store.full_at = ""
        await life.cycle()
        assert bot.exchange.order_requests == 2  # the sale and its hedge
        assert (await verify(life.record)).clean


async def test_no_room_for_the_word_before_the_send_is_no_order(tmp_path: Path) -> None:
    bot = Filed(tmp_path)
    async with bot.process() as life:
        life.store.full_at = "order.submitted"
        with pytest.raises(StoreError, match=FAILED):
            await life.cycle()
        assert bot.exchange.order_requests == 0
    async with bot.process() as life:
        await life.cycle()
        states = [row.state for row in reversed(await life.record.orders(10))]
        assert states[0] == OrderState.DENIED  # written down and never sent
        assert (await verify(life.record)).clean


@pytest.mark.parametrize("same_process", [True, False])
async def test_no_room_for_an_outcome_stops_the_cycle_and_the_venue_tells_it_later(
    tmp_path: Path, same_process: bool
) -> None:
    bot = Filed(tmp_path)
    async with bot.process() as life:
        life.store.full_at = "fill"
        with pytest.raises(StoreError, match=FAILED):
            await life.cycle()
        assert bot.exchange.order_requests == 1
        (row,) = [row for row in await life.record.orders(10) if row.state != OrderState.INTENDED]
        assert (row.state, row.filled) == (OrderState.SUBMITTED, D(0))
        if same_process:
            life.store.full_at = ""
            await life.cycle()
    if not same_process:
        await bot.life(1)
    async with bot.process() as life:
        rows = {row.intent.client_id: row for row in await life.record.orders(10)}
        assert rows[row.intent.client_id].state == OrderState.FILLED
        assert rows[row.intent.client_id].filled == abs(row.intent.qty)
        trades = [fill["client_id"] for fill in await life.record.fills()]
        assert trades.count(row.intent.client_id) == 1
        report = await verify(life.record)
        assert report.clean, report.lines
    sent = [name for name, each in rows.items() if each.state != OrderState.DENIED]
    assert bot.exchange.order_requests == len(sent)  # each sent once
    assert (await bot.life(1)).level == "off"  # and nobody takes them for a stranger's


async def test_a_record_that_somebody_locked_is_no_order(tmp_path: Path) -> None:
    bot = Filed(tmp_path)
    async with bot.process() as life:
        await life.cycle()
        assert bot.exchange.order_requests == 2
        with closing(sqlite3.connect(bot.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                await life.cycle()
            assert bot.exchange.order_requests == 2
            other.execute("ROLLBACK")
        await life.cycle()
        assert bot.exchange.order_requests == 4
        assert (await verify(life.record)).clean
